"""Carbon intensity of a US balancing authority, computed from EIA's hourly net generation by energy source (form 930).

The data are in the public domain; EIA asks to be named, and the source's name does. A key is free. Zones are EIA's
codes of balancing authorities (`CISO`, `ERCO`, `PJM`). What is read is generation in MWh; the intensity is computed
here, average and direct, as emissions by the factors below over the generation that has one: a computed figure, of
what is generated in the zone (imports are not in it), with national factors. It has no forecast. Most authorities
publish within two hours, some a day later. Rows are stamped with the end of their hour, in UTC. Requests are made one
after the other, with 5,000 rows each; a 429 is waited for as `web` says.
Documented at https://www.eia.gov/opendata/documentation.php and https://www.eia.gov/electricity/gridmonitor/about.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec
import pandas as pd

from freesh_plugin.core.errors import SourceError
from models.domain.scenario import CarbonSignal
from models.sources.ports import YEAR, Fetched, Publishing
from models.sources.rows import (
    CARBON,
    PLAUSIBLE_CARBON,
    Plausible,
    checked,
    hide_after,
    notes,
    refuse_future,
    utc_now,
    within,
)
from models.sources.web import DEFAULT_LIMITS, WebLimits, WebRequest, get_json

URL = "https://api.eia.gov"
INTERVAL = timedelta(hours=1)
PAGE = 5_000
MOST_PAGES = 40

G_PER_LB = 453.59237
FACTORS = {
    "COL": 2.31 * G_PER_LB,
    "NG": 0.96 * G_PER_LB,
    "OIL": 2.46 * G_PER_LB,
    "NUC": 0.0,
    "WAT": 0.0,
    "SUN": 0.0,
    "WND": 0.0,
    "GEO": 0.0,
    "SNB": 0.0,
    "WNB": 0.0,
}
"""Grams of CO2 per kWh generated, by EIA's code of the energy source.

Coal, gas and oil: pounds per kWh of US generation in 2023, EIA, frequently asked question 74 (for oil 20 million short
tons over 16,233 million kWh of the same table). Nuclear, water, sun, wind, geothermal, and sun or wind with a battery:
no direct emissions, IPCC AR5 WG3 annex III, table A.III.2.
"""

STORAGE = frozenset({"BAT", "PS", "OES", "UES"})
"""Batteries, pumped and other storage: what they give back was generated, and its emissions counted, before."""

MOST_UNKNOWN = 0.10
"""`Other` sources have no factor. They are left out up to this share of an hour's generation; beyond, it is missing."""

USUAL = 0.5
"""An energy source that at least this share of the hours report is a usual one: an hour without it is missing."""

_PLAUSIBLE_MWH = Plausible("mwh", -1e5, 1e6, "MWh")
"""The contiguous states together generate less than 800,000 MWh in an hour."""

PUBLISHING = Publishing(
    lag=timedelta(hours=24),
    max_age=timedelta(hours=36),
    updated_every=timedelta(hours=1),
    revised_within=timedelta(days=3),
    history=YEAR,
)
"""Authorities send the day's hours by the next morning; many send each hour within two."""

_SIGNAL = CarbonSignal("average", "direct")
_FORMAT = "%Y-%m-%dT%H"


class _Row(msgspec.Struct):
    period: str
    respondent: str
    fueltype: str
    value: float | str | None = None
    units: str | None = msgspec.field(default=None, name="value-units")


class _Response(msgspec.Struct):
    total: int | str
    data: list[_Row]


class _Document(msgspec.Struct):
    response: _Response


