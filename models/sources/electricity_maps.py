"""Carbon intensity of a zone from Electricity Maps' API v3: hourly, average, direct or lifecycle, with a key.

Licence of the data: Electricity Maps' own, by plan; the source's name carries the attribution. Zones are its zone keys
(`DE`, `US-CAL-CISO`). Where nothing was measured it answers with its estimate and says so; how many hours are
estimated is in the note. The endpoint `past-range` needs a paid plan and answers for 10 days at most; `history` is open
to the free plan and knows the last 24 hours alone. Its forecast is only ever the newest one: a past slot gets none.
Requests are made one after the other; a 429 is waited for as `web` says.
Documented at https://app.electricitymaps.com/developer-hub/api/reference.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec
import pandas as pd

from freesh_plugin.core.errors import SourceError
from models.domain.scenario import CarbonSignal
from models.sources.ports import Fetched, Publishing
from models.sources.rows import (
    CARBON,
    PLAUSIBLE_CARBON,
    checked,
    hide_after,
    notes,
    ranges,
    refuse_future,
    utc,
    utc_now,
    with_forecast,
    within,
)
from models.sources.web import DEFAULT_LIMITS, WebLimits, WebRequest, get_json

URL = "https://api.electricitymaps.com"
PAST_RANGE, HISTORY, AHEAD = "past-range", "history", "forecast"
INTERVAL = timedelta(hours=1)
LONGEST_RANGE = timedelta(days=10)
FORECAST = "forecast_electricity_maps"
FORECAST_HOURS = 24
LIVE = timedelta(hours=1)
"""A cut-off that is longer ago belongs to a past slot, which must not see today's forecast."""

PUBLISHING = Publishing(
    lag=timedelta(hours=1),
    max_age=timedelta(hours=4),
    updated_every=timedelta(minutes=30),
    revised_within=timedelta(days=2),
)
"""An hour appears within the next one, estimated where its data are late; estimates are replaced for about a day."""

_ROWS = {PAST_RANGE: "data", HISTORY: "history", AHEAD: "forecast"}
"""Where the rows are, by endpoint; newer versions of the API call them `data` everywhere."""
_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


class _Row(msgspec.Struct, rename="camel"):
    datetime: str
    carbon_intensity: float | None = None
    zone: str | None = None
    emission_factor_type: str | None = None
    is_estimated: bool | None = None
    estimation_method: str | None = None


class _Document(msgspec.Struct):
    zone: str | None = None
    data: list[_Row] | None = None
    history: list[_Row] | None = None
    forecast: list[_Row] | None = None


