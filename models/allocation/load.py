"""The mean load of each pool: what its instances are expected to serve in each step, not what they could."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from models.allocation.pairs import Pairs
from models.domain.allocation import AllocationResult, InstanceCount
from models.domain.scenario import Scenario


class PoolKey(NamedTuple):
    """Identical instances serving one class of one model at one location."""

    location: str
    model: str
    request_class: str
    mode: str


class Stream(NamedTuple):
    """Requests of one class from one origin in one step."""

    model: str
    request_class: str
    origin: str
    step: int


Load = Mapping[tuple[PoolKey, int], float]
"""Mean served rate by pool and step, req/s."""


def pool_of(each: InstanceCount) -> PoolKey:
    """The pool that a count belongs to."""
    return PoolKey(each.location, each.model, each.request_class, each.mode)


def planned_load(scenario: Scenario, result: AllocationResult) -> Load:
    """Mean load of the plan's pools.

    Flows serve demand at its quantile times the margin α; a flow's mean is its part of that, of the mean. Without
    flows (the published form has none) the mean demand is spread evenly over the pools that may serve it.
    """
    pairs = Pairs(scenario, result.partition)
    if not result.flows:
        return even_load(pairs, result.instances, served_mean(scenario, result))
    shares = _mean_shares(scenario, pairs)
    load: dict[tuple[PoolKey, int], float] = {}
    for flow in result.flows:
        pool = PoolKey(flow.location, flow.model, flow.request_class, flow.mode)
        share = shares.get((flow.model, flow.request_class, flow.origin, flow.tier, flow.step), 0.0)
        load[pool, flow.step] = load.get((pool, flow.step), 0.0) + flow.served_rps * share
    return load


def served_mean(scenario: Scenario, result: AllocationResult) -> dict[Stream, float]:
    """Mean demand that the plan serves (what it sheds left out), by stream, req/s."""
    pairs = Pairs(scenario, result.partition)
    shed = {(each.model, each.request_class, each.origin, each.tier, each.step): each.fraction for each in result.shed}
    served: dict[Stream, float] = {}
    for row in pairs.demand:
        stream = Stream(row.model, row.request_class, row.origin, row.step)
        kept = 1.0 - shed.get((row.model, row.request_class, row.origin, row.tier, row.step), 0.0)
        mean_rps = row.demand_rps if row.mean_rps is None else row.mean_rps
        served[stream] = served.get(stream, 0.0) + mean_rps * kept
    return served


def even_load(pairs: Pairs, instances: Iterable[InstanceCount], served: Mapping[Stream, float]) -> Load:
    """Load when every stream is spread over the pools that may serve it, in proportion to their capacity."""
    pools: dict[tuple[str, str], dict[PoolKey, float]] = {}
    for each in instances:
        profile = pairs.profile(each.model, each.request_class, each.mode)
        of_class = pools.setdefault((each.model, each.request_class), {})
        of_class[pool_of(each)] = of_class.get(pool_of(each), 0.0) + each.count * profile.capacity_rps
    load: dict[tuple[PoolKey, int], float] = {}
    for stream, rps in served.items():
        of_class = pools.get((stream.model, stream.request_class), {})
        allowed = {pool: cap for pool, cap in of_class.items() if pairs.location(pool.location).allows(stream.origin)}
        total = sum(allowed.values())
        for pool, capacity_rps in allowed.items():
            if total > 0:
                load[pool, stream.step] = load.get((pool, stream.step), 0.0) + rps * capacity_rps / total
    return load


def _mean_shares(scenario: Scenario, pairs: Pairs) -> dict[tuple[str, str, str, str, int], float]:
    """Mean over planned demand, by model, class, origin, tier and step."""
    shares = {}
    for row in pairs.demand:
        planned_rps = row.demand_rps * scenario.demand_margin
        mean_rps = row.demand_rps if row.mean_rps is None else row.mean_rps
        key = (row.model, row.request_class, row.origin, row.tier, row.step)
        shares[key] = mean_rps / planned_rps if planned_rps > 0 else 0.0
    return shares
