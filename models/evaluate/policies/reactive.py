"""Policies that react: autoscalers without forecast, plan or classes, at the best static clock."""

from collections.abc import Sequence
from datetime import timedelta

from models.evaluate.cell import Cell, Policy, nearest_routes, starting_target
from models.evaluate.outlook import CARBON_LAG_S
from models.evaluate.policies.settings import FCFS_STATIC
from models.evaluate.site import ONE_CLASS
from models.evaluate.start_state import places, slo_of_all
from models.simulator.autoscaler import Autoscaler, Group, Slot
from models.simulator.fleet_target import Controller


def slots_at(cell: Cell, location: str) -> tuple[Slot, ...]:
    """Room for instances at a location, at the best static clock, most capable type first."""
    clocks = cell.tuned.clocks_mhz
    served = {each.mode: each.capacity_rps for each in cell.site.at_clocks(clocks, ONE_CLASS.name)}
    return tuple(
        Slot(each.location, each.mode, served.get(each.mode, each.capacity_rps), clocks.get(each.gpu_type))
        for each in places(cell.site)
        if each.location == location
    )


def known_carbon(cell: Cell, now_s: float) -> dict[str, float]:
    """Last intensity of each location that is published at a time, g/kWh."""
    moment = cell.data.hour.start + timedelta(seconds=now_s - CARBON_LAG_S)
    found = {}
    for location in cell.site.scenario.locations:
        grid = cell.data.carbon[str(location.grid_zone)]
        found[location.name] = float(grid.values[grid.row_at(moment) - 1])
    return found


def _at_home(cell: Cell) -> tuple[Group, ...]:
    """Each location by itself."""
    names = [each.name for each in cell.site.scenario.locations]
    return tuple(Group(slots_at(cell, name), (name,)) for name in names)


def _cleanest_first(cell: Cell, now_s: float) -> Sequence[Group]:
    """All locations together, the cleanest first; by themselves where requests must stay at home."""
    locations = cell.site.scenario.locations
    if any(each.allowed_origins is not None for each in locations):
        return _at_home(cell)
    carbon = known_carbon(cell, now_s)
    order = sorted((each.name for each in locations), key=lambda name: (carbon[name], name))
    slots = tuple(slot for name in order for slot in slots_at(cell, name))
    return (Group(slots, tuple(each.name for each in locations)),)


def _reactive(cell: Cell) -> Controller:
    groups = _at_home(cell)
    return Autoscaler(
        lambda _: groups, cell.tuned.reactive, starting_target(cell), slo_of_all(cell.site), nearest_routes(cell)
    )


def _cleanest(cell: Cell) -> Controller:
    return Autoscaler(
        lambda now_s: _cleanest_first(cell, now_s), cell.tuned.cleanest, starting_target(cell), slo_of_all(cell.site)
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
