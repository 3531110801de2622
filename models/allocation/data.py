"""The data of the full program for one model and one partition: pools, streams of demand, who may serve whom."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from freesh_plugin.core.errors import AllocationError, ScenarioError
from models.allocation.fleet import Fleet, Place
from models.allocation.machines import Hardware
from models.allocation.paper import meets
from models.allocation.signals import Signals
from models.domain.allocation import InstanceCount
from models.domain.scenario import Location, Mode, Profile, Scenario, ServiceLevel


class Pool(NamedTuple):
    """(n, r, m): instances of a mode that serve a class at a location."""

    location: str
    request_class: str
    mode: str


class Stream(NamedTuple):
    """(r, o, k): demand of a class from an origin in a tier."""

    request_class: str
    origin: str
    tier: str


@dataclass(frozen=True)
class PoolPower:
    """Watts of one instance of a pool, at its location.

    Attributes:
        idle_w: P0, never below what its GPUs would draw parked.
        idle_extra_w: P0 less the parked watts of the GPUs it takes.
        joules_per_request: (P1 - P0)/L.
    """

    idle_w: float
    idle_extra_w: float
    joules_per_request: float


@dataclass(frozen=True)
class ProgramData:
    """One model, one partition.

    Attributes:
        scenario: What it is taken from.
        partition: q.
        fleet: GPUs and what runs now.
        signals: w, by location and step.
        pools: Candidates that fit a location and serve some stream, and those that were asked for.
        profiles: Profile of each pool.
        streams: Streams with demand that some pool may serve.
        unserved: Streams with demand that no pool may serve.
        demand_rps: α·λ by (stream, step), where above 0.
        mean_share: λ̄/(α·λ) by (stream, step): the part of the planned flow that energy follows.
        arcs: Indices of the pools that may serve each stream.
    """

    scenario: Scenario
    partition: str
    fleet: Fleet
    signals: Signals
    pools: tuple[Pool, ...]
    profiles: Mapping[Pool, Profile]
    streams: tuple[Stream, ...]
    unserved: tuple[Stream, ...]
    demand_rps: Mapping[tuple[Stream, int], float]
    mean_share: Mapping[tuple[Stream, int], float]
    arcs: Mapping[Stream, tuple[int, ...]]

    @property
    def model(self) -> str:
        """The model that is planned, a."""
        return self.scenario.models[0]

    @cached_property
    def modes(self) -> dict[str, Mode]:
        """Modes by name."""
        return {each.name: each for each in self.scenario.modes}

    @cached_property
    def locations(self) -> dict[str, Location]:
        """Locations by name."""
        return {each.name: each for each in self.scenario.locations}

    @cached_property
    def places(self) -> dict[Place, list[int]]:
        """Indices of the pools of each (location, hardware), those that only run now included."""
        found: dict[Place, list[int]] = {place: [] for place in self.fleet.standing}
        for i, pool in enumerate(self.pools):
            found.setdefault((pool.location, self.hardware_of(pool)), []).append(i)
        return dict(sorted(found.items()))

    @cached_property
    def power(self) -> tuple[PoolPower, ...]:
        """Watts of each pool."""
        return tuple(self._power_of(pool) for pool in self.pools)

    @cached_property
    def standing_labels(self) -> dict[int, int]:
        """x̂[n,r,m]: running instances by pool, of those that serve a class of this partition."""
        at = {pool: i for i, pool in enumerate(self.pools)}
        counts: dict[int, int] = {}
        for row in self.fleet.labels:
            i = at.get(Pool(row.location, row.request_class, row.mode))
            if i is not None and row.partition in (None, self.partition):
                counts[i] = counts.get(i, 0) + row.instances
        return counts

    def hardware_of(self, pool: Pool) -> Hardware:
        """h: model, GPU types and counts."""
        return Hardware(self.model, self.modes[pool.mode].hardware)

    def most(self, pool: Pool) -> int:
        """Largest number of instances that the machines of its location hold."""
        return self.fleet.room(pool.location, self.modes[pool.mode].gpus)

    def late_steps(self, mode: str) -> int:
        """First steps in which a starting instance does not serve: t with t·Δt < K."""
        startup_s = self.modes[mode].startup_s if self.fleet.running_known else 0.0
        return int(-(-startup_s // self.scenario.step_s))

    @cached_property
    def warm_up_steps(self) -> int:
        """Steps until every start is done; instances that are to stop may serve so long."""
        return max((self.late_steps(pool.mode) for pool in self.pools), default=0)

    def counts(self, solution: Iterable[int]) -> tuple[InstanceCount, ...]:
        """Counts above 0, pool by pool."""
        return tuple(
            InstanceCount(pool.location, self.model, pool.request_class, pool.mode, count)
            for pool, count in zip(self.pools, solution, strict=True)
            if count
        )

    def _power_of(self, pool: Pool) -> PoolPower:
        profile, parked = self.profiles[pool], self.locations[pool.location].parked_power_w
        parked_w = sum(count * parked[kind] for kind, count in self.modes[pool.mode].gpus.items())
        idle_w = max(profile.idle_power_w, parked_w)  # a loaded GPU draws no less than a parked one
        slope = max(profile.full_power_w - idle_w, 0.0) / profile.capacity_rps if profile.capacity_rps > 0 else 0.0
        return PoolPower(idle_w, idle_w - parked_w, slope)


def program_data(
    scenario: Scenario, partition: str, fleet: Fleet, signals: Signals, keep: Iterable[Pool] = ()
) -> ProgramData:
    """Collect the data of one partition.

    Args:
        scenario: The problem.
        partition: q.
        fleet: Its fleet.
        signals: Its signals.
        keep: Pools to have in it even if they serve nothing, because they run, or are to be evaluated.

    Raises:
        AllocationError: a pool to keep has no profile in this partition.
    """
    profiles = {(each.request_class, each.mode): each for each in scenario.profiles if each.partition == partition}
    demand, mean_share = _demand(scenario, partition)
    streams = sorted({stream for stream, _ in demand})
    serving = _serving(scenario, partition, profiles, streams, fleet)
    pools = tuple(sorted({pool for pools in serving.values() for pool in pools} | set(keep)))
    for pool in pools:
        if (pool.request_class, pool.mode) not in profiles:
            raise AllocationError(
                f"partition {partition!r} has no profile of class {pool.request_class!r} in mode {pool.mode!r}"
            )
    at = {pool: i for i, pool in enumerate(pools)}
    return ProgramData(
        scenario, partition, fleet, signals, pools,
        profiles={pool: profiles[pool.request_class, pool.mode] for pool in pools},
        streams=tuple(each for each in streams if serving[each]),
        unserved=tuple(each for each in streams if not serving[each]),
        demand_rps=demand,
        mean_share=mean_share,
        arcs={stream: tuple(sorted(at[pool] for pool in serving[stream])) for stream in streams},
    )  # fmt: skip


def profiled_partitions(scenario: Scenario) -> list[str]:
    """Partitions that the model is profiled in, in the scenario's order."""
    profiled = {each.partition for each in scenario.profiles}
    return [each.name for each in scenario.partitions if each.name in profiled]


