"""Watching the plans of the current and the coming slot: what happened is stored, and which slots to plan again."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from freesh_plugin.core.errors import SourceError
from freesh_plugin.core.plan import Plan
from freesh_plugin.core.plan_json import decode_plan
from models.domain.records import EventRecord, PlanningStore
from models.domain.scenario import Scenario
from models.refresh.events import SUSTAINED, demand_above, not_acknowledged, stock_lost
from models.refresh.in_force import any_accepted
from models.refresh.known_events import EVENTS, events_version
from models.refresh.slot import Slot, coming_slot, current_slot
from models.sources.ports import TrafficSource
from models.sources.registry import traffic_source
from models.sources.scenario_folder import load_fleet
from models.sources.store import SqlPlanningStore

LEAST_LEFT = timedelta(minutes=3)
"""With less of the current slot left than this, a new plan for it would come too late to be of use."""

_FALLEN_BACK = {"carbon_missing", "prices_missing"}
_OBJECTIVES = ("carbon", "energy", "cost")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Replan:
    """A slot that is to be planned again.

    Attributes:
        slot: Which one.
        mode: As its plan: advise or act.
        objective: As its plan was ordered: `scenario`, or a word of its own.
        version: Fingerprint of the causes: the same causes are one order.
        reasons: What happened, in sentences.
    """

    slot: Slot
    mode: str
    objective: str
    version: str
    reasons: tuple[str, ...]

    def as_run(self) -> dict[str, Any]:
        """Id and configuration of the run that plans it; equal orders have equal ids, so that one run is made."""
        return {
            "trigger_run_id": f"replan__{self.slot.key}__{self.version}",
            "conf": {
                "slot": f"{self.slot.starts_at:%Y-%m-%dT%H:%M}",
                "mode": self.mode,
                "objective": self.objective,
            },
        }


def watch(fleet_folder: str, store_url: str, settings: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Look for events now; returns the runs that plan slots again, none when nothing happened."""
    source = traffic_source(settings) if settings is not None else None
    fleet = load_fleet(Path(fleet_folder))
    orders = watched(fleet, source, SqlPlanningStore(store_url), now=datetime.now(UTC))
    for order in orders:
        log.info("%s is planned again: %s", order.slot, " ".join(order.reasons))
    return [order.as_run() for order in orders]


def watched(
    fleet: Scenario, source: TrafficSource | None, store: PlanningStore, *, now: datetime
) -> tuple[Replan, ...]:
    """Store what the plans of the slots at hand did not foresee; returns the slots whose plan does not know it yet.

    A cause is stored once for a slot, and its order stays the same until a plan knows it: no storm of plans comes of
    an event that lasts.

    Raises:
        SourceError: the store failed.
    """
    rows = _offered_load(fleet, source, now)
    orders = []
    for slot, plan in slots_at_hand(store, now):
        for event in _events(slot, plan, rows, fleet, store, now):
            store.save_event(event)
        events = store.events(slot.epoch)
        if events and events_version(events) != _known_version(plan):
            orders.append(_order(slot, plan, events, fleet))
    return tuple(orders)


def slots_at_hand(store: PlanningStore, now: datetime) -> Iterator[tuple[Slot, Plan]]:
    """Slots that a new revision would still be accepted for, with their newest plan.

    Runtimes take plans in order: the current slot's is refused once one of them has accepted the coming slot's. From
    the coming slot's issue until its plan is there, neither is at hand: the run on its way will see what happened.
    """
    current, coming = current_slot(now), coming_slot(now)
    ruling, ahead = store.plan(current.epoch), store.plan(coming.epoch)
    is_free = now < coming.issue_at if ahead is None else not any_accepted(store, ahead)
    if ruling is not None and is_free and now < current.ends_at - LEAST_LEFT:
        yield current, decode_plan(ruling.text)
    if ahead is not None:
        yield coming, decode_plan(ahead.text)


def _events(
    slot: Slot, plan: Plan, rows: pd.DataFrame | None, fleet: Scenario, store: PlanningStore, now: datetime
) -> Iterator[EventRecord]:
    yield from stock_lost(plan, fleet, at=now)
    forecast = store.forecast("demand", slot.epoch)
    if rows is not None and forecast is not None:
        yield from demand_above(rows, plan, forecast, fleet, since=_unforeseen_from(slot, fleet, now), at=now)
    if slot.starts_at <= now:
        said = store.acknowledgements(plan.epoch, plan.revision)
        yield from not_acknowledged(plan, said, fleet.endpoints, at=now)


def _unforeseen_from(slot: Slot, fleet: Scenario, now: datetime) -> datetime:
    """From where on load speaks against the forecast of a slot.

    Its start; for a coming slot, so long before its issue that the last row is one that its forecast did not know.
    """
    before = timedelta(seconds=(SUSTAINED - 1) * fleet.step_s)
    return slot.starts_at if slot.starts_at <= now else slot.issue_at - before


def _offered_load(fleet: Scenario, source: TrafficSource | None, now: datetime) -> pd.DataFrame | None:
    """Rows of traffic of the current slot; None where they cannot tell anything yet, or nobody gives them."""
    start = current_slot(now).starts_at
    if source is None or now < start + SUSTAINED * timedelta(seconds=fleet.step_s):
        return None
    try:
        return source.fetch(fleet.cells, start, now).rows
    except SourceError as error:
        log.warning("demand is not watched: %s", error)
        return None


def _known_version(plan: Plan) -> str:
    return next((each.version for each in plan.inputs if each.name == EVENTS), "")


def _order(slot: Slot, plan: Plan, events: tuple[EventRecord, ...], fleet: Scenario) -> Replan:
    reasons = tuple(each.reason for each in events)
    return Replan(slot, plan.mode.value, _objective(plan, fleet), events_version(events), reasons)


def _objective(plan: Plan, fleet: Scenario) -> str:
    """What the plan was ordered to minimise; one that it fell back to for lack of data is not ordered again."""
    named = next((each.version for each in plan.inputs if each.name == "objective"), "")
    fell_back = any(hold.code in _FALLEN_BACK for hold in plan.holds)
    return named if named in _OBJECTIVES and named != fleet.objective.name and not fell_back else "scenario"
