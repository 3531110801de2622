"""The only code that touches the world: sockets, files, clocks."""
