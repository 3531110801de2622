"""Stock constraints: GPUs that instances hold, and sizes that machines have room for."""

from collections.abc import Iterator

import pyomo.environ as pyo

from models.allocation.data import ProgramData
from models.allocation.variables import Terms, linear


def stock(model: pyo.ConcreteModel, data: ProgramData) -> Iterator[tuple[tuple[object, ...], object]]:
    """Σ_{a,q,r,m} G[m,c]·x[n,a,q,r,m] <= Ḡ[n,c], GPUs, for every holder of GPUs at n and GPU type c.

    GPUs that are there in some steps only are a holder of their own.
    """
    for location, holders in sorted(data.fleet.holders.items()):
        for machine, gpus in sorted(holders.items()):
            for kind, total in sorted(gpus.items()):
                terms = held(model, data, location, machine, kind)
                if terms:
                    yield ("stock", location, machine, kind), linear(terms) <= total


def fit(model: pyo.ConcreteModel, data: ProgramData) -> Iterator[tuple[tuple[object, ...], object]]:
    """Σ_{a,q,r,m} ⌊G[m,c]/g⌋·x[n,a,q,r,m] <= Σ_machines ⌊k/g⌋ for every size g: an instance does not span machines.

    Holds on each machine of k GPUs, hence in sum. Where sizes divide one another it is all that packing asks.
    """
    sizes = sorted({(kind, count) for mode in data.scenario.modes for kind, count in mode.gpus.items() if count > 1})
    for location, holders in sorted(data.fleet.holders.items()):
        for machine, here in sorted(holders.items()):
            machines = [here] if machine else list(data.fleet.machines[location].values())
            for kind, size in sizes:
                terms = [
                    (float(gpus // size), model.x[i])
                    for i, gpus in takers(data, location, machine, kind)
                    if gpus >= size
                ]
                if terms:
                    room = sum(gpus.get(kind, 0) // size for gpus in machines)
                    yield ("fit", location, machine, kind, size), linear(terms) <= room


def takers(data: ProgramData, location: str, machine: str, kind: str) -> list[tuple[int, int]]:
    """Pools of a holder that take GPUs of a type, and how many an instance takes."""
    return [
        (i, count)
        for i in data.pools_at.get((location, machine), ())
        if (count := data.modes[data.pools[i].mode].gpus.get(kind, 0))
    ]


def held(model: pyo.ConcreteModel, data: ProgramData, location: str, machine: str, kind: str) -> Terms:
    """GPUs of a type that instances of a holder's pools take."""
    return [(float(count), model.x[i]) for i, count in takers(data, location, machine, kind)]
