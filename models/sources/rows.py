"""The border check of every provider's rows: times, duplicates, plausible values; what fails is missing, and said."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pandas as pd

from freesh_plugin.core.errors import SourceError
from models.sources.ports import Fetched

CARBON = "carbon_gco2e_per_kwh"
DEMAND = "demand_rps"
PRICE = "price_usd_per_mwh"

FAULTY_SHARE = 0.05
"""Up to this share of faulty rows is taken as missing, with a note; beyond it the whole answer is refused."""


@dataclass(frozen=True)
class Plausible:
    """Limits of a column, with the unit that messages show."""

    column: str
    low: float
    high: float
    unit: str


PLAUSIBLE_CARBON = Plausible(CARBON, -2_000.0, 3_000.0, "gCO2e/kWh")
"""No plant emits more than about 1,500 g/kWh. A marginal rate in a constrained grid is the difference of several
plants, of either sign. Beyond these limits it is another unit (kg/MWh x 1000, lb/MWh) or a stand-in such as -9999."""

PLAUSIBLE_DEMAND = Plausible(DEMAND, 0.0, 1e6, "req/s")

PLAUSIBLE_PRICE = Plausible(PRICE, -2_000.0, 20_000.0, "USD/MWh")
"""Wholesale markets cap their prices within: -500 to 5,000 EUR/MWh in Europe, 9,000 USD/MWh in Texas until 2022, about
12,000 USD/MWh in Australia. Beyond it is another unit (cents, or per kWh x 1000) or a stand-in."""

CLOCK_TOLERANCE = timedelta(minutes=5)
"""How far a provider's clock may be ahead of ours."""


def checked(rows: pd.DataFrame, key: Sequence[str], value: Plausible, source: str) -> Fetched:
    """Rows sorted by `key` (which ends with `time`), one for each, values within their limits or NaN.

    The same row twice is one row. Two rows that contradict each other are both missing: neither is believed.

    Raises:
        SourceError: no rows, a column is missing, or too many rows are faulty.
    """
    absent = [each for each in (*key, value.column) if each not in rows.columns]
    if absent:
        raise SourceError(f"{source}: column {absent[0]!r} is missing, there are {list(map(str, rows.columns))}")
    if rows.empty:
        raise SourceError(f"{source}: no rows")
    good = rows[rows[list(key)].notna().all(axis=1)].drop_duplicates()
    said = _counted(len(rows) - len(rows[list(key)].dropna()), "without a time or key")
    contradicting = good.duplicated(list(key), keep=False)
    said += _counted(int(contradicting.sum()), "contradict each other")
    good = good[~contradicting].sort_values(list(key), ignore_index=True)
    numbers = [value.column, *(each for each in good.columns if str(each).startswith("forecast_"))]
    for column in numbers:
        read = pd.to_numeric(good[column], errors="coerce").astype(float)
        unreadable = read.isna() & good[column].notna()
        implausible = unreadable | (read < value.low) | (read > value.high)
        if implausible.any():
            worst = good.loc[implausible, column].iloc[0]
            limits = f"limits {value.low:g} and {value.high:g} {value.unit}"
            said += _counted(int(implausible.sum()), f"have an implausible {column} such as {worst}, {limits}")
        good[column] = read.mask(implausible)
    faulty = sum(count for count, _ in said)
    note = "; ".join(f"{count} of {len(rows)} rows {what}" for count, what in said)
    if faulty > FAULTY_SHARE * len(rows):
        raise SourceError(f"{source}: {note}")
    return Fetched(good, note)


def refuse_future(rows: pd.DataFrame, column: str, now: datetime, source: str) -> None:
    """Refuse an answer that states an actual for an interval that has not begun.

    Raises:
        SourceError: it does.
    """
    ahead = rows.loc[rows[column].notna() & (rows["time"] > pd.Timestamp(now + CLOCK_TOLERANCE)), "time"]
    if not ahead.empty:
        raise SourceError(f"{source}: states an actual for {ahead.iloc[0]:%Y-%m-%d %H:%M} UTC, in the future")


def within(rows: pd.DataFrame, start: datetime, end: datetime) -> pd.DataFrame:
    """Rows from `start` to before `end`; those without a time stay beside them, so that they are counted as faulty."""
    time = rows["time"]
    inside = (time >= pd.Timestamp(start)) & (time < pd.Timestamp(end))
    return rows[inside | time.isna()] if inside.any() else rows[inside]


def with_forecast(known: pd.DataFrame, forecast: pd.DataFrame, source: str) -> pd.DataFrame:
    """Rows of carbon beside a provider's own forecast, by zone and time; rows that only one of them has stay.

    Raises:
        SourceError: no row of carbon.
    """
    if known.empty:
        raise SourceError(f"{source}: no rows")
    return known.merge(forecast, on=["zone", "time"], how="outer") if len(forecast) else known


def ranges(start: datetime, end: datetime, longest: timedelta) -> Iterator[tuple[datetime, datetime]]:
    """The time from `start` to `end` in parts of at most `longest`, each beginning where the last one ended."""
    while start < end:
        last = min(start + longest, end)
        yield start, last
        start = last


def notes(*sentences: str) -> str:
    """The sentences that are not empty, as one note."""
    return "; ".join(each for each in sentences if each)


def utc_now() -> datetime:
    """Now, aware UTC."""
    return datetime.now(UTC)


def utc(times: pd.Series) -> pd.Series:
    """Times as aware UTC; naive ones are UTC, unreadable ones NaT.

    Raises:
        SourceError: the column holds numbers, whose unit nobody states.
    """
    if pd.api.types.is_numeric_dtype(times):
        raise SourceError("column 'time' holds numbers; write ISO 8601 times such as 2026-03-01T12:00Z")
    return pd.to_datetime(times, utc=True, format="ISO8601", errors="coerce")


def hide_after(rows: pd.DataFrame, column: str, cut_off: datetime, interval: timedelta) -> pd.DataFrame:
    """The rows with the column missing in intervals that had not ended by the cut-off."""
    return rows.assign(**{column: rows[column].mask(rows["time"] + interval > pd.Timestamp(cut_off))})


def interval_of(times: pd.Series) -> timedelta:
    """Length of the rows' interval: the smallest distance of two stamps; 0 when all are the same."""
    steps = times.drop_duplicates().sort_values().diff().dropna()
    return steps.min().to_pytimedelta() if len(steps) else timedelta()


def _counted(count: int, what: str) -> list[tuple[int, str]]:
    return [(count, what)] if count else []
