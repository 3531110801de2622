"""Marginal operating emission rate (MOER) of a region from WattTime's API v3: 5-minute, with a user and a password.

Licence of the data: WattTime's own, by plan; the source's name carries the attribution. Zones are its regions
(`CAISO_NORTH`, which is open to every account). Signal `co2_moer`: pounds of CO2 (no other gases) per MWh at the
plants that answer to a change of load, marginal and direct; kept in g/kWh. It is never an average, and must not stand
in for one. A login gives a token for 30 minutes; when it expires on the way, there is one new login. Limits: 3,000
requests and 100 logins in 5 minutes; requests are made one after the other, a 429 is waited for as `web` says.
Documented at https://docs.watttime.org.
"""

import base64
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

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
from models.sources.web import DEFAULT_LIMITS, WebLimits, WebRequest, exchange, json_of

URL = "https://api.watttime.org"
SIGNAL = "co2_moer"
UNITS = "lbs_co2_per_mwh"
G_PER_KWH = 0.45359237
"""One pound per MWh in g/kWh: 453.59237 g of the international pound in 1,000 kWh."""
INTERVAL = timedelta(minutes=5)
LONGEST_RANGE = timedelta(days=32)
FORECAST = "forecast_watttime"
FORECAST_HOURS = 24
LIVE = timedelta(hours=1)
"""A cut-off that is longer ago belongs to a past slot: it gets the forecast that was the newest one then."""
ISSUED_WITHIN = timedelta(hours=1)
"""Forecasts are issued every 5 minutes; for a past slot those of the hour before the cut-off are asked for."""

PUBLISHING = Publishing(
    lag=timedelta(minutes=5),
    max_age=timedelta(hours=1),
    updated_every=timedelta(minutes=5),
    revised_within=timedelta(days=1),
)

_MARGINAL = CarbonSignal("marginal", "direct")
_FORMAT = "%Y-%m-%dT%H:%M+00:00"


class _Login(msgspec.Struct):
    token: Annotated[str, msgspec.Meta(pattern="^[!-~]+$")]


class _Point(msgspec.Struct):
    point_time: str
    value: float | None = None
    imputed_data_used: bool | None = None


class _Issue(msgspec.Struct):
    generated_at: str
    forecast: list[_Point]


class _Meta(msgspec.Struct):
    region: str
    signal_type: str
    units: str
    data_point_period_seconds: int


class _Points(msgspec.Struct):
    data: list[_Point]
    meta: _Meta


class _Issues(msgspec.Struct):
    data: list[_Issue]
    meta: _Meta


_Document = TypeVar("_Document", _Points, _Issues)


