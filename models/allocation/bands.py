"""Bands of instances: how far a fast autoscaler may move a pool from the plan's target until the next plan."""

import math
import sys
from collections import Counter
from collections.abc import Mapping

from freesh_plugin.core.plan import InstanceBand
from models.allocation.fleet import Fleet
from models.allocation.footprint import power_above_parked
from models.allocation.load import Load, PoolKey, planned_load
from models.allocation.machines import machine_gpus
from models.allocation.pack import Packing
from models.allocation.pairs import Pairs
from models.domain.allocation import AllocationResult
from models.domain.scenario import Scenario, Survive

_ROUNDING = 1e-9
"""Instances; a quotient this little above a whole number is that number."""


def bands(scenario: Scenario, result: AllocationResult, packing: Packing) -> dict[PoolKey, InstanceBand]:
    """Minimum, target and maximum of every pool that has instances on machines.

    Target: what was packed. Minimum: what the mean load of the epoch's quietest step needs, at least 1; the target
    itself where a loss must be survived, for what idles then stands in for what may be lost. Maximum:
    the target, and what the GPUs that are free at the location (and its power cap, all instances at full load)
    allow for this pool alone: an autoscaler may raise one pool at a time, else two count the same GPUs.
    """
    pairs = Pairs(scenario, result.partition)
    load = planned_load(scenario, result)
    free = _free(scenario, pairs, packing)
    packed = _packed(packing)
    spare_w = _spare_power_w(scenario, pairs, packed)
    found = {}
    for pool, target in sorted(packed.items()):
        room = min(_room(pairs, pool, free[pool.location]), _room_in_power(pairs, pool, spare_w))
        found[pool] = InstanceBand(_minimum(scenario, pairs, pool, target, load), target, target + room)
    return found


def _packed(packing: Packing) -> Counter[PoolKey]:
    packed: Counter[PoolKey] = Counter()
    for each in packing.slices:
        packed[PoolKey(each.location, each.model, each.request_class, each.mode)] += each.instances
    return packed


def _minimum(scenario: Scenario, pairs: Pairs, pool: PoolKey, target: int, load: Load) -> int:
    if scenario.survive is not Survive.NONE:
        return target
    capacity_rps = pairs.profile(pool.model, pool.request_class, pool.mode).capacity_rps
    quietest_rps = min(load.get((pool, step), 0.0) for step in range(scenario.steps))
    needed = math.ceil(quietest_rps / capacity_rps - _ROUNDING) if capacity_rps > 0 else target
    return min(target, max(1, needed))


def _free(scenario: Scenario, pairs: Pairs, packing: Packing) -> dict[str, list[Counter[str]]]:
    """GPUs that the plan leaves free, a counter for each machine of each location."""
    machines = {
        location: {name: Counter(gpus) for name, gpus in here.items()}
        for location, here in machine_gpus(scenario).items()
    }
    for each in packing.slices:
        gpus = pairs.gpus[each.mode]
        machines[each.location][each.machine].subtract({kind: number * each.instances for kind, number in gpus.items()})
    return {location: list(here.values()) for location, here in machines.items()}


def _room(pairs: Pairs, pool: PoolKey, free: list[Counter[str]]) -> int:
    """Further instances that free GPUs allow; an instance does not span machines."""
    gpus = pairs.gpus[pool.mode]
    room = (min(here[kind] // number for kind, number in gpus.items() if number) for here in free)
    return sum(max(each, 0) for each in room)  # GPUs that come or go are no room for an autoscaler


def _spare_power_w(scenario: Scenario, pairs: Pairs, packed: Mapping[PoolKey, int]) -> dict[str, float]:
    """Watts left under each location's power cap when all planned instances are at full load, at the meter."""
    capped = {each.name: each for each in scenario.locations if each.power_cap_w is not None}
    if not capped:
        return {}
    base_w = Fleet.of(scenario).base_power_w
    power_w = {name: max(base_w[name, step] for step in range(scenario.steps)) for name in capped}
    for pool, count in packed.items():
        if pool.location in capped:
            power_w[pool.location] += count * power_above_parked(pairs, pool).full_w
    return {name: (each.power_cap_w or 0.0) - each.pue * power_w[name] for name, each in capped.items()}


def _room_in_power(pairs: Pairs, pool: PoolKey, spare_w: Mapping[str, float]) -> int:
    """Further instances under the power cap, at full load in place of their GPUs' parked power."""
    if pool.location not in spare_w:
        return sys.maxsize
    more_w = pairs.location(pool.location).pue * power_above_parked(pairs, pool).full_w
    if more_w <= 0:
        return sys.maxsize
    return max(0, math.floor(spare_w[pool.location] / more_w + _ROUNDING))
