"""Day-ahead prices of California's market from CAISO's OASIS: hourly, USD/MWh, a CSV in a zip, no key.

Terms: CAISO's for its website; the source's name carries the attribution. Zones are its pricing nodes and hubs
(`TH_SP15_GEN-APND` for the south, `TH_NP15_GEN-APND`, `DLAP_PGAE-APND`). Read is the whole locational marginal price
(`LMP`) of the day-ahead market. Limits: a request every five seconds, kept by waiting, and 31 days in each. A request
that cannot be met is answered by an XML document with a code, in the same kind of archive. Carbon is not read here:
CAISO shows its emissions on web pages alone, whose format it does not document; EIA's data of `CISO` stand for them.
Documented in CAISO's Interface Specification for OASIS: report PRC_LMP, version 12.
"""

import io
import time as clock_time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from http import HTTPStatus
from zoneinfo import ZoneInfo

import pandas as pd

from freesh_plugin.core.errors import SourceError
from models.sources.ports import Fetched, Publishing
from models.sources.rows import PLAUSIBLE_PRICE, PRICE, checked, notes, ranges, utc, utc_now, within
from models.sources.safe_xml import parse_xml
from models.sources.safe_zip import only_file
from models.sources.web import DEFAULT_LIMITS, WebLimits, WebRequest, exchange, told

URL = "https://oasis.caiso.com"
LONGEST_RANGE = timedelta(days=30)
PACIFIC = ZoneInfo("America/Los_Angeles")
PUBLISHED_AT = time(14, 0)
"""Results of a day are out at about 13:00 in California the day before, seldom later than this. Where a past slot is
filled in, what was published after its cut-off is left out by this rule: assumed, since answers do not say."""
LIVE = timedelta(hours=1)
MOST_BYTES = 8 * 1024 * 1024
"""Most bytes that an answer unpacks to: a month of one node takes about one million."""
_MOST_COLUMNS = 100
APART_S = 5.0
"""CAISO refuses requests that follow each other faster."""
PUBLISHING = Publishing(
    lag=timedelta(), max_age=timedelta(), updated_every=timedelta(minutes=45), revised_within=timedelta(days=1)
)

_COLUMNS = ("INTERVALSTARTTIME_GMT", "NODE_ID", "MARKET_RUN_ID", "LMP_TYPE", "MW")
_FORMAT = "%Y%m%dT%H:%M-0000"
_NO_DATA = "1000"
"""Code of the answer "No data returned for the specified selection"."""
_SHOWN = 200


@dataclass
class _Pace:
    """When the last request was made, seconds on a clock that never goes back."""

    last_s: float | None = None


@dataclass(frozen=True)
class CaisoPrices:
    """Implements `PriceSource`."""

    url: str = URL
    limits: WebLimits = DEFAULT_LIMITS
    clock: Callable[[], datetime] = field(default=utc_now, repr=False)
    sleep: Callable[[float], None] = field(default=clock_time.sleep, repr=False)
    name: str = "CAISO OASIS day-ahead LMP"
    publishing: Publishing = PUBLISHING
    _pace: _Pace = field(default_factory=_Pace, repr=False, compare=False)

    def fetch(self, zones: Sequence[str], start: datetime, end: datetime, *, cut_off: datetime) -> Fetched:
        """See `PriceSource`.

        Raises:
            SourceError: a failed request, an unexpected document, another node or market than asked for.
        """
        parts = [self._ask(zone, *span) for zone in zones for span in ranges(start, end, LONGEST_RANGE)]
        if not parts:
            raise SourceError(f"{self.name}: asked for no zone, or for no time")
        table = within(pd.concat(parts, ignore_index=True), start, end)
        table, note = self._published(table, cut_off)
        fetched = checked(table, ("zone", "time"), PLAUSIBLE_PRICE, self.name)
        return Fetched(fetched.rows, notes(fetched.note, note))

    def _ask(self, zone: str, first: datetime, last: datetime) -> pd.DataFrame:
        request = WebRequest(
            "GET",
            f"{self.url}/oasisapi/SingleZip",
            {
                "queryname": "PRC_LMP",
                "version": "12",
                "resultformat": "6",
                "market_run_id": "DAM",
                "node": zone,
                "startdatetime": first.astimezone(UTC).strftime(_FORMAT),
                "enddatetime": last.astimezone(UTC).strftime(_FORMAT),
            },
            accept="application/zip",
        )
        self._wait()
        answer = exchange(request, self.limits)
        if answer.status_code != HTTPStatus.OK:
            raise SourceError(told(request, answer))
        try:
            name, content = only_file(answer.body, MOST_BYTES)
        except SourceError as error:
            raise SourceError(f"{told(request, answer)}; {error}") from error
        if name.lower().endswith(".xml"):
            self._check_refusal(content)
            return _empty()
        return self._read(content, zone)

    def _wait(self) -> None:
        if self._pace.last_s is not None:
            self.sleep(max(0.0, self._pace.last_s + APART_S - clock_time.monotonic()))
        self._pace.last_s = clock_time.monotonic()

    def _check_refusal(self, content: bytes) -> None:
        """Pass over the answer that there are no data; any other document of this kind is a refusal."""
        root = parse_xml(content)
        code = (root.findtext(".//ERR_CODE") or "").strip()
        if code != _NO_DATA:
            said = " ".join((root.findtext(".//ERR_DESC") or "no reason given").split())[:_SHOWN]
            raise SourceError(f"{self.name}: refused with code {code or 'none'}: {said}")

    def _read(self, content: bytes, zone: str) -> pd.DataFrame:
        columns = content.partition(b"\n")[0].count(b",") + 1
        if columns > _MOST_COLUMNS:
            raise SourceError(f"{self.name}: a table of {columns} columns, the limit is {_MOST_COLUMNS}")
        try:
            table = pd.read_csv(io.BytesIO(content), dtype=str)
        except ValueError as error:
            raise SourceError(f"{self.name}: no readable CSV: {str(error).splitlines()[0]}") from error
        for column in _COLUMNS:
            if column not in table.columns:
                raise SourceError(f"{self.name}: column {column!r} is missing, there are {list(table.columns)[:20]}")
        for column, wanted in (("NODE_ID", zone), ("MARKET_RUN_ID", "DAM")):
            others = table.loc[table[column] != wanted, column]
            if not others.empty:
                raise SourceError(f"{self.name}: asked for {wanted!r}, answered {str(others.iloc[0])[:_SHOWN]!r}")
        whole = table[table["LMP_TYPE"] == "LMP"]
        return pd.DataFrame({"time": utc(whole["INTERVALSTARTTIME_GMT"]), "zone": zone, PRICE: whole["MW"]})

    def _published(self, table: pd.DataFrame, cut_off: datetime) -> tuple[pd.DataFrame, str]:
        """The rows that were published by the cut-off, and a note on how that was decided."""
        if self.clock() - cut_off <= LIVE:
            return table, ""
        local = cut_off.astimezone(PACIFIC)
        days = 2 if local.time() >= PUBLISHED_AT else 1
        last = datetime.combine(local.date() + timedelta(days=days), time(), PACIFIC)
        note = f"prices taken as published at {PUBLISHED_AT:%H:%M} in California the day before (assumed)"
        return table[table["time"] < pd.Timestamp(last)], note


def _empty() -> pd.DataFrame:
    return pd.DataFrame({"time": pd.to_datetime([], utc=True), "zone": pd.Series(dtype=object), PRICE: pd.Series()})
