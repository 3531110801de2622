"""One loop each: read ports, decide, act."""
