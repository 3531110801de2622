"""Which instances make room for those that wait for GPUs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from models.simulator.fleet_member import Member, Stage
from models.simulator.fleet_stock import FleetStock


@dataclass
class Room:
    """Who makes room.

    Attributes:
        drain: Instances to drain now.
        hopeful: Those that wait for GPUs and will have them when that is done.
    """

    drain: list[Member] = field(default_factory=list)
    hopeful: list[Member] = field(default_factory=list)


def make_room(awaiting: Iterable[Member], members: Sequence[Member], stock: FleetStock) -> Room:
    """Choose just enough of the surplus, on as few machines as it takes; what drains already counts first.

    Args:
        awaiting: Instances that wait for GPUs.
        members: All instances; those that `leaving` with no pool to join may be drained.
        stock: Free GPUs by machine.
    """
    room = Room()
    claimed: dict[tuple[str, str, str], int] = {}
    for each in awaiting:
        location, kind = each.key.location, each.engine.gpu_type
        free = stock.free_by_machine(location, kind)
        there = [m for m in members if m.key.location == location and m.engine.gpu_type == kind and m.machine]
        best: tuple[int, str, list[Member]] | None = None
        for machine in sorted(free):
            own = [m for m in there if m.machine == machine]
            lacking = each.engine.gpus + claimed.get((location, kind, machine), 0) - free[machine]
            lacking -= sum(m.engine.gpus for m in own if m.stage is Stage.DRAINING or m in room.drain)
            chosen = _enough(lacking, [m for m in own if _may_go(m) and m not in room.drain])
            if chosen is not None and (best is None or len(chosen) < best[0]):
                best = (len(chosen), machine, chosen)
        if best is not None:
            room.drain += best[2]
            room.hopeful.append(each)
            key = (location, kind, best[1])
            claimed[key] = claimed.get(key, 0) + each.engine.gpus
    return room


def _may_go(member: Member) -> bool:
    return member.stage is Stage.READY and member.leaving and member.next_key is None


def _enough(lacking: int, candidates: list[Member]) -> list[Member] | None:
    """Instances with the least to do whose GPUs are what is lacking; None where all of them are not enough."""
    chosen: list[Member] = []
    for each in sorted(candidates, key=lambda each: (each.work, each.number)):
        if lacking <= 0:
            break
        chosen.append(each)
        lacking -= each.engine.gpus
    return chosen if lacking <= 0 else None
