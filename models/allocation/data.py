"""The data of the full program: the models' candidate partitions, their pools and streams, and who may serve whom."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from models.allocation.fleet import Fleet, Place
from models.allocation.machines import Hardware
from models.allocation.power_lines import PowerLine, power_line
from models.allocation.signals import Signals
from models.domain.allocation import InstanceCount
from models.domain.scenario import Location, Mode, Profile, Scenario

Candidates = Mapping[str, Sequence[str]]
"""Partitions that may be chosen, by model."""


class Pool(NamedTuple):
    """(n, a, q, r, m): instances of a mode that serve a class of a model's partition at a location.

    `machine` names theirs where it matters which one it is (a loss to survive, GPUs that come or go), else it is
    empty: any. `load` is the share of its capacity that an instance is used up to: 1 but where power over load is
    not affine.
    """

    location: str
    model: str
    partition: str
    request_class: str
    mode: str
    machine: str = ""
    load: float = 1.0


class Stream(NamedTuple):
    """(a, q, r, o, k): demand of a class of a model's partition from an origin in a tier."""

    model: str
    partition: str
    request_class: str
    origin: str
    tier: str


@dataclass(frozen=True)
class ProgramData:
    """The models of a scenario, each with its candidate partitions.

    Attributes:
        scenario: What it is taken from.
        candidates: Partitions by model; exactly one of each model's is chosen.
        fleet: GPUs and what runs now.
        signals: w, by location and step.
        pools: Those that fit a location and serve some stream, and those that were asked for.
        profiles: Profile of each pool.
        streams: Streams with demand that some pool may serve.
        unserved: Streams with demand that no pool may serve.
        demand_rps: α·λ by (stream, step), where above 0.
        mean_share: λ̄/(α·λ) by (stream, step): the part of the planned flow that energy follows.
        arcs: Indices of the pools that may serve each stream.
    """

    scenario: Scenario
    candidates: Candidates
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
    def title(self) -> str:
        """What is decided, in words: the partition, or the choice between several."""
        if len(self.candidates) == 1:
            return f"Partition {' or '.join(next(iter(self.candidates.values())))}"
        return f"The allocation of {len(self.candidates)} models"

    @property
    def unserved_rps(self) -> float:
        """Demand that no pool may serve, summed over steps, req/s."""
        none = set(self.unserved)
        return sum(rate for (stream, _), rate in self.demand_rps.items() if stream in none)

    @cached_property
    def open_choices(self) -> frozenset[tuple[str, str]]:
        """(model, partition) of the models that have more than one candidate."""
        return frozenset((a, q) for a, names in self.candidates.items() if len(names) > 1 for q in names)

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
        """Indices of the pools of each (location, machine, hardware), those that only run now included."""
        found: dict[Place, list[int]] = {place: [] for place in self.fleet.standing}
        for i, pool in enumerate(self.pools):
            found.setdefault((pool.location, pool.machine, self.hardware_of(pool)), []).append(i)
        return dict(sorted(found.items()))

    @cached_property
    def pools_at(self) -> dict[tuple[str, str], list[int]]:
        """Indices of the pools of each (location, machine or empty)."""
        found: dict[tuple[str, str], list[int]] = {}
        for i, pool in enumerate(self.pools):
            found.setdefault((pool.location, pool.machine), []).append(i)
        return found

    @cached_property
    def power(self) -> tuple[PowerLine, ...]:
        """Watts of each pool."""
        return tuple(power_line(self.profiles[pool], pool.load, self._parked_w(pool)) for pool in self.pools)

    @cached_property
    def capacity_rps(self) -> tuple[float, ...]:
        """L of each pool: what one instance serves, req/s, used up to its load."""
        return tuple(self.profiles[pool].capacity_rps * pool.load for pool in self.pools)

    @cached_property
    def standing_labels(self) -> dict[int, int]:
        """x̂[n,a,q,r,m]: running instances by pool, of those that serve a class of a candidate partition."""
        at = {pool: i for i, pool in enumerate(self.pools)}
        counts: dict[int, int] = {}
        for row in self.fleet.labels:
            for partition in self.candidates.get(row.model, ()):
                machine = self.fleet.holder(row.location, row.machine)
                i = at.get(Pool(row.location, row.model, partition, row.request_class, row.mode, machine))
                if i is not None and row.partition in (None, partition):
                    counts[i] = counts.get(i, 0) + row.instances
                    break
        return counts

    def among(self, kept: Collection[Pool]) -> "ProgramData":
        """The same with these pools alone; a stream may have none left."""
        chosen = [i for i, pool in enumerate(self.pools) if pool in kept]
        at = {i: j for j, i in enumerate(chosen)}
        pools = tuple(self.pools[i] for i in chosen)
        return replace(
            self,
            pools=pools,
            profiles={pool: self.profiles[pool] for pool in pools},
            arcs={stream: tuple(at[i] for i in indices if i in at) for stream, indices in self.arcs.items()},
        )

    def hardware_of(self, pool: Pool) -> Hardware:
        """h: model, GPU types and counts."""
        return Hardware(pool.model, self.modes[pool.mode].hardware)

    def most(self, pool: Pool) -> int:
        """Largest number of instances that its machine, or the machines of its location, hold."""
        return self.fleet.room(pool.location, self.modes[pool.mode].gpus, pool.machine)

    def steps_of(self, pool: Pool) -> range:
        """Steps in which its GPUs are there."""
        return self.fleet.window(pool.location, pool.machine)

    def late_until(self, pool: Pool) -> int:
        """First step in which an instance that starts does serve: it starts now, or when its GPUs come."""
        return self.steps_of(pool).start + self.late_steps(pool.mode)

    def late_steps(self, mode: str) -> int:
        """First steps in which a starting instance does not serve: t with t·Δt < K."""
        startup_s = self.modes[mode].startup_s if self.fleet.running_known else 0.0
        return int(-(-startup_s // self.scenario.step_s))

    @cached_property
    def warm_up_steps(self) -> int:
        """Steps until every start is done; instances that are to stop may serve so long."""
        return max((self.late_steps(pool.mode) for pool in self.pools), default=0)

    def counts(self, solution: Iterable[int]) -> tuple[InstanceCount, ...]:
        """Counts above 0, pool by pool, whatever load they are used up to."""
        totals: dict[tuple[str, str, str, str, str], int] = {}
        for pool, count in zip(self.pools, solution, strict=True):
            if count:
                key = pool.location, pool.model, pool.request_class, pool.mode, pool.machine
                totals[key] = totals.get(key, 0) + count
        return tuple(InstanceCount(*key[:4], count, key[4] or None) for key, count in totals.items())

    def _parked_w(self, pool: Pool) -> float:
        parked = self.locations[pool.location].parked_power_w
        return sum(count * parked[kind] for kind, count in self.modes[pool.mode].gpus.items())
