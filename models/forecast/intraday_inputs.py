"""What the intraday model reads: the newest rows against those of past days, and how the coming hours went then."""

import numpy as np
import pandas as pd

from models.forecast.baselines import same_time_before
from models.forecast.carbon_inputs import ahead_inputs, calendar
from models.forecast.grid import Grid
from models.forecast.inputs import Inputs, at, held, mean_before, mean_of, means_from, mended, waves, whole_days_back
from models.forecast.issues import Issues

WEEK = 7
MONTH = 28
_PERSISTENCE = same_time_before(1)


def intraday_inputs(grid: Grid, issues: Issues) -> Inputs:
    """Inputs on rows of up to an hour; nothing at or after an origin is read but rows known ahead.

    The anchor is the last row plus how the mean of the past week went on from this time of day to the target's. All
    levels are relative to the last row, so that one regression serves every time of day; what differs from hour to
    hour enters as products with the waves of the day.
    """
    values = mended(grid)
    last = at(held(grid.values), issues.origins - 1)
    wide = last[:, None]
    then = _days(grid, means_from(values, issues.width), issues.first_rows - whole_days_back(grid, issues))
    now = [day[:, None] for day in _days(grid, values, issues.origins - 1 - grid.day)]
    shift = [mean_of(then[:WEEK]) - mean_of(now[:WEEK]), mean_of(then) - mean_of(now)]
    same = [part - wide for part in (*then[:WEEK], then[13], mean_of(then[6::7]), mean_of(then[:WEEK]), mean_of(then))]
    moves = [then[day] - now[day] for day in range(WEEK)]
    recent = [column[:, None] for column in _recent(grid, values, last, issues.origins)]
    unlike = [column[:, None] for column in _unlike_past_days(grid, values, issues.origins)]
    hour = waves(_time_of_day(grid, issues), 4)
    level = wide - mean_before(values, issues.origins, MONTH * grid.day)[:, None]
    stirred = (same[0], same[9], shift[0], recent[0], recent[1], unlike[0], level)
    products = [wave * part for wave in hour[:4] for part in stirred]
    features = (*same, *shift, *moves, *recent, *unlike, *hour, wide, *calendar(grid, issues), *products)
    history = np.stack([np.broadcast_to(each, then[0].shape) for each in features], axis=-1)
    carried = wide + shift[0]
    anchor = np.where(np.isfinite(carried), carried, _PERSISTENCE(grid, issues))
    ahead, known = ahead_inputs(grid, issues)
    return Inputs(anchor, history, _with_change_since_now(grid, issues, ahead), known, np.empty((*anchor.shape, 0)))


def _days(grid: Grid, values: np.ndarray, rows: np.ndarray) -> list[np.ndarray]:
    """The values at rows and at the same rows of the days before, four weeks in all."""
    return [at(values, rows - grid.day * back) for back in range(MONTH)]


def _recent(grid: Grid, values: np.ndarray, last: np.ndarray, ends: np.ndarray) -> list[np.ndarray]:
    """Rows of the last hours, then hours of the last day, then longer spans, each less the last row."""
    hour = max(1, 3_600 // grid.step_s)
    rows = [at(values, ends - back) for back in range(2, min(hour, 6) + 1)]
    hours = [mean_before(values, ends - back * hour, hour) for back in range(1, 24)]
    spans = [
        mean_before(values, ends, span) for span in (3 * hour, 6 * hour, *(grid.day * d for d in (1, WEEK, MONTH)))
    ]
    return [part - last for part in (*hours, *rows, *spans)]


def _unlike_past_days(grid: Grid, values: np.ndarray, ends: np.ndarray) -> list[np.ndarray]:
    """How the last row, and hours up to half a day ago, differ from the mean of the same time on seven days before."""
    hour = max(1, 3_600 // grid.step_s)
    backs = (1, *(back * hour for back in (1, 2, 3, 5, 8, 11)))
    spans = (1, *(hour for _ in backs[1:]))
    return [
        mean_before(values, ends - back + 1, span)
        - mean_of([mean_before(values, ends - back + 1 - grid.day * day, span) for day in range(1, WEEK + 1)])
        for back, span in zip(backs, spans, strict=True)
    ]


def _time_of_day(grid: Grid, issues: Issues) -> np.ndarray:
    """Start of each target as a share of the day, UTC."""
    midnight = int((grid.start - pd.Timestamp(grid.start).floor("D")).total_seconds()) // grid.step_s
    share: np.ndarray = ((issues.first_rows + midnight) % grid.day) / grid.day
    return share


def _with_change_since_now(grid: Grid, issues: Issues, ahead: np.ndarray) -> np.ndarray:
    """Known-ahead inputs and how each column changes from the last row to the target."""
    columns = [grid.exogenous[:, i] for i in range(len(grid.columns))]
    changes = [at(column, issues.first_rows) - at(column, issues.origins - 1)[:, None] for column in columns]
    return np.concatenate([ahead, np.stack(changes, axis=-1)], axis=-1) if changes else ahead
