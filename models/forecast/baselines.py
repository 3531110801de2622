"""The simple forecasts everything is measured against, each with the quantiles of its own past errors."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from models.forecast.forecaster import Predicted
from models.forecast.grid import Grid
from models.forecast.issues import Issues
from models.forecast.spread import error_quantiles, mean_error

PAST_DAYS = 56
"""Days of own past errors a baseline's quantiles are taken from: eight weeks, so that they follow the season."""

MAX_STEPS_BACK = 28
"""How many further periods a seasonal rule steps back over missing rows before it has nothing to say."""

Rule = Callable[[Grid, Issues], np.ndarray]


def same_time_before(period_days: int) -> Rule:
    """The rule that says the target's own rows a whole number of periods ago: the latest wholly known ones."""

    def rule(grid: Grid, issues: Issues) -> np.ndarray:
        period = period_days * grid.day
        ends = issues.first_rows + issues.width
        back = -(-(ends - issues.origins[:, None]) // period) * period  # latest whole period that had ended
        said = np.full(ends.shape, np.nan)
        for step in range(MAX_STEPS_BACK):
            empty = np.isnan(said)
            if not empty.any():
                break
            said = np.where(empty, _means(grid, issues.first_rows - back - step * period, issues.width), said)
        return said

    return rule


def last_rows(seconds: int) -> Rule:
    """The rule that says the mean of the last known rows of that many seconds (at least one row).

    Missing rows: the span ends with the last row that is known, and those missing within it are left out.
    """

    def rule(grid: Grid, issues: Issues) -> np.ndarray:
        span = max(1, seconds // grid.step_s)
        known = np.isfinite(grid.values)
        last = np.maximum.accumulate(np.where(known, np.arange(grid.rows), -1))
        ends = np.where(issues.origins > 0, last[np.clip(issues.origins - 1, 0, grid.rows - 1)], -1)
        rows = ends[:, None] - np.arange(span)
        usable = (rows >= 0) & known[np.maximum(rows, 0)]
        total = np.where(usable, grid.values[np.maximum(rows, 0)], 0.0).sum(axis=1)
        means = np.divide(total, usable.sum(axis=1), out=np.full(len(ends), np.nan), where=usable.any(axis=1))
        return np.repeat(means[:, None], issues.count, axis=1)

    return rule


def _means(grid: Grid, first_rows: np.ndarray, width: int) -> np.ndarray:
    """Mean of `width` rows from each first row on, NaN where one is missing or outside the grid."""
    values = np.append(grid.values, np.nan)
    rows = first_rows[..., None] + np.arange(width)
    outside = (rows < 0) | (rows >= grid.rows)
    means: np.ndarray = values[np.where(outside, -1, rows)].mean(axis=-1)
    return means


@dataclass
class Baseline:
    """A rule without anything to learn; its quantiles are those of its own errors of the PAST_DAYS before."""

    name: str
    rule: Rule

    def fit(self, grid: Grid, issues: Issues, origin: int) -> None:
        """Nothing to learn."""

    def predict(self, grid: Grid, issues: Issues, levels: tuple[float, ...]) -> Predicted:
        """Applies the rule; errors are known of targets that had ended at the origin."""
        point = self.rule(grid, issues)
        mean, quantiles = point.copy(), np.empty((len(levels), *point.shape))
        pasts = [issues.before(int(origin), PAST_DAYS * grid.day).origins for origin in issues.origins]
        every = issues.at(np.unique(np.concatenate(pasts)))  # most are past issues of several: told once
        errors = every.actuals(grid) - self.rule(grid, every)
        ends = every.first_rows + every.width
        for i, (origin, past) in enumerate(zip(issues.origins, pasts, strict=True)):
            rows = np.searchsorted(every.origins, past)
            known = np.where(ends[rows] <= origin, errors[rows], np.nan)
            mean[i] += mean_error(known)
            quantiles[:, i] = point[i] + error_quantiles(known, levels)
        return Predicted(point, mean, quantiles)


def carbon_baselines() -> tuple[Baseline, ...]:
    """Persistence (same hour 24 h before) and seasonal naive (168 h before)."""
    return Baseline("persistence", same_time_before(1)), Baseline("seasonal_naive", same_time_before(7))


def demand_baselines() -> tuple[Baseline, ...]:
    """Persistence (last known row), the mean of the last known 30 minutes, and the same slot 24 h before."""
    return (
        Baseline("persistence", last_rows(0)),
        Baseline("last_30min", last_rows(1_800)),
        Baseline("seasonal_naive", same_time_before(1)),
    )
