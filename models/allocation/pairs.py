"""What an allocation is made of, looked up by name: profiles, service levels, and who may serve whom."""

from collections.abc import Iterable, Mapping

from models.allocation.paper import meets
from models.domain.scenario import ANY_ORIGIN, Demand, Location, Profile, Scenario, ServiceLevel


class Pairs:
    """The scenario under one partition per model.

    Args:
        scenario: Whole and checked.
        partition: Name of the partition chosen, by model.

    Attributes:
        demand: Rows of the chosen partitions.
        gpus: GPUs by type that one instance of each mode takes.
    """

    def __init__(self, scenario: Scenario, partition: Mapping[str, str]) -> None:
        self._locations = {each.name: each for each in scenario.locations}
        self._profiles = {
            (each.model, each.request_class, each.mode): each
            for each in scenario.profiles
            if partition.get(each.model) == each.partition
        }
        self._slos: dict[tuple[str, str], list[ServiceLevel]] = {}
        for level in scenario.slos:
            if partition.get(level.model) == level.partition:
                self._slos.setdefault((level.model, level.request_class), []).append(level)
        self.demand = tuple(each for each in scenario.demand if partition.get(each.model) == each.partition)
        self.gpus = {each.name: each.gpus for each in scenario.modes}
        named = _origins(scenario)
        self._origins = {
            model: tuple(sorted({each.origin for each in self.demand if each.model == model} | named))
            for model in partition
        }

    def location(self, name: str) -> Location:
        """The location of that name."""
        return self._locations[name]

    def profile(self, model: str, request_class: str, mode: str) -> Profile:
        """One instance of that mode serving that class."""
        return self._profiles[model, request_class, mode]

    def profiles(self) -> Iterable[Profile]:
        """All profiles of the partition, in the order of their names."""
        return (self._profiles[key] for key in sorted(self._profiles))

    def levels(self, model: str, request_class: str) -> tuple[ServiceLevel, ...]:
        """The service levels of a class, one a tier."""
        return tuple(self._slos.get((model, request_class), ()))

    def origins(self, model: str) -> tuple[str, ...]:
        """Origins of a model's demand, and every other that the scenario names."""
        return self._origins[model]

    def keeps_slo(self, location: str, profile: Profile, origin: str) -> bool:
        """Whether requests of this origin meet every service level of the class there, the way there included."""
        rtt_s = self._locations[location].rtt_s.get(origin, 0.0)
        return all(meets(profile, level, rtt_s) for level in self.levels(profile.model, profile.request_class))

    def peak_rps(self) -> dict[tuple[str, str], float]:
        """Largest demand, over the steps, of each model and class, all origins and tiers together, req/s."""
        return _peaks(self.demand)


def _peaks(demand: Iterable[Demand]) -> dict[tuple[str, str], float]:
    totals: dict[tuple[str, str, int], float] = {}
    for row in demand:
        key = (row.model, row.request_class, row.step)
        totals[key] = totals.get(key, 0.0) + row.demand_rps
    peaks: dict[tuple[str, str], float] = {}
    for (model, request_class, _), rps in totals.items():
        peaks[model, request_class] = max(peaks.get((model, request_class), 0.0), rps)
    return peaks


def _origins(scenario: Scenario) -> set[str]:
    """Origins that a location names, and `any` for those that nothing names."""
    named = {origin for each in scenario.locations for origin in (*each.rtt_s, *(each.allowed_origins or ()))}
    return named | {ANY_ORIGIN}
