"""Collecting the data of the full program from a scenario: who asks, who may serve whom."""

from collections.abc import Iterable, Mapping

from freesh_plugin.core.errors import AllocationError, ScenarioError
from models.allocation.data import Candidates, Pool, ProgramData, Stream
from models.allocation.fleet import Fleet
from models.allocation.paper import meets
from models.allocation.power_lines import power_lines
from models.allocation.signals import Signals
from models.domain.scenario import Profile, Scenario, ServiceLevel

_Label = tuple[str, str, str, str]
"""Model, partition, class, mode."""


def program_data(
    scenario: Scenario, candidates: Candidates, fleet: Fleet, signals: Signals, keep: Iterable[Pool] = ()
) -> ProgramData:
    """Collect the data of some candidate partitions.

    Args:
        scenario: The problem.
        candidates: Partitions by model, at least one each.
        fleet: Its fleet.
        signals: Its signals.
        keep: Pools to have in it even if they serve nothing, because they run, or are to be evaluated.

    Raises:
        AllocationError: a pool to keep has no profile in its partition.
    """
    profiles = {
        (each.model, each.partition, each.request_class, each.mode): each
        for each in scenario.profiles
        if each.partition in candidates.get(each.model, ())
    }
    demand, mean_share = _demand(scenario, candidates)
    streams = sorted({stream for stream, _ in demand})
    serving = _serving(scenario, candidates, profiles, streams, fleet)
    for pool in keep:
        if pool[1:5] not in profiles:
            raise AllocationError(
                f"partition {pool.partition!r} has no profile of class {pool.request_class!r} in mode {pool.mode!r}"
                f" for model {pool.model!r}"
            )
    kept = {pool._replace(load=load) for pool in keep for load in power_lines(profiles[pool[1:5]])}
    pools = tuple(sorted({pool for found in serving.values() for pool in found} | kept))
    at = {pool: i for i, pool in enumerate(pools)}
    return ProgramData(
        scenario, candidates, fleet, signals, pools,
        profiles={pool: profiles[pool[1:5]] for pool in pools},
        streams=tuple(each for each in streams if serving[each]),
        unserved=tuple(each for each in streams if not serving[each]),
        demand_rps=demand,
        mean_share=mean_share,
        arcs={stream: tuple(sorted(at[pool] for pool in serving[stream])) for stream in streams},
    )  # fmt: skip


def profiled_partitions(scenario: Scenario) -> dict[str, list[str]]:
    """Partitions that each model is profiled in, in the scenario's order.

    Raises:
        AllocationError: a model is profiled in none.
    """
    profiled = {(each.model, each.partition) for each in scenario.profiles}
    found = {
        model: [each.name for each in scenario.partitions if (model, each.name) in profiled]
        for model in scenario.models
    }
    for model, names in found.items():
        if not names:
            raise AllocationError(f"model {model!r} is profiled in no partition: nothing can serve it")
    return found


_Series = dict[tuple[Stream, int], float]


def _demand(scenario: Scenario, candidates: Candidates) -> tuple[_Series, _Series]:
    """α·λ where above 0, and λ̄/(α·λ), by stream and step."""
    planned: _Series = {}
    share: _Series = {}
    for row in scenario.demand:
        rate = row.demand_rps * scenario.demand_margin
        if row.partition in candidates.get(row.model, ()) and rate > 0:
            key = Stream(row.model, row.partition, row.request_class, row.origin, row.tier), row.step
            planned[key] = rate
            share[key] = (row.demand_rps if row.mean_rps is None else row.mean_rps) / rate
    return planned, share


def _serving(
    scenario: Scenario,
    candidates: Candidates,
    profiles: Mapping[_Label, Profile],
    streams: Iterable[Stream],
    fleet: Fleet,
) -> dict[Stream, list[Pool]]:
    """Pools that may serve each stream: allowed there, fitting there, able, and within the SLO over the network."""
    levels = {
        (each.model, each.partition, each.request_class, each.tier): each
        for each in scenario.slos
        if each.partition in candidates.get(each.model, ())
    }
    room = {
        (location.name, mode.name): [
            holder for holder in fleet.holders[location.name] if fleet.room(location.name, mode.gpus, holder)
        ]
        for location in scenario.locations
        for mode in scenario.modes
    }
    able: dict[tuple[str, str, str], list[tuple[Profile, tuple[float, ...]]]] = {}
    for (*label, _), profile in profiles.items():
        if profile.capacity_rps > 0:
            able.setdefault((label[0], label[1], label[2]), []).append((profile, power_lines(profile)))
    return {
        stream: [
            Pool(location.name, *stream[:3], profile.mode, holder, load)
            for location in scenario.locations
            if location.allows(stream.origin)
            for profile, loads in able.get(stream[:3], ())
            if room[location.name, profile.mode]
            and meets(profile, _level(levels, stream), location.rtt_s.get(stream.origin, 0.0))
            for holder in room[location.name, profile.mode]
            for load in loads
        ]
        for stream in streams
    }


def _level(levels: Mapping[tuple[str, str, str, str], ServiceLevel], stream: Stream) -> ServiceLevel:
    found = levels.get((stream.model, stream.partition, stream.request_class, stream.tier))
    if found is None:
        raise ScenarioError(
            f"slo.csv: no row for partition {stream.partition!r}, class {stream.request_class!r}, tier {stream.tier!r}"
            f", model {stream.model!r}"
        )
    return found
