"""What the carbon model reads: the same hour of past days, the last hours, the calendar, and what is known ahead."""

import numpy as np
import pandas as pd

from models.forecast.baselines import same_time_before
from models.forecast.grid import Grid
from models.forecast.inputs import Inputs, at, mean_before, mean_of, means_from, mended, waves, whole_days_back
from models.forecast.issues import Issues

_PERSISTENCE = same_time_before(1)
PRODUCTION = "production"
"""Known-ahead columns with this in their name are production by source: their shares set the intensity."""


def carbon_inputs(grid: Grid, issues: Issues) -> Inputs:
    """Inputs on an hourly grid; nothing at or after an origin is read but known-ahead rows of its targets' day."""
    anchor = _PERSISTENCE(grid, issues)
    history = np.stack([*_same_hours(grid, issues), *_last_hours(grid, issues), *calendar(grid, issues)], axis=-1)
    ahead, known = ahead_inputs(grid, issues)
    return Inputs(anchor, history, ahead, known, unrest=np.empty((*anchor.shape, 0)))


def _same_hours(grid: Grid, issues: Issues) -> list[np.ndarray]:
    """The target's hour on the latest 7 days and two weeks ago, and its mean over weeks and days."""
    values = mended(grid)
    rows = issues.first_rows - whole_days_back(grid, issues)
    days = [at(values, rows - grid.day * back) for back in range(28)]
    return [*days[:7], days[13], mean_of(days[6::7]), mean_of(days[:7]), mean_of(days)]


def _last_hours(grid: Grid, issues: Issues) -> list[np.ndarray]:
    """The last 24 hours one by one, means of longer spans, and how the last hours differ from a day before."""
    values, day, ends = mended(grid), grid.day, issues.origins
    hours = [at(values, ends - back) for back in range(1, day + 1)]
    spans = [mean_before(values, ends, rows) for rows in (3, 6, day, 7 * day, 28 * day)]
    change = [
        hours[0] - at(values, ends - 1 - day),
        spans[1] - mean_before(values, ends - day, 6),
        spans[2] - mean_before(values, ends - day, day),
    ]
    shape = (len(ends), issues.count)
    return [np.broadcast_to(column[:, None], shape) for column in (*hours, *spans, *change)]


def calendar(grid: Grid, issues: Issues) -> list[np.ndarray]:
    """Season and day of the week of each target."""
    rows = issues.first_rows
    times = pd.DatetimeIndex(grid.start + pd.to_timedelta(rows.ravel() * grid.step_s, unit="s"))
    season = (times.day_of_year.to_numpy() / 365.25).reshape(rows.shape)
    weekday = times.day_of_week.to_numpy().reshape(rows.shape)
    return [*waves(season, 2), *((weekday == day).astype(float) for day in range(7))]


def ahead_inputs(grid: Grid, issues: Issues) -> tuple[np.ndarray, np.ndarray]:
    """Known-ahead columns at each target and their change since the latest day, with production also as shares."""
    rows, earlier, week = issues.first_rows, issues.first_rows - whole_days_back(grid, issues), 7 * grid.day
    columns = [means_from(grid.exogenous[:, i], issues.width) for i in range(len(grid.columns))]
    known = np.isfinite(np.stack([at(column, rows) for column in columns])).all(axis=0) if columns else None
    shares = [means_from(share, issues.width) for share in _shares(grid)]
    features = [part for c in columns for part in (at(c, rows), at(c, rows) - at(c, earlier))]
    features += [
        p for s in shares for p in (at(s, rows), at(s, rows) - at(s, earlier), at(s, rows) - at(s, rows - week))
    ]
    if known is None:
        return np.empty((*rows.shape, 0)), np.zeros(rows.shape, dtype=bool)
    return np.stack(features, axis=-1), known


def _shares(grid: Grid) -> list[np.ndarray]:
    """Each production column as a share of their sum, and the logarithm of the sum; nothing below two columns."""
    names = [i for i, name in enumerate(grid.columns) if PRODUCTION in name]
    if len(names) < 2:
        return []
    parts = np.clip(grid.exogenous[:, names], 0.0, None)
    total = parts.sum(axis=1)
    usable = np.where(total > 0, total, np.nan)
    return [*(parts / usable[:, None]).T, np.log(usable)]
