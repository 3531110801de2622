"""Forecasts the offered load of one request class from its past."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from freesh_plugin.core.errors import ForecastError
from freesh_plugin.core.units import EPOCH_S, STEP_S
from models.domain.forecast import QuantileForecast
from models.forecast.bursts import Burst
from models.forecast.demand_answer import Answer, answer
from models.forecast.forecaster import LEVELS
from models.forecast.grid import Grid
from models.forecast.issues import Issues
from models.forecast.one_thread import one_thread
from models.forecast.request import checked_levels, first_unknown, known_grid, utc


@dataclass(frozen=True)
class _Request:
    """Checked arguments: the grid, the first unknown row, the targets, and which target each interval lies in."""

    grid: Grid
    issue: Issues
    target: np.ndarray


@one_thread
def forecast_demand(
    history: "pd.Series[float]",
    *,
    issued_at: datetime,
    starts_at: datetime,
    intervals: int,
    step_s: int,
    levels: Sequence[float] = LEVELS,
    series: str = "demand",
    burst: Burst | None = None,
) -> QuantileForecast:
    """Demand over `intervals` of `step_s` from `starts_at` on, req/s, at least 0.

    The model tells the mean of each half hour (of each row where rows are longer) from `starts_at` on; the intervals
    within it take that mean. Their quantiles are those of the demand in one interval: from past errors of rows about
    what was forecast for their half hour, so bursts that rows show are in them. Where rows are longer than an interval
    the note says so, and `burst`, if given, widens the quantiles (assumed).

    Args:
        history: req/s, indexed by the start of each interval (naive = UTC); NaN = missing. What had not ended at the
            issue is not read.
        issued_at: Moment of the issue, aware.
        starts_at: Start of the first interval, aware, not before the issue.
        intervals: How many, at least 1.
        step_s: Length of each, seconds.
        levels: Quantile levels in (0, 1).
        series: Name of the series.
        burst: How unevenly requests arrive inside a row; used only where rows are longer than an interval.

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
    request = _request(known_grid(history, issued, series, STEP_S), issued, first, intervals, step_s)
    said = answer(request.grid, request.issue, asked, step_s, burst)
    return _forecast(said, request.target, series, issued, first, step_s, asked)


def _request(grid: Grid, issued: pd.Timestamp, first: pd.Timestamp, intervals: int, step_s: int) -> _Request:
    grid, origin = first_unknown(grid, issued)
    if (grid.values < 0).any():
        raise ForecastError(f"series {grid.series}: demand is {np.nanmin(grid.values):g} req/s, must be at least 0")
    target_s = max(EPOCH_S, grid.step_s)
    if target_s % grid.step_s:
        raise ForecastError(f"series {grid.series}: rows of {grid.step_s} s do not make targets of {target_s} s")
    target_row = grid.row_at(first)
    offset_s = (first - grid.time_of(target_row)).total_seconds()
    target = ((offset_s + step_s * np.arange(intervals)) // target_s).astype(int)
    width = target_s // grid.step_s
    issue = Issues(np.array([origin]), width, target_row - origin, width, int(target[-1]) + 1)
    return _Request(grid, issue, target)


def _forecast(
    said: Answer,
    target: np.ndarray,
    series: str,
    issued: pd.Timestamp,
    first: pd.Timestamp,
    step_s: int,
    levels: tuple[float, ...],
) -> QuantileForecast:
    return QuantileForecast(
        series=series,
        issued_at=issued.to_pydatetime(),
        starts_at=first.to_pydatetime(),
        step_s=step_s,
        levels=levels,
        mean=said.mean[target],
        quantiles=said.quantiles[:, target],
        model=said.model,
        note=said.note,
    )
