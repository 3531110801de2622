"""Routes: which share of a class's requests from an origin goes to which location; never against residency."""

from collections.abc import Iterable, Iterator, Mapping

from freesh_plugin.core.errors import AllocationError
from freesh_plugin.core.plan import Hold, Route
from models.allocation.pairs import Pairs
from models.domain.allocation import AllocationResult, InstanceCount
from models.domain.scenario import Scenario

PARTS = 10_000
"""A share is a whole number of ten-thousandths, so that shares add up to 1 exactly, in decimals."""

_Key = tuple[str, str, str]
"""Model, class, origin."""


def routes(scenario: Scenario, result: AllocationResult) -> tuple[Route, ...]:
    """Routes of every class of the chosen partitions, from every origin that the scenario names and from `any`.

    Shares follow what the allocation serves from that origin, summed over modes, tiers and steps. Without any
    (no demand there, or the published form) they follow the capacity of the pools that the origin may use and
    whose service level it keeps; if none keeps it, of all that it may use. An origin that no pool may serve gets
    a route without shares.

    Raises:
        AllocationError: a flow breaks residency.
    """
    pairs = Pairs(scenario, result.partition)
    served = _served(pairs, result)
    return tuple(
        Route(*key, weights=shares(served.get(key, {}) or _by_capacity(pairs, result.instances, key)))
        for key in _keys(scenario, result, pairs)
    )


def route_holds(scenario: Scenario, result: AllocationResult, found: Iterable[Route]) -> tuple[Hold, ...]:
    """Which requests no pool serves, and why, a sentence a class: with demand, or for lack of any pool."""
    demanded = {
        (row.model, row.request_class, row.origin)
        for row in Pairs(scenario, result.partition).demand
        if row.demand_rps > 0
    }
    pools = {(each.model, each.request_class) for each in result.instances}
    empty: dict[tuple[str, str], list[str]] = {}
    for each in found:
        if not each.weights:
            empty.setdefault((each.model, each.request_class), []).append(each.origin)
    holds = []
    for (model, request_class), origins in empty.items():
        unserved = [origin for origin in origins if (model, request_class, origin) in demanded]
        if unserved:
            who = f"Class {request_class} of model {model} from {', '.join(unserved)}"
            holds.append(Hold("no_pool", f"{who} has demand but no pool that may serve it: all of it is shed."))
        elif (model, request_class) not in pools:
            who = f"Class {request_class} of model {model}"
            holds.append(Hold("no_pool", f"{who} has no pool: no demand is forecast for it."))
    return tuple(holds)


def shares(amounts: Mapping[str, float]) -> dict[str, float]:
    """Amounts >= 0 as shares of their sum, by largest remainder in ten-thousandths; those that round to 0 go."""
    total = sum(amounts.values())
    if total <= 0:
        return {}
    exact = {name: amount / total * PARTS for name, amount in amounts.items()}
    parts = {name: int(value) for name, value in exact.items()}
    by_remainder = sorted(exact, key=lambda name: (parts[name] - exact[name], name))
    for name in by_remainder[: PARTS - sum(parts.values())]:
        parts[name] += 1
    return {name: parts[name] / PARTS for name in sorted(parts) if parts[name]}


def _keys(scenario: Scenario, result: AllocationResult, pairs: Pairs) -> Iterator[_Key]:
    for model in sorted(result.partition):
        for request_class in scenario.partition(result.partition[model]).classes:
            for origin in pairs.origins(model):
                yield model, request_class, origin


def _served(pairs: Pairs, result: AllocationResult) -> dict[_Key, dict[str, float]]:
    """Served demand, summed over the steps, by route and location.

    What instances that are to stop serve meanwhile is left out: a route outlives them.
    """
    standing = {(each.location, each.model, each.request_class) for each in result.instances}
    served: dict[_Key, dict[str, float]] = {}
    for flow in result.flows:
        if flow.served_rps > 0:
            if not pairs.location(flow.location).allows(flow.origin):
                raise AllocationError(f"{flow.served_rps:g} req/s from {flow.origin!r} may not go to {flow.location!r}")
            if (flow.location, flow.model, flow.request_class) not in standing:
                continue
            by_location = served.setdefault((flow.model, flow.request_class, flow.origin), {})
            by_location[flow.location] = by_location.get(flow.location, 0.0) + flow.served_rps
    return served


def _by_capacity(pairs: Pairs, instances: Iterable[InstanceCount], key: _Key) -> dict[str, float]:
    model, request_class, origin = key
    good: dict[str, float] = {}
    allowed: dict[str, float] = {}
    for each in instances:
        if (each.model, each.request_class) != (model, request_class) or not pairs.location(each.location).allows(
            origin
        ):
            continue
        profile = pairs.profile(model, request_class, each.mode)
        capacity_rps = each.count * profile.capacity_rps
        allowed[each.location] = allowed.get(each.location, 0.0) + capacity_rps
        if pairs.keeps_slo(each.location, profile, origin):
            good[each.location] = good.get(each.location, 0.0) + capacity_rps
    return good or allowed
