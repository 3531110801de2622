"""What capacity must outlive: without any one location, or machine, protected demand still fits, or it is said."""

from collections.abc import Iterator
from dataclasses import dataclass

import pyomo.environ as pyo

from models.allocation.data import ProgramData, Stream
from models.allocation.variables import Terms, demand_terms, linear
from models.domain.scenario import Survive


@dataclass(frozen=True)
class Group:
    """Protected streams of one class that the same pools may serve once something is lost.

    Attributes:
        loss: (location, machine), the machine empty where the whole location is lost.
        step: t, a step in which no other asks for more of every group of the class.
        streams: Indices of the streams.
        demand_rps: Σ α·λ of the streams in that step.
        pools: Indices of the pools that are left to them.
    """

    loss: tuple[str, str]
    step: int
    streams: tuple[int, ...]
    demand_rps: float
    pools: tuple[int, ...]


def losses(data: ProgramData) -> list[tuple[str, str]]:
    """What may be lost: any location, or machine; of whatever partition, so that their exposures compare."""
    holders = data.fleet.holders
    if data.scenario.survive is Survive.LOCATION:
        return sorted((location, "") for location in holders)
    if data.scenario.survive is Survive.MACHINE:
        return sorted((location, machine) for location, here in holders.items() for machine in here)
    return []


def groups(data: ProgramData) -> list[Group]:
    """Every loss with the protected demand of each class, while nothing starts any more."""
    protected = {each.name for each in data.scenario.tiers if each.protected}
    classes: dict[tuple[str, str, str], list[int]] = {}
    for s, stream in enumerate(data.streams):
        if stream.tier in protected:
            classes.setdefault(stream[:3], []).append(s)
    return [
        group
        for loss in losses(data)
        for streams in classes.values()
        for t in _steps(data, streams)
        for group in _of_class(data, loss, streams, t)
    ]


def _of_class(data: ProgramData, loss: tuple[str, str], streams: list[int], t: int) -> Iterator[Group]:
    merged: dict[tuple[int, ...], list[int]] = {}
    for s in streams:
        if (data.streams[s], t) in data.demand_rps:
            left = tuple(i for i in data.arcs[data.streams[s]] if not _lost(data, i, loss) and _there(data, i, t))
            merged.setdefault(left, []).append(s)
    for pools, members in merged.items():
        rate = sum(data.demand_rps[data.streams[s], t] for s in members)
        yield Group(loss, t, tuple(members), rate, pools)


def survive(model: pyo.ConcreteModel, data: ProgramData) -> Iterator[tuple[tuple[object, ...], object]]:
    """Σ_i g[j,i] + short[j] >= Σ_{o,k} α·λ·y and Σ_j g[j,i] <= L·x[i] for every loss, over the pools that it leaves.

    j runs over the groups of protected streams of a class that the same pools may serve; one alone needs no g. A
    shortage is allowed, and as small as possible: exposed = Σ short, req/s. Shares and power caps are not looked at,
    nor the load that an instance is else used up to: a loss is no steady state.
    """
    found = groups(data)
    model.short = pyo.Var(range(len(found)), domain=pyo.NonNegativeReals)
    siblings: dict[tuple[object, ...], list[int]] = {}
    for j, group in enumerate(found):
        siblings.setdefault((group.loss, group.step, data.streams[group.streams[0]][:3]), []).append(j)
    shared = [j for members in siblings.values() if len(members) > 1 for j in members]
    model.g = pyo.Var([(j, i) for j in shared for i in found[j].pools], domain=pyo.NonNegativeReals)
    for j, group in enumerate(found):
        stream = data.streams[group.streams[0]]
        chosen, constant = demand_terms(model, stream.model, stream.partition, group.demand_rps)
        terms: Terms = [
            (1.0, model.g[j, i]) if (j, i) in model.g else (_most_rps(data, i), model.x[i]) for i in group.pools
        ]
        row = [*terms, (1.0, model.short[j]), *((-rate, y) for rate, y in chosen)]
        yield ("survive", j), linear(row) >= constant
    for key, members in siblings.items():
        if len(members) > 1:
            for i in sorted({i for j in members for i in found[j].pools}):
                terms = [(1.0, model.g[j, i]) for j in members if (j, i) in model.g]
                yield ("survive_capacity", *key, i), linear([*terms, (-_most_rps(data, i), model.x[i])]) <= 0
    if found:
        shortages: Terms = [(1.0, each) for each in model.short.values()]
        yield ("exposed",), linear([*shortages, (-1.0, model.exposed)]) == 0


def _steps(data: ProgramData, streams: list[int]) -> list[int]:
    """Steps that matter: after the starts, those in which no other asks for as much of every stream."""
    steps = range(data.warm_up_steps, data.scenario.steps)
    asked = {t: tuple(data.demand_rps.get((data.streams[s], t), 0.0) for s in streams) for t in steps}
    if data.fleet.windows:
        return list(steps)
    return [
        t
        for t, rates in asked.items()
        if not any(
            all(mine <= theirs for mine, theirs in zip(rates, others, strict=True)) and (rates != others or u < t)
            for u, others in asked.items()
            if u != t
        )
    ]


def _lost(data: ProgramData, i: int, loss: tuple[str, str]) -> bool:
    pool = data.pools[i]
    return pool.location == loss[0] and loss[1] in ("", pool.machine)


def _most_rps(data: ProgramData, i: int) -> float:
    """What one instance of a pool serves if it must, req/s."""
    return data.profiles[data.pools[i]].capacity_rps


def _there(data: ProgramData, i: int, t: int) -> bool:
    return t in data.steps_of(data.pools[i])


def label(loss: tuple[str, str]) -> str:
    """A loss for people: the location, or `location/machine`."""
    return "/".join(each for each in loss if each)


def class_of(data: ProgramData, group: Group) -> Stream:
    """A stream of the group: its model, partition and class."""
    return data.streams[group.streams[0]]
