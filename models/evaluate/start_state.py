"""The state in which every policy's hour begins: all GPUs serve, in one pool without classes, near their users."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from freesh_plugin.core.plan import ClockBounds, Slo
from models.domain.scenario import DEFAULT, Location, Running
from models.evaluate.site import ONE_CLASS, Site
from models.evaluate.site_modes import mode_name
from models.simulator.fleet_target import FleetTarget, PoolKey, PoolTarget

FULL = 0.85
"""Share of its capacity up to which a location gets the requests of its own origin, before others get some."""

ALL = ONE_CLASS.classes[0]

Routes = Mapping[tuple[str, str, str], Mapping[str, float]]


@dataclass(frozen=True)
class Place:
    """Room for one instance: where, on which machine, in which mode, and what it serves of all requests."""

    location: str
    machine: str
    gpu_type: str
    gpus: int
    capacity_rps: float

    @property
    def mode(self) -> str:
        """Mode at the highest clock."""
        return mode_name(self.gpu_type, self.gpus)


def places(site: Site) -> tuple[Place, ...]:
    """Room for every instance of the site's `shards`, most capable type first within a location."""
    return tuple(_places(site))


def all_on(site: Site, routes: Routes, ceilings_mhz: Mapping[str, int] | None = None) -> FleetTarget:
    """Every place serves all requests, from the start of the run on.

    Args:
        site: The fleet.
        routes: Where requests go.
        ceilings_mhz: Highest clock by GPU type; None = the GPU's own.
    """
    pools: dict[PoolKey, PoolTarget] = {}
    for each in places(site):
        key = PoolKey(each.location, DEFAULT, ALL, each.mode)
        before = pools[key].instances if key in pools else 0
        ceiling = (ceilings_mhz or {}).get(each.gpu_type)
        pools[key] = PoolTarget(before + 1, slo_of_all(site), ClockBounds(ceiling=ceiling), each.capacity_rps)
    return FleetTarget(0.0, pools, routes, {DEFAULT: ONE_CLASS})


def running_all_on(site: Site) -> tuple[Running, ...]:
    """The same as the planner is told it."""
    counts: dict[tuple[str, str, str], int] = {}
    for each in places(site):
        key = (each.location, each.machine, each.mode)
        counts[key] = counts.get(key, 0) + 1
    return tuple(Running(*key, ALL, count, ONE_CLASS.name) for key, count in counts.items())


def slo_of_all(site: Site) -> Slo:
    """What a request of no class is promised: the bounds of the one class."""
    level = next(each for each in site.scenario.slos if each.partition == ONE_CLASS.name)
    return Slo(level.latency_s, level.ttft_s, level.tbt_s)


def capacity_at(site: Site) -> dict[str, float]:
    """What each location serves when all is on, req/s."""
    found = dict.fromkeys((each.name for each in site.scenario.locations), 0.0)
    for each in places(site):
        found[each.location] += each.capacity_rps
    return found


def routes_in_order(
    site: Site, offered_rps: Mapping[str, float], room_rps: Mapping[str, float], cost: Callable[[str, Location], float]
) -> Routes:
    """Origins sent to the location of least cost that may serve them and has room; when all is full, by capacity.

    Args:
        site: The fleet.
        offered_rps: Demand by origin.
        room_rps: What each location may get.
        cost: Of (origin, location): its round trip, say, or its carbon.
    """
    pairs = [
        (cost(origin, location), origin, location.name)
        for origin in offered_rps
        for location in site.scenario.locations
        if location.allows(origin)
    ]
    left, room = dict(offered_rps), dict(room_rps)
    sent: dict[str, dict[str, float]] = {origin: {} for origin in offered_rps}
    for _, origin, location in sorted(pairs):
        rps = min(left[origin], room[location])
        if rps > 0:
            sent[origin][location] = rps
            left[origin] -= rps
            room[location] -= rps
    for origin, rps in left.items():
        open_to = [name for _, of, name in pairs if of == origin]
        whole = sum(room_rps[name] for name in open_to)
        for name in open_to:
            share = room_rps[name] / whole if whole else 1 / len(open_to)
            sent[origin][name] = sent[origin].get(name, 0.0) + rps * share
    return {
        (DEFAULT, ALL, origin): {name: rps / sum(parts.values()) for name, rps in parts.items() if rps > 0}
        for origin, parts in sent.items()
        if sum(parts.values()) > 0
    }


def round_trip(origin: str, location: Location) -> float:
    """Cost of the nearest location."""
    return location.rtt_s.get(origin, 0.0)


def _places(site: Site) -> Iterator[Place]:
    served = {each.mode: each.capacity_rps for each in site.scenario.profiles if each.partition == ONE_CLASS.name}
    capacities = {kind: served[mode_name(kind, gpus)] for kind, gpus in site.shards.items()}
    for location in site.scenario.locations:
        for kind, capacity_rps in sorted(capacities.items(), key=lambda each: -each[1]):
            for machine in site.scenario.machines:
                if (machine.location, machine.gpu_type) == (location.name, kind):
                    gpus = site.shards[kind]
                    for _ in range(machine.gpus // gpus):
                        yield Place(location.name, machine.machine, kind, gpus, capacity_rps)
