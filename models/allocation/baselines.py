"""Two simple policies for the same epoch, to compare a plan with: every GPU on, and least energy. Modelled."""

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

from freesh_plugin.core.plan import Baselines, Footprint
from models.allocation.footprint import footprint, of_totals, parked_power_known
from models.allocation.load import even_load, planned_load, served_mean
from models.allocation.machines import machine_gpus
from models.allocation.pack import pack
from models.allocation.pairs import Pairs
from models.domain.allocation import AllocationResult, InstanceCount
from models.domain.scenario import Objective, Profile, Scenario

Solve = Callable[[Scenario], AllocationResult]

_Class = tuple[str, str]
"""Model and request class."""


def baselines(scenario: Scenario, result: AllocationResult, solve: Solve) -> Baselines:
    """Footprints of both baselines, over the same demand as the plan.

    Args:
        scenario: As the plan's.
        result: The plan's allocation.
        solve: Solves a scenario (`models.allocation.allocate`); called once, with the objective energy, unless
            that is the plan's own.
    """
    energy = Objective.only("energy")
    if scenario.objective == energy:
        return Baselines(all_on(scenario, result), predicted(scenario, result))
    least = dataclasses.replace(scenario, objective=energy)
    return Baselines(all_on(scenario, result), predicted(scenario, solve(least)))


def predicted(scenario: Scenario, result: AllocationResult) -> Footprint:
    """Footprint of an allocation, all power counted, at its mean load.

    The published form bills full power at any load and knows no flows: its plan is counted as the full form would,
    or, where the scenario does not say what parked GPUs draw, as the published form does.
    """
    counted = result.flows or not parked_power_known(scenario)
    if result.totals is not None and counted:
        return of_totals(scenario, result.totals)
    pairs = Pairs(scenario, result.partition)
    return footprint(scenario, pairs, result.instances, planned_load(scenario, result))


def all_on(scenario: Scenario, result: AllocationResult) -> Footprint | None:
    """The same epoch with no GPU parked: what an operator does who leaves the whole fleet serving.

    The fleet is the plan's own instances, and further ones on every GPU that the plan leaves free, machine by
    machine: of the class with least capacity for its peak demand, the mode with most capacity per GPU that fits
    and keeps the class's service level there. All instances are loaded all the time and the demand that the plan
    serves is spread over them evenly (by capacity, within residency). Only GPUs too few for any mode stay parked.
    Same partition as the plan, so that what a better partition gains is not counted. None where the scenario does
    not say what parked GPUs draw.
    """
    if not parked_power_known(scenario):
        return None
    pairs = Pairs(scenario, result.partition)
    instances = all_on_instances(scenario, result)
    return footprint(scenario, pairs, instances, even_load(pairs, instances, served_mean(scenario, result)))


def all_on_instances(scenario: Scenario, result: AllocationResult) -> tuple[InstanceCount, ...]:
    """The plan's instances and those that fill every GPU which it leaves free."""
    pairs = Pairs(scenario, result.partition)
    packing = pack(scenario, result.instances)
    counts: Counter[tuple[str, str, str, str]] = Counter()
    free = {place: Counter(gpus) for place, gpus in _places(scenario)}
    for each in packing.slices:
        counts[each.location, each.model, each.request_class, each.mode] += each.instances
        gpus = pairs.gpus[each.mode]
        free[each.location, each.machine].subtract({kind: n * each.instances for kind, n in gpus.items()})
    coverage = _Coverage(pairs, counts)
    suited = {each.name: _suited(pairs, each.name) for each in scenario.locations}
    for (location, _), gpus_left in sorted(free.items()):
        while found := coverage.next_fitting(suited[location], gpus_left):
            gpus_left.subtract(dict(pairs.gpus[found.mode]))
            counts[location, found.model, found.request_class, found.mode] += 1
            coverage.add(found)
    return tuple(InstanceCount(*key, count=count) for key, count in sorted(counts.items()))


class _Coverage:
    """Capacity of each class over its peak demand, as the fleet grows."""

    def __init__(self, pairs: Pairs, counts: Counter[tuple[str, str, str, str]]) -> None:
        self._pairs = pairs
        self._peak_rps = pairs.peak_rps()
        self._capacity_rps: defaultdict[tuple[str, str], float] = defaultdict(float)
        for (_, model, request_class, mode), count in counts.items():
            for _ in range(count):
                self.add(pairs.profile(model, request_class, mode))

    def add(self, profile: Profile) -> None:
        """Count one more instance."""
        key = (profile.model, profile.request_class)
        self._capacity_rps[key] += profile.capacity_rps

    def of(self, key: _Class) -> float:
        """Capacity over peak demand of a class; infinite without demand."""
        peak_rps = self._peak_rps.get(key, 0.0)
        return self._capacity_rps[key] / peak_rps if peak_rps > 0 else float("inf")

    def next_fitting(self, suited: Mapping[_Class, Sequence[Profile]], free: Counter[str]) -> Profile | None:
        """Of the class with least coverage that has any, the first profile that fits into the free GPUs."""
        for key in sorted(suited, key=lambda each: (self.of(each), each)):
            for profile in suited[key]:
                if all(free[kind] >= number for kind, number in self._pairs.gpus[profile.mode].items()):
                    return profile
        return None


def _places(scenario: Scenario) -> Iterator[tuple[tuple[str, str], dict[str, int]]]:
    for location, machines in machine_gpus(scenario).items():
        for machine, gpus in machines.items():
            yield (location, machine), gpus


def _suited(pairs: Pairs, location: str) -> dict[_Class, list[Profile]]:
    """Profiles that serve somebody within their service level here, by class, most capacity per GPU first."""
    suited: dict[_Class, list[Profile]] = {}
    for each in pairs.profiles():
        if each.capacity_rps > 0 and any(
            pairs.location(location).allows(origin) and pairs.keeps_slo(location, each, origin)
            for origin in pairs.origins(each.model)
        ):
            suited.setdefault((each.model, each.request_class), []).append(each)
    for profiles in suited.values():
        profiles.sort(key=lambda each: (-each.capacity_rps / sum(pairs.gpus[each.mode].values()), each.mode))
    return suited
