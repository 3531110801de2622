"""Arrays in, arrays out, seeded: demand and carbon forecasts, and their backtests."""
