"""One pool by itself: identical instances behind the balancer serve a list of requests to the end."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from math import inf

from freesh_plugin.core.plan import ClockBounds, Slo
from freesh_plugin.runtime.balancer import REQUEST_TOKENS, least_loaded, work_of
from models.domain.engine import EngineModel
from models.domain.workload import WorkloadRequest
from models.simulator.instance import SimulatedInstance
from models.simulator.instance_types import Arrival, Draw, Instance, InstanceSettings, InstanceSink, Outcome

MakeInstance = Callable[[EngineModel, InstanceSettings, InstanceSink, float], Instance]


class Choice(StrEnum):
    """Which instance gets a request."""

    BALANCER = "balancer"
    """As the balancer chooses."""
    PREDICTED_WORK = "predicted work"
    """The least predicted work that has not ended, however many requests it is of."""
    FEWEST_REQUESTS = "fewest requests"
    """The fewest requests that have not ended, and of these the least work."""


@dataclass
class PoolRun:
    """What came of a run.

    Attributes:
        outcomes: Of all requests, in the order in which they ended.
        energy_j: Of all GPUs, by what it went into.
        end_s: When the last request had ended.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    energy_j: dict[Draw, float] = field(default_factory=dict)
    end_s: float = 0.0


@dataclass(frozen=True)
class Pool:
    """Identical instances of one class.

    Attributes:
        engine: Of each.
        instances: How many.
        settings: How they serve.
        slo: What their requests are promised; None = a multiple of what they take alone.
        clock: Bounds of the SM clock.
        choice: Which of them gets a request.
    """

    engine: EngineModel
    instances: int = 1
    settings: InstanceSettings = field(default_factory=InstanceSettings)
    slo: Slo | None = None
    clock: ClockBounds = field(default_factory=ClockBounds)
    choice: Choice = Choice.BALANCER


def serve_pool(
    pool: Pool, requests: Iterable[WorkloadRequest], request_class: str = "", make: MakeInstance = SimulatedInstance
) -> PoolRun:
    """Serve requests, which come by arrival, each by the instance that has least to do when it comes."""
    run = PoolRun()
    members = [_Member(pool, run, number, make) for number in range(pool.instances)]
    for number, request in enumerate(requests):
        for each in members:
            each.catch_up(request.arrival_s)
        work = work_of(request.prompt_tokens, request.estimate.q50)
        work -= REQUEST_TOKENS if pool.choice is Choice.PREDICTED_WORK else 0.0
        _chosen(pool.choice, members).take(Arrival(number, request, request.arrival_s, request_class), work)
    for each in members:
        each.finish()
    run.end_s = max((each.finished_s or 0.0 for each in run.outcomes), default=0.0)
    for each in members:
        each.instance.advance(run.end_s)
    return run


def _chosen(choice: Choice, members: list["_Member"]) -> "_Member":
    if choice is Choice.FEWEST_REQUESTS:
        return min(members, key=lambda each: (len(each.works), each.work))
    return least_loaded(members)


class _Member:
    """An instance, the work that the balancer sees of it, and where it tells what happened."""

    capacity_rps = 1.0

    def __init__(self, pool: Pool, run: PoolRun, number: int, make: MakeInstance) -> None:
        self.work = 0.0
        self.home_key = number
        self._run = run
        self.works: dict[int, float] = {}
        self.instance = make(pool.engine, pool.settings, self, 0.0)
        self.instance.adopt(pool.slo, pool.clock)

    def take(self, arrival: Arrival, work: float) -> None:
        """Send it a request."""
        self.works[arrival.request_id] = work
        self.work += work
        self.instance.advance(arrival.at_s)
        self.instance.submit(arrival)

    def catch_up(self, now_s: float) -> None:
        """Serve on, where something may have ended by now."""
        if self.instance.next_change_s <= now_s:
            self.instance.advance(now_s)

    def finish(self) -> None:
        """Serve all that it has."""
        while self.instance.outstanding:
            after_s = self.instance.next_change_s
            self.instance.advance(after_s if self.instance.now_s < after_s < inf else self.instance.now_s + 1.0)

    def ended(self, outcome: Outcome) -> None:
        """Note how a request ended."""
        self.work -= self.works.pop(outcome.arrival.request_id)
        self._run.outcomes.append(outcome)

    def drew(self, start_s: float, end_s: float, energy_j: float, draw: Draw) -> None:
        """Note energy."""
        self._run.energy_j[draw] = self._run.energy_j.get(draw, 0.0) + energy_j
