"""Putting a study together: a fleet, tables of what came true, and the six ways to foresee it."""

from collections.abc import Sequence
from dataclasses import dataclass

from models.domain.scenario import Scenario
from models.evaluate.epoch import Epoch
from models.evaluate.forecast_value import (
    CONSTANT,
    FREESH,
    LATEST,
    PERFECT,
    PERSISTENCE,
    UNIFORM,
    MakePlan,
    Study,
)
from models.evaluate.foresight import (
    CarbonView,
    DemandForesight,
    ForecastCarbon,
    ForecastDemand,
    constant_carbon,
    forecast_carbon_view,
    forecast_demand_view,
    latest_carbon,
    persistent_carbon,
    persistent_demand,
    true_carbon,
    true_demand,
    uniform_carbon,
)
from models.evaluate.truth import truth_of
from models.forecast.grid import Grid


@dataclass(frozen=True)
class Forecasts:
    """The forecasts on trial, and what they may know.

    Attributes:
        carbon: As `models.forecast.carbon.forecast_carbon`.
        demand: As `models.forecast.demand.forecast_demand`.
        level: Quantile of demand that capacity is planned for.
        carbon_lag_s: A carbon row is known so long after it has ended, seconds.
    """

    carbon: ForecastCarbon
    demand: ForecastDemand
    level: float = 0.95
    carbon_lag_s: int = 0


def study_of(
    fleet: Scenario,
    carbon: Sequence[Grid],
    demand: Sequence[Grid],
    forecasts: Forecasts,
    make_plan: MakePlan,
    first: Epoch,
) -> Study:
    """A study of these forecasts; `first` is its first epoch, before whose issue the constants are taken.

    Raises:
        ScenarioError, ForecastError: as `truth_of` and `Study`; a zone has no row before the first issue.
    """
    truth = truth_of(fleet, carbon, demand)
    lag_s = forecasts.carbon_lag_s
    see_carbon: dict[str, CarbonView] = {
        PERFECT: true_carbon(truth.carbon),
        FREESH: forecast_carbon_view(truth.carbon, forecasts.carbon, lag_s),
        LATEST: latest_carbon(truth.carbon, lag_s),
        PERSISTENCE: persistent_carbon(truth.carbon, lag_s),
        CONSTANT: constant_carbon(truth.carbon, first.issued_at),
        UNIFORM: uniform_carbon(truth.carbon, first.issued_at),
    }
    see_demand: dict[str, DemandForesight] = {
        PERFECT: true_demand(truth.demand),
        FREESH: forecast_demand_view(truth.demand, forecasts.demand, forecasts.level),
        PERSISTENCE: persistent_demand(truth.demand, forecasts.level),
    }
    return Study(fleet, truth, see_carbon, see_demand, make_plan)
