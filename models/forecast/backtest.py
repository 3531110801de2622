"""Walk-forward backtests: each forecast is issued with what was known then, and scored when the truth is in."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import pandas as pd

from freesh_plugin.core.errors import ForecastError
from freesh_plugin.core.units import EPOCH_S
from models.forecast.baselines import carbon_baselines, demand_baselines
from models.forecast.carbon_issues import DAILY, CarbonIssues
from models.forecast.carbon_model import CarbonModel
from models.forecast.carbon_recipe import LAST_VALUE
from models.forecast.demand_model import DemandModel
from models.forecast.forecaster import Forecaster
from models.forecast.grid import DAY_S, Grid
from models.forecast.issues import Issues
from models.forecast.one_thread import one_thread
from models.forecast.refit import Refit
from models.forecast.walk import Progress, Span, Walk, check_history, walk

__all__ = [
    "CARBON_REFIT",
    "DAILY",
    "CarbonIssues",
    "Progress",
    "Span",
    "Walk",
    "backtest_carbon",
    "backtest_demand",
    "carbon_models",
    "demand_issues",
    "demand_models",
]

CARBON_REFIT = Refit(days=7)
DEMAND_REFIT = Refit(days=1)

MIN_CARBON_DAYS = 8
"""A week for the seasonal naive and a day of its errors."""

MIN_DEMAND_DAYS = 2
"""A day for the seasonal naive and a day of its errors."""


@one_thread
def backtest_carbon(
    grid: Grid,
    span: Span,
    models: Sequence[Forecaster],
    asked: CarbonIssues = DAILY,
    progress: Progress | None = None,
) -> list[Walk]:
    """Issues forecasts over the span: at each 00:00 UTC for the next 24 hours unless asked otherwise.

    Raises:
        ForecastError: rows that do not make targets, too little history, or nothing to score.
    """
    issues = asked.on(grid, span)
    check_history(grid, span, MIN_CARBON_DAYS)
    return walk(grid, span, issues, models, CARBON_REFIT, progress)


@one_thread
def backtest_demand(
    grid: Grid,
    span: Span,
    models: Sequence[Forecaster],
    horizon: int = 1,
    lead_s: int = 600,
    progress: Progress | None = None,
) -> list[Walk]:
    """Issues a forecast `lead_s` before each half hour of the span for the next `horizon` half hours.

    Raises:
        ForecastError: rows that do not make half hours, too little history, or nothing to score.
    """
    if EPOCH_S % grid.step_s:
        raise ForecastError(f"series {grid.series}: rows of {grid.step_s} s do not make slots of {EPOCH_S} s")
    slots = pd.date_range(span.start.ceil(f"{EPOCH_S}s"), span.last, freq=f"{EPOCH_S}s")
    issues = demand_issues(grid, [slot.to_pydatetime() for slot in slots], lead_s, horizon)
    check_history(grid, span, MIN_DEMAND_DAYS)
    return walk(grid, span, issues, models, DEMAND_REFIT, progress)


def demand_issues(grid: Grid, slots: Sequence[datetime], lead_s: int, count: int) -> Issues:
    """The question asked `lead_s` before each slot: the means of `count` slots; rows that have ended are known."""
    starts = np.array([grid.row_at(slot) for slot in slots], dtype=int)
    gap = -(-lead_s // grid.step_s)
    width = EPOCH_S // grid.step_s
    return Issues(starts - gap, stride=width, gap=gap, width=width, count=count)


def carbon_models(asked: CarbonIssues = DAILY) -> tuple[Forecaster, ...]:
    """The models a carbon backtest compares: with issues within the day also the last known row."""
    simple = carbon_baselines() if asked.every_s == DAY_S else (*carbon_baselines(), LAST_VALUE)
    return (CarbonModel(), *simple)


def demand_models() -> tuple[Forecaster, ...]:
    """The models a demand backtest compares."""
    return (DemandModel(), *demand_baselines())
