"""What routers count while they serve, as a table over time."""
