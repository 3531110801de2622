"""What an epoch took when it came true: the plan's own instances and routes under the real demand. All power counts."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from freesh_plugin.core.plan import Plan
from freesh_plugin.core.units import JOULES_PER_KWH
from models.domain.scenario import Location, Profile, Scenario
from models.evaluate.epoch import Epoch
from models.evaluate.truth import Truth, over

Stream = tuple[str, str, str]
"""Model, class, origin."""

Place = tuple[str, str, tuple[tuple[str, int], ...]]
"""Location, model, GPUs of an instance: what needs a restart to change."""


@dataclass(frozen=True)
class Account:
    """What one epoch took, over the seconds for which the truth is known; instances started are counted whole.

    Joules at the meter, signed grams, requests offered and not served.
    """

    energy_j: float
    carbon_g: float
    offered: float
    unserved: float
    starts: int
    scored_s: int


class Ledger:
    """Books epochs of one fleet against one truth.

    Requests go where the plan's routes send them, in the shares it published, and within a location to the pools
    of their class by capacity; beyond that location's capacity they are not served, and nothing is sent elsewhere
    with hindsight. Starts come first: until the slowest instance that starts is ready, the plan before serves.

    Args:
        fleet: The scenario that was planned.
        truth: What came true.
    """

    def __init__(self, fleet: Scenario, truth: Truth) -> None:
        self._fleet = fleet
        self._truth = truth
        self._slot_s = truth.slot_s
        self._profiles = {(p.model, p.partition, p.request_class, p.mode): p for p in fleet.profiles}
        self._modes = {each.name: each for each in fleet.modes}
        self._locations = {each.name: each for each in fleet.locations}

    def book(self, epoch: Epoch, plan: Plan, before: Plan | None) -> Account:
        """One epoch under a plan that follows another one (None: nothing is known to run, and nothing is charged)."""
        started = self._started(plan, before)
        energy, unserved = self._drawn(epoch, plan)
        if before is not None and started:
            late = self._late(epoch, started)
            earlier, missed = self._drawn(epoch, before)
            energy = {name: late * earlier[name] + (1 - late) * joules for name, joules in energy.items()}
            unserved = late * missed + (1 - late) * unserved
        for (location, _, gpus), count in started.items():
            energy[location][0] += count * self._start_energy_j(gpus) * self._locations[location].pue
        known = self._truth.known(epoch)
        grams = sum(float((joules * self._carbon(epoch, name))[known].sum()) for name, joules in energy.items())
        offered_rps = sum(over(grid, epoch, self._slot_s)[known].sum() for grid in self._truth.demand.values())
        return Account(
            energy_j=sum(float(joules[known].sum()) for joules in energy.values()),
            carbon_g=grams / JOULES_PER_KWH,
            offered=float(offered_rps) * self._slot_s,
            unserved=float(unserved[known].sum()),
            starts=sum(started.values()),
            scored_s=int(known.sum()) * self._slot_s,
        )

    def _drawn(self, epoch: Epoch, plan: Plan) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Joules at the meter by location, and requests not served; shapes (slot,)."""
        slots = epoch.length_s // self._slot_s
        watts = {name: np.full(slots, base_power_w(self._fleet, each)) for name, each in self._locations.items()}
        sent, unserved_rps = self._sent(epoch, plan)
        pools = self._pools(plan)
        for (location, _, _), members in pools.items():
            for profile, count in members:
                watts[location] += count * (self._idle_w(profile, location) - self._parked_w(profile, location))
        for key, rps in sent.items():
            members = pools.get(key, [])
            capacity = sum(count * profile.capacity_rps for profile, count in members)
            served = np.minimum(rps, capacity)
            unserved_rps += rps - served
            for profile, count in members:
                load = served / capacity if capacity > 0 else np.zeros(slots)
                watts[key[0]] += count * (self._power_w(profile, key[0], load) - self._idle_w(profile, key[0]))
        energy = {name: each * self._locations[name].pue * self._slot_s for name, each in watts.items()}
        return energy, unserved_rps * self._slot_s

    def _sent(self, epoch: Epoch, plan: Plan) -> tuple[dict[tuple[str, str, str], np.ndarray], np.ndarray]:
        """Requests by location, model and class as the plan's routes send them, and those that no route takes."""
        weights = {(each.model, each.request_class, each.origin): each.weights for each in plan.routes}
        sent: dict[tuple[str, str, str], np.ndarray] = {}
        unrouted = np.zeros(epoch.length_s // self._slot_s)
        for (model, request_class, origin), rps in self._offered(epoch, plan).items():
            shares = weights.get((model, request_class, origin), {})
            unrouted += rps * (1 - sum(shares.values()))
            for location, share in shares.items():
                key = (location, model, request_class)
                sent[key] = sent.get(key, 0.0) + rps * share
        return sent, unrouted

    def _offered(self, epoch: Epoch, plan: Plan) -> Mapping[Stream, np.ndarray]:
        """Real demand by stream of the plan's partitions, req/s; shape (slot,)."""
        offered: dict[Stream, np.ndarray] = {}
        for name, parts in self._truth.parts.items():
            rates = over(self._truth.demand[name], epoch, self._slot_s)
            for part in parts:
                if plan.partition[part.model].name == part.partition:
                    stream = (part.model, part.request_class, part.origin)
                    offered[stream] = offered.get(stream, 0.0) + rates * part.share
        return offered

    def _pools(self, plan: Plan) -> dict[tuple[str, str, str], list[tuple[Profile, int]]]:
        """Profiles and counts of the instances by location, model and class."""
        counts: Counter[tuple[str, str, str, str]] = Counter()
        for each in plan.slices:
            counts[each.location, each.model, each.request_class, each.mode] += each.instances
        pools: defaultdict[tuple[str, str, str], list[tuple[Profile, int]]] = defaultdict(list)
        for (location, model, request_class, mode), count in counts.items():
            profile = self._profiles[model, plan.partition[model].name, request_class, mode]
            pools[location, model, request_class].append((profile, count))
        return dict(pools)

    def _started(self, plan: Plan, before: Plan | None) -> Counter[Place]:
        """Instances that were not there before, by what needs a restart to change."""
        return self._standing(plan) - self._standing(before) if before is not None else Counter()

    def _standing(self, plan: Plan) -> Counter[Place]:
        standing: Counter[Place] = Counter()
        for each in plan.slices:
            standing[each.location, each.model, self._modes[each.mode].hardware] += each.instances
        return standing

    def _late(self, epoch: Epoch, started: Counter[Place]) -> np.ndarray:
        """Share of each slot in which the plan before still serves; shape (slot,)."""
        hardware = {gpus for _, _, gpus in started}
        ready_s = max(mode.startup_s for mode in self._modes.values() if mode.hardware in hardware)
        slots = np.arange(epoch.length_s // self._slot_s)
        late: np.ndarray = np.clip(ready_s / self._slot_s - slots, 0.0, 1.0)
        return late

    def _start_energy_j(self, gpus: tuple[tuple[str, int], ...]) -> float:
        return max(mode.startup_energy_j for mode in self._modes.values() if mode.hardware == gpus)

    def _carbon(self, epoch: Epoch, location: str) -> np.ndarray:
        return over(self._truth.carbon[str(self._locations[location].grid_zone)], epoch, self._slot_s)

    def _parked_w(self, profile: Profile, location: str) -> float:
        parked_w = self._locations[location].parked_power_w
        return sum(parked_w[kind] * count for kind, count in self._modes[profile.mode].gpus.items())

    def _idle_w(self, profile: Profile, location: str) -> float:
        return max(profile.idle_power_w, self._parked_w(profile, location))  # loaded GPUs draw no less than parked

    def _power_w(self, profile: Profile, location: str, load: np.ndarray) -> np.ndarray:
        """Watts of one instance at a load in [0, 1]: between the profile's levels, or between idle and full."""
        idle_w = self._idle_w(profile, location)
        levels = ((0.0, idle_w), *(profile.power_levels or ((1.0, profile.full_power_w),)))
        levels = tuple(after for before, after in pairwise(((-1.0, 0.0), *levels)) if after[0] > before[0])
        shares, watts = zip(*levels, strict=True)
        drawn: np.ndarray = np.maximum(np.interp(load, shares, watts), idle_w)
        return drawn


def base_power_w(fleet: Scenario, location: Location) -> float:
    """Every GPU parked and every host on, watts before PUE: what no plan avoids."""
    rows = [each for each in fleet.machines if each.location == location.name]
    gpus = [(each.gpu_type, each.gpus) for each in rows] or list(location.gpus.items())
    hosts = len({each.machine for each in rows}) or 1
    return sum(location.parked_power_w[kind] * count for kind, count in gpus if count) + location.host_power_w * hosts
