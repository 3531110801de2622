"""Sources of carbon and traffic in memory: what was, by a formula, and a switch to fail."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from freesh_plugin.core.errors import SourceError
from freesh_plugin.core.request import CellGrid, cell_labels
from models.domain.scenario import CarbonSignal
from models.sources.file import PRICES, TRAFFIC
from models.sources.ports import AS_A_FILE, Fetched, Publishing


@dataclass
class FlatTraffic:
    """Implements `TrafficSource`: `rps` in every cell and step, for each origin by its share, of each model and tier.

    What it was asked is noted. With `totals` it knows no cells: `rps` is that of all.
    """

    rps: float = 1.0
    origins: tuple[tuple[str, float], ...] = (("any", 1.0),)
    name: str = "flat traffic"
    failing: bool = False
    asked: list[tuple[datetime, datetime]] = field(default_factory=list)
    publishing: Publishing = TRAFFIC
    models: tuple[str, ...] = ("default",)
    tiers: tuple[str, ...] = ("default",)
    totals: bool = False
    days: int = 4
    """How far back it knows: no farther than these tests need, since forecasts take their time."""

    def fetch(self, cells: CellGrid, start: datetime, end: datetime) -> Fetched:
        """See `TrafficSource`."""
        self.asked.append((start, end))
        if self.failing:
            raise SourceError(f"{self.name} is down")
        first = max(pd.Timestamp(start), pd.Timestamp(end) - self.days * timedelta(days=1))
        times = pd.date_range(first.ceil("5min"), pd.Timestamp(end) - timedelta(seconds=300), freq="5min")
        rows = [
            pd.DataFrame(
                {
                    "time": times,
                    "prompt_cell": prompt,
                    "answer_cell": answer,
                    "demand_rps": self.rps * share,
                    "model": model,
                    "origin": origin,
                    "tier": tier,
                }
            )
            for prompt in cell_labels(() if self.totals else cells.prompt_tokens)
            for answer in cell_labels(() if self.totals else cells.answer_tokens)
            for origin, share in self.origins
            for model in self.models
            for tier in self.tiers
        ]
        return Fetched(pd.concat(rows, ignore_index=True))


@dataclass
class FlatCarbon:
    """Implements `CarbonSource`: a level by zone, half-hourly up to the cut-off; zones in `down` fail."""

    levels: dict[str, float]
    down: set[str] = field(default_factory=set)
    name: str = "flat carbon"
    signal: CarbonSignal | None = None
    publishing: Publishing = AS_A_FILE
    own_forecast: str | None = None
    days: int = 4
    """How far back it knows: no farther than these tests need, since forecasts take their time."""

    def fetch(self, zones: Sequence[str], start: datetime, end: datetime, *, cut_off: datetime) -> Fetched:
        """See `CarbonSource`."""
        broken = self.down.intersection(zones)
        if broken:
            raise SourceError(f"{self.name}: {broken.pop()} is down")
        first = max(pd.Timestamp(start), pd.Timestamp(cut_off) - self.days * timedelta(days=1))
        times = pd.date_range(first.ceil("30min"), pd.Timestamp(cut_off) - timedelta(minutes=30), freq="30min")
        return Fetched(
            pd.concat(
                [
                    pd.DataFrame({"time": times, "zone": zone, "carbon_gco2e_per_kwh": self.levels[zone]})
                    for zone in zones
                ],
                ignore_index=True,
            )
        )


@dataclass
class DayAheadPrices:
    """Implements `PriceSource`: `levels` by zone and hour of the day, published up to `until`; zones in `down` fail."""

    levels: dict[str, Callable[[int], float]]
    until: datetime
    down: set[str] = field(default_factory=set)
    name: str = "day-ahead prices"
    publishing: Publishing = PRICES
    asked: list[tuple[str, datetime, datetime]] = field(default_factory=list)

    def fetch(self, zones: Sequence[str], start: datetime, end: datetime, *, cut_off: datetime) -> Fetched:
        """See `PriceSource`."""
        del cut_off
        self.asked += [(zone, start, end) for zone in zones]
        broken = self.down.intersection(zones)
        if broken:
            raise SourceError(f"{self.name}: {broken.pop()} is down")
        times = pd.date_range(pd.Timestamp(start).ceil("h"), min(end, self.until), freq="h", inclusive="left")
        tables = [
            pd.DataFrame({"time": times, "zone": zone, "price_usd_per_mwh": [self.levels[zone](t.hour) for t in times]})
            for zone in zones
        ]
        return Fetched(pd.concat(tables, ignore_index=True))


@dataclass
class ForetoldCarbon:
    """Implements `CarbonSource`: half hours that nobody could guess from the past, and the provider's own forecast.

    The forecast is exact, and of the time ahead alone, as providers give it.
    """

    name: str = "foretold carbon"
    signal: CarbonSignal | None = None
    publishing: Publishing = AS_A_FILE
    own_forecast: str | None = "forecast_foretold"

    def truth(self, times: pd.DatetimeIndex) -> np.ndarray:
        """g/kWh from 100 to 500 in no order: a hash of the half hour."""
        numbers = (times.as_unit("s").asi8 // 1_800).astype("uint64")
        mixed = (numbers * np.uint64(2_654_435_761)) % np.uint64(4_093)
        values: np.ndarray = 100.0 + 400.0 * mixed.astype(float) / 4_093.0
        return values

    def fetch(self, zones: Sequence[str], start: datetime, end: datetime, *, cut_off: datetime) -> Fetched:
        """See `CarbonSource`."""
        first = max(pd.Timestamp(start), pd.Timestamp(cut_off) - timedelta(days=12))
        times = pd.date_range(first.ceil("30min"), end, freq="30min", inclusive="left")
        known = times + timedelta(minutes=30) <= pd.Timestamp(cut_off)
        rows = pd.DataFrame({"time": times, "carbon_gco2e_per_kwh": np.where(known, self.truth(times), np.nan)})
        rows[str(self.own_forecast)] = np.where(known, np.nan, self.truth(times))
        return Fetched(pd.concat([rows.assign(zone=zone) for zone in zones], ignore_index=True))
