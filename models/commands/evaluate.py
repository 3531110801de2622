"""`python -m models evaluate`: every policy over many hours, and the report of what came of it."""
