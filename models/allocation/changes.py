"""Constraints on changes: what starts and stops, what serves meanwhile, and how much may change."""

from collections.abc import Iterator

import pyomo.environ as pyo

from models.allocation.data import ProgramData
from models.allocation.stock import held, takers
from models.allocation.variables import Terms, linear


def changes(model: pyo.ConcreteModel, data: ProgramData) -> Iterator[tuple[tuple[object, ...], object]]:
    """X[n,h] - X̂[n,h] = up - down, instances, with X the sum over classes and modes of h: re-labelling is free."""
    for h, (place, pools) in enumerate(data.places.items()):
        terms = [(1.0, model.x[i]) for i in pools]
        standing = data.fleet.standing.get(place, 0)
        yield ("changes", h), linear([*terms, (-1.0, model.up[h]), (1.0, model.down[h])]) == standing


def starts(model: pyo.ConcreteModel, data: ProgramData) -> Iterator[tuple[tuple[object, ...], object]]:
    """Σ_{pools of h} starting = up[n,h], and starting <= x: which instances are the ones that do not serve yet."""
    for h, pools in enumerate(data.places.values()):
        late = [i for i in pools if i in model.starting]
        if late:
            yield ("starts", h), linear([*((1.0, model.starting[i]) for i in late), (-1.0, model.up[h])]) == 0
            for i in late:
                yield ("starting", i), linear([(1.0, model.starting[i]), (-1.0, model.x[i])]) <= 0


def stays(model: pyo.ConcreteModel, data: ProgramData) -> Iterator[tuple[tuple[object, ...], object]]:
    """Σ_{pools of h} staying <= down[n,h], and Σ_{n,h} staying <= X̂·Σ_{n,h} up for every model, X̂ all that runs of it.

    Only instances that are to stop stay for a while, and only where something that starts is waited for.
    """
    waiting: dict[str, Terms] = {}
    for h, (place, pools) in enumerate(data.places.items()):
        terms = [(1.0, model.staying[i]) for i in pools if i in model.staying]
        if terms:
            yield ("stays", h), linear([*terms, (-1.0, model.down[h])]) <= 0
            waiting.setdefault(place[2].model, []).extend(terms)
    for name, terms in waiting.items():
        running = float(sum(count for place, count in data.fleet.standing.items() if place[2].model == name))
        late = [
            (-running, model.up[h])
            for h, (place, pools) in enumerate(data.places.items())
            if place[2].model == name and any(i in model.starting for i in pools)
        ]
        yield ("stays_for", name), linear([*terms, *late]) <= 0


def room_for_stays(model: pyo.ConcreteModel, data: ProgramData) -> Iterator[tuple[tuple[object, ...], object]]:
    """Σ_{a,q,r,m} G[m,c]·(x + staying) <= Ḡ[n,c], GPUs: start before stop where they allow it, else stop first."""
    for location, holders in sorted(data.fleet.holders.items()):
        for machine, gpus in sorted(holders.items()):
            for kind, total in sorted(gpus.items()):
                staying = [
                    (float(count), model.staying[i])
                    for i, count in takers(data, location, machine, kind)
                    if i in model.staying
                ]
                if staying:
                    row = [*held(model, data, location, machine, kind), *staying]
                    yield ("room_for_stays", location, machine, kind), linear(row) <= total


def change_limit(model: pyo.ConcreteModel, data: ProgramData) -> Iterator[tuple[tuple[object, ...], object]]:
    """Σ_h (up + down)[n,h] <= max_changes_per_location, starts and stops, for every location n."""
    limit = data.scenario.max_changes_per_location
    if limit is None:
        return
    for location in data.scenario.locations:
        here = [h for h, (name, _, _) in enumerate(data.places) if name == location.name]
        if here:
            row = linear([(1.0, each) for h in here for each in (model.up[h], model.down[h])])
            yield ("change_limit", location.name), row <= limit
