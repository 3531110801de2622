"""Refreshing the traffic forecast of a slot: offered load read up to the cut-off, forecast by class, stored."""

from datetime import datetime, timedelta

from models.domain.forecast import DataState, Reading
from models.domain.records import ForecastRecord, PlanningStore
from models.domain.scenario import Scenario
from models.refresh.class_demand import ClassDemand, Lengths, class_demand
from models.refresh.forecasts import fingerprint
from models.refresh.reading import age_s, known_at, no_source, state_of
from models.refresh.slot import Slot
from models.sources.ports import TrafficSource
from models.sources.top_up import read_sparingly

HISTORY = timedelta(days=28)
"""How far back the forecast learns from."""


def refresh_traffic(
    slot: Slot,
    fleet: Scenario,
    source: TrafficSource | None,
    store: PlanningStore,
    *,
    now: datetime,
    lengths: Lengths | None = None,
) -> ForecastRecord:
    """Forecast the demand of every class of every bounded partition, store and return the forecast.

    A source that gives totals alone is divided by `lengths` of requests by model, and the forecasts say `assumed`.
    Without a source, or with one that fails, the last known rows are used, marked stale; without those, the record
    holds no forecast and says so.

    Raises:
        SourceError: the store failed.
    """
    cut_off = slot.cut_off(now)
    reading = known_at(_read(fleet, source, store, cut_off), cut_off)
    demand = ClassDemand((), ())
    if reading.state is not DataState.NO_DATA:
        demand = class_demand(reading.rows, slot, fleet, lengths or {}, cut_off)
    record = ForecastRecord(
        kind="demand",
        epoch=slot.epoch,
        issued_at=cut_off,
        state=state_of(reading, demand.forecasts),
        source=reading.source,
        forecasts=demand.forecasts,
        age_s=age_s(reading, cut_off),
        note="; ".join(each for each in (reading.note, *demand.notes) if each),
    )
    store.save_forecast(record)
    return record


def _read(fleet: Scenario, source: TrafficSource | None, store: PlanningStore, cut_off: datetime) -> Reading:
    if source is None:
        return no_source("freesh_traffic")
    cells = fleet.cells
    key = f"traffic {fingerprint([source.name.encode(), repr(cells).encode()])}"
    return read_sparingly(
        lambda since: source.fetch(cells, since, cut_off),
        since=cut_off - HISTORY,
        key=key,
        store=store,
        now=cut_off,
        source=source.name,
        publishing=source.publishing,
    )
