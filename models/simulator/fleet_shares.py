"""Shares of locations while instances load: what does not serve yet gets no requests, what leaves still gets theirs."""

from collections.abc import Mapping, Sequence

from models.simulator.fleet_member import Member
from models.simulator.fleet_target import FleetTarget


def shares_now(
    shares: Mapping[str, float], ready: Mapping[str, Sequence[Member]], wanted_rps: Mapping[str, float]
) -> dict[str, float]:
    """Shares of locations as far as their instances serve; what is missing goes to instances that are to leave.

        share'[n] = share[n] · f[n] + (Σ share · (1 - f)) · leaving_rps[n] / Σ leaving_rps
        f[n] = capacity that serves at n and stays / capacity that the target wants there, at most 1

    Once all that the target wants serves, these are the shares of the target, scaled to add up to 1.

    Args:
        shares: Of the routes.
        ready: Instances of the class that serve, by location.
        wanted_rps: Capacity of the class that the target wants, by location.
    """
    staying, leaving = _capacities(ready, leaving=False), _capacities(ready, leaving=True)
    served = {
        n: share * min(staying.get(n, 0.0) / wanted_rps[n], 1.0) for n, share in shares.items() if n in wanted_rps
    }
    missing = sum(shares.values()) - sum(served.values())
    all_leaving = sum(leaving.values())
    for location, rps in leaving.items():
        served[location] = served.get(location, 0.0) + missing * rps / all_leaving
    return {location: share for location, share in served.items() if share > 0}


def wanted_rps(target: FleetTarget, model: str, request_class: str) -> dict[str, float]:
    """Capacity of a class that a target wants, by location."""
    found: dict[str, float] = {}
    for key, pool in target.pools.items():
        if (key.model, key.request_class) == (model, request_class) and pool.instances:
            found[key.location] = found.get(key.location, 0.0) + pool.instances * (pool.capacity_rps or 1.0)
    return found


def _capacities(ready: Mapping[str, Sequence[Member]], *, leaving: bool) -> dict[str, float]:
    """Capacity of instances that leave, or that stay, by location."""
    found = {n: sum(each.capacity_rps for each in members if each.leaving == leaving) for n, members in ready.items()}
    return {location: rps for location, rps in found.items() if rps}
