"""Arrays in, arrays out, seeded: demand and carbon forecasts, and their backtests."""

from models.forecast.carbon import forecast_carbon
from models.forecast.demand import forecast_demand
from models.forecast.forecaster import LEVELS

__all__ = ["LEVELS", "forecast_carbon", "forecast_demand"]
