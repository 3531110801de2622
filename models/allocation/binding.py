"""What binds a solution, in words: demand without a pool, GPUs that are all in use, power caps, shares."""

from collections import Counter
from collections.abc import Iterator

from models.allocation.data import ProgramData
from models.allocation.solution import Solution

_TIGHT = 1e-6
"""Relative slack of a constraint that binds."""


def binding(data: ProgramData, solution: Solution) -> Iterator[str]:
    """Constraints that hold the solution where it is."""
    yield from _unserved(data, solution)
    yield from _stock(data, solution)
    yield from _caps(data, solution)
    yield from _shares(data, solution)


def _unserved(data: ProgramData, solution: Solution) -> Iterator[str]:
    """Streams that no pool may serve."""
    for stream in data.unserved:
        if solution.partition[stream.model] == stream.partition:
            whose = f" of model {stream.model}" if len(data.candidates) > 1 else ""
            yield (
                f"SLO: no mode with capacity serves class {stream.request_class}{whose} from origin {stream.origin},"
                f" tier {stream.tier}, within its bounds at a location where it is allowed and fits"
            )


def _stock(data: ProgramData, solution: Solution) -> Iterator[str]:
    used: Counter[tuple[str, str, str]] = Counter()
    for pool, count in zip(data.pools, solution.counts, strict=True):
        for kind, gpus in data.modes[pool.mode].gpus.items():
            used[pool.location, pool.machine, kind] += gpus * count
    for location, holders in sorted(data.fleet.holders.items()):
        for machine, here in sorted(holders.items()):
            where = f"machine {machine} of {location}" if machine else location
            for kind, total in sorted(here.items()):
                if total and used[location, machine, kind] >= total:
                    yield f"stock: all {total} {kind} GPUs of {where} are in use"


def _caps(data: ProgramData, solution: Solution) -> Iterator[str]:
    """Power caps, against the planned flow."""
    for location in data.scenario.locations:
        if location.power_cap_w is None:
            continue
        watts = [data.fleet.base_power_w[location.name, t] for t in range(data.scenario.steps)]
        for i, count in enumerate(solution.counts):
            if data.pools[i].location == location.name:
                for t in data.steps_of(data.pools[i]):
                    watts[t] += count * data.power[i].idle_extra_w
        for (_, i, t), rate in solution.flows.items():
            if data.pools[i].location == location.name:
                watts[t] += rate * data.power[i].joules_per_request
        if max(watts) * location.pue >= location.power_cap_w * (1 - _TIGHT):
            yield f"power_cap_w: {location.name} draws its {location.power_cap_w:g} W at the planned demand"


def _shares(data: ProgramData, solution: Solution) -> Iterator[str]:
    for location in data.scenario.locations:
        if location.max_share >= 1:
            continue
        for t in range(data.scenario.steps):
            asked = sum(
                rate
                for (stream, step), rate in data.demand_rps.items()
                if step == t and solution.partition[stream.model] == stream.partition
            )
            served = sum(
                rate
                for (_, i, step), rate in solution.flows.items()
                if step == t and data.pools[i].location == location.name
            )
            if asked and served >= location.max_share * asked * (1 - _TIGHT):
                yield f"max_share: {location.name} serves {location.max_share:g} of the demand in step {t}"
                break
