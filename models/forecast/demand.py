"""Forecasts the offered load of one request class from its past."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import pandas as pd

from freesh_plugin.core.errors import ForecastError
from freesh_plugin.core.units import EPOCH_S, STEP_S
from models.domain.forecast import QuantileForecast
from models.forecast.demand_recipe import DEMAND
from models.forecast.forecaster import LEVELS
from models.forecast.issues import Issues
from models.forecast.ladder import answer
from models.forecast.request import checked_levels, first_unknown, known_grid, utc


def forecast_demand(
    history: "pd.Series[float]",
    *,
    issued_at: datetime,
    starts_at: datetime,
    intervals: int,
    step_s: int,
    levels: Sequence[float] = LEVELS,
    series: str = "demand",
) -> QuantileForecast:
    """Demand over `intervals` of `step_s` from `starts_at` on, req/s, at least 0.

    The model tells the mean of each half hour (of each row where rows are longer) from `starts_at` on; the intervals
    within it take that mean and its quantiles. What varies faster inside a half hour is not in them.

    Args:
        history: req/s, indexed by the start of each interval (naive = UTC); NaN = missing. What had not ended at the
            issue is not read.
        issued_at: Moment of the issue, aware.
        starts_at: Start of the first interval, aware, not before the issue.
        intervals: How many, at least 1.
        step_s: Length of each, seconds.
        levels: Quantile levels in (0, 1).
        series: Name of the series.

    Raises:
        ForecastError: no history at all, rows that do not make half hours, negative demand, or an argument out of
            range.
    """
    asked, issued, first = checked_levels(levels), utc(issued_at), utc(starts_at)
    if intervals < 1 or step_s < 1 or first < issued:
        raise ForecastError(
            f"series {series}: {intervals} intervals of {step_s} s from {first:%Y-%m-%dT%H:%MZ}, issued "
            f"{issued:%Y-%m-%dT%H:%MZ}: at least 1 of at least 1 s, and none before the issue"
        )
    grid, origin = first_unknown(known_grid(history, issued, series, STEP_S), issued)
    if (grid.values < 0).any():
        raise ForecastError(f"series {series}: demand is {np.nanmin(grid.values):g} req/s, must be at least 0")
    target_s = max(EPOCH_S, grid.step_s)
    if target_s % grid.step_s:
        raise ForecastError(f"series {series}: rows of {grid.step_s} s do not make targets of {target_s} s")
    target_row = grid.row_at(first)
    offset_s = (first - grid.time_of(target_row)).total_seconds()
    target = ((offset_s + step_s * np.arange(intervals)) // target_s).astype(int)
    width = target_s // grid.step_s
    issue = Issues(np.array([origin]), width, target_row - origin, width, int(target[-1]) + 1)
    said = answer(DEMAND, grid, issue, asked)
    return QuantileForecast(
        series=series,
        issued_at=issued.to_pydatetime(),
        starts_at=first.to_pydatetime(),
        step_s=step_s,
        levels=asked,
        mean=said.mean[target],
        quantiles=said.quantiles[:, target],
        model=said.model,
        note=said.note,
    )
