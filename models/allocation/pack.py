"""Packing: which machine holds which instance, with as little change to what runs as possible."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from models.allocation.floor import Floor
from models.allocation.machines import Hardware, Label, Standing, hardware, machine_gpus, running_at
from models.allocation.pack_search import exact_packing
from models.domain.allocation import InstanceCount
from models.domain.scenario import Scenario


@dataclass(frozen=True)
class Placed:
    """Instances of one pool on one machine."""

    location: str
    machine: str
    model: str
    request_class: str
    mode: str
    instances: int


@dataclass(frozen=True)
class Packing:
    """Where the instances go, and those that no machine can hold."""

    slices: tuple[Placed, ...]
    unpacked: tuple[InstanceCount, ...]


def pack(scenario: Scenario, instances: Sequence[InstanceCount]) -> Packing:
    """Place instances on machines: keep what runs, then best fit, then an exact search.

    What runs stays on its machine; where fewer are wanted, a label in surplus goes first, from the machine that
    is emptiest. Starts go largest first to the machine they fit best, one with GPUs free now before one that
    must stop something. A start that fits nowhere clears the machine with the least to move. If that leaves an
    instance out, all are packed anew by exact search (first-fit decreasing is its first descent). Re-labelling
    on the same hardware is free, but as few labels as possible change.

    Instances whose machine is given go there: the program saw to it that they fit.

    Returns:
        The packing; `unpacked` is empty unless no packing was found.
    """
    machines = machine_gpus(scenario)
    slices = [_pinned(each) for each in instances if each.machine is not None and each.count]
    unpacked: list[InstanceCount] = []
    for location in sorted(machines):
        wanted = _wanted(scenario, instances, location)
        standing, left = _pack_location(machines[location], running_at(scenario, location), wanted)
        slices += (
            Placed(location, key.machine, key.hardware.model, *key.label, count)
            for key, count in sorted(standing.items())
            if count
        )
        unpacked += (
            InstanceCount(location, kind.model, *label, count) for (kind, label), count in sorted(left.items())
        )
    return Packing(tuple(slices), tuple(unpacked))


def _pinned(each: InstanceCount) -> Placed:
    assert each.machine is not None, "only instances with a machine are pinned"
    return Placed(each.location, each.machine, each.model, each.request_class, each.mode, each.count)


_Wanted = Counter[tuple[Hardware, Label]]


def _wanted(scenario: Scenario, instances: Sequence[InstanceCount], location: str) -> _Wanted:
    wanted: _Wanted = Counter()
    for each in instances:
        if each.location == location and each.count and each.machine is None:
            wanted[hardware(scenario, each.model, each.mode), Label(each.request_class, each.mode)] += each.count
    return wanted


def _pack_location(
    machines: Mapping[str, Mapping[str, int]], running: Counter[Standing], wanted: _Wanted
) -> tuple[Counter[Standing], _Wanted]:
    """Standing instances after the plan, and those that found no place."""
    floor = Floor(machines, running, wanted)
    floor.drop_surplus()
    short = floor.start_missing()
    if short:
        totals: Counter[Hardware] = Counter()
        for (kind, _), count in wanted.items():
            totals[kind] += count
        found = exact_packing(machines, running, totals)
        if found is not None:
            floor = Floor(machines, running, wanted)
            floor.reshape(found)
    return _label(floor, wanted)


def _label(floor: Floor, wanted: _Wanted) -> tuple[Counter[Standing], _Wanted]:
    """Give every slot a label: its own while that is wanted, else one that is still missing."""
    left = wanted.copy()
    standing: Counter[Standing] = Counter()
    slots: Counter[tuple[str, Hardware]] = Counter(floor.started)
    for key, count in sorted(floor.kept.items()):
        same = min(count, left[key.hardware, key.label])
        left[key.hardware, key.label] -= same
        standing[key] += same
        slots[key.machine, key.hardware] += count - same
    for (machine, kind), count in sorted(slots.items()):
        for label, taken in _take(left, kind, count):
            standing[Standing(machine, kind, label)] += taken
    return standing, +left


def _take(left: _Wanted, kind: Hardware, count: int) -> Iterator[tuple[Label, int]]:
    for key in sorted(key for key, missing in left.items() if key[0] == kind and missing):
        taken = min(count, left[key])
        left[key] -= taken
        count -= taken
        if taken:
            yield key[1], taken
