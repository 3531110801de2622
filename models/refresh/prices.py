"""Refreshing the electricity prices of a slot: every price zone read as far as prices are published, stored."""

from datetime import datetime, timedelta
from itertools import groupby

import numpy as np
import pandas as pd

from models.domain.forecast import DataState, QuantileForecast, Reading
from models.domain.records import ForecastRecord, PlanningStore
from models.domain.scenario import Scenario
from models.refresh.forecasts import fingerprint, rounded
from models.refresh.reading import known_at, no_source, state_of, worst
from models.refresh.slot import Slot
from models.sources.ports import PriceSource
from models.sources.rows import PRICE, interval_of
from models.sources.top_up import read_sparingly

BASIS = "basis"
"""Label of a series of prices: `published`, or `assumed` where yesterday's price of the same hour stands in."""

PUBLISHED, ASSUMED = "published", "assumed"

BEFORE = timedelta(hours=26)
"""How far back prices are read: the same hour of the day before, and some room."""

AHEAD = timedelta(hours=48)
"""How far ahead prices are read; a day-ahead auction publishes 12 to 36 hours of it."""

DAY = timedelta(hours=24)
LONGEST_INTERVAL = timedelta(hours=1)
_LEVELS = (0.5,)


def refresh_prices(
    slot: Slot, fleet: Scenario, source: PriceSource | None, store: PlanningStore, *, now: datetime
) -> ForecastRecord:
    """Store and return the prices of every zone of the fleet, from the start of the slot as far as they are known.

    What is published is known, whatever its hour. Where the auction of a day is not published yet, the price of the
    same hour of the day before stands in, in series labelled `assumed`; what neither tells is in no series.

    Raises:
        SourceError: the store failed.
    """
    cut_off = slot.cut_off(now)
    zones = sorted({each.priced_in for each in fleet.locations if each.priced_in is not None})
    readings = {zone: known_at(_read(zone, source, store, slot, cut_off), cut_off) for zone in zones}
    notes = [] if zones else ["no location of the fleet states its price_zone or grid_zone"]
    forecasts: list[QuantileForecast] = []
    for zone, reading in readings.items():
        notes += [f"{zone}: {reading.note}"] if reading.note else []
        forecasts += _of_zone(zone, reading, slot, cut_off)
    fetched = [each.fetched_at for each in readings.values() if each.fetched_at is not None]
    record = ForecastRecord(
        kind="prices",
        epoch=slot.epoch,
        issued_at=cut_off,
        state=worst([state_of(each, forecasts) for each in readings.values() if each.state is not DataState.NO_DATA]),
        source=next((each.source for each in readings.values() if each.source), ""),
        forecasts=tuple(forecasts),
        age_s=max((cut_off - min(fetched)).total_seconds(), 0.0) if fetched else None,
        note="; ".join(dict.fromkeys(notes)),
    )
    store.save_forecast(record)
    return record


def _read(zone: str, source: PriceSource | None, store: PlanningStore, slot: Slot, cut_off: datetime) -> Reading:
    if source is None:
        return no_source("freesh_prices")
    key = f"prices {fingerprint([source.name.encode(), zone.encode()])}"
    return read_sparingly(
        lambda since: source.fetch([zone], since, slot.starts_at + AHEAD, cut_off=cut_off),
        since=slot.starts_at - BEFORE,
        key=key,
        store=store,
        now=cut_off,
        source=source.name,
        publishing=source.publishing,
    )


def _of_zone(zone: str, reading: Reading, slot: Slot, cut_off: datetime) -> list[QuantileForecast]:
    """Series without a gap, each published or assumed throughout."""
    if reading.state is DataState.NO_DATA:
        return []
    known = reading.rows.set_index("time")[PRICE].sort_index().dropna()
    step = min(interval_of(reading.rows["time"]) or LONGEST_INTERVAL, LONGEST_INTERVAL)
    starts = pd.date_range(
        pd.Timestamp(slot.starts_at).floor(step), slot.starts_at + AHEAD, freq=step, inclusive="left"
    )
    published = _held(known, starts)
    yesterday = _held(known, starts - DAY).set_axis(starts)
    basis = np.select([published.notna(), yesterday.notna()], [PUBLISHED, ASSUMED], default="")
    prices = published.fillna(yesterday).to_numpy()
    series = []
    for name, places in groupby(range(len(starts)), key=lambda place: str(basis[place])):
        rows = list(places)
        if name:
            series.append(_series(zone, name, starts[rows[0]].to_pydatetime(), prices[rows], step, cut_off))
    return series


def _held(known: "pd.Series[float]", starts: pd.DatetimeIndex) -> "pd.Series[float]":
    """Prices at each start: of its own row, or of the longer row that holds it, at most an hour.

    A row lasts until the next one if its neighbours are as far apart; what is missing among short rows stays missing.
    """
    if known.empty:
        return known.reindex(starts)
    times = pd.DatetimeIndex(known.index)
    apart = np.diff(times.as_unit("s").asi8).astype(float)
    if not len(apart):
        return known.reindex(starts)
    ahead, before = np.append(apart, apart[-1]), np.insert(apart, 0, apart[0])
    after_next = np.append(ahead[1:], ahead[-1])
    regular = (ahead == before) | (ahead == after_next)
    lasts = np.minimum(np.where(regular, ahead, np.minimum(ahead, before)), LONGEST_INTERVAL.total_seconds())
    at = times.searchsorted(starts, side="right") - 1
    since = (starts.as_unit("s").asi8 - times.as_unit("s").asi8[np.maximum(at, 0)]).astype(float)
    there = (at >= 0) & (since < lasts[np.maximum(at, 0)])
    return pd.Series(np.where(there, known.to_numpy()[np.maximum(at, 0)], np.nan), index=starts)


def _series(
    zone: str, basis: str, starts_at: datetime, prices: np.ndarray, step: timedelta, cut_off: datetime
) -> QuantileForecast:
    labels = {"zone": zone, BASIS: basis}
    note = "" if basis == PUBLISHED else "assumed: the price of the same hour of the day before"
    step_s = int(step.total_seconds())
    return rounded(
        QuantileForecast(zone, cut_off, starts_at, step_s, _LEVELS, prices, prices[None, :], basis, note, labels),
        "prices",
    )
