"""Policies that react: autoscalers without forecast, plan or classes, at the best static clock."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from models.evaluate.cell import Cell, Policy, nearest_routes, starting_target
from models.evaluate.outlook import CARBON_LAG_S
from models.evaluate.policies.settings import FCFS_STATIC
from models.evaluate.site import ONE_CLASS
from models.evaluate.start_state import places, slo_of_all
from models.simulator.autoscaler import Autoscaler, Group, Slot, Thresholds
from models.simulator.fleet_target import Controller


def slots_by_location(cell: Cell) -> dict[str, tuple[Slot, ...]]:
    """Room for instances at each location, at the best static clock, most capable type first."""
    clocks = cell.tuned.clocks_mhz
    served = {each.mode: each.capacity_rps for each in cell.site.at_clocks(clocks, ONE_CLASS.name)}
    found: dict[str, list[Slot]] = {each.name: [] for each in cell.site.scenario.locations}
    for each in places(cell.site):
        capacity_rps = served.get(each.mode, each.capacity_rps)
        found[each.location].append(Slot(each.location, each.mode, capacity_rps, clocks.get(each.gpu_type)))
    return {name: tuple(slots) for name, slots in found.items()}


def known_carbon(cell: Cell, now_s: float) -> dict[str, float]:
    """Last intensity of each location that is published at a time, g/kWh."""
    moment = cell.data.hour.start + timedelta(seconds=now_s - CARBON_LAG_S)
    found = {}
    for location in cell.site.scenario.locations:
        grid = cell.data.carbon[str(location.grid_zone)]
        found[location.name] = float(grid.values[grid.row_at(moment) - 1])
    return found


def _at_home(slots: Mapping[str, tuple[Slot, ...]]) -> tuple[Group, ...]:
    """Each location by itself."""
    return tuple(Group(own, (name,)) for name, own in slots.items() if own)


def _cleanest_first(cell: Cell, slots: Mapping[str, tuple[Slot, ...]], now_s: float) -> Sequence[Group]:
    """All locations together, the cleanest first."""
    carbon = known_carbon(cell, now_s)
    order = sorted(slots, key=lambda name: (carbon[name], name))
    return (Group(tuple(slot for name in order for slot in slots[name]), tuple(cell.data.origins)),)


def _reactive(cell: Cell) -> Controller:
    return _at_thresholds(cell, cell.tuned.reactive)


def _at_thresholds(cell: Cell, thresholds: Thresholds) -> Controller:
    groups = _at_home(slots_by_location(cell))
    return Autoscaler(lambda _: groups, thresholds, starting_target(cell), slo_of_all(cell.site), nearest_routes(cell))


def _cleanest(cell: Cell) -> Controller:
    """Where requests must stay at home, it is the one above."""
    if any(each.allowed_origins is not None for each in cell.site.scenario.locations):
        return _at_thresholds(cell, cell.tuned.cleanest)
    slots = slots_by_location(cell)
    return Autoscaler(
        lambda now_s: _cleanest_first(cell, slots, now_s),
        cell.tuned.cleanest,
        starting_target(cell),
        slo_of_all(cell.site),
    )


REACTIVE_AUTOSCALER = Policy(
    "reactive_autoscaler",
    "Each location scales its instances by requests and queue, best static clock, nearest location with room.",
    _reactive,
    FCFS_STATIC,
)

CLEANEST_AUTOSCALER = Policy(
    "cleanest_autoscaler",
    "The same over all locations together, filled from the one that was cleanest when last published.",
    _cleanest,
    FCFS_STATIC,
)
