"""A plan by rule of thumb, without any solver: instances one by one for whoever is worst served."""

import dataclasses
import math
from collections import Counter

from models.allocation.data import ProgramData, Stream
from models.allocation.objective import joule_cost
from models.allocation.solution import ROUNDING, Solution, reached
from models.allocation.totals import priced
from models.domain.scenario import Location

_ROUNDING_W = 1e-6
"""Watts that are rounding."""


def greedy_counts(data: ProgramData) -> tuple[int, ...]:
    """Instances by pool: again and again one more for the stream with the largest weighted unserved fraction.

    It is the pool with the least cost per request that still fits on a machine. A stream that none fits for is left.
    """
    floor, unserved = _Floor(data), _Unserved(data)
    cheapest = {stream: _cheapest_first(data, stream) for stream in data.streams}
    while (stream := unserved.worst()) is not None:
        i = next((i for i in cheapest[stream] if unserved.may_serve(i) and floor.place(i)), None)
        if i is None:
            unserved.give_up(stream)
        else:
            unserved.serve(i, first=stream)
    return tuple(floor.counts)


class _Floor:
    """Machines being filled, within the power caps."""

    def __init__(self, data: ProgramData) -> None:
        self._data = data
        self._free = {n: {m: Counter(gpus) for m, gpus in here.items()} for n, here in data.fleet.machines.items()}
        for location, machine in data.fleet.windows:
            self._free[location][machine] = Counter(data.fleet.holders[location][machine])
        self._power_left_w = {each.name: _power_left_w(data, each) for each in data.scenario.locations}
        self.counts = [0] * len(data.pools)

    def place(self, i: int) -> bool:
        """Put one instance of pool i on the machine where it leaves the fewest GPUs; False where none has room."""
        pool = self._data.pools[i]
        needs, full_w = self._data.modes[pool.mode].gpus, _full_extra_w(self._data, i)
        fitting = [
            (sum(gpus.values()), name)
            for name, gpus in self._free[pool.location].items()
            if name == pool.machine or (not pool.machine and (pool.location, name) not in self._data.fleet.windows)
            if all(gpus[kind] >= count for kind, count in needs.items())
        ]
        if not fitting or full_w > self._power_left_w[pool.location]:
            return False
        self._free[pool.location][min(fitting)[1]].subtract(needs)
        self._power_left_w[pool.location] -= full_w
        self.counts[i] += 1
        return True


class _Unserved:
    """What of each stream no instance serves yet, in steps when those that start do serve."""

    def __init__(self, data: ProgramData) -> None:
        self._data = data
        self._prices = {each.name: each.shed_price for each in data.scenario.tiers}
        self._steps = range(data.warm_up_steps, data.scenario.steps)
        self._left = {
            (stream, t): data.demand_rps.get((stream, t), 0.0) for stream in data.streams for t in self._steps
        }
        self._share = {t: _share_rps(data, t) for t in self._steps}
        self._open = list(data.streams)
        self._streams: dict[int, list[Stream]] = {}
        for stream in data.streams:
            for i in data.arcs[stream]:
                self._streams.setdefault(i, []).append(stream)

    def worst(self) -> Stream | None:
        """The stream with the largest weighted unserved fraction; None when there is nothing left to do."""
        losses = [(loss, stream) for stream in self._open if (loss := self._loss(stream)) > 0]
        return max(losses)[1] if losses else None

    def may_serve(self, i: int) -> bool:
        """Whether the share of the pool's location leaves it anything."""
        return any(self._share[t][self._data.pools[i].location] > ROUNDING for t in self._steps)

    def serve(self, i: int, first: Stream) -> None:
        """Give one instance's capacity to a stream, and what is left of it to the pool's others."""
        pool = self._data.pools[i]
        for t in self._steps:
            if t not in self._data.steps_of(pool):
                continue
            capacity_rps = min(self._data.capacity_rps[i], self._share[t][pool.location])
            for stream in (first, *self._streams[i]):
                taken = min(capacity_rps, self._left[stream, t])
                self._left[stream, t] -= taken
                self._share[t][pool.location] -= taken
                capacity_rps -= taken

    def give_up(self, stream: Stream) -> None:
        """Leave a stream as it is."""
        self._open.remove(stream)

    def _loss(self, stream: Stream) -> float:
        price = self._prices[stream.tier]
        fractions = (
            self._left[stream, t] / self._data.demand_rps[stream, t]
            for t in self._steps
            if self._left[stream, t] > ROUNDING
        )
        return price * max(fractions, default=0.0)


