"""Forecasts the carbon intensity of a grid zone from its past and from what is known ahead."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pandas as pd

from freesh_plugin.core.errors import ForecastError
from models.domain.forecast import QuantileForecast
from models.forecast.carbon_model import NEAR_S, learning_stride
from models.forecast.carbon_recipe import CARBON, INTRADAY
from models.forecast.forecaster import LEVELS
from models.forecast.freesh import Recipe
from models.forecast.grid import DAY_S, Grid, utc_index
from models.forecast.issues import Issues
from models.forecast.ladder import Answer, answer
from models.forecast.one_thread import one_thread
from models.forecast.provider import MIN_ISSUES, NAME, Provided, proven, provided
from models.forecast.request import HOUR_S, checked_lag, checked_levels, first_unknown, known_grid, utc
from models.forecast.seam import joined

FINEST_S = 300
"""Rows are forecast in this length at least."""


@dataclass(frozen=True)
class Asked:
    """A request: intervals from a moment on, issued at a moment, and from when on rows are not known.

    Attributes:
        issued: Moment of the issue.
        seen: Rows that had ended here are known.
        starts: Start of each interval.
        step_s: Length of an interval, seconds.
        levels: Quantile levels.
    """

    issued: pd.Timestamp
    seen: pd.Timestamp
    starts: pd.DatetimeIndex
    step_s: int
    levels: tuple[float, ...]


@one_thread
def forecast_carbon(
    history: "pd.Series[float]",
    *,
    issued_at: datetime,
    intervals: int,
    step_s: int,
    exogenous: pd.DataFrame | None = None,
    levels: Sequence[float] = LEVELS,
    series: str = "carbon",
    publication_lag_s: float = 0.0,
    provider: pd.DataFrame | None = None,
) -> QuantileForecast:
    """Carbon intensity over `intervals` of `step_s` from the issue on, g/kWh, signed.

    The next six hours are told row by row from the newest rows, later hours by the hour; the difference where they
    meet fades. An interval shorter than a row (an hour, beyond six hours) takes its value: no shape is invented.

    Args:
        history: g/kWh, indexed by the start of each interval (naive = UTC), hourly or finer; NaN = missing. What was
            not known at the issue is not read.
        issued_at: Moment of the issue, aware; the first interval is the one that holds it.
        intervals: How many, at least 1.
        step_s: Length of each, seconds; divides an hour.
        exogenous: What is known ahead (weather, production forecasts), indexed like the history, past and future.
        levels: Quantile levels in (0, 1).
        series: Name of the series.
        publication_lag_s: A row is known so long after it has ended, seconds.
        provider: Forecasts a provider gave, as issued then: `issued_at`, `time`, `carbon_gco2e_per_kwh`, aware UTC.
            One that told too few past issues is not used, and the note says so.

    Raises:
        ForecastError: no history at all, rows longer than an hour, or an argument out of range.
    """
    if step_s < 1 or HOUR_S % step_s or intervals < 1:
        raise ForecastError(f"{intervals} intervals of {step_s} s: at least one, each a divisor of {HOUR_S} s")
    issued, seen = utc(issued_at), utc(issued_at) - pd.Timedelta(seconds=checked_lag(publication_lag_s))
    starts = issued.floor(pd.Timedelta(seconds=step_s)) + pd.to_timedelta(np.arange(intervals) * step_s, unit="s")
    asked = Asked(issued, seen, pd.DatetimeIndex(starts), step_s, checked_levels(levels))
    told = None if provider is None else provided(provider, issued)
    rows = known_grid(history, seen, series)
    said = _answered(rows, asked, exogenous, told)
    return QuantileForecast(
        series=series,
        issued_at=issued.to_pydatetime(),
        starts_at=asked.starts[0].to_pydatetime(),
        step_s=step_s,
        levels=asked.levels,
        mean=said.mean,
        quantiles=said.quantiles,
        model=said.model,
        note=said.note,
        labels={"zone": series},
    )


def _answered(rows: Grid, asked: Asked, exogenous: pd.DataFrame | None, told: Provided | None) -> Answer:
    """The intraday answer to the first six hours, joined with the day-ahead answer where more is asked."""
    near_count = max(1, NEAR_S // asked.step_s)
    hourly = rows.coarser(HOUR_S)  # refuses rows that make no hours, whatever is asked
    fine = rows if rows.step_s >= FINEST_S or FINEST_S % rows.step_s else rows.coarser(FINEST_S)
    near = _near(fine, replace(asked, starts=asked.starts[:near_count]), exogenous, told)
    if len(asked.starts) <= near_count:
        return near
    far = _far(hourly, asked, exogenous, told)
    shift = near.mean[-1] - far.mean[near_count - 1]
    return Answer(
        mean=joined(near.mean, far.mean, shift, asked.step_s),
        quantiles=joined(near.quantiles, far.quantiles, np.full(len(asked.levels), shift), asked.step_s),
        model=near.model if near.model == far.model else "freesh",
        reason=f"first 6 h: {near.reason}; then: {far.reason}",
        found=near.found,
    )


def _near(fine: Grid, asked: Asked, exogenous: pd.DataFrame | None, told: Provided | None) -> Answer:
    """The intraday answer, by the row or by as many rows as make an interval."""
    grid, origin = _begun(fine, asked, exogenous)
    width = asked.step_s // grid.step_s if asked.step_s % grid.step_s == 0 else 1
    rows = np.array([grid.row_at(start) for start in asked.starts])
    target = (rows - rows[0]) // width
    gap = int(rows[0]) - origin
    issue = Issues(np.array([origin]), learning_stride(grid, width), gap, width, int(target[-1]) + 1)
    said = _asked_of(INTRADAY, grid, issue, asked, told)
    held = f"intervals of {asked.step_s} s hold rows of {grid.step_s} s"
    return _at(said, target, held if width * grid.step_s != asked.step_s else "")


def _far(hourly: Grid, asked: Asked, exogenous: pd.DataFrame | None, told: Provided | None) -> Answer:
    """The day-ahead answer, by the hour."""
    grid, origin = _begun(hourly, asked, exogenous)
    hours = np.array([grid.row_at(start) for start in asked.starts])
    issue = Issues(np.array([origin]), grid.day, int(hours[0]) - origin, 1, int(hours[-1] - hours[0]) + 1)
    said = _asked_of(CARBON, grid, issue, asked, told)
    return _at(said, hours - hours[0], f"intervals of {asked.step_s} s hold hours" if asked.step_s < HOUR_S else "")


def _begun(rows: Grid, asked: Asked, exogenous: pd.DataFrame | None) -> tuple[Grid, int]:
    """The grid with what is known ahead, and its first row that is not known."""
    grid, origin = first_unknown(rows, asked.seen)
    return (grid if exogenous is None else _with_ahead(grid, exogenous)), origin


def _asked_of(recipe: Recipe, grid: Grid, issue: Issues, asked: Asked, told: Provided | None) -> Answer:
    """The answer of a recipe, with the provider as a candidate where it told enough past issues."""
    if told is None:
        return answer(recipe, grid, issue, asked.levels)
    origin = int(issue.origins[0])
    candidate = told.baseline((asked.issued - grid.time_of(origin)).total_seconds())
    every = max(1, recipe.trial_every_s // (issue.stride * grid.step_s))
    past = issue.before(origin, recipe.train_days * grid.day)
    tried = past.at(past.origins[::-1][every - 1 :: every][: recipe.trial_issues][::-1])
    times = proven(candidate, grid, tried)
    if times < MIN_ISSUES:
        said = answer(recipe, grid, issue, asked.levels)
        unused = (
            f"{NAME} not used: it told {times} of the last {len(tried.origins)} issues, at least {MIN_ISSUES} needed"
        )
        return replace(said, reason=f"{said.reason}; {unused}")
    return answer(replace(recipe, baselines=(candidate, *recipe.baselines)), grid, issue, asked.levels)


def _at(said: Answer, target: np.ndarray, held: str) -> Answer:
    """The answer by interval."""
    reason = f"{said.reason}; {held}" if held else said.reason
    return replace(said, mean=said.mean[target], quantiles=said.quantiles[:, target], reason=reason)


def _with_ahead(grid: Grid, exogenous: pd.DataFrame) -> Grid:
    """The grid with columns known ahead, as means over its rows or held over them; it grows to the last of them."""
    frame = exogenous.set_axis(utc_index(exogenous.index)).astype(float).replace([np.inf, -np.inf], np.nan)
    step = pd.Timedelta(seconds=grid.step_s)
    told = frame.resample(step).mean().dropna(axis="columns", how="all")
    per = _rows_held(frame, grid.step_s)
    last = (
        max(grid.time_of(grid.rows - 1), told.index.max() + (per - 1) * step)
        if len(told)
        else grid.time_of(grid.rows - 1)
    )
    index = pd.date_range(grid.start, last, freq=step)
    values = np.pad(grid.values, (0, len(index) - grid.rows), constant_values=np.nan)
    columns = tuple(str(name) for name in told.columns)
    ahead = told.reindex(index)
    held = ahead.ffill(limit=per - 1) if per > 1 else ahead
    return Grid(grid.series, grid.start, grid.step_s, values, held.to_numpy(dtype=float), columns, grid.notes)


def _rows_held(frame: pd.DataFrame, step_s: int) -> int:
    """How many rows of the grid one row of known-ahead columns lasts."""
    moments = pd.DatetimeIndex(frame.index.unique()).sort_values()
    if len(moments) < 2:
        return 1
    distance_s = int(pd.Series(moments).diff().dt.total_seconds().mode().iloc[0])
    return min(DAY_S // step_s, max(1, distance_s // step_s))
