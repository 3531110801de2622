"""What a request for a forecast must be, and the rows it may read."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np
import pandas as pd

from freesh_plugin.core.errors import ForecastError
from models.forecast.grid import Grid, step_of, to_grid, utc_index

HOUR_S = 3_600
MAX_LAG_S = 172_800


def checked_levels(levels: Sequence[float]) -> tuple[float, ...]:
    """Levels in ascending order.

    Raises:
        ForecastError: there is none, or one is not within (0, 1).
    """
    asked = tuple(sorted({float(level) for level in levels}))
    if not asked or not 0 < asked[0] <= asked[-1] < 1:
        raise ForecastError(f"quantile levels {asked}: at least one, each above 0 and below 1")
    return asked


def utc(moment: datetime) -> pd.Timestamp:
    """An aware moment in UTC.

    Raises:
        ForecastError: the moment is naive.
    """
    if moment.tzinfo is None:
        raise ForecastError(f"moment {moment.isoformat()} has no time zone")
    return pd.Timestamp(moment).tz_convert("UTC")


def checked_lag(publication_lag_s: float) -> float:
    """A publication lag, seconds.

    Raises:
        ForecastError: it is not from 0 to two days.
    """
    if not 0 <= publication_lag_s <= MAX_LAG_S:
        raise ForecastError(f"publication lag {publication_lag_s:g} s: must be from 0 to {MAX_LAG_S} s")
    return publication_lag_s


def known_grid(history: "pd.Series[float]", issued: pd.Timestamp, series: str, lone_step_s: int = HOUR_S) -> Grid:
    """The history that had ended at the issue, on a regular grid.

    Args:
        history: Indexed by the start of each interval.
        issued: Moment of the issue.
        series: Name of the series, for messages.
        lone_step_s: Length of a row where there is but one, seconds.

    Raises:
        ForecastError: nothing had been known at the issue.
    """
    index = utc_index(history.index)
    begun = index.unique().sort_values()
    step_s = step_of(begun[begun <= issued], lone_step_s)
    ended = index + pd.Timedelta(seconds=step_s) <= issued
    rows = history.to_frame("value").set_axis(index)[np.asarray(ended)]
    if not rows["value"].notna().any():
        raise ForecastError(f"series {series}: no history before {issued:%Y-%m-%dT%H:%MZ}")
    return to_grid(rows, series, lone_step_s=lone_step_s)


def first_unknown(grid: Grid, issued: pd.Timestamp) -> tuple[Grid, int]:
    """The first row after the last known one, and the grid with a note where that is long before the issue.

    Raises:
        ForecastError: no row is known.
    """
    known = np.flatnonzero(np.isfinite(grid.values))
    if not len(known):
        raise ForecastError(f"series {grid.series}: no whole row of {grid.step_s} s is known")
    origin = int(known[-1]) + 1
    late = issued - grid.time_of(origin)
    if late >= pd.Timedelta(seconds=2 * grid.step_s):
        grid = replace(grid, notes=(*grid.notes, f"history ends {late.total_seconds() / 60:.0f} min before the issue"))
    return grid, origin
