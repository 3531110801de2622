"""Keeps spikes from carrying a forecast away: what is read lies within wide bounds of the week before it."""

from dataclasses import replace

import numpy as np

from models.forecast.grid import Grid

DAYS = 7
LOW, HIGH = 0.05, 0.95
REACH = 1.5
"""Bounds lie so many widths (from LOW to HIGH quantile of the DAYS before) beyond those quantiles."""


def tamed(grid: Grid) -> Grid:
    """The grid as it is read: a row beyond the bounds of the days before it counts as the bound; a note says how many.

    What is forecast and scored stays as it came. Bounds change once in a day of rows and know nothing of the day they
    hold for.
    """
    low, high = _bounds(grid)
    values = np.clip(grid.values, low, high)
    changed = int((values != grid.values)[np.isfinite(grid.values)].sum())
    if not changed:
        return grid
    note = f"{changed} rows far outside the week before them are read as its bounds"
    return replace(grid, values=values, notes=(*grid.notes, note))


def _bounds(grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest value each row may be read as; infinite where no whole day lies before it."""
    days = -(-grid.rows // grid.day)
    blocks = np.full((DAYS + days, grid.day), np.nan)
    blocks.reshape(-1)[DAYS * grid.day : DAYS * grid.day + grid.rows] = grid.values
    weeks = np.stack([blocks[back : back + days] for back in range(DAYS)], axis=1).reshape(days, -1)
    ordered, known = np.sort(weeks, axis=1), np.isfinite(weeks).sum(axis=1)  # NaN last
    last = np.maximum(known - 1, 0)
    low, high = (ordered[np.arange(days), np.rint(level * last).astype(int)] for level in (LOW, HIGH))
    enough = known * 2 >= grid.day
    width = REACH * (high - low)
    lowest, highest = np.where(enough, low - width, -np.inf), np.where(enough, high + width, np.inf)
    return np.repeat(lowest, grid.day)[: grid.rows], np.repeat(highest, grid.day)[: grid.rows]
