"""Readings and forecasts with their time of issue, state and age: what was known when, never invented."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

import numpy as np
import pandas as pd


class DataState(StrEnum):
    """State of data at the moment it is used."""

    OK = "ok"
    STALE = "stale"
    NO_DATA = "no_data"


@dataclass(frozen=True)
class Reading:
    """What a source gave (or the last that was known of it), as rows of a table.

    Attributes:
        source: Name of the source, with its licence where it asks for attribution.
        state: ok; stale = last known rows, the source failed; no_data = nothing known, `rows` is empty.
        fetched_at: When the rows were fetched, aware UTC; None without data.
        known_until: End of the last interval that the rows cover, aware UTC; None without data.
        rows: Carbon: `time, zone, carbon_gco2e_per_kwh[, forecast_*]`. Traffic: `time, prompt_cell,
            answer_cell, demand_rps[, model, origin, tier]`. Prices: `time, zone, price_usd_per_mwh`, known ahead.
            `time` is aware UTC, the interval's start.
        note: What went wrong or was dropped, in a sentence; empty when nothing was.
    """

    source: str
    state: DataState
    fetched_at: datetime | None
    known_until: datetime | None
    rows: pd.DataFrame
    note: str = ""


@dataclass(frozen=True)
class QuantileForecast:
    """A forecast of one series as mean and quantiles over equal intervals.

    Attributes:
        series: Name of the series (a zone; a class).
        issued_at: Everything before this moment was known, nothing after, aware UTC.
        starts_at: Start of the first interval, aware UTC.
        step_s: Length of an interval, seconds.
        levels: Quantile levels, ascending, in (0, 1).
        mean: Shape (interval,), in the unit of the series.
        quantiles: Shape (level, interval), non-decreasing over levels.
        model: Which model made it (`freesh`, `persistence`, ...).
        note: What is worth knowing about it, in a sentence.
        labels: What the series is of, by name (`partition`, `request_class`, `model`, `origin`, `tier`; `zone`).
    """

    series: str
    issued_at: datetime
    starts_at: datetime
    step_s: int
    levels: tuple[float, ...]
    mean: np.ndarray
    quantiles: np.ndarray
    model: str
    note: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)

    def quantile(self, level: float) -> np.ndarray:
        """The quantile of that level, shape (interval,).

        Raises:
            KeyError: the level was not forecast.
        """
        if level not in self.levels:
            raise KeyError(f"quantile {level} was not forecast, levels are {self.levels}")
        row: np.ndarray = self.quantiles[self.levels.index(level)]
        return row
