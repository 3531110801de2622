"""Forecasts many demand series so that they fit together: origins to their joint quantile, classes to one total."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import pandas as pd

from models.domain.forecast import QuantileForecast
from models.forecast.bursts import Burst
from models.forecast.demand import forecast_demand
from models.forecast.forecaster import LEVELS
from models.forecast.joint import scaled_to_joint, scaled_to_total
from models.forecast.one_thread import one_thread

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class _Question:
    """What is asked of every series."""

    issued_at: datetime
    starts_at: datetime
    intervals: int
    step_s: int
    levels: Sequence[float]
    burst: Burst | None

    def of(self, history: "pd.Series[float]", series: str) -> QuantileForecast:
        """The forecast of one series."""
        return forecast_demand(
            history,
            issued_at=self.issued_at,
            starts_at=self.starts_at,
            intervals=self.intervals,
            step_s=self.step_s,
            levels=self.levels,
            series=series,
            burst=self.burst,
        )


@one_thread
def forecast_many(
    histories: Mapping[K, "pd.Series[float]"],
    *,
    issued_at: datetime,
    starts_at: datetime,
    intervals: int,
    step_s: int,
    levels: Sequence[float] = LEVELS,
    joint_over: Callable[[K], Hashable] | None = None,
    total_of: Callable[[K], Hashable] | None = None,
    name: Callable[[K], str] = str,
    burst: Burst | None = None,
) -> dict[K, QuantileForecast]:
    """Forecasts of several series, each from its own history (of a class: the sum of its cells).

    Args:
        histories: As `forecast_demand` reads them, by key.
        issued_at: See `forecast_demand`, as for the other arguments that it has.
        starts_at: Start of the first interval.
        intervals: How many.
        step_s: Length of each, seconds.
        levels: Quantile levels.
        joint_over: Keys of equal value are parts (origins of a class) that do not peak together: their quantiles are
            scaled so that they sum to the quantile of their summed history. None = each stands alone.
        total_of: Keys of equal value (the classes of a model and tier, whatever the partition) divide one total: means
            and quantiles are scaled so that the means sum to the mean forecast of their summed history. None = none do.
        name: Name of a key's series.
        burst: See `forecast_demand`.

    Raises:
        ForecastError: as `forecast_demand`.
    """
    question = _Question(issued_at, starts_at, intervals, step_s, levels, burst)
    forecasts = {key: question.of(history, name(key)) for key, history in histories.items()}
    for group in _groups(histories, joint_over):
        joint = question.of(_sum(histories, group), " + ".join(name(key) for key in group))
        parts = scaled_to_joint([forecasts[key] for key in group], joint)
        forecasts.update(zip(group, parts, strict=True))
    for group in _groups(histories, total_of):
        total = question.of(_sum(histories, group), "total")
        parts = scaled_to_total([forecasts[key] for key in group], total)
        forecasts.update(zip(group, parts, strict=True))
    return forecasts


def _groups(keys: Iterable[K], by: Callable[[K], Hashable] | None) -> list[list[K]]:
    """Keys of equal value together, in their order; only groups of two or more."""
    groups: dict[Hashable, list[K]] = {}
    for key in keys if by is not None else ():
        groups.setdefault(by(key) if by is not None else None, []).append(key)
    return [group for group in groups.values() if len(group) > 1]


def _sum(histories: Mapping[K, "pd.Series[float]"], group: Sequence[K]) -> "pd.Series[float]":
    """Summed history, missing where any part is."""
    return pd.concat([histories[key] for key in group], axis=1).sum(axis=1, skipna=False)
