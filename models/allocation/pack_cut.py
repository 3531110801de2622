"""Cuts for packings that fail: these instances together are too many for the machines of their location."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyomo.environ as pyo

from models.allocation.data import ProgramData
from models.allocation.fleet import Place
from models.allocation.machines import hardware
from models.allocation.pack import pack
from models.allocation.variables import linear
from models.domain.allocation import InstanceCount


@dataclass(frozen=True)
class PackCut:
    """Counts by place of one location that no packing holds; nor does it hold any that are as large throughout."""

    counts: tuple[tuple[Place, int], ...]


def failed_packings(data: ProgramData, instances: Sequence[InstanceCount]) -> tuple[PackCut, ...]:
    """One cut per location whose instances do not pack; none when all do."""
    failed = {each.location for each in pack(data.scenario, instances).unpacked}
    cuts = []
    for location in sorted(failed):
        counts: dict[Place, int] = {}
        for each in instances:
            if each.location == location and each.machine is None:
                place = location, "", hardware(data.scenario, each.model, each.mode)
                counts[place] = counts.get(place, 0) + each.count
        cuts.append(PackCut(tuple(sorted(counts.items()))))
    return tuple(cuts)


def add_cuts(model: pyo.ConcreteModel, data: ProgramData, cuts: Sequence[PackCut]) -> None:
    """Add the rows of every cut, with one binary per place in it."""
    model.fewer = pyo.Var([(c, j) for c, cut in enumerate(cuts) for j in range(len(cut.counts))], domain=pyo.Binary)
    model.cuts = pyo.ConstraintList()
    for c, cut in enumerate(cuts):
        for row in cut_rows(model, data, c, cut):
            model.cuts.add(row)


def cut_rows(model: pyo.ConcreteModel, data: ProgramData, c: int, cut: PackCut) -> Iterator[object]:
    """Σ_h fewer[h] >= 1, and X[n,h] <= X'[n,h] - 1 + M·(1 - fewer[h]): fewer of at least one hardware than failed."""
    yield linear([(1.0, model.fewer[c, j]) for j in range(len(cut.counts))]) >= 1
    for j, (place, count) in enumerate(cut.counts):
        pools = data.places[place]
        slack = max(sum(data.most(data.pools[i]) for i in pools) - count + 1, 0)
        terms = [(1.0, model.x[i]) for i in pools]
        yield linear([*terms, (float(slack), model.fewer[c, j])]) <= count - 1 + slack
