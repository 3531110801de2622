"""Forecasts the carbon intensity of a grid zone from its past and from what is known ahead."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import pandas as pd

from freesh_plugin.core.errors import ForecastError
from models.domain.forecast import QuantileForecast
from models.forecast.carbon_recipe import CARBON
from models.forecast.forecaster import LEVELS
from models.forecast.grid import Grid, utc_index
from models.forecast.issues import Issues
from models.forecast.ladder import answer
from models.forecast.request import HOUR_S, checked_levels, first_unknown, known_grid, utc


def forecast_carbon(
    history: "pd.Series[float]",
    *,
    issued_at: datetime,
    intervals: int,
    step_s: int,
    exogenous: pd.DataFrame | None = None,
    levels: Sequence[float] = LEVELS,
    series: str = "carbon",
) -> QuantileForecast:
    """Carbon intensity over `intervals` of `step_s` from the issue on, g/kWh, signed.

    The model is hourly. Shorter intervals take the value of their hour: a step function, no shape is invented.

    Args:
        history: g/kWh, indexed by the start of each interval (naive = UTC), hourly or finer; NaN = missing. What had
            not ended at the issue is not read. An hour counts as known when all of its rows are.
        issued_at: Moment of the issue, aware; the first interval is the one that holds it.
        intervals: How many, at least 1.
        step_s: Length of each, seconds; divides an hour.
        exogenous: What is known ahead (weather, production forecasts), indexed like the history, past and future.
        levels: Quantile levels in (0, 1).
        series: Name of the series.

    Raises:
        ForecastError: no history at all, rows longer than an hour, or an argument out of range.
    """
    if step_s < 1 or HOUR_S % step_s or intervals < 1:
        raise ForecastError(f"{intervals} intervals of {step_s} s: at least one, each a divisor of {HOUR_S} s")
    asked, issued = checked_levels(levels), utc(issued_at)
    starts_at = issued.floor(pd.Timedelta(seconds=step_s))
    grid, origin = first_unknown(known_grid(history, issued, series).coarser(HOUR_S), issued)
    if exogenous is not None:
        grid = _with_ahead(grid, exogenous)
    starts = starts_at + pd.to_timedelta(np.arange(intervals) * step_s, unit="s")
    hours = np.array([grid.row_at(start) for start in starts])
    issue = Issues(np.array([origin]), grid.day, int(hours[0] - origin), 1, int(hours[-1] - hours[0]) + 1)
    said = answer(CARBON, grid, issue, asked)
    hour = hours - hours[0]
    return QuantileForecast(
        series=series,
        issued_at=issued.to_pydatetime(),
        starts_at=starts_at.to_pydatetime(),
        step_s=step_s,
        levels=asked,
        mean=said.mean[hour],
        quantiles=said.quantiles[:, hour],
        model=said.model,
        note=said.note,
        labels={"zone": series},
    )


def _with_ahead(grid: Grid, exogenous: pd.DataFrame) -> Grid:
    """The grid with columns known ahead, as hourly means; it grows to the last of them."""
    frame = exogenous.set_axis(utc_index(exogenous.index)).astype(float).replace([np.inf, -np.inf], np.nan)
    hourly = frame.resample(f"{HOUR_S}s").mean().dropna(axis="columns", how="all")
    last = max(grid.time_of(grid.rows - 1), hourly.index.max()) if len(hourly) else grid.time_of(grid.rows - 1)
    index = pd.date_range(grid.start, last, freq=f"{HOUR_S}s")
    values = np.pad(grid.values, (0, len(index) - grid.rows), constant_values=np.nan)
    columns = tuple(str(name) for name in hourly.columns)
    ahead = hourly.reindex(index).to_numpy(dtype=float)
    return Grid(grid.series, grid.start, HOUR_S, values, ahead, columns, grid.notes)