_Series = dict[tuple[Stream, int], float]


def _demand(scenario: Scenario, partition: str) -> tuple[_Series, _Series]:
    """α·λ where above 0, and λ̄/(α·λ), by stream and step."""
    planned: _Series = {}
    share: _Series = {}
    for row in scenario.demand:
        rate = row.demand_rps * scenario.demand_margin
        if row.partition == partition and rate > 0:
            key = Stream(row.request_class, row.origin, row.tier), row.step
            planned[key] = rate
            share[key] = (row.demand_rps if row.mean_rps is None else row.mean_rps) / rate
    return planned, share


def _serving(
    scenario: Scenario,
    partition: str,
    profiles: Mapping[tuple[str, str], Profile],
    streams: Iterable[Stream],
    fleet: Fleet,
) -> dict[Stream, list[Pool]]:
    """Pools that may serve each stream: allowed there, fitting there, able, and within the SLO over the network."""
    levels = {(each.request_class, each.tier): each for each in scenario.slos if each.partition == partition}
    gpus = {each.name: each.gpus for each in scenario.modes}
    return {
        stream: [
            Pool(location.name, name, mode)
            for location in scenario.locations
            if location.allows(stream.origin)
            for (name, mode), profile in profiles.items()
            if name == stream.request_class
            and profile.capacity_rps > 0
            and fleet.room(location.name, gpus[mode]) > 0
            and meets(profile, _level(levels, partition, stream), location.rtt_s.get(stream.origin, 0.0))
        ]
        for stream in streams
    }


def _level(levels: Mapping[tuple[str, str], ServiceLevel], partition: str, stream: Stream) -> ServiceLevel:
    found = levels.get((stream.request_class, stream.tier))
    if found is None:
        raise ScenarioError(
            f"slo.csv: no row for partition {partition!r}, class {stream.request_class!r}, tier {stream.tier!r}"
        )
    return found
