"""Profiles modelled from published figures: hardware, models, data, fits, and what they miss."""
