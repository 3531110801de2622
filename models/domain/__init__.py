"""What the planner talks about: scenario, forecasts, allocation. Plain data, no I/O."""
