"""The plan in force at a slot, as far as the planner knows: which one it is, and what runs because of it."""

from collections.abc import Iterator
from datetime import datetime

from freesh_plugin.core.plan import Plan, PlanMode
from freesh_plugin.core.plan_json import decode_plan
from freesh_plugin.core.units import epoch_at
from models.domain.records import PlanningStore, PlanRecord
from models.domain.scenario import Running, Scenario
from models.refresh.slot import Slot

_SEARCHED_EPOCHS = 96
"""How far back a plan can still be in force: two days of half hours."""

_LARGEST_LEAD_EPOCHS = 48
"""How far ahead of now a plan may lie: a day of half hours."""


def plan_in_force(
    store: PlanningStore, fleet: Scenario, slot: Slot, mode: PlanMode, now: datetime
) -> PlanRecord | None:
    """The newest plan that rules when the slot starts, or rules in it already.

    Published is not in force: at least one runtime must have accepted it, unless the fleet has no endpoints and the
    plans are for reading only. An advise plan started nothing, so an act plan does not build on one. A revision of
    the slot itself counts once the slot has begun.
    """
    last = slot.epoch if slot.starts_at <= now else slot.epoch - 1
    for record in _newest_first(store, last):
        builds_on = mode is PlanMode.ADVISE or record.mode == PlanMode.ACT
        if builds_on and (not fleet.endpoints or _accepted(store, record)):
            return record
    return None


def act_plan_held(store: PlanningStore, now: datetime) -> PlanRecord | None:
    """The newest accepted plan that runtimes act on now or will act on, unless it has expired."""
    for record in _newest_first(store, epoch_at(now.timestamp()) + _LARGEST_LEAD_EPOCHS):
        if record.mode == PlanMode.ACT and _accepted(store, record):
            return record if now.timestamp() < decode_plan(record.text).expires_at else None
    return None


def running_by(plan: Plan, fleet: Scenario) -> tuple[tuple[Running, ...], tuple[str, ...]]:
    """What runs under the plan, and in sentences what of it the fleet no longer has."""
    machines = {(each.location, each.machine) for each in fleet.machines}
    locations = {each.name for each in fleet.locations}
    modes = {each.name for each in fleet.modes}
    running, lost = [], []
    for part in plan.slices:
        placed = (part.location, part.machine) in machines if machines else part.location in locations
        partition = plan.partition[part.model].name
        if placed and part.mode in modes and part.model in fleet.models and _has(fleet, partition, part.request_class):
            running.append(
                Running(
                    part.location, part.machine, part.mode, part.request_class, part.instances, partition, part.model
                )
            )
        else:
            lost.append(f"{part.instances} x {part.mode} on {part.location}/{part.machine} is no longer in the fleet")
    return tuple(running), tuple(lost)


def _newest_first(store: PlanningStore, last_epoch: int) -> Iterator[PlanRecord]:
    """Plans for epochs up to `last_epoch`, every revision, one read each: a plan's text can be large."""
    record = store.plan_before(last_epoch + 1)
    while record is not None and record.epoch > last_epoch - _SEARCHED_EPOCHS:
        yield record
        for revision in range(record.revision - 1, 0, -1):
            older = store.plan(record.epoch, revision)
            if older is not None:
                yield older
        record = store.plan_before(record.epoch)


def any_accepted(store: PlanningStore, newest: PlanRecord) -> bool:
    """Whether a runtime has accepted a plan of that epoch, whichever revision."""
    earlier = (store.plan(newest.epoch, revision) for revision in range(newest.revision - 1, 0, -1))
    return any(_accepted(store, record) for record in (newest, *earlier) if record is not None)


def _accepted(store: PlanningStore, record: PlanRecord) -> bool:
    return any(each.accepted for each in store.acknowledgements(record.epoch, record.revision))


def _has(fleet: Scenario, partition: str, request_class: str) -> bool:
    return any(each.name == partition and request_class in each.classes for each in fleet.partitions)
