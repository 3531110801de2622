"""Stateful rules without I/O: time is an argument, decisions are returned."""
