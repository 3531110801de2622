"""Day-ahead prices of European bidding zones from ENTSO-E's Transparency Platform: XML, 15 to 60 minutes, with a token.

Terms: ENTSO-E's for its Transparency Platform; the source's name carries the attribution. Zones are EIC codes
(`10Y1001A1001A82H` for DE-LU), or names that the settings give codes for. Prices are EUR/MWh; they become USD at the
rate that the settings state, and the name says which. Limits: 400 requests a minute; requests are made one after the
other, a 429 is waited for as `web` says. Documented in the platform's web API guide: item 12.1.D, document type A44.

Where several auctions of a zone are published (in Germany and Austria the coupled one and EXAA's), the first in the
platform's classification is the coupled one, and the only one read. Curve type A03 leaves out a position whose price
is that of the position before: it is repeated, since that is what the format means. In curve type A01 it is missing.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from http import HTTPStatus
from itertools import islice
from typing import NamedTuple
from xml.etree.ElementTree import Element
from zoneinfo import ZoneInfo

import pandas as pd

from freesh_plugin.core.errors import SourceError
from models.sources.ports import Fetched, Publishing
from models.sources.rows import PLAUSIBLE_PRICE, PRICE, checked, notes, ranges, utc_now, within
from models.sources.safe_xml import parse_xml
from models.sources.web import DEFAULT_LIMITS, Answer, WebLimits, WebRequest, exchange, struck_out, told

URL = "https://web-api.tp.entsoe.eu"
LONGEST_RANGE = timedelta(days=30)
"""An answer holds 100 time series at most: a day of each auction is one, three auctions of a zone are the most."""
EIC = re.compile(r"[0-9]{2}[A-Z0-9-]{14}")
BRUSSELS = ZoneInfo("Europe/Brussels")
PUBLISHED_AT = time(13, 0)
"""The coupled auction's prices of a day are out shortly before this time in Brussels on the day before. Where a past
slot is filled in, what was published after its cut-off is left out by this rule: assumed, since answers do not say."""
LIVE = timedelta(hours=1)

PUBLISHING = Publishing(
    lag=timedelta(), max_age=timedelta(), updated_every=timedelta(minutes=45), revised_within=timedelta(days=1)
)
"""Ahead of time, once a day; asked every hour, since a failed auction is repeated and published late."""

_FORMAT = "%Y%m%d%H%M"
_MINUTES = {"PT15M": 15, "PT30M": 30, "PT60M": 60, "PT1H": 60}
_DAY_AHEAD = "A01"
_REPEATS = {"A01": False, "A03": True}
_NO_DATA = "No matching data found"
_MOST_BLOCKS = 10_000
_SHOWN = 200
_SEQUENCE = "classificationSequence_AttributeInstanceComponent.position"


class _Block(NamedTuple):
    """A price that holds for `minutes` from `start` on, EUR/MWh."""

    start: datetime
    minutes: int
    eur_per_mwh: float


@dataclass(frozen=True)
class EntsoePrices:
    """Implements `PriceSource`."""

    token: str = field(repr=False)
    usd_per_eur: float
    codes: Mapping[str, str] = field(default_factory=dict)
    url: str = URL
    limits: WebLimits = DEFAULT_LIMITS
    clock: Callable[[], datetime] = field(default=utc_now, repr=False)
    publishing: Publishing = PUBLISHING

    @property
    def name(self) -> str:
        """The provider, and the rate."""
        return f"ENTSO-E Transparency Platform day-ahead prices (EUR at {self.usd_per_eur:g} USD, as stated)"

    def fetch(self, zones: Sequence[str], start: datetime, end: datetime, *, cut_off: datetime) -> Fetched:
        """See `PriceSource`. Rows have the shortest resolution of the answer; a longer price holds for each of them.

        Raises:
            SourceError: no code for a zone, a failed request, an unexpected document, another currency or unit.
        """
        blocks = [(zone, block) for zone in zones for block in self._blocks(zone, start, end)]
        table, note = self._published(within(self._table(blocks), start, end), cut_off)
        fetched = checked(table, ("zone", "time"), PLAUSIBLE_PRICE, self.name)
        return Fetched(fetched.rows, notes(fetched.note, note))

    def _blocks(self, zone: str, start: datetime, end: datetime) -> Iterator[_Block]:
        code = self.codes.get(zone, zone)
        if not EIC.fullmatch(code):
            raise SourceError(f"{self.name}: zone {zone!r} is no EIC code, and `zones` of the settings gives it none")
        for first, last in ranges(start, end, LONGEST_RANGE):
            yield from self._ask(code, first, last)

    def _ask(self, code: str, first: datetime, last: datetime) -> list[_Block]:
        request = WebRequest(
            "GET",
            f"{self.url}/api",
            {
                "documentType": "A44",
                "contract_MarketAgreement.type": _DAY_AHEAD,
                "in_Domain": code,
                "out_Domain": code,
                "periodStart": first.astimezone(UTC).strftime(_FORMAT),
                "periodEnd": last.astimezone(UTC).strftime(_FORMAT),
            },
            secret_params={"securityToken": self.token},
            accept="application/xml",
        )
        answer = exchange(request, self.limits)
        root = self._root(request, answer)
        blocks = [] if root is None else list(islice(self._read(root, code), _MOST_BLOCKS + 1))
        if len(blocks) > _MOST_BLOCKS:
            raise SourceError(f"{self.name}: more than {_MOST_BLOCKS} prices for {LONGEST_RANGE.days} days")
        return blocks

    def _read(self, root: Element, code: str) -> Iterator[_Block]:
        for series in root.iter("TimeSeries"):
            if _is_coupled_auction(series):
                self._check_series(series, code)
                for period in series.iter("Period"):
                    yield from self._period(period, repeats=_REPEATS[_text(series, "curveType", "A01")])

    def _root(self, request: WebRequest, answer: Answer) -> Element | None:
        """The document with prices; None where the platform has none for the time asked for."""
        try:
            root = parse_xml(answer.body)
        except SourceError as error:
            raise SourceError(f"{told(request, answer)}; {error}") from error
        reason = _text(root, "Reason/text")
        if root.tag == "Acknowledgement_MarketDocument" and reason.startswith(_NO_DATA):
            return None
        if answer.status_code != HTTPStatus.OK or root.tag != "Publication_MarketDocument":
            said = struck_out(reason, request.secrets)[:_SHOWN]
            raise SourceError(f"{self.name}: {said}" if said else told(request, answer))
        return root

    def _check_series(self, series: Element, code: str) -> None:
        for path, wanted in (
            ("in_Domain.mRID", code),
            ("currency_Unit.name", "EUR"),
            ("price_Measure_Unit.name", "MWH"),
        ):
            if _text(series, path) != wanted:
                raise SourceError(f"{self.name}: `{path}` is {_text(series, path)!r}, expected {wanted!r}")
        if _text(series, "curveType", "A01") not in _REPEATS:
            raise SourceError(f"{self.name}: curve type {_text(series, 'curveType')!r} is not known")

    def _period(self, period: Element, *, repeats: bool) -> Iterator[_Block]:
        resolution = _text(period, "resolution")
        if resolution not in _MINUTES:
            raise SourceError(f"{self.name}: resolution {resolution!r} is not known")
        minutes = _MINUTES[resolution]
        start, end = (self._moment(_text(period, f"timeInterval/{which}")) for which in ("start", "end"))
        length = int((end - start) / timedelta(minutes=minutes))
        if not 1 <= length <= _MOST_BLOCKS:
            raise SourceError(f"{self.name}: a period from {start} to {end}")
        points = sorted(self._point(each, length) for each in period.iter("Point"))
        for (position, price), following in zip(points, [*(each for each, _ in points[1:]), length + 1], strict=True):
            for place in range(position, following if repeats and following > position else position + 1):
                yield _Block(start + timedelta(minutes=minutes * (place - 1)), minutes, price)

    def _point(self, point: Element, length: int) -> tuple[int, float]:
        position, price = _text(point, "position"), _text(point, "price.amount")
        try:
            read = int(position), float(price)
        except ValueError as error:
            raise SourceError(f"{self.name}: position {position!r} with price {price!r}") from error
        if not 1 <= read[0] <= length:
            raise SourceError(f"{self.name}: position {read[0]} of {length}")
        return read

    def _moment(self, text: str) -> datetime:
        try:
            return datetime.strptime(text, "%Y-%m-%dT%H:%MZ").replace(tzinfo=UTC)
        except ValueError as error:
            raise SourceError(f"{self.name}: {text!r} is no time") from error

    def _table(self, blocks: Sequence[tuple[str, _Block]]) -> pd.DataFrame:
        step = min((block.minutes for _, block in blocks), default=60)
        rows = [
            (block.start + timedelta(minutes=part), zone, block.eur_per_mwh * self.usd_per_eur)
            for zone, block in blocks
            for part in range(0, block.minutes, step)
        ]
        table = pd.DataFrame(rows, columns=["time", "zone", PRICE])
        return table.assign(time=pd.to_datetime(table["time"], utc=True))

    def _published(self, table: pd.DataFrame, cut_off: datetime) -> tuple[pd.DataFrame, str]:
        """The rows that were published by the cut-off, and a note on how that was decided."""
        if self.clock() - cut_off <= LIVE:
            return table, ""
        local = cut_off.astimezone(BRUSSELS)
        days = 2 if local.time() >= PUBLISHED_AT else 1
        last = datetime.combine(local.date() + timedelta(days=days), time(), BRUSSELS)
        kept = table[table["time"] < pd.Timestamp(last)]
        return kept, f"prices taken as published at {PUBLISHED_AT:%H:%M} in Brussels the day before (assumed)"


def _is_coupled_auction(series: Element) -> bool:
    return (
        _text(series, "contract_MarketAgreement.type", _DAY_AHEAD) == _DAY_AHEAD
        and _text(series, _SEQUENCE, "1") == "1"
    )


def _text(element: Element, path: str, default: str = "") -> str:
    return (element.findtext(path) or default).strip()