@dataclass(frozen=True)
class ElectricityMapsCarbon:
    """Implements `CarbonSource`, with Electricity Maps' own forecast as the column `forecast_electricity_maps`."""

    token: str = field(repr=False)
    scope: str = "direct"
    endpoint: str = PAST_RANGE
    url: str = URL
    limits: WebLimits = DEFAULT_LIMITS
    clock: Callable[[], datetime] = field(default=utc_now, repr=False)
    publishing: Publishing = PUBLISHING
    own_forecast: str | None = FORECAST

    @property
    def name(self) -> str:
        """The provider, and what its numbers are."""
        return f"Electricity Maps ({self.signal.kind}, {self.signal.scope}, flow-traced; terms of the plan)"

    @property
    def signal(self) -> CarbonSignal:
        """Average; direct or lifecycle as asked for."""
        return CarbonSignal("average", self.scope)

    def fetch(self, zones: Sequence[str], start: datetime, end: datetime, *, cut_off: datetime) -> Fetched:
        """See `CarbonSource`. A failing forecast is said in the note; the known hours stand without it.

        Raises:
            SourceError: a failed request, another zone or kind of factor than asked for, rows off the full hour or
                from the future.
        """
        rows = [(zone, row) for zone in zones for row in self._past(zone, start, min(end, cut_off))]
        known = within(_table(rows, CARBON), start, end)
        self._check_hours(known)
        refuse_future(known, CARBON, self.clock(), self.name)
        ahead, why_none = self._forecasts(zones, cut_off)
        table = with_forecast(known, within(ahead, start, end), self.name)
        fetched = checked(table, ("zone", "time"), PLAUSIBLE_CARBON, self.name)
        note = notes(fetched.note, _estimated([row for _, row in rows]), why_none)
        return Fetched(hide_after(fetched.rows, CARBON, cut_off, INTERVAL), note)

    def _past(self, zone: str, start: datetime, end: datetime) -> list[_Row]:
        if self.endpoint == HISTORY:
            return self._ask(zone, HISTORY, {})
        parts = ranges(start, end, LONGEST_RANGE)
        return [row for first, last in parts for row in self._ask(zone, PAST_RANGE, _span(first, last))]

    def _forecasts(self, zones: Sequence[str], cut_off: datetime) -> tuple[pd.DataFrame, str]:
        """The newest forecast of each zone, and why there is none."""
        none = _table([], FORECAST)
        if self.clock() - cut_off > LIVE:
            return none, "no forecast: the provider keeps the newest one alone, which a past slot must not see"
        try:
            asked = {"horizonHours": str(FORECAST_HOURS)}
            table = _table([(zone, row) for zone in zones for row in self._ask(zone, AHEAD, asked)], FORECAST)
            self._check_hours(table)
        except SourceError as error:
            return none, f"no forecast: {error}"
        return table, ""

    def _ask(self, zone: str, endpoint: str, params: dict[str, str]) -> list[_Row]:
        # Without a zone that it knows the API looks up where the caller is, and answers for that place.
        asked = {"zone": zone, "emissionFactorType": self.scope, "temporalGranularity": "hourly"}
        request = WebRequest(
            "GET",
            f"{self.url}/v3/carbon-intensity/{endpoint}",
            asked | {"disableCallerLookup": "true"} | params,
            secret_headers={"auth-token": self.token},
        )
        try:
            document = msgspec.convert(get_json(request, self.limits), _Document)
        except msgspec.ValidationError as error:
            raise SourceError(f"{self.name}: unexpected document: {error}") from error
        rows = getattr(document, _ROWS[endpoint])
        rows = document.data if rows is None else rows
        if rows is None:
            raise SourceError(f"{self.name}: unexpected document: no `{_ROWS[endpoint]}`")
        self._check_answer(zone, document, rows)
        return rows

    def _check_answer(self, zone: str, document: _Document, rows: Sequence[_Row]) -> None:
        for stated in (document.zone, *(row.zone for row in rows)):
            if stated not in (None, zone):
                raise SourceError(f"{self.name}: asked for zone {zone!r}, answered for {stated!r}")
        for row in rows:
            if row.emission_factor_type not in (None, self.scope):
                raise SourceError(
                    f"{self.name}: asked for {self.scope} emission factors, answered {row.emission_factor_type!r}"
                )

    def _check_hours(self, table: pd.DataFrame) -> None:
        off = table.loc[table["time"].notna() & (table["time"] != table["time"].dt.floor("h")), "time"]
        if not off.empty:
            raise SourceError(f"{self.name}: {off.iloc[0]} is not a full hour")


def _span(first: datetime, last: datetime) -> dict[str, str]:
    return {"start": first.astimezone(UTC).strftime(_FORMAT), "end": last.astimezone(UTC).strftime(_FORMAT)}


def _table(rows: Sequence[tuple[str, _Row]], column: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "time": utc(pd.Series([row.datetime for _, row in rows], dtype=object)),
            "zone": pd.Series([zone for zone, _ in rows], dtype=object),
            column: pd.Series([row.carbon_intensity for _, row in rows], dtype=float),
        }
    )


def _estimated(rows: Sequence[_Row]) -> str:
    methods = [row.estimation_method or "method not stated" for row in rows if row.is_estimated]
    how = ", ".join(sorted(set(methods)))
    return f"{len(methods)} of {len(rows)} hours estimated by the provider ({how})" if methods else ""
