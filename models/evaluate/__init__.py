"""Use cases that weigh plans against what came true: what forecasts are worth, in kilograms."""
