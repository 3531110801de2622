"""What the demand model reads: the last rows, the same slot of the day before, the hour, and how restless it is."""

import numpy as np
import pandas as pd

from models.forecast.baselines import last_rows
from models.forecast.grid import DAY_S, Grid
from models.forecast.inputs import Inputs, at, held, mean_before, mean_of, mended, waves, whole_days_back
from models.forecast.issues import Issues

_LAST_30MIN = last_rows(1_800)


def demand_inputs(grid: Grid, issues: Issues) -> Inputs:
    """Inputs on a grid of rows of up to half an hour; nothing at or after an origin is read."""
    anchor = _LAST_30MIN(grid, issues)
    hour = waves(_time_of_day(grid, issues), 3)
    history = np.stack([*_last_means(grid, issues), *_day_before(grid, issues), *hour], axis=-1)
    unrest = np.stack([anchor, *_unrest(grid, issues), *hour[:4]], axis=-1)
    none_ahead = np.empty((*anchor.shape, 0))
    return Inputs(anchor, history, none_ahead, np.zeros(anchor.shape, dtype=bool), unrest)


def _last_means(grid: Grid, issues: Issues) -> list[np.ndarray]:
    """Means of the last row, of 20 and 30 minutes, and of 1, 3, 6 and 24 hours."""
    values = held(grid.values)
    spans = [max(1, seconds // grid.step_s) for seconds in (0, 1_200, 1_800, 3_600, 10_800, 21_600, DAY_S)]
    return [_wide(mean_before(values, issues.origins, rows), issues) for rows in spans]


def _day_before(grid: Grid, issues: Issues) -> list[np.ndarray]:
    """The target's slot on the latest day, with and without its neighbours, and what led up to it then."""
    values = mended(grid)
    first = issues.first_rows - whole_days_back(grid, issues)
    slot = mean_of([at(values, first + row) for row in range(issues.width)])
    around = mean_of([at(values, first + row) for row in range(-issues.width, 2 * issues.width)])
    ends = issues.origins - grid.day
    hour = _wide(mean_before(values, ends, max(1, 3_600 // grid.step_s)), issues)
    return [slot, around, hour, around - hour]


def _unrest(grid: Grid, issues: Issues) -> list[np.ndarray]:
    """Mean change from row to row over 1, 3 and 12 hours, and the present one."""
    values = held(grid.values)
    change = np.abs(np.diff(values, prepend=values[:1]))
    spans = [max(1, seconds // grid.step_s) for seconds in (3_600, 10_800, 43_200)]
    now = np.abs(at(values, issues.origins - 1) - mean_before(values, issues.origins, max(1, 1_800 // grid.step_s)))
    return [_wide(column, issues) for column in (*(mean_before(change, issues.origins, n) for n in spans), now)]


def _time_of_day(grid: Grid, issues: Issues) -> np.ndarray:
    """Start of each target as a share of the day."""
    midnight = int((grid.start - pd.Timestamp(grid.start).floor("D")).total_seconds()) // grid.step_s
    share: np.ndarray = ((issues.first_rows + midnight) % grid.day) / grid.day
    return share


def _wide(column: np.ndarray, issues: Issues) -> np.ndarray:
    """A value per issue, for each of its targets."""
    return np.broadcast_to(column[:, None], (len(issues.origins), issues.count))
