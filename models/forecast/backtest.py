"""Walk-forward backtests: each forecast is issued with what was known then, and scored when the truth is in."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from freesh_plugin.core.errors import ForecastError
from freesh_plugin.core.units import EPOCH_S
from models.forecast.baselines import carbon_baselines, demand_baselines
from models.forecast.carbon_recipe import CARBON
from models.forecast.demand_model import DemandModel
from models.forecast.forecaster import Forecaster, Predicted
from models.forecast.freesh import Freesh
from models.forecast.grid import Grid
from models.forecast.issues import Issues
from models.forecast.scores import QUANTILE, Scores, score

CARBON_REFIT_DAYS = 7
DEMAND_REFIT_DAYS = 1
"""A model is fitted at the first issue and then once in so many days."""

MIN_CARBON_DAYS = 8
"""A week for the seasonal naive and a day of its errors."""

MIN_DEMAND_DAYS = 2
"""A day for the seasonal naive and a day of its errors."""

Progress = Callable[[str, int, int], None]
"""Told (series, issues done, issues in all)."""


@dataclass(frozen=True)
class Span:
    """The targets of a backtest: those stamped from `start` to `last`, both included, aware UTC."""

    start: pd.Timestamp
    last: pd.Timestamp

    def __post_init__(self) -> None:
        """Start is not after the last target."""
        if self.start > self.last:
            raise ForecastError(f"start {self.start:%Y-%m-%dT%H:%MZ} is after end {self.last:%Y-%m-%dT%H:%MZ}")


@dataclass(frozen=True)
class Walk:
    """What one model said over a backtest of one series, beside what happened; shapes (issue, target)."""

    series: str
    model: str
    actual: np.ndarray
    point: np.ndarray
    q95: np.ndarray

    def by_horizon(self) -> list[Scores]:
        """Scores of each target after the issue, the nearest first."""
        return [score(self.actual[:, h], self.point[:, h], self.q95[:, h]) for h in range(self.actual.shape[1])]

    def pooled(self) -> Scores:
        """Scores over all targets."""
        return score(self.actual, self.point, self.q95)


def backtest_carbon(
    grid: Grid, span: Span, models: Sequence[Forecaster], horizon: int = 24, progress: Progress | None = None
) -> list[Walk]:
    """Issues a forecast at each 00:00 UTC of the span for the next `horizon` hours.

    Raises:
        ForecastError: rows longer than an hour, too little history, or nothing to score.
    """
    hourly = grid.coarser(3_600)
    days = pd.date_range(span.start.ceil("D"), span.last, freq="D")
    origins = np.array([hourly.row_at(day) for day in days], dtype=int)
    issues = Issues(origins, stride=24, gap=0, width=1, count=horizon)
    _check_history(hourly, span, MIN_CARBON_DAYS)
    return _walk(hourly, span, issues, models, CARBON_REFIT_DAYS, progress)


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
    _check_history(grid, span, MIN_DEMAND_DAYS)
    return _walk(grid, span, issues, models, DEMAND_REFIT_DAYS, progress)


def demand_issues(grid: Grid, slots: Sequence[datetime], lead_s: int, count: int) -> Issues:
    """The question asked `lead_s` before each slot: the means of `count` slots; rows that have ended are known."""
    starts = np.array([grid.row_at(slot) for slot in slots], dtype=int)
    gap = -(-lead_s // grid.step_s)
    width = EPOCH_S // grid.step_s
    return Issues(starts - gap, stride=width, gap=gap, width=width, count=count)


def _check_history(grid: Grid, span: Span, days: int) -> None:
    """There are enough days of rows before the span."""
    have = grid.row_at(span.start) / grid.day
    if have < days:
        raise ForecastError(
            f"series {grid.series}: {max(have, 0.0):.1f} days of history before {span.start:%Y-%m-%d}, at least {days} "
            f"needed (rows are from {grid.start:%Y-%m-%dT%H:%MZ} to {grid.time_of(grid.rows):%Y-%m-%dT%H:%MZ})"
        )


def _walk(
    grid: Grid, span: Span, issues: Issues, models: Sequence[Forecaster], refit_days: int, progress: Progress | None
) -> list[Walk]:
    """Every model over every issue, scored on the targets of the span whose rows are all there."""
    actual = issues.actuals(grid)
    actual[issues.first_rows > grid.row_at(span.last)] = np.nan
    if not np.isfinite(actual).any():
        raise ForecastError(
            f"series {grid.series}: no whole target between {span.start:%Y-%m-%dT%H:%MZ} and "
            f"{span.last:%Y-%m-%dT%H:%MZ} (rows are from {grid.start:%Y-%m-%dT%H:%MZ} to "
            f"{grid.time_of(grid.rows):%Y-%m-%dT%H:%MZ})"
        )
    issues, actual = _scored(issues, actual)
    walks = []
    for model in models:
        said = list(_blocks(grid, issues, model, refit_days, progress))
        point = np.concatenate([block.point for block in said])
        q95 = np.concatenate([block.quantiles[0] for block in said])
        walks.append(Walk(grid.series, model.name, actual, point, q95))
    return walks


def _scored(issues: Issues, actual: np.ndarray) -> tuple[Issues, np.ndarray]:
    """The issues that have a target to score."""
    some = np.isfinite(actual).any(axis=1)
    return issues.at(issues.origins[some]), actual[some]


def _blocks(
    grid: Grid, issues: Issues, model: Forecaster, refit_days: int, progress: Progress | None
) -> Iterator[Predicted]:
    """Fits once in `refit_days`, at the first issue of each such block, and predicts the block."""
    numbers = (issues.origins - issues.origins[0]) // (refit_days * grid.day)
    done = 0
    for number in np.unique(numbers):
        block = issues.at(issues.origins[numbers == number])
        model.fit(grid, block, int(block.origins[0]))
        yield model.predict(grid, block, (QUANTILE,))
        done += len(block.origins)
        if progress is not None:
            progress(f"{grid.series} {model.name}", done, len(issues.origins))


def carbon_models() -> tuple[Forecaster, ...]:
    """The models a carbon backtest compares."""
    return (Freesh(CARBON), *carbon_baselines())


def demand_models() -> tuple[Forecaster, ...]:
    """The models a demand backtest compares."""
    return (DemandModel(), *demand_baselines())
