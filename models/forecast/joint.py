"""Parts and their sum: forecasts of parts scaled to the joint quantile, or to the mean of their total."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from freesh_plugin.core.errors import ForecastError
from models.domain.forecast import QuantileForecast


def scaled_to_joint(parts: Sequence[QuantileForecast], joint: QuantileForecast) -> list[QuantileForecast]:
    """The parts with quantiles scaled by one factor per level and step, so that their sum is the joint quantile.

    Origins seldom peak together: the sum of their own quantiles would provision 12 to 19 % too much. Means stay; where
    demand is very uneven a scaled quantile may lie below its part's mean, as it may before.

    Raises:
        ForecastError: no part, or parts and joint of different steps or levels.
    """
    _check(parts, joint)
    total = np.sum([each.quantiles for each in parts], axis=0)
    even = joint.quantiles / len(parts)
    factor = np.divide(joint.quantiles, total, out=np.ones_like(total), where=total > 0)
    return [replace(each, quantiles=np.where(total > 0, each.quantiles * factor, even)) for each in parts]


def scaled_to_total(parts: Sequence[QuantileForecast], total: QuantileForecast) -> list[QuantileForecast]:
    """The parts with means and quantiles scaled by one factor per step, so that their means sum to the total's.

    Whatever the total is divided into, it is then the same: no partition wins because its parts were forecast lower.

    Raises:
        ForecastError: no part, or parts and total of different steps or levels.
    """
    _check(parts, total)
    said = np.sum([each.mean for each in parts], axis=0)
    factor = np.divide(total.mean, said, out=np.ones_like(said), where=said > 0)
    return [
        replace(
            each,
            mean=np.where(said > 0, each.mean * factor, total.mean / len(parts)),
            quantiles=each.quantiles * factor,
        )
        for each in parts
    ]


def _check(parts: Sequence[QuantileForecast], whole: QuantileForecast) -> None:
    """All forecasts are of the same steps and levels."""
    if not parts:
        raise ForecastError(f"series {whole.series}: no part to scale")
    for each in parts:
        if (each.starts_at, each.step_s, each.levels, each.mean.shape) != (
            whole.starts_at,
            whole.step_s,
            whole.levels,
            whole.mean.shape,
        ):
            raise ForecastError(f"series {each.series} and {whole.series} are forecast for different steps or levels")
