"""Offered load from a Prometheus server: `freesh_arrivals_total` by cell, summed over locations, as rates.

Counter resets are Prometheus's own job (`increase`). A cell that no runtime counts yet has no series; a step in which
no runtime was scraped has no rows at all, and stays missing.
"""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
import pandas as pd

from freesh_plugin.core.errors import ScenarioError, SourceError
from freesh_plugin.core.request import CellGrid, parse_cell_label
from freesh_plugin.core.units import STEP_S
from models.domain.scenario import ANY_ORIGIN, DEFAULT
from models.sources.cells import WHOLE
from models.sources.ports import Fetched, Publishing
from models.sources.rows import DEMAND, PLAUSIBLE_DEMAND, checked
from models.sources.web import DEFAULT_LIMITS, WebLimits, WebRequest, get_json

METRIC = "freesh_arrivals_total"
LABELS = ("origin", "model", "tier", "prompt_cell", "predicted_answer_cell")
PUBLISHING = Publishing(lag=timedelta(), max_age=timedelta(minutes=30), revised_within=timedelta(hours=1))
"""At once; the server's own history does not change, but what was scraped late may fill the last steps."""
_MOST_POINTS = 10_000
"""Prometheus refuses more than 11,000 points a series."""
_KEY = ("model", "origin", "tier", "prompt_cell", "answer_cell", "time")


class _Series(msgspec.Struct):
    metric: dict[str, str]
    values: list[tuple[float, str]]


class _Data(msgspec.Struct):
    result: list[_Series]
    resultType: Annotated[str, msgspec.Meta(pattern="^matrix$")]  # Prometheus's own spelling


class _Document(msgspec.Struct):
    status: Annotated[str, msgspec.Meta(pattern="^success$")]
    data: _Data


@dataclass(frozen=True)
class PrometheusTraffic:
    """Implements `TrafficSource`."""

    url: str
    token: str | None = field(default=None, repr=False)
    step_s: int = STEP_S
    limits: WebLimits = DEFAULT_LIMITS
    publishing: Publishing = PUBLISHING
    totals: str | None = None
    """PromQL that gives req/s in total, by `origin`, `model` and `tier` as far as it has these labels; None = cells."""

    @property
    def name(self) -> str:
        """Prometheus, where it is, and what is asked of it if not cells every five minutes: rows are kept by it."""
        rows = "" if self.step_s == STEP_S else f", rows of {self.step_s} s"
        asked = "" if self.totals is None else f", totals {hashlib.sha256(self.totals.encode()).hexdigest()[:8]}"
        return f"Prometheus at {self.url}{rows}{asked}"

    def fetch(self, cells: CellGrid, start: datetime, end: datetime) -> Fetched:
        """See `TrafficSource`; the cells are those that the runtimes count in.

        Raises:
            SourceError: a failed request, no series, or labels that are no cells.
        """
        del cells
        rows = [row for first, last in self._ranges(start, end) for row in self._ask(first, last)]
        if not rows:
            raise SourceError(
                f"{self.name}: no samples of {self.totals or METRIC} from {start:%Y-%m-%d %H:%M} to {end:%H:%M} UTC"
            )
        table = pd.DataFrame(rows, columns=["end_s", *LABELS[:3], "prompt_cell", "answer_cell", DEMAND])
        ends = pd.to_datetime(table.pop("end_s"), unit="s", utc=True)
        table.insert(0, "time", ends - timedelta(seconds=self.step_s))
        fetched = checked(table, _KEY, PLAUSIBLE_DEMAND, self.name)
        return Fetched(fetched.rows.dropna(subset=[DEMAND], ignore_index=True), fetched.note)

    def _ranges(self, start: datetime, end: datetime) -> Iterator[tuple[int, int]]:
        """Moments of evaluation, seconds: the ends of the steps on the clock's grid within [start, end]."""
        first = math.ceil(start.timestamp() / self.step_s) * self.step_s + self.step_s
        last = math.floor(end.timestamp() / self.step_s) * self.step_s
        while first <= last:
            until = min(first + (_MOST_POINTS - 1) * self.step_s, last)
            yield first, until
            first = until + self.step_s

    def _ask(self, first_s: int, last_s: int) -> Iterator[tuple[Any, ...]]:
        query = self.totals or f"sum by ({', '.join(LABELS)}) (increase({METRIC}[{self.step_s}s])) / {self.step_s}"
        params = {"query": query, "start": str(first_s), "end": str(last_s), "step": str(self.step_s)}
        document = get_json(WebRequest("GET", f"{self.url}/api/v1/query_range", params, self.token), self.limits)
        try:
            series = msgspec.convert(document, _Document).data.result
        except msgspec.ValidationError as error:
            raise SourceError(f"{self.name}: unexpected document: {error}") from error
        for each in series:
            labels = self._labels(each.metric) if self.totals is None else _total(each.metric)
            for end_s, text in each.values:
                if end_s % self.step_s:
                    raise SourceError(f"{self.name}: sample at {end_s} s is not on the grid of {self.step_s} s")
                yield (end_s, *labels, self._rate(text))

    def _rate(self, text: str) -> float:
        try:
            return float(text)
        except ValueError as error:
            raise SourceError(f"{self.name}: sample {text!r} is not a number") from error

    def _labels(self, metric: dict[str, str]) -> tuple[str, ...]:
        labels = tuple(metric.get(label, "") for label in LABELS)
        try:
            for cell in labels[3:]:
                parse_cell_label(cell)
        except ScenarioError as error:
            raise SourceError(f"{self.name}: {METRIC} with labels {metric}: {error}") from error
        if not all(labels):
            raise SourceError(f"{self.name}: {METRIC} lacks a label of {', '.join(LABELS)}: {metric}")
        return labels


def _total(metric: dict[str, str]) -> tuple[str, ...]:
    """Labels of a total, which is of all lengths; those that it lacks are the ones of a fleet with one of each."""
    default = {"origin": ANY_ORIGIN, "model": DEFAULT, "tier": DEFAULT}
    return (*(metric.get(label) or default[label] for label in LABELS[:3]), WHOLE, WHOLE)
