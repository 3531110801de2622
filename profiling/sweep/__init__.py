"""Measuring a live endpoint over SM clock, batch, prompt and answer lengths."""
