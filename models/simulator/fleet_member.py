"""One instance of the fleet, from taking GPUs to giving them back: what the fleet knows of it, and its energy."""

from collections.abc import Callable
from enum import StrEnum
from zlib import crc32

from freesh_plugin.runtime.balancer import work_of
from models.domain.engine import EngineModel
from models.simulator.energy_books import Cell, EnergyBooks
from models.simulator.fleet_target import PoolKey, PoolTarget
from models.simulator.instance_types import Arrival, Draw, Instance, Outcome
from models.simulator.simulation_error import SimulationError

_CLOSE_S = 1e-6


class Stage(StrEnum):
    """How far an instance is."""

    AWAITING_GPUS = "awaiting_gpus"
    LOADING = "loading"
    READY = "ready"
    DRAINING = "draining"
    GONE = "gone"


Group = tuple[str, str, str, int]
"""What needs a restart to change: location, model, GPU type and how many."""


class Member:
    """One instance; it is the sink of the simulated one, and the balancer's view of it.

    Attributes:
        number: Its number in the run.
        key: Its pool.
        engine: What it is like.
        stage: How far it is.
        machine: Whose GPUs it holds; empty while it waits for them.
        held_since_s, ready_s, gone_s: When it took GPUs, could or will serve, and gave them back; infinite = not known.
        instance: What serves, from `ready_s` on.
        leaving: Whether it goes, or becomes `next_key`, as soon as what takes its place serves.
        served: Whether it was ever loaded.
        next_key: The pool that it is to join; None = it goes.
        work: Work of its requests that have not ended, tokens.
        under_way: These, by number.
        capacity_rps: What it serves, req/s.
        next_change_s: Before this its requests do not change by themselves.
        arrivals: Requests that it got since the controller was last asked.
        busy_seen_s, seen_s: Its busy seconds then, and when that was.
    """

    __slots__ = (
        "_books",
        "_cell",
        "_cell_end_s",
        "_changes",
        "_drawn_j",
        "_drawn_until_s",
        "_ended",
        "_target",
        "arrivals",
        "busy_seen_s",
        "capacity_rps",
        "engine",
        "gone_s",
        "held_since_s",
        "home_key",
        "instance",
        "key",
        "leaving",
        "machine",
        "next_change_s",
        "next_key",
        "number",
        "ready_s",
        "seen_s",
        "served",
        "stage",
        "under_way",
        "work",
    )  # fmt: skip

    def __init__(
        self,
        number: int,
        key: PoolKey,
        engine: EngineModel,
        target: PoolTarget,
        books: EnergyBooks,
        ended: Callable[["Member", Outcome], None],
    ) -> None:
        self.number, self.key, self.engine = number, key, engine
        self._target, self._books, self._ended = target, books, ended
        self.stage = Stage.AWAITING_GPUS
        self.machine = ""
        self.held_since_s = self.ready_s = self.gone_s = float("inf")
        self.instance: Instance | None = None
        self.leaving = False
        self.next_key: PoolKey | None = None
        self.work = 0.0
        self.under_way: dict[int, Arrival] = {}
        self.capacity_rps = _capacity_rps(target)
        self.next_change_s = float("inf")
        self.arrivals = 0
        self.busy_seen_s = self.seen_s = 0.0
        self._changes = 0
        self.served = False
        self.home_key = crc32(f"{key.location}/{number}".encode())
        self._cell: Cell | None = None
        self._cell_end_s = 0.0
        self._drawn_j = 0.0
        self._drawn_until_s = 0.0

    @property
    def group(self) -> Group:
        """What needs a restart to change."""
        return self.key.location, self.key.model, self.engine.gpu_type, self.engine.gpus

    @property
    def served_class(self) -> tuple[str, str]:
        """Model and class that it serves."""
        return self.key.model, self.key.request_class

    @property
    def outstanding(self) -> int:
        """Requests that it has and that have not ended."""
        return len(self.under_way)

    @property
    def clock_changes(self) -> int:
        """Changes of its clock so far."""
        return self._changes if self.instance is None else self.instance.clock_changes

    @property
    def drawn_j(self) -> float:
        """Joules that the instance drew since it serves, by its own account."""
        return self._drawn_j

    @property
    def drawn_until_s(self) -> float:
        """Until when its energy is booked."""
        return self._drawn_until_s

    def serve(self, instance: Instance, now_s: float) -> None:
        """It is loaded."""
        self.instance, self.stage, self.served = instance, Stage.READY, True
        self._drawn_until_s = self.seen_s = now_s
        instance.adopt(self._target.slo, self._target.clock)
        self.next_change_s = instance.next_change_s

    def join(self, key: PoolKey, target: PoolTarget) -> None:
        """Serve a pool as its target says; the instance goes on as it is."""
        self.key, self._target = key, target
        self.leaving, self.next_key = False, None
        self.capacity_rps = _capacity_rps(target)
        if self.instance is not None:
            self.instance.adopt(target.slo, target.clock)
            self.next_change_s = self.instance.next_change_s

    def advance(self, until_s: float) -> None:
        """Let it serve until then."""
        instance = self.serving
        instance.advance(until_s)
        self.next_change_s = instance.next_change_s

    def submit(self, arrival: Arrival) -> None:
        """Hand it a request."""
        request = arrival.request
        self.work += work_of(request.prompt_tokens, request.estimate.q50)
        self.under_way[arrival.request_id] = arrival
        self.arrivals += 1
        instance = self.serving
        instance.submit(arrival)
        self.next_change_s = instance.next_change_s

    def give_back_waiting(self) -> list[Arrival]:
        """Take back the requests that have not begun."""
        instance = self.serving
        given = list(instance.give_back_waiting())
        for each in given:
            self._forget(each)
        self.next_change_s = instance.next_change_s
        return given

    def retire(self, now_s: float) -> list[Arrival]:
        """It is gone, and its memory with it; returns what it had under way."""
        if self.instance is not None:
            self._changes = self.instance.clock_changes
        self.instance, self.stage, self.gone_s = None, Stage.GONE, now_s
        self.next_change_s = float("inf")
        lost, self.under_way = list(self.under_way.values()), {}
        return lost

    @property
    def serving(self) -> Instance:
        """What serves.

        Raises:
            SimulationError: it is not loaded.
        """
        if self.instance is None:
            raise SimulationError(f"instance {self.number} of {self.key} is {self.stage.value}: it serves nothing")
        return self.instance

    def ended(self, outcome: Outcome) -> None:
        """A request ended."""
        self._forget(outcome.arrival)
        self._ended(self, outcome)

    def drew(self, start_s: float, end_s: float, energy_j: float, draw: Draw) -> None:
        """Book what its GPUs drew.

        Raises:
            SimulationError: it does not begin where the last one ended, so that a time would be booked twice or never.
        """
        if not -_CLOSE_S < start_s - self._drawn_until_s < _CLOSE_S:
            raise SimulationError(
                f"instance {self.number} of {self.key} drew from {start_s:.6f} s, booked is until "
                f"{self._drawn_until_s:.6f} s"
            )
        self._drawn_until_s = end_s
        self._drawn_j += energy_j
        if end_s <= self._cell_end_s and self._cell is not None:
            self._book(self._cell, end_s - start_s, energy_j, draw)
        else:
            self._book_over(start_s, end_s, energy_j, draw)

    def _book_over(self, start_s: float, end_s: float, energy_j: float, draw: Draw) -> None:
        for slot, share in self._books.shares(start_s, end_s):
            self._cell = self._books.cell(self.key.location, slot)
            self._cell_end_s = self._books.slot_end_s(slot)
            self._book(self._cell, (end_s - start_s) * share, energy_j * share, draw)

    def _book(self, cell: Cell, spent_s: float, energy_j: float, draw: Draw) -> None:
        cell.joules[draw] += energy_j
        cell.ready_s += spent_s
        cell.clock_mhz_s += spent_s * self.instance.clock_mhz if self.instance is not None else 0.0
        if draw is Draw.BUSY:
            cell.busy_s += spent_s

    def _forget(self, arrival: Arrival) -> None:
        if self.under_way.pop(arrival.request_id, None) is None:
            raise SimulationError(
                f"instance {self.number} of {self.key} ended request {arrival.request_id}, which it does not have"
            )
        request = arrival.request
        # An instance with nothing to do has no work: what rounding leaves of it does not add up.
        self.work = self.work - work_of(request.prompt_tokens, request.estimate.q50) if self.under_way else 0.0


def _capacity_rps(target: PoolTarget) -> float:
    """What weighs an instance; one whose capacity is not known counts as 1."""
    return target.capacity_rps if target.capacity_rps > 0 else 1.0
