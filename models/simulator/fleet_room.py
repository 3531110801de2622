"""Which instances make room for those that wait for GPUs, and when: not all of a class at once."""

from collections.abc import Mapping, Sequence
from math import inf

from models.simulator.fleet_member import Member, Stage
from models.simulator.fleet_stock import FleetStock

Machine = tuple[str, str, str]
"""Location, GPU type and name of a machine."""


class Room:
    """Chooses just enough of the surplus, one start after the other; what drains already counts first.

    A class keeps at least its floor of capacity while it makes room, so that it is replaced by and by. Only where
    nothing drains or loads at a location, and all would wait for ever, the floor gives way for one start.

    Attributes:
        drain: Instances to drain now.
        hopeful: Those that wait for GPUs and will have them.
    """

    def __init__(
        self, members: Sequence[Member], stock: FleetStock, floors_rps: Mapping[tuple[str, str], float]
    ) -> None:
        """Begin with all instances, the free GPUs, and the capacity that each (model, class) keeps."""
        self.drain: list[Member] = []
        self.hopeful: list[Member] = []
        self._members, self._stock, self._floors_rps = members, stock, floors_rps
        self._claimed: dict[Machine, int] = {}
        self._serving_rps: dict[tuple[str, str], float] = {}
        for each in members:
            if each.stage is Stage.READY:
                self._serving_rps[each.served_class] = self._serving_rps.get(each.served_class, 0.0) + each.capacity_rps
        self._moving = {each.key.location for each in members if each.stage in (Stage.LOADING, Stage.DRAINING)}

    def make(self, awaiting: Sequence[Member]) -> None:
        """Find room for instances that wait for GPUs."""
        for each in awaiting:
            self._make_for(each, keep_floors=True)
        for each in awaiting:
            if each not in self.hopeful and each.key.location not in self._moving:
                self._make_for(each, keep_floors=False)

    def _make_for(self, member: Member, *, keep_floors: bool) -> None:
        location, kind = member.key.location, member.engine.gpu_type
        found: list[tuple[int, Machine, list[Member]]] = []
        for name, free in sorted(self._stock.free_by_machine(location, kind).items()):
            machine = (location, kind, name)
            lacking = member.engine.gpus + self._claimed.get(machine, 0) - free
            chosen = self._enough(machine, lacking, keep_floors=keep_floors)
            if chosen is not None:
                found.append((len(chosen), machine, chosen))
        if found:
            _, machine, chosen = min(found, key=lambda each: each[:2])
            self._take(member, machine, chosen)

    def _take(self, member: Member, machine: Machine, chosen: list[Member]) -> None:
        self.drain += chosen
        self.hopeful.append(member)
        self._claimed[machine] = self._claimed.get(machine, 0) + member.engine.gpus
        for each in chosen:
            self._serving_rps[each.served_class] -= each.capacity_rps
        if chosen:
            self._moving.add(member.key.location)

    def _enough(self, machine: Machine, lacking: int, *, keep_floors: bool) -> list[Member] | None:
        """Instances with the least to do whose GPUs are what is lacking; None where all that may go are not enough."""
        there = [each for each in self._members if _held_at(each) == machine]
        lacking -= sum(each.engine.gpus for each in there if each.stage is Stage.DRAINING or each in self.drain)
        chosen: list[Member] = []
        serving_rps = dict(self._serving_rps)
        for each in sorted(there, key=lambda each: (each.work, each.number)):
            of = each.served_class
            if lacking > 0 and self._may_go(each, serving_rps.get(of, 0.0) if keep_floors else inf):
                chosen.append(each)
                serving_rps[of] -= each.capacity_rps
                lacking -= each.engine.gpus
        return chosen if lacking <= 0 else None

    def _may_go(self, member: Member, serving_rps: float) -> bool:
        """Whether an instance is surplus, and what its class serves without it is enough."""
        if member.stage is not Stage.READY or not member.leaving or member.next_key or member in self.drain:
            return False
        return serving_rps - member.capacity_rps >= self._floors_rps.get(member.served_class, 0.0)


def _held_at(member: Member) -> Machine:
    return member.key.location, member.engine.gpu_type, member.machine
