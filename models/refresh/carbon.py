"""Refreshing the carbon forecast of a slot: every grid zone read up to the cut-off, forecast, stored."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil, floor

import pandas as pd

from freesh_plugin.core.errors import ForecastError
from models.domain.forecast import DataState, QuantileForecast, Reading
from models.domain.records import ForecastRecord, PlanningStore
from models.domain.scenario import Scenario
from models.forecast import forecast_carbon
from models.forecast.request import MAX_LAG_S
from models.refresh.forecasts import CARBON_QUANTILES, OUTLOOK_S, fingerprint, rounded
from models.refresh.provider import LIVE, provider_rows
from models.refresh.reading import age_s, known_at, no_source, state_of, worst
from models.refresh.slot import Slot
from models.sources.ports import CarbonSource
from models.sources.rows import CARBON
from models.sources.signal import refuse_other_signal
from models.sources.top_up import read_sparingly

HISTORY = timedelta(days=60)
"""How far back a past slot is read; others as far as their source says."""

KEPT_HISTORY = timedelta(days=365)
"""How far back the forecast learns from, once so much is kept."""

HOUR_S = 3_600
DAY_AHEAD = timedelta(hours=24)

LEVELS = (CARBON_QUANTILES[0], 0.5, CARBON_QUANTILES[1])


def refresh_carbon(
    slot: Slot, fleet: Scenario, source: CarbonSource | None, store: PlanningStore, *, now: datetime
) -> ForecastRecord:
    """Forecast six hours in steps and a day in hours for every grid zone of the fleet, store and return the forecast.

    Zones are read one by one, so that one that fails leaves the others good. A zone with nothing known has no
    forecast, and the note says why.

    Raises:
        ConfigError: the source gives another kind of carbon (average, marginal) than the fleet's scenario states.
        SourceError: the store failed.
    """
    if source is not None:
        refuse_other_signal(source, fleet.carbon_signal)
    cut_off = slot.cut_off(now)
    zones = sorted({each.grid_zone for each in fleet.locations if each.grid_zone is not None})
    known = [_known(zone, source, store, slot, now) for zone in zones]
    forecasts: list[QuantileForecast] = []
    notes = [] if zones else ["no location of the fleet states its grid_zone"]
    for each in known:
        notes += [f"{each.zone}: {each.reading.note}"] if each.reading.note else []
        try:
            forecasts += _of_zone(each, slot, fleet, cut_off)
        except ForecastError as error:
            notes.append(f"{each.zone}: {error}")
    readings = [each.reading for each in known]
    ages = [age for age in (age_s(each, cut_off) for each in readings) if age is not None]
    record = ForecastRecord(
        kind="carbon",
        epoch=slot.epoch,
        issued_at=cut_off,
        state=worst([state_of(each, forecasts) for each in readings if each.state is not DataState.NO_DATA]),
        source=next((each.source for each in readings if each.source), ""),
        forecasts=tuple(forecasts),
        age_s=max(ages, default=None),
        note="; ".join(notes),
    )
    store.save_forecast(record)
    return record


@dataclass(frozen=True)
class _Known:
    """What is known of a zone at the cut-off: its rows, and what the provider itself forecast, issue by issue."""

    zone: str
    reading: Reading
    provider: pd.DataFrame | None = None


def _known(zone: str, source: CarbonSource | None, store: PlanningStore, slot: Slot, now: datetime) -> _Known:
    if source is None:
        return _Known(zone, no_source("freesh_carbon"))
    cut_off = slot.cut_off(now)
    key = f"carbon {fingerprint([source.name.encode(), zone.encode()])}"
    is_past = now - cut_off > LIVE
    since = cut_off - (HISTORY if is_past else source.publishing.history)
    reading = _read(zone, source, key, store, slot, since, cut_off)
    # Whoever fills in a past slot reads rows that were not published then.
    published = cut_off - source.publishing.lag if is_past else cut_off
    provider = provider_rows(source.own_forecast, key, reading, store, cut_off=cut_off, now=now)
    return _Known(zone, known_at(reading, published), provider)


def _read(
    zone: str,
    source: CarbonSource,
    key: str,
    store: PlanningStore,
    slot: Slot,
    since: datetime,
    cut_off: datetime,
) -> Reading:
    return read_sparingly(
        lambda first: source.fetch([zone], first, slot.starts_at + DAY_AHEAD, cut_off=cut_off),
        since=since,
        kept_since=cut_off - KEPT_HISTORY,
        key=key,
        store=store,
        now=cut_off,
        source=source.name,
        publishing=source.publishing,
    )


def _of_zone(known: _Known, slot: Slot, fleet: Scenario, cut_off: datetime) -> list[QuantileForecast]:
    """Six hours in the fleet's steps and a day in hours, from the start of the slot."""
    if known.reading.state is DataState.NO_DATA:
        return []
    table = known.reading.rows.set_index("time").sort_index()
    outlook_s = max(OUTLOOK_S, fleet.steps * fleet.step_s)
    forecasts = []
    for step_s, length_s in ((fleet.step_s, outlook_s), (HOUR_S, DAY_AHEAD.total_seconds())):
        forecast = forecast_carbon(
            table[CARBON],
            issued_at=cut_off,
            # The first interval holds the moment of issue, the last one ends so long after the slot's start.
            intervals=ceil((slot.starts_at.timestamp() + length_s) / step_s) - int(cut_off.timestamp() // step_s),
            step_s=step_s,
            exogenous=_known_ahead(table),
            levels=LEVELS,
            series=known.zone,
            publication_lag_s=_lag_s(known.reading, cut_off),
            provider=known.provider,
        )
        forecasts.append(rounded(forecast, "carbon"))
    return forecasts


def _lag_s(reading: Reading, cut_off: datetime) -> float:
    """Past issues are judged as this one is made: with rows that old, in whole seconds, so far as a lag may go."""
    age = timedelta() if reading.known_until is None else cut_off - reading.known_until
    return float(min(max(floor(age.total_seconds()), 0), MAX_LAG_S))


def _known_ahead(table: pd.DataFrame) -> pd.DataFrame | None:
    """Columns that were known ahead, in the past as well: one without a past teaches nothing."""
    past = table[table[CARBON].notna()]
    columns = [name for name in table.columns if str(name).startswith("forecast_") and past[name].notna().any()]
    return table[columns] if columns else None
