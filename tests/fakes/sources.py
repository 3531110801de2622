"""Sources of carbon and traffic in memory: what was, by a formula, and a switch to fail."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pandas as pd

from freesh_plugin.core.errors import SourceError
from freesh_plugin.core.request import CellGrid, cell_labels
from models.domain.scenario import CarbonSignal
from models.sources.ports import Fetched


@dataclass
class FlatTraffic:
    """Implements `TrafficSource`: `rps` in every cell and step, for each origin by its share; asked what is noted."""

    rps: float = 1.0
    origins: tuple[tuple[str, float], ...] = (("any", 1.0),)
    name: str = "flat traffic"
    failing: bool = False
    asked: list[tuple[datetime, datetime]] = field(default_factory=list)

    def fetch(self, cells: CellGrid, start: datetime, end: datetime) -> Fetched:
        """See `TrafficSource`."""
        self.asked.append((start, end))
        if self.failing:
            raise SourceError(f"{self.name} is down")
        times = pd.date_range(pd.Timestamp(start).ceil("5min"), pd.Timestamp(end) - timedelta(seconds=300), freq="5min")
        rows = [
            pd.DataFrame(
                {
                    "time": times,
                    "prompt_cell": prompt,
                    "answer_cell": answer,
                    "demand_rps": self.rps * share,
                    "model": "default",
                    "origin": origin,
                    "tier": "default",
                }
            )
            for prompt in cell_labels(cells.prompt_tokens)
            for answer in cell_labels(cells.answer_tokens)
            for origin, share in self.origins
        ]
        return Fetched(pd.concat(rows, ignore_index=True))


@dataclass
class FlatCarbon:
    """Implements `CarbonSource`: a level by zone, half-hourly up to the cut-off; zones in `down` fail."""

    levels: dict[str, float]
    down: set[str] = field(default_factory=set)
    name: str = "flat carbon"
    signal: CarbonSignal | None = None

    def fetch(self, zones: Sequence[str], start: datetime, end: datetime, *, cut_off: datetime) -> Fetched:
        """See `CarbonSource`."""
        broken = self.down.intersection(zones)
        if broken:
            raise SourceError(f"{self.name}: {broken.pop()} is down")
        times = pd.date_range(
            pd.Timestamp(start).ceil("30min"), pd.Timestamp(cut_off) - timedelta(minutes=30), freq="30min"
        )
        return Fetched(
            pd.concat(
                [
                    pd.DataFrame({"time": times, "zone": zone, "carbon_gco2e_per_kwh": self.levels[zone]})
                    for zone in zones
                ],
                ignore_index=True,
            )
        )
