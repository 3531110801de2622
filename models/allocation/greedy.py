"""A plan by rule of thumb, without any solver: instances one by one for whoever is worst served."""

import dataclasses
import math
from collections import Counter

from models.allocation.data import ProgramData, Stream
from models.allocation.objective import joule_cost
from models.allocation.solution import ROUNDING, Solution, reached
from models.allocation.totals import priced


def greedy_counts(data: ProgramData) -> tuple[int, ...]:
    """Instances by pool: again and again one more for the stream with the largest weighted unserved fraction.

    It is the pool with the least cost per request that still fits on a machine. A stream that none fits for is left.
    """
    free = {(n, machine): Counter(gpus) for n, here in data.fleet.machines.items() for machine, gpus in here.items()}
    counts = [0] * len(data.pools)
    stuck: set[Stream] = set()
    while True:
        stream = _worst_served(data, tuple(counts), stuck)
        if stream is None:
            return tuple(counts)
        for i in sorted(data.arcs[stream], key=lambda i: (cost_per_request(data, i), i)):
            machine = _room(data, free, i, _power_left_w(data, counts, data.pools[i].location))
            if machine is not None:
                free[machine].subtract(data.modes[data.pools[i].mode].gpus)
                counts[i] += 1
                break
        else:
            stuck.add(stream)


def route(data: ProgramData, counts: tuple[int, ...]) -> Solution:
    """Flows of a given allocation: streams with the fewest pools first, cheapest pool first; the rest is shed."""
    flows: dict[tuple[int, int, int], float] = {}
    shed: dict[tuple[int, int], float] = {}
    order = sorted(range(len(data.streams)), key=lambda s: (len(data.arcs[data.streams[s]]), s))
    for t in range(data.scenario.steps):
        left = [_serving(data, counts, i, t) * data.profiles[pool].capacity_rps for i, pool in enumerate(data.pools)]
        share = _share_rps(data, t)
        for s in order:
            rate = data.demand_rps.get((data.streams[s], t), 0.0)
            for i in sorted(data.arcs[data.streams[s]], key=lambda i: (cost_per_request(data, i), i)):
                location = data.pools[i].location
                taken = min(rate, left[i], share[location])
                if taken > ROUNDING:
                    flows[s, i, t] = taken
                    left[i] -= taken
                    share[location] -= taken
                    rate -= taken
            if rate > ROUNDING:
                shed[s, t] = rate
    bare = Solution(counts, flows, shed, {}, {}, _started(data, counts), 0.0, reached(data, shed))
    return dataclasses.replace(bare, objective=priced(data, bare))


def cost_per_request(data: ProgramData, i: int) -> float:
    """Objective units a request of a fully loaded instance of pool i costs."""
    pool = data.pools[i]
    weight = sum(joule_cost(data, pool.location, t) for t in range(data.scenario.steps))
    power, capacity_rps = data.power[i], data.profiles[pool].capacity_rps
    return weight * (power.idle_extra_w / capacity_rps + power.joules_per_request) if capacity_rps > 0 else math.inf


def _worst_served(data: ProgramData, counts: tuple[int, ...], stuck: set[Stream]) -> Stream | None:
    prices = {each.name: each.shed_price for each in data.scenario.tiers}
    worst: tuple[float, Stream] | None = None
    for (s, t), rate in route(data, counts).shed.items():
        stream = data.streams[s]
        if stream not in stuck and t >= data.warm_up_steps:
            weighted = prices[stream.tier] * rate / data.demand_rps[stream, t]
            if worst is None or (weighted, stream) > worst:
                worst = (weighted, stream)
    return None if worst is None else worst[1]


def _room(
    data: ProgramData, free: dict[tuple[str, str], Counter[str]], i: int, power_left_w: float
) -> tuple[str, str] | None:
    """The machine of the pool's location that an instance fits on with the fewest GPUs left over.

    None where the power cap leaves no room for one more at full load.
    """
    pool = data.pools[i]
    if data.profiles[pool].full_power_w > power_left_w:
        return None
    needs = data.modes[pool.mode].gpus
    fitting = [
        (sum(gpus.values()), place)
        for place, gpus in free.items()
        if place[0] == pool.location and all(gpus[kind] >= count for kind, count in needs.items())
    ]
    return min(fitting)[1] if fitting else None


def _power_left_w(data: ProgramData, counts: list[int], location: str) -> float:
    """Watts under the power cap that are free with all instances at full load, parked GPUs counted on top."""
    cap_w = data.locations[location].power_cap_w
    if cap_w is None:
        return math.inf
    base_w = max(data.fleet.base_power_w[location, t] for t in range(data.scenario.steps))
    full_w = sum(
        count * data.profiles[pool].full_power_w
        for pool, count in zip(data.pools, counts, strict=True)
        if pool.location == location
    )
    return cap_w / data.locations[location].pue - base_w - full_w


def _share_rps(data: ProgramData, t: int) -> dict[str, float]:
    """Planned req/s that each location may serve in step t."""
    asked = sum(rate for (_, step), rate in data.demand_rps.items() if step == t)
    return {each.name: math.inf if each.max_share >= 1 else each.max_share * asked for each in data.scenario.locations}


def _serving(data: ProgramData, counts: tuple[int, ...], i: int, t: int) -> int:
    """Instances of pool i that serve in step t: those that start do not at once."""
    if t >= data.late_steps(data.pools[i].mode):
        return counts[i]
    return min(counts[i], data.standing_labels.get(i, 0))


def _started(data: ProgramData, counts: tuple[int, ...]) -> dict[int, int]:
    if not data.fleet.running_known:
        return {}
    return {
        h: max(sum(counts[i] for i in pools) - data.fleet.standing.get(place, 0), 0)
        for h, (place, pools) in enumerate(data.places.items())
    }
