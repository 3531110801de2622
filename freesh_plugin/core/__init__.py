"""Pure functions and frozen dataclasses; no clock, no I/O, no framework."""
