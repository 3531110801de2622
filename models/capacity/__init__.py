"""Capacity and power of an instance from token-level profiles: what one serves under a class's service level."""
