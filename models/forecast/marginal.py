"""Marginal carbon intensity estimated from hourly emissions and generation: what one more kWh emits, not the average.

After Hawkes (2010) and Siler-Evans et al. (2012): the slope of hourly changes of a grid's emissions over hourly changes
of its generation. Here by hour of day, from the past alone, so that it changes as the grid does. It is an estimate:
imports, and what is curtailed, are not in the data, and a correlation is taken for a cause.
"""

from dataclasses import replace

import numpy as np

from freesh_plugin.core.errors import ForecastError
from models.forecast.grid import Grid

DAYS = 28
"""So many preceding days are used."""

LEAST_DAYS = 14
"""Fewer days with rows give no estimate."""

_HOURS = 24


def marginal_intensity(carbon: Grid, generation_mwh: np.ndarray) -> Grid:
    """Estimated marginal intensity in g/kWh, signed; NaN where too little is known.

    slope[d, h] = sum (dG - mean dG) (dE - mean dE) / sum (dG - mean dG)^2 over days d - 28 to d - 1 and the hours of
    day h - 1, h, h + 1, with means by hour of day: so the usual course of the day (the sun rises, demand grows) is
    taken out, and what is left is what generation that differed from other days' emitted. No row from day d on is used.

    Args:
        carbon: Average intensity in hourly rows, g/kWh.
        generation_mwh: Total generation of the same rows, MWh.

    Raises:
        ForecastError: the rows are not hourly.
    """
    if carbon.step_s != 3_600:
        raise ForecastError(
            f"series {carbon.series}: rows of {carbon.step_s} s, must be of 3600 s for a marginal estimate"
        )
    emitted_kg = carbon.values * generation_mwh
    first_hour = int(carbon.start.hour)
    more_mwh, more_kg = (_by_day(np.diff(each, prepend=np.nan), first_hour) for each in (generation_mwh, emitted_kg))
    known = np.isfinite(more_mwh) & np.isfinite(more_kg)
    x, y = (np.where(known, each, 0.0) for each in (more_mwh, more_kg))
    days, sum_x, sum_y, sum_xx, sum_xy = (_past(each) for each in (known.astype(float), x, y, x * x, x * y))
    count = np.maximum(days, 1.0)
    covered = _around(sum_xy - sum_x * sum_y / count)
    varied = _around(sum_xx - sum_x * sum_x / count)
    enough = (days >= LEAST_DAYS) & (varied > 1e-9 * _around(sum_xx))
    slope = np.divide(covered, varied, out=np.full(x.shape, np.nan), where=enough)
    values = slope.ravel()[first_hour : first_hour + carbon.rows]
    return replace(
        carbon, values=values, exogenous=np.empty((carbon.rows, 0)), columns=(),
        notes=("marginal intensity is estimated from hourly changes of emissions and generation",),
    )  # fmt: skip


def _by_day(values: np.ndarray, first_hour: int) -> np.ndarray:
    """Shape (day, hour of day), NaN outside."""
    after = -(first_hour + len(values)) % _HOURS
    return np.pad(values, (first_hour, after), constant_values=np.nan).reshape(-1, _HOURS)


def _past(values: np.ndarray) -> np.ndarray:
    """Sum over the preceding `DAYS` days, the day itself left out; shape (day, hour)."""
    summed = np.vstack((np.zeros((1, _HOURS)), np.cumsum(values, axis=0)))
    ends = np.arange(len(values))
    past: np.ndarray = summed[ends] - summed[np.maximum(ends - DAYS, 0)]
    return past


def _around(values: np.ndarray) -> np.ndarray:
    """With the hours of day before and after."""
    around: np.ndarray = values + np.roll(values, 1, axis=1) + np.roll(values, -1, axis=1)
    return around