def route(data: ProgramData, counts: tuple[int, ...]) -> Solution | None:
    """Flows of a given allocation: streams with the fewest pools first, cheapest pool first; the rest is shed.

    What losses would leave unserved is not looked at. Every model has one candidate partition.

    Returns:
        The solution; None where the instances alone, without any load, exceed a power cap.
    """
    flows: dict[tuple[int, int, int], float] = {}
    shed: dict[tuple[int, int], float] = {}
    order = sorted(range(len(data.streams)), key=lambda s: (len(data.arcs[data.streams[s]]), s))
    for t in range(data.scenario.steps):
        spare_w = _spare_w(data, counts, t)
        if any(watts < -_ROUNDING_W for watts in spare_w.values()):
            return None
        room = _Room(data, counts, t, spare_w)
        for s in order:
            left = data.demand_rps.get((data.streams[s], t), 0.0)
            for i in _cheapest_first(data, data.streams[s]):
                taken = room.take(i, left)
                if taken:
                    flows[s, i, t] = taken
                    left -= taken
            if left > ROUNDING:
                shed[s, t] = left
    chosen = {name: names[0] for name, names in data.candidates.items()}
    bare = Solution(counts, flows, shed, {}, {}, _started(data, counts), 0.0, reached(data, shed), chosen)
    return dataclasses.replace(bare, objective=priced(data, bare))


class _Room:
    """What is left in one step of the instances' capacity, the locations' shares and their power."""

    def __init__(self, data: ProgramData, counts: tuple[int, ...], t: int, spare_w: dict[str, float]) -> None:
        self._data = data
        self._left_rps = [_serving(data, counts, i, t) * data.capacity_rps[i] for i in range(len(data.pools))]
        self._share_rps, self._spare_w = _share_rps(data, t), spare_w

    def take(self, i: int, rate: float) -> float:
        """Serve up to `rate` by pool i; how much it was, req/s, 0 where that is rounding."""
        location, joules = self._data.pools[i].location, self._data.power[i].joules_per_request
        powered_rps = self._spare_w[location] / joules if joules > 0 else math.inf
        taken = min(rate, self._left_rps[i], self._share_rps[location], powered_rps)
        if taken <= ROUNDING:
            return 0.0
        self._left_rps[i] -= taken
        self._share_rps[location] -= taken
        self._spare_w[location] -= taken * joules
        return taken


def cost_per_request(data: ProgramData, i: int) -> float:
    """Objective units a request of a fully loaded instance of pool i costs."""
    pool = data.pools[i]
    weight = sum(joule_cost(data, pool.location, t) for t in data.steps_of(pool))
    power, capacity_rps = data.power[i], data.capacity_rps[i]
    return weight * (power.idle_extra_w / capacity_rps + power.joules_per_request) if capacity_rps > 0 else math.inf


def _cheapest_first(data: ProgramData, stream: Stream) -> list[int]:
    return sorted(data.arcs[stream], key=lambda i: (cost_per_request(data, i), i))


def _power_left_w(data: ProgramData, location: Location) -> float:
    """Watts that a power cap leaves beside parked GPUs and hosts; infinite without one."""
    if location.power_cap_w is None:
        return math.inf
    base_w = max(data.fleet.base_power_w[location.name, t] for t in range(data.scenario.steps))
    return location.power_cap_w / location.pue - base_w


def _full_extra_w(data: ProgramData, i: int) -> float:
    """Watts of a fully loaded instance of pool i above what its GPUs draw parked."""
    return data.power[i].idle_extra_w + data.power[i].joules_per_request * data.capacity_rps[i]


def _spare_w(data: ProgramData, counts: tuple[int, ...], t: int) -> dict[str, float]:
    """Watts that each location's cap leaves in step t beside its instances without load; infinite without a cap."""
    spare_w = {
        each.name: math.inf
        if each.power_cap_w is None
        else each.power_cap_w / each.pue - data.fleet.base_power_w[each.name, t]
        for each in data.scenario.locations
    }
    for i, pool in enumerate(data.pools):
        if t in data.steps_of(pool):
            spare_w[pool.location] -= counts[i] * data.power[i].idle_extra_w
    return spare_w


def _share_rps(data: ProgramData, t: int) -> dict[str, float]:
    """Planned req/s that each location may serve in step t."""
    asked = sum(rate for (_, step), rate in data.demand_rps.items() if step == t)
    return {each.name: math.inf if each.max_share >= 1 else each.max_share * asked for each in data.scenario.locations}


def _serving(data: ProgramData, counts: tuple[int, ...], i: int, t: int) -> int:
    """Instances of pool i that serve in step t: those that start do not at once."""
    pool = data.pools[i]
    if t not in data.steps_of(pool):
        return 0
    if t >= data.late_until(pool):
        return counts[i]
    return min(counts[i], data.standing_labels.get(i, 0))


def _started(data: ProgramData, counts: tuple[int, ...]) -> dict[int, int]:
    if not data.fleet.running_known:
        return {}
    return {
        h: max(sum(counts[i] for i in pools) - data.fleet.standing.get(place, 0), 0)
        for h, (place, pools) in enumerate(data.places.items())
    }
