"""The way from what runs to a new target: start before stop where GPUs are free, else drain, then start."""

from collections.abc import Callable

from models.simulator.energy_books import EnergyBooks
from models.simulator.fleet_agenda import Agenda
from models.simulator.fleet_fault import LOST
from models.simulator.fleet_gateway import Gateway
from models.simulator.fleet_matching import Matching, by_name, match
from models.simulator.fleet_member import Group, Member, Stage
from models.simulator.fleet_model import FleetModel
from models.simulator.fleet_room import Room
from models.simulator.fleet_roster import Roster
from models.simulator.fleet_routing import Routing
from models.simulator.fleet_shares import wanted_rps
from models.simulator.fleet_stock import FleetStock
from models.simulator.fleet_target import FleetTarget, PoolKey, PoolTarget
from models.simulator.instance_types import Arrival, Draw, Instance
from models.simulator.simulation_error import SimulationError

KEPT_SHARE = 0.5
"""While a class makes room for its own replacement, so much of its capacity goes on serving."""

_LOOKS_AGAIN_S = 1e-3


class Transition:
    """Starts, moves and stops instances.

    1. What is missing takes GPUs and loads, where GPUs are free.
    2. What is missing for want of GPUs has just enough of the surplus drained, and starts when that is gone.
       `KEPT_SHARE` of a class goes on serving meanwhile, where that is possible.
    3. An instance that goes or moves to another class does so once nothing of its class is loading any more.

    Attributes:
        starts, stops, relabels: Instances started, stopped, and moved to another pool without a restart.
    """

    def __init__(
        self,
        fleet: FleetModel,
        roster: Roster,
        routing: Routing,
        gateway: Gateway,
        stock: FleetStock,
        books: EnergyBooks,
        agenda: Agenda,
        make: Callable[[Member, float], Instance],
    ) -> None:
        self._fleet, self._roster, self._routing, self._gateway = fleet, roster, routing, gateway
        self._stock, self._books, self._agenda, self._make = stock, books, agenda, make
        self._floors_rps: dict[tuple[str, str], float] = {}
        self._lost: set[int] = set()
        self.starts = self.stops = self.relabels = 0

    def begin(self, target: FleetTarget) -> None:
        """The state in which a run begins: all that the target names is loaded.

        Raises:
            SimulationError: it does not fit.
        """
        self._routing.follow(target)
        for key, pool in sorted(target.pools.items(), key=_largest_first(self._fleet)):
            for _ in range(pool.instances):
                member = self._roster.new(key, self._fleet.engine(key.mode), pool)
                if not self._hold(member):
                    raise SimulationError(f"the state in which the run begins does not fit: no GPUs for {key}")
                self._serve(member)
        self._roster.changed()

    def apply(self, target: FleetTarget) -> None:
        """The target is in force from now on."""
        self._routing.follow(target)
        self._floors_rps = self._floors_of(target)
        members, wanted = self._groups(), self._wanted(target)
        for group in sorted(members.keys() | wanted.keys(), key=lambda group: (*group[:3], -group[3])):
            for each in members.get(group, ()):
                each.leaving, each.next_key = False, None
                if each.instance is not None:
                    each.advance(self._agenda.now_s)
            self._settle(match(members.get(group, ()), wanted.get(group, {})), target)
        self.go_on()

    def go_on(self) -> None:
        """Do what can be done now."""
        for each in self._staged(Stage.AWAITING_GPUS):
            if self._hold(each):
                self._load(each)
        room = Room(self._roster.members, self._stock, self._floors_rps)
        room.make(self._staged(Stage.AWAITING_GPUS))
        coming = {each.served_class for each in (*self._staged(Stage.LOADING), *room.hopeful)}
        gone = [
            each
            for each in self._roster.members
            if each in room.drain or (each.leaving and each.served_class not in coming)
        ]
        given = [(each.key.location, self._leave(each)) for each in gone]
        self._roster.changed()
        for location, arrivals in given:
            self._gateway.take_back(arrivals, location)
        self._gateway.try_waiting()
        for each in gone:
            if each.stage is Stage.DRAINING:
                self._look(each)

    def lose(self, location: str) -> None:
        """The first instance that serves at a location is lost; what it had is sent again, what was lost before not."""
        now_s = self._agenda.now_s
        there = [each for each in self._staged(Stage.READY) if each.key.location == location]
        if not there or self._routing.target is None:
            return
        there[0].advance(now_s)
        if there[0].serving.now_s > now_s:
            self._agenda.at(there[0].serving.now_s, self.lose, location)
            return
        lost = self._stop(there[0])
        self._roster.changed()
        self._gateway.take_back([each for each in lost if each.request_id not in self._lost], location)
        self._gateway.give_up_on([each for each in lost if each.request_id in self._lost], LOST)
        self._lost |= {each.request_id for each in lost}
        self.apply(self._routing.target)

    def _settle(self, found: Matching, target: FleetTarget) -> None:
        """Enter what is to become of the instances of one hardware at one location."""
        for each in found.kept:
            self._join(each, each.key, target)
        for each, key in found.moved:
            if each.stage is Stage.READY and each.served_class != (key.model, key.request_class):
                each.leaving, each.next_key = True, key
            else:
                self._join(each, key, target)
        for key in found.missing:
            self._roster.new(key, self._fleet.engine(key.mode), target.pools[key])
        for each in found.surplus:
            if each.stage is Stage.READY:
                each.leaving = True
            elif each.stage is not Stage.DRAINING:
                self._stop(each)

    def _join(self, member: Member, key: PoolKey, target: FleetTarget) -> None:
        """Make an instance serve a pool; one that drains goes on."""
        self.relabels += key != member.key and member.stage is not Stage.AWAITING_GPUS
        if member.stage is Stage.DRAINING:
            member.stage = Stage.READY
        member.join(key, target.pools[key])

    def _leave(self, member: Member) -> list[Arrival]:
        """Let an instance join its next pool, or drain; returns what has not begun in it."""
        member.advance(self._agenda.now_s)
        given = member.give_back_waiting()
        if member.next_key is not None and self._routing.target is not None:
            self._join(member, member.next_key, self._routing.target)
        else:
            member.leaving, member.stage = False, Stage.DRAINING
        return given

    def _hold(self, member: Member) -> bool:
        """Take GPUs for an instance; False where none are free."""
        engine, now_s = member.engine, self._agenda.now_s
        machine = self._stock.hold(member.key.location, engine.gpu_type, engine.gpus, now_s)
        if machine is None:
            return False
        member.machine, member.held_since_s = machine, now_s
        return True

    def _load(self, member: Member) -> None:
        """Let an instance load; its load is booked whole."""
        now_s, engine = self._agenda.now_s, member.engine
        self.starts += 1
        member.stage, member.ready_s = Stage.LOADING, now_s + engine.startup_s
        self._books.draw(member.key.location, now_s, member.ready_s, engine.startup_energy_j, Draw.LOADING)
        self._agenda.at(member.ready_s, self._loaded, member)

    def _loaded(self, member: Member) -> None:
        if member.stage is Stage.LOADING:
            self._serve(member)
            self.go_on()

    def _serve(self, member: Member) -> None:
        now_s = self._agenda.now_s
        member.ready_s = now_s
        member.serve(self._make(member, now_s), now_s)

    def _look(self, member: Member) -> None:
        """Whether an instance that drains has drained."""
        now_s = self._agenda.now_s
        if member.stage is not Stage.DRAINING:
            return
        member.advance(now_s)
        if member.outstanding:
            self._agenda.at(max(member.next_change_s, now_s + _LOOKS_AGAIN_S), self._look, member)
        elif member.serving.now_s > now_s:
            self._agenda.at(member.serving.now_s, self._look, member)
        else:
            self._stop(member)
            self.go_on()

    def _stop(self, member: Member) -> list[Arrival]:
        """An instance gives its GPUs back; returns what it had under way."""
        now_s = self._agenda.now_s
        if member.machine:
            self.stops += 1
            self._stock.release(member.key.location, member.machine, member.engine.gpu_type, member.engine.gpus, now_s)
        self._roster.leave(member)
        return member.retire(now_s)

    def _floors_of(self, target: FleetTarget) -> dict[tuple[str, str], float]:
        """Capacity of each class that goes on serving while it makes room: half of what it has or is to have."""
        has: dict[tuple[str, str], float] = {}
        for each in self._staged(Stage.READY):
            has[each.served_class] = has.get(each.served_class, 0.0) + each.capacity_rps
        return {of: KEPT_SHARE * min(rps, sum(wanted_rps(target, *of).values())) for of, rps in has.items()}

    def _staged(self, stage: Stage) -> list[Member]:
        return [each for each in self._roster.members if each.stage is stage]

    def _groups(self) -> dict[Group, list[Member]]:
        found: dict[Group, list[Member]] = {}
        for each in self._roster.members:
            found.setdefault(each.group, []).append(each)
        return found

    def _wanted(self, target: FleetTarget) -> dict[Group, dict[PoolKey, int]]:
        found: dict[Group, dict[PoolKey, int]] = {}
        for key, pool in target.pools.items():
            engine = self._fleet.engine(key.mode)
            group = (key.location, key.model, engine.gpu_type, engine.gpus)
            found.setdefault(group, {})[key] = pool.instances
        return found


def _largest_first(fleet: FleetModel) -> Callable[[tuple[PoolKey, PoolTarget]], tuple[int, tuple[str, str, str, str]]]:
    """Order in which instances are placed: those that take most GPUs first, so that the others fit around them."""
    return lambda of: (-fleet.engine(of[0].mode).gpus, by_name(of[0]))
