"""The commands of `python -m profiling`."""