@dataclass(frozen=True)
class EiaCarbon:
    """Implements `CarbonSource`."""

    token: str = field(repr=False)
    url: str = URL
    limits: WebLimits = DEFAULT_LIMITS
    clock: Callable[[], datetime] = field(default=utc_now, repr=False)
    name: str = "U.S. EIA form 930 (average, direct; computed from generation, factors: EIA 2023, IPCC AR5)"
    signal: CarbonSignal = _SIGNAL
    publishing: Publishing = PUBLISHING
    own_forecast: str | None = None

    def fetch(self, zones: Sequence[str], start: datetime, end: datetime, *, cut_off: datetime) -> Fetched:
        """See `CarbonSource`.

        Raises:
            SourceError: a failed request, an unexpected document, a unit other than MWh, actuals from the future.
        """
        parts = [self._zone(zone, start, end) for zone in zones]
        if not parts:
            raise SourceError(f"{self.name}: asked for no zone")
        table = pd.concat([table for table, _ in parts], ignore_index=True)
        refuse_future(table, CARBON, self.clock(), self.name)
        fetched = checked(table, ("zone", "time"), PLAUSIBLE_CARBON, self.name)
        note = notes(fetched.note, *(note for _, note in parts))
        return Fetched(hide_after(fetched.rows, CARBON, cut_off, INTERVAL), note)

    def _zone(self, zone: str, start: datetime, end: datetime) -> tuple[pd.DataFrame, str]:
        generation, faults = _by_source(self._pages(zone, start, end), f"{self.name}: {zone}")
        intensity, left_out = intensity_of(generation)
        table = intensity.rename(CARBON).reset_index().assign(zone=zone)
        table["time"] -= INTERVAL
        note = notes(faults, left_out)
        return within(table, start, end), f"{zone}: {note}" if note else ""

    def _pages(self, zone: str, start: datetime, end: datetime) -> list[_Row]:
        rows: list[_Row] = []
        for _ in range(MOST_PAGES):
            response = self._ask(zone, start, end, offset=len(rows))
            rows += response.data
            if len(rows) >= self._total(response.total) or not response.data:
                return rows
        raise SourceError(f"{self.name}: more than {MOST_PAGES * PAGE} rows for {zone!r}")

    def _ask(self, zone: str, start: datetime, end: datetime, *, offset: int) -> _Response:
        params = {
            "frequency": "hourly",
            "data[0]": "value",
            "facets[respondent][]": zone,
            "start": (start + INTERVAL).astimezone(UTC).strftime(_FORMAT),
            "end": (end + INTERVAL).astimezone(UTC).strftime(_FORMAT),
            "sort[0][column]": "period",
            "sort[0][direction]": "asc",
            "sort[1][column]": "fueltype",
            "sort[1][direction]": "asc",
            "offset": str(offset),
            "length": str(PAGE),
        }
        url = f"{self.url}/v2/electricity/rto/fuel-type-data/data/"
        request = WebRequest("GET", url, params, secret_params={"api_key": self.token})
        try:
            response = msgspec.convert(get_json(request, self.limits), _Document).response
        except msgspec.ValidationError as error:
            raise SourceError(f"{self.name}: unexpected document: {error}") from error
        for row in response.data:
            if row.respondent != zone or row.units not in (None, "megawatthours"):
                raise SourceError(
                    f"{self.name}: asked for {zone!r} in megawatthours, answered {row.respondent!r} in {row.units!r}"
                )
        return response

    def _total(self, total: int | str) -> int:
        try:
            return int(total)
        except ValueError as error:
            raise SourceError(f"{self.name}: `total` is {total!r}") from error


def intensity_of(generation: pd.DataFrame) -> tuple["pd.Series[float]", str]:
    """Average direct intensity by hour, g/kWh, and what was left out, in a sentence.

    Negative net generation counts as 0: it is a plant's own use, or pumping.

    Args:
        generation: MWh, one row an hour (index: its end), one column an energy source; NaN = not reported.
    """
    usual = generation.notna().mean() >= USUAL
    complete = generation.loc[:, usual].notna().all(axis=1)
    positive = generation.drop(columns=list(STORAGE), errors="ignore").clip(lower=0.0)
    known = [name for name in positive.columns if name in FACTORS]
    total, counted = positive.sum(axis=1), positive[known].sum(axis=1)
    unknown = 1.0 - counted / total.where(total > 0.0)
    usable = complete & (unknown <= MOST_UNKNOWN)
    emissions = (positive[known] * pd.Series(FACTORS)[known]).sum(axis=1)
    return (emissions / counted.where(counted > 0.0)).where(usable), _left_out(complete, unknown, usable)


def _left_out(complete: pd.Series, unknown: pd.Series, usable: pd.Series) -> str:
    partial, unclear = int((~complete).sum()), int((complete & ~usable).sum())
    share = float(unknown[usable].mean()) if usable.any() else 0.0
    return notes(
        f"{partial} of {len(complete)} hours lack a usual energy source and are missing" if partial else "",
        f"{unclear} of {len(complete)} hours are missing for want of factors" if unclear else "",
        f"{share:.1%} of the generation has no factor and is left out" if share else "",
    )


def _by_source(rows: Sequence[_Row], name: str) -> tuple[pd.DataFrame, str]:
    """MWh by hour (index: its end) and energy source, and what was wrong with the rows."""
    ends = pd.Series([row.period for row in rows], dtype=object)
    table = pd.DataFrame(
        {
            "fueltype": [row.fueltype for row in rows],
            "time": pd.to_datetime(ends, utc=True, errors="coerce", format=_FORMAT),
            "mwh": pd.Series([row.value for row in rows], dtype=object),
        }
    )
    fetched = checked(table, ("fueltype", "time"), _PLAUSIBLE_MWH, name)
    return fetched.rows.pivot(index="time", columns="fueltype", values="mwh"), fetched.note
