"""Walks models over issues of the past: fitted now and then with what was known, scored when the truth is in."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from freesh_plugin.core.errors import ForecastError
from models.forecast.forecaster import Forecaster, Predicted
from models.forecast.grid import Grid
from models.forecast.issues import Issues
from models.forecast.refit import Refit
from models.forecast.scores import QUANTILE, Scores, score

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


def check_history(grid: Grid, span: Span, days: int) -> None:
    """There are enough days of rows before the span."""
    have = grid.row_at(span.start) / grid.day
    if have < days:
        raise ForecastError(
            f"series {grid.series}: {max(have, 0.0):.1f} days of history before {span.start:%Y-%m-%d}, at least {days} "
            f"needed (rows are from {grid.start:%Y-%m-%dT%H:%MZ} to {grid.time_of(grid.rows):%Y-%m-%dT%H:%MZ})"
        )


def walk(
    grid: Grid, span: Span, issues: Issues, models: Sequence[Forecaster], refit: Refit, progress: Progress | None
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
        said = list(_blocks(grid, issues, model, refit, progress))
        point = np.concatenate([block.point for block in said])
        q95 = np.concatenate([block.quantiles[0] for block in said])
        walks.append(Walk(grid.series, model.name, actual, point, q95))
    return walks


def _scored(issues: Issues, actual: np.ndarray) -> tuple[Issues, np.ndarray]:
    """The issues that have a target to score."""
    some = np.isfinite(actual).any(axis=1)
    return issues.at(issues.origins[some]), actual[some]


def _blocks(
    grid: Grid, issues: Issues, model: Forecaster, refit: Refit, progress: Progress | None
) -> Iterator[Predicted]:
    """Fits and predicts block by block."""
    done = 0
    for block in refit.blocks(grid, issues):
        model.fit(grid, block, int(block.origins[0]))
        yield model.predict(grid, block, (QUANTILE,))
        done += len(block.origins)
        if progress is not None:
            progress(f"{grid.series} {model.name}", done, len(issues.origins))
