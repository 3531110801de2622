"""Carbon intensity of Great Britain from NESO's public API: half-hourly, actual and forecast, no key.

Licence of the data: CC BY 4.0; the source's name carries the attribution. National figures only: the regional ones
are forecasts without actuals. Direct emissions, average. An actual appears about half an hour after its interval and
may be revised for a day. NESO goes on revising `forecast` after the interval too, so past values of `forecast_neso`
are better than what was known ahead: a model that learns from them trusts them a little too much.
Documented at https://carbon-intensity.github.io/api-definitions.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec
import pandas as pd

from freesh_plugin.core.errors import SourceError
from models.domain.scenario import CarbonSignal
from models.sources.ports import YEAR, Fetched, Publishing
from models.sources.rows import CARBON, PLAUSIBLE_CARBON, checked, hide_after, ranges, refuse_future, utc_now, within
from models.sources.web import DEFAULT_LIMITS, WebLimits, WebRequest, get_json

URL = "https://api.carbonintensity.org.uk"
ZONE = "GB"
INTERVAL = timedelta(minutes=30)
FORECAST = "forecast_neso"
LONGEST_RANGE = timedelta(days=13)
"""The API answers for 14 days at most, counting the half hour that ends at the start of the range."""

PUBLISHING = Publishing(
    lag=timedelta(minutes=30),
    max_age=timedelta(hours=2),
    updated_every=timedelta(minutes=30),
    revised_within=timedelta(days=2),
    history=YEAR,
)
_SIGNAL = CarbonSignal("average", "direct")
_FORMAT = "%Y-%m-%dT%H:%MZ"

Moment = Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\dZ$")]


class _Intensity(msgspec.Struct):
    forecast: float | None = None
    actual: float | None = None


class _Row(msgspec.Struct, rename={"start": "from", "end": "to"}):
    start: Moment
    end: Moment
    intensity: _Intensity


class _Document(msgspec.Struct):
    data: list[_Row]


@dataclass(frozen=True)
class NesoCarbon:
    """Implements `CarbonSource` for zone GB, with NESO's own forecast as the column `forecast_neso`."""

    url: str = URL
    limits: WebLimits = DEFAULT_LIMITS
    clock: Callable[[], datetime] = field(default=utc_now, repr=False)
    name: str = "NESO Carbon Intensity API (CC BY 4.0)"
    signal: CarbonSignal = _SIGNAL
    publishing: Publishing = PUBLISHING
    own_forecast: str | None = FORECAST

    def fetch(self, zones: Sequence[str], start: datetime, end: datetime, *, cut_off: datetime) -> Fetched:
        """See `CarbonSource`.

        Raises:
            SourceError: another zone than GB, a failed request, rows off the half-hour grid or from the future.
        """
        unknown = [zone for zone in zones if zone != ZONE]
        if unknown:
            raise SourceError(f"{self.name}: knows zone {ZONE!r} alone, not {unknown[0]!r}")
        rows = [row for first, last in ranges(start, end, LONGEST_RANGE) for row in self._ask(first, last)]
        table = pd.DataFrame(
            {
                "time": pd.to_datetime([row.start for row in rows], utc=True, format=_FORMAT),
                "zone": ZONE,
                CARBON: pd.Series([row.intensity.actual for row in rows], dtype=float),
                FORECAST: pd.Series([row.intensity.forecast for row in rows], dtype=float),
            }
        )
        # The answer begins with the half hour that ends at `from`, and ranges share their borders.
        table = within(table, start, end)
        refuse_future(table, CARBON, self.clock(), self.name)
        fetched = checked(table, ("zone", "time"), PLAUSIBLE_CARBON, self.name)
        return Fetched(hide_after(fetched.rows, CARBON, cut_off, INTERVAL), fetched.note)

    def _ask(self, first: datetime, last: datetime) -> list[_Row]:
        path = f"/intensity/{first.astimezone(UTC).strftime(_FORMAT)}/{last.astimezone(UTC).strftime(_FORMAT)}"
        document = get_json(WebRequest("GET", self.url + path), self.limits)
        try:
            rows = msgspec.convert(document, _Document).data
        except msgspec.ValidationError as error:
            raise SourceError(f"{self.name}: unexpected document: {error}") from error
        for row in rows:
            self._check_grid(row)
        return rows

    def _check_grid(self, row: _Row) -> None:
        try:
            start, end = (datetime.strptime(each, _FORMAT).replace(tzinfo=UTC) for each in (row.start, row.end))
        except ValueError as error:
            raise SourceError(f"{self.name}: {row.start!r} to {row.end!r} are no times") from error
        if end - start != INTERVAL or start.minute not in (0, 30):
            raise SourceError(f"{self.name}: {row.start} to {row.end} is not a half hour of the clock")
