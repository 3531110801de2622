"""Synthetic carbon and traffic for demonstrations: seeded functions of absolute time, the same whenever asked.

Nothing here is measured; the sources say `synthetic` in their names. Their levels were set by public data:

- Carbon, direct emissions. SYN-HYDRO after Sweden 2020-21 (mean 42 g/kWh, sd 7; DACF). SYN-WIND after Germany 2021-23
  (mean 363, sd of the daily mean 114, 0.80 of it at noon, 1.12 in the evening, weekends 0.90; sustain-cluster).
  SYN-SOLAR after California 2020-21 (mean 193, sd of the daily mean 43, 0.60 at 19 h UTC, 1.31 at 3 h UTC; DACF).
- Traffic. Day shape and cell shares after the FREESH authors' published demand (38 req/s, 0.77 of it at 4 h and 1.22
  in the afternoon, 5 % of noise within the hour; answers >= 256 tokens 22 %, >= 444 tokens 11 %), scaled to
  `mean_rps`. That table covers one day: the weekend factor of 0.85 is assumed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from freesh_plugin.core.errors import SourceError
from freesh_plugin.core.request import CellGrid, cell_labels
from freesh_plugin.core.units import STEP_S
from models.domain.scenario import ANY_ORIGIN, DEFAULT, CarbonSignal
from models.sources.ports import AS_A_FILE, Fetched, Publishing
from models.sources.rows import CARBON, DEMAND, hide_after
from models.sources.scenario.spot import nearest
from models.sources.seeded_noise import smooth_noise

CARBON_INTERVAL = timedelta(minutes=30)
PUBLISHING = replace(AS_A_FILE, history=timedelta(days=21))
"""Three weeks teach all there is to learn of a formula, in a third of the time."""

_SIGNAL = CarbonSignal("average", "direct")
_DAY_S = 86_400.0
_HOUR_S = 3_600.0


@dataclass(frozen=True)
class Zone:
    """A synthetic grid: mean in g/kWh, its day by hour UTC as factors of mean 1, weekend factor, relative noise."""

    mean: float
    day: tuple[float, ...]
    weekend: float
    daily_noise: float
    hourly_noise: float


_FLAT = (1.0,) * 24
_WINDY = (
    1.05, 1.05, 1.05, 1.06, 1.07, 1.06, 1.03, 0.97, 0.91, 0.85, 0.82, 0.80,
    0.81, 0.84, 0.90, 0.98, 1.06, 1.11, 1.12, 1.12, 1.11, 1.10, 1.07, 1.06,
)  # fmt: skip
_SUNNY = (
    0.89, 1.09, 1.26, 1.31, 1.30, 1.29, 1.26, 1.23, 1.20, 1.18, 1.17, 1.17,
    1.19, 1.20, 1.11, 0.93, 0.73, 0.64, 0.61, 0.60, 0.61, 0.63, 0.67, 0.74,
)  # fmt: skip
ZONES = {
    "SYN-HYDRO": Zone(42.0, _FLAT, 1.0, 0.16, 0.04),
    "SYN-WIND": Zone(363.0, _WINDY, 0.90, 0.31, 0.06),
    "SYN-SOLAR": Zone(193.0, _SUNNY, 0.94, 0.22, 0.08),
}
_BUSY = (
    0.89, 0.92, 0.89, 0.83, 0.77, 0.77, 0.79, 0.87, 0.89, 0.88, 0.90, 0.98,
    1.05, 1.23, 1.19, 1.20, 1.21, 1.19, 1.20, 1.11, 1.10, 1.04, 0.99, 1.14,
)  # fmt: skip
_PROMPT_TOKENS = (9.07, 1.843)
"""Log-normal (mu, sigma): 1.1 % below 128 and 6.2 % below 512 tokens, the short prompts of partitions b and a."""
_ANSWER_TOKENS = (4.68, 1.138)
"""Log-normal (mu, sigma): 22.4 % from 256 and 10.7 % from 444 tokens on, the long answers of partitions b and a."""
_WEEKEND_TRAFFIC = 0.85
_LEAST = 0.05
"""Noise never takes a series below this share of its level."""


@dataclass(frozen=True)
class SyntheticCarbon:
    """Implements `CarbonSource` for the zones SYN-HYDRO, SYN-WIND and SYN-SOLAR, half-hourly."""

    seed: int = 0
    name: str = "synthetic carbon (calibrated to public data, not measured)"
    signal: CarbonSignal = _SIGNAL
    publishing: Publishing = PUBLISHING
    own_forecast: str | None = None

    def fetch(self, zones: Sequence[str], start: datetime, end: datetime, *, cut_off: datetime) -> Fetched:
        """See `CarbonSource`.

        Raises:
            SourceError: an unknown zone, or no interval in the range.
        """
        for zone in zones:
            if zone not in ZONES:
                raise SourceError(f"{self.name}: no zone {zone!r}{nearest(zone, list(ZONES))}")
        times_s = _grid(start, end, CARBON_INTERVAL.total_seconds(), self.name)
        tables = [
            pd.DataFrame({"time": _stamps(times_s), "zone": zone, CARBON: self._carbon(zone, times_s)})
            for zone in sorted(set(zones))
        ]
        if not tables:
            raise SourceError(f"{self.name}: asked for no zone")
        return Fetched(hide_after(pd.concat(tables, ignore_index=True), CARBON, cut_off, CARBON_INTERVAL))

    def _carbon(self, name: str, times_s: np.ndarray) -> np.ndarray:
        zone = ZONES[name]
        level = zone.mean * _by_hour(zone.day, times_s) * _weekend(zone.weekend, times_s)
        noise = zone.daily_noise * smooth_noise(times_s, _DAY_S, f"{self.seed} {name} day")
        noise += zone.hourly_noise * smooth_noise(times_s, _HOUR_S, f"{self.seed} {name} hour")
        carbon: np.ndarray = np.round(level * np.maximum(1.0 + noise, _LEAST), 1)
        return carbon


@dataclass(frozen=True)
class SyntheticTraffic:
    """Implements `TrafficSource`: one model, origin and tier; every cell of the grid in every 5-minute step."""

    seed: int = 0
    mean_rps: float = 16.0
    name: str = "synthetic traffic (calibrated to public data, not measured)"
    publishing: Publishing = AS_A_FILE

    def fetch(self, cells: CellGrid, start: datetime, end: datetime) -> Fetched:
        """See `TrafficSource`.

        Raises:
            SourceError: no step in the range.
        """
        times_s = _grid(start, end - timedelta(seconds=STEP_S - 1e-6), STEP_S, self.name)
        level = self.mean_rps * _by_hour(_BUSY, times_s) * _weekend(_WEEKEND_TRAFFIC, times_s)
        level = level * (1.0 + 0.06 * smooth_noise(times_s, _HOUR_S, f"{self.seed} traffic hour"))
        answers = _shares(cells.answer_tokens, *_ANSWER_TOKENS)
        tables = [
            self._cell(times_s, level * prompt_share * answer_share, prompt, answer)
            for prompt, prompt_share in _shares(cells.prompt_tokens, *_PROMPT_TOKENS).items()
            for answer, answer_share in answers.items()
        ]
        return Fetched(pd.concat(tables, ignore_index=True))

    def _cell(self, times_s: np.ndarray, level: np.ndarray, prompt: str, answer: str) -> pd.DataFrame:
        noise = 0.05 * smooth_noise(times_s, STEP_S, f"{self.seed} traffic {prompt} {answer}")
        return pd.DataFrame(
            {
                "time": _stamps(times_s),
                "prompt_cell": prompt,
                "answer_cell": answer,
                DEMAND: np.round(level * np.maximum(1.0 + noise, _LEAST), 4),
                "model": DEFAULT,
                "origin": ANY_ORIGIN,
                "tier": DEFAULT,
            }
        )


def _grid(start: datetime, end: datetime, step_s: float, name: str) -> np.ndarray:
    """Starts of the intervals within [start, end), seconds since 1970."""
    first = math.ceil(start.timestamp() / step_s)
    last = math.ceil(end.timestamp() / step_s)
    if first >= last:
        raise SourceError(f"{name}: no interval of {step_s:g} s from {start} to {end}")
    return np.arange(first, last) * step_s


def _stamps(times_s: np.ndarray) -> pd.DatetimeIndex:
    return pd.to_datetime(times_s.astype("int64"), unit="s", utc=True)


def _by_hour(day: tuple[float, ...], times_s: np.ndarray) -> np.ndarray:
    """The day's factors, each at the middle of its hour, straight lines between."""
    hours = np.arange(-1, 25) + 0.5
    return np.interp(times_s % _DAY_S / _HOUR_S, hours, (day[-1], *day, day[0]))


def _weekend(factor: float, times_s: np.ndarray) -> np.ndarray:
    """`factor` on Saturdays and Sundays UTC, else 1; 1970-01-01 was a Thursday."""
    weekday = (times_s // _DAY_S + 3) % 7
    return np.where(weekday >= 5, factor, 1.0)


def _shares(boundaries: tuple[int, ...], mu: float, sigma: float) -> dict[str, float]:
    """Share of requests in each cell, by label, lengths log-normal."""
    below = [0.0, *(0.5 * (1.0 + math.erf((math.log(each) - mu) / sigma / math.sqrt(2.0))) for each in boundaries), 1.0]
    return {label: high - low for label, low, high in zip(cell_labels(boundaries), below, below[1:], strict=False)}