@dataclass
class _Session:
    """The token of the last login, if there was one."""

    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class WattTimeCarbon:
    """Implements `CarbonSource` with marginal rates, and WattTime's own forecast as the column `forecast_watttime`."""

    user: str
    password: str = field(repr=False)
    url: str = URL
    limits: WebLimits = DEFAULT_LIMITS
    clock: Callable[[], datetime] = field(default=utc_now, repr=False)
    name: str = "WattTime co2_moer (marginal, direct, CO2 alone; terms of the plan)"
    signal: CarbonSignal = _MARGINAL
    publishing: Publishing = PUBLISHING
    own_forecast: str | None = FORECAST
    _session: _Session = field(default_factory=_Session, repr=False, compare=False)

    def fetch(self, zones: Sequence[str], start: datetime, end: datetime, *, cut_off: datetime) -> Fetched:
        """See `CarbonSource`. A failing forecast is said in the note; the known rates stand without it.

        Raises:
            SourceError: a failed login or request, another region, signal, unit or interval than asked for, actuals
                from the future.
        """
        points = [(zone, point) for zone in zones for point in self._past(zone, start, min(end, cut_off))]
        known = within(_table(points, CARBON), start, end)
        refuse_future(known, CARBON, self.clock(), self.name)
        ahead, why_none = self._forecasts(zones, cut_off)
        table = with_forecast(known, within(ahead, start, end), self.name)
        fetched = checked(table, ("zone", "time"), PLAUSIBLE_CARBON, self.name)
        note = notes(fetched.note, _imputed([point for _, point in points]), why_none)
        return Fetched(hide_after(fetched.rows, CARBON, cut_off, INTERVAL), note)

    def _past(self, zone: str, start: datetime, end: datetime) -> Iterator[_Point]:
        for first, last in ranges(start, end, LONGEST_RANGE):
            asked = {"start": _text(first), "end": _text(last), "include_imputed_marker": "true"}
            yield from self._read(zone, "historical", asked, _Points).data

    def _forecasts(self, zones: Sequence[str], cut_off: datetime) -> tuple[pd.DataFrame, str]:
        """The forecast of each zone that was the newest one at the cut-off, and why there is none."""
        past = self.clock() - cut_off > LIVE
        try:
            points = [
                (zone, point)
                for zone in zones
                for point in (self._issued_before(zone, cut_off) if past else self._newest(zone))
            ]
        except SourceError as error:
            return _table([], FORECAST), f"no forecast: {error}"
        return _table(points, FORECAST), "" if points else "no forecast: none was issued in the hour before"

    def _newest(self, zone: str) -> list[_Point]:
        return self._read(zone, "forecast", {"horizon_hours": str(FORECAST_HOURS)}, _Points).data

    def _issued_before(self, zone: str, cut_off: datetime) -> list[_Point]:
        asked = {
            "start": _text(cut_off - ISSUED_WITHIN),
            "end": _text(cut_off),
            "horizon_hours": str(FORECAST_HOURS),
        }
        issues = self._read(zone, "forecast/historical", asked, _Issues).data
        issued_at = utc(pd.Series([each.generated_at for each in issues], dtype=object))
        before = issued_at[issued_at <= pd.Timestamp(cut_off)]
        return issues[int(str(before.idxmax()))].forecast if len(before) else []

    def _read(self, zone: str, endpoint: str, params: dict[str, str], kind: type[_Document]) -> _Document:
        asked = {"region": zone, "signal_type": SIGNAL} | params
        document = self._ask(f"{self.url}/v3/{endpoint}", asked)
        try:
            read = msgspec.convert(document, kind)
        except msgspec.ValidationError as error:
            raise SourceError(f"{self.name}: unexpected document: {error}") from error
        self._check_meta(zone, read.meta)
        return read

    def _check_meta(self, zone: str, meta: _Meta) -> None:
        expected = _Meta(zone, SIGNAL, UNITS, int(INTERVAL.total_seconds()))
        for name in expected.__struct_fields__:
            wanted, given = getattr(expected, name), getattr(meta, name)
            if wanted != given:
                raise SourceError(f"{self.name}: `{name}` is {given!r}, expected {wanted!r}")

    def _ask(self, url: str, params: dict[str, str]) -> Any:  # noqa: ANN401  # any JSON
        for again in (False, True):
            request = WebRequest("GET", url, params, token=self._token(again=again))
            answer = exchange(request, self.limits)
            if answer.status_code != HTTPStatus.UNAUTHORIZED:
                break
        return json_of(request, answer)

    def _token(self, *, again: bool) -> str:
        if again or self._session.token is None:
            self._session.token = self._login()
        return self._session.token

    def _login(self) -> str:
        credentials = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        request = WebRequest("GET", f"{self.url}/login", secret_headers={"authorization": f"Basic {credentials}"})
        answer = exchange(request, self.limits)
        # What a login answers may be a token: it is not shown.
        if answer.status_code != HTTPStatus.OK:
            raise SourceError(f"{request.shown} answered {answer.status_code} to the login of user {self.user!r}")
        try:
            return msgspec.json.decode(answer.body, type=_Login).token
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise SourceError(f"{request.shown} answered the login with something that holds no token") from error


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime(_FORMAT)


def _table(points: Sequence[tuple[str, _Point]], column: str) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "time": utc(pd.Series([point.point_time for _, point in points], dtype=object)),
            "zone": pd.Series([zone for zone, _ in points], dtype=object),
            column: pd.Series([point.value for _, point in points], dtype=float) * G_PER_KWH,
        }
    )


def _imputed(points: Sequence[_Point]) -> str:
    count = sum(point.imputed_data_used is True for point in points)
    return f"{count} of {len(points)} rates imputed by the provider" if count else ""
