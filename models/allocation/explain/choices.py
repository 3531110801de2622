"""Why each class is served where and how it is: the cheapest pool it may use, or what keeps it from that one."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from models.allocation.collect import program_data
from models.allocation.data import ProgramData
from models.allocation.explain.amounts import amount, objective_unit
from models.allocation.fleet import Fleet
from models.allocation.objective import joule_cost
from models.allocation.paper import meets
from models.allocation.signals import Signals
from models.domain.allocation import AllocationResult
from models.domain.explanation import Choice, Price
from models.domain.scenario import Demand, Location, Profile, Scenario, ServiceLevel

_MOST_NAMED = 3
"""Pools that a sentence names."""
_ALL = 0.99
"""Share of a class that counts as all of it."""
_CLEARLY = 1.001
"""Factor by which a pool must be cheaper to be called so."""

_LIMITS = {
    "power_cap": "the power cap there binds",
    "max_share": "its share of all demand binds",
    "change_limit": "no more changes are allowed there",
}


class Where(NamedTuple):
    """Location and mode of a pool."""

    location: str
    mode: str

    def __str__(self) -> str:
        return f"{self.mode} at {self.location}"


def choices(scenario: Scenario, result: AllocationResult, prices: Iterable[Price]) -> Iterator[Choice]:
    """A sentence on each class with demand; costs are per 1000 requests in a fully loaded instance, mean of the steps.

    Args:
        scenario: The problem.
        result: Its allocation.
        prices: Of the limits that bind.
    """
    fleet, signals = Fleet.of(scenario), Signals.of(scenario, scenario.objective)
    chosen = {model: (name,) for model, name in result.partition.items()}
    data = program_data(scenario, chosen, fleet, signals)
    binding = {(each.constraint, each.subject) for each in prices}
    for model, request_class in sorted({stream[0:3:2] for stream in (*data.streams, *data.unserved)}):
        told = _Told(data, result, binding, (model, request_class))
        yield Choice(model, request_class, f"{told.who}; {told.why}" if told.served else told.nobody)


class _Told:
    """What is told of one class."""

    def __init__(
        self, data: ProgramData, result: AllocationResult, binding: set[tuple[str, str]], key: tuple[str, str]
    ) -> None:
        self._data, self._result, self._binding = data, result, binding
        self._model, self._class = key
        self._unit = objective_unit(data.scenario)
        self.served = _shares(result, *key)
        self._counts: Counter[Where] = Counter()
        for each in result.instances:
            if (each.model, each.request_class) == key:
                self._counts[Where(each.location, each.mode)] += each.count
        self._allowed: dict[Where, float] = {}
        for i in {i for stream in data.streams if stream[0:3:2] == key for i in data.arcs[stream]}:
            where = _where(data, i)
            cost = cost_of(
                data,
                where.location,
                data.power[i].idle_extra_w / data.capacity_rps[i] + data.power[i].joules_per_request,
            )
            self._allowed[where] = min(cost, self._allowed.get(where, cost))

    @property
    def nobody(self) -> str:
        """That it is not served."""
        if not self._allowed:
            return "served by nobody: no mode keeps its service level at a location where it is allowed and fits"
        return "served by nobody: what there is serves others (shedding is shared out fairly)"

    @property
    def who(self) -> str:
        """The pools that serve it, the largest share first."""
        largest = sorted(self.served.items(), key=lambda each: (-each[1], each[0]))
        named = [
            f"{_percent(share)} by {self._instances(where)} ({self._cost(where)})"
            for where, share in largest[:_MOST_NAMED]
        ]
        more = f" and {len(largest) - _MOST_NAMED} more" if len(largest) > _MOST_NAMED else ""
        idle = sum(count for where, count in self._counts.items() if where not in self.served)
        spare = f", {idle} in reserve elsewhere" if idle else ""
        return ", ".join(named) + more + spare

    @property
    def why(self) -> str:
        """The cheapest it may use, or what keeps it from that; and what would be cheaper and is not allowed."""
        cheapest = min(self._allowed, key=lambda each: (self._allowed[each], each))
        main = max(self.served, key=lambda each: (self.served[each], each))
        cost = self._allowed.get(main)
        if cost is None:
            reason = "no longer allowed there"
        elif self._allowed[cheapest] * _CLEARLY >= cost:
            rest = f", but {self._obstacle(main)}" if self.served[main] < _ALL else ""
            reason = f"{main} is the cheapest that it may use{rest}"
        else:
            reason = f"{cheapest} would take {self._cost(cheapest)}, but {self._obstacle(cheapest)}"
        return "; ".join([reason, *self._ruled_out(min(self._allowed.values()))])

    def _instances(self, where: Where) -> str:
        """How many; those that are to stop serve on while others start, and are not in the counts."""
        count = self._counts[where]
        return f"{count} x {where}" if count else f"{where} until it stops"

    def _cost(self, where: Where) -> str:
        cost = self._allowed.get(where)
        return "cost not known" if cost is None else _per_thousand(cost, self._unit)

    def _obstacle(self, where: Where) -> str:
        """What keeps a class from a pool that it may use."""
        for kind, needed in self._data.modes[where.mode].gpus.items():
            if _free(self._data, self._result, where.location, kind) < needed:
                return f"the {kind} GPUs there are in use"
        for constraint, words in _LIMITS.items():
            if (constraint, where.location) in self._binding:
                return words
        barred = sorted(self._origins() - self._origins(where))
        if barred:
            return f"not for requests from {', '.join(barred)}"
        return "whole instances of it come to more: they would not be fully loaded, or must be started"

    def _origins(self, where: Where | None = None) -> set[str]:
        """Origins of the class, or those of them that a pool may serve."""
        return {
            stream.origin
            for stream in self._data.streams
            if stream[0:3:2] == (self._model, self._class)
            if where is None or any(_where(self._data, i) == where for i in self._data.arcs[stream])
        }

    def _ruled_out(self, least: float) -> list[str]:
        """The cheapest pool of all, where it is cheaper and something forbids it."""
        found: dict[Where, tuple[float, str]] = {}
        for profile in self._profiles():
            for location in self._data.scenario.locations:
                where = Where(location.name, profile.mode)
                if where in self._allowed or not self._data.fleet.room(
                    location.name, self._data.modes[profile.mode].gpus
                ):
                    continue
                found[where] = _bare_cost(self._data, profile, location), self._forbidden(profile, location)
        if not found:
            return []
        where, (cost, why) = min(found.items(), key=lambda each: (each[1][0], each[0]))
        return (
            [f"{where} at {_per_thousand(cost, self._unit)} is ruled out by {why}"] if cost * _CLEARLY < least else []
        )

    def _profiles(self) -> Iterator[Profile]:
        partition = self._result.partition[self._model]
        for each in self._data.scenario.profiles:
            if _label(each) == (self._model, partition, self._class) and each.capacity_rps > 0:
                yield each

    def _forbidden(self, profile: Profile, location: Location) -> str:
        key = self._model, profile.partition, self._class
        origins = {each.origin for each in self._data.scenario.demand if _label(each) == key}
        if not any(location.allows(origin) for origin in origins):
            return "residency"
        levels = [each for each in self._data.scenario.slos if _label(each) == key]
        if not any(meets(profile, each) for each in levels):
            return "the service level"
        return "the service level with the way over the network"


def _where(data: ProgramData, i: int) -> Where:
    return Where(data.pools[i].location, data.pools[i].mode)


def _label(row: Profile | Demand | ServiceLevel) -> tuple[str, str, str]:
    return row.model, row.partition, row.request_class


def cost_of(data: ProgramData, location: str, joules: float) -> float:
    """Objective units of a request that takes so many joules above parked: the mean of w⁺·PUE over the steps."""
    steps = data.scenario.steps
    return joules * sum(joule_cost(data, location, t) for t in range(steps)) / steps


def _bare_cost(data: ProgramData, profile: Profile, location: Location) -> float:
    """The same of a pool that the program does not have."""
    parked_w = sum(n * location.parked_power_w[kind] for kind, n in data.modes[profile.mode].gpus.items())
    full_w = max(profile.full_power_w, profile.idle_power_w, parked_w)
    return cost_of(data, location.name, (full_w - parked_w) / profile.capacity_rps)


def _per_thousand(cost: float, unit: str) -> str:
    return f"{amount(1_000 * cost, unit)} per 1000"


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.005 else "under 1%"


def _shares(result: AllocationResult, model: str, request_class: str) -> Mapping[Where, float]:
    """Part of the served demand of a class that each pool serves."""
    rates: defaultdict[Where, float] = defaultdict(float)
    for flow in result.flows:
        if (flow.model, flow.request_class) == (model, request_class):
            rates[Where(flow.location, flow.mode)] += flow.served_rps
    total = sum(rates.values())
    return {where: rate / total for where, rate in rates.items()} if total else {}


def _free(data: ProgramData, result: AllocationResult, location: str, kind: str) -> int:
    total = sum(gpus.get(kind, 0) for gpus in data.fleet.holders[location].values())
    used = sum(
        each.count * data.modes[each.mode].gpus.get(kind, 0) for each in result.instances if each.location == location
    )
    return total - used
