"""Profiles of models on GPUs: measured by a sweep, or modelled from published figures; fitted, shown, exported."""
