"""Arrays in, arrays out, seeded: demand and carbon forecasts, and their backtests."""

from models.forecast.bursts import Burst, dispersion_of
from models.forecast.carbon import forecast_carbon
from models.forecast.demand import forecast_demand
from models.forecast.demand_many import forecast_many
from models.forecast.drift import Drift, error_drift
from models.forecast.forecaster import LEVELS
from models.forecast.joint import scaled_to_joint, scaled_to_total
from models.forecast.shares import Shares, forecast_by_shares, forecast_shares

__all__ = [
    "LEVELS",
    "Burst",
    "Drift",
    "Shares",
    "dispersion_of",
    "error_drift",
    "forecast_by_shares",
    "forecast_carbon",
    "forecast_demand",
    "forecast_many",
    "forecast_shares",
    "scaled_to_joint",
    "scaled_to_total",
]
