"""What a regression reads at each issue, and the pieces features are made of."""

from dataclasses import dataclass

import numpy as np

from models.forecast.grid import Grid
from models.forecast.issues import Issues


@dataclass(frozen=True)
class Inputs:
    """Inputs of a set of issues.

    Attributes:
        anchor: Shape (issue, target): the simple forecast whose errors are learnt; NaN = nothing known.
        history: Shape (issue, target, feature): from past rows and the calendar.
        ahead: Shape (issue, target, feature): from what is known ahead; no features without such columns.
        ahead_known: Shape (issue, target): everything known ahead is there.
        unrest: Shape (issue, target, feature): what the size of errors may depend on.
    """

    anchor: np.ndarray
    history: np.ndarray
    ahead: np.ndarray
    ahead_known: np.ndarray
    unrest: np.ndarray

    def at(self, issues: np.ndarray) -> "Inputs":
        """The inputs of some of the issues, by their numbers."""
        return Inputs(
            self.anchor[issues],
            self.history[issues],
            self.ahead[issues],
            self.ahead_known[issues],
            self.unrest[issues],
        )


def mended(grid: Grid) -> np.ndarray:
    """The values for use as features only: a missing row reads as the same time of the latest day that has it."""
    values: np.ndarray = grid.values.copy()
    for row in np.flatnonzero(np.isnan(values)):
        if row >= grid.day:
            values[row] = values[row - grid.day]
    return values


def held(values: np.ndarray) -> np.ndarray:
    """The values with each missing row reading as the last known one before it."""
    known = np.isfinite(values)
    last = np.maximum.accumulate(np.where(known, np.arange(len(values)), -1))
    steady: np.ndarray = np.where(last >= 0, values[np.maximum(last, 0)], np.nan)
    return steady


def at(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Values at rows, NaN outside."""
    inside = (rows >= 0) & (rows < len(values))
    picked: np.ndarray = np.where(inside, values[np.clip(rows, 0, len(values) - 1)], np.nan)
    return picked


def means_from(values: np.ndarray, rows: int) -> np.ndarray:
    """Mean of `rows` values from each row on, NaN where one is missing or beyond the end."""
    if rows == 1:
        return values
    padded = np.append(values, np.full(rows - 1, np.nan))
    means: np.ndarray = np.lib.stride_tricks.sliding_window_view(padded, rows).mean(axis=1)
    return means


def mean_before(values: np.ndarray, ends: np.ndarray, rows: int) -> np.ndarray:
    """Mean of the known among the `rows` rows before each end, NaN without any."""
    known = np.isfinite(values)
    sums = np.concatenate([[0.0], np.cumsum(np.where(known, values, 0.0))])
    counts = np.concatenate([[0], np.cumsum(known)])
    last = np.clip(ends, 0, len(values))
    first = np.clip(ends - rows, 0, len(values))
    count = counts[last] - counts[first]
    means: np.ndarray = np.divide(sums[last] - sums[first], count, out=np.full(count.shape, np.nan), where=count > 0)
    return means


def mean_of(parts: list[np.ndarray]) -> np.ndarray:
    """Mean of the known among several arrays, NaN without any."""
    stack = np.stack(parts)
    known = np.isfinite(stack)
    count = known.sum(axis=0)
    total = np.where(known, stack, 0.0).sum(axis=0)
    mean: np.ndarray = np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)
    return mean


def whole_days_back(grid: Grid, issues: Issues) -> np.ndarray:
    """Rows from each target back to the latest day on which it had ended at the issue; shape (issue, target)."""
    ends = issues.first_rows + issues.width - issues.origins[:, None]
    back: np.ndarray = -(-ends // grid.day) * grid.day
    return back


def waves(phase: np.ndarray, orders: int) -> list[np.ndarray]:
    """Sine and cosine of a phase in [0, 1) and of its multiples."""
    turns = [2 * np.pi * k * phase for k in range(1, orders + 1)]
    return [wave for turn in turns for wave in (np.sin(turn), np.cos(turn))]
