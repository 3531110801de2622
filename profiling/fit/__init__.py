"""From the rows of a sweep to a profile."""
