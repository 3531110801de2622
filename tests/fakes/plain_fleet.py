"""A fleet of plain instances, targets by the clock, and requests by hand: small enough to book by hand."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any

from freesh_plugin.core.lengths import AnswerLength
from freesh_plugin.core.plan import Slo
from freesh_plugin.core.power_model import PowerModel, ShareModel
from freesh_plugin.core.request import Partition
from freesh_plugin.core.step_model import StepModel
from models.domain.engine import EngineModel
from models.domain.scenario import Location, ServiceLevel
from models.domain.workload import Workload, WorkloadRequest
from models.simulator.fleet import run_fleet
from models.simulator.fleet_fault import Fault
from models.simulator.fleet_model import FleetModel, Scoring
from models.simulator.fleet_run import FleetRun
from models.simulator.fleet_target import FleetTarget, FleetView, PoolKey, PoolTarget
from models.simulator.instance_types import InstanceSettings
from models.simulator.signals import Signals
from tests.fakes.plain_instance import PlainInstance

HERE, THERE = "here", "there"
PARTITION = Partition("two", ("S", "L"), (), (100,))
"""Answers of less than 100 tokens are S."""
WHOLE = Partition("one", ("A",), (), ())
STARTUP_S, STARTUP_J = 30.0, 6000.0
LATENCY_S = 20.0


def engine(mode: str, gpus: int, **changes: Any) -> EngineModel:
    """A mode that loads in 30 s with 6 kJ and serves 4 requests at a time."""
    made = EngineModel(
        mode, "default", "H100", gpus, StepModel(), PowerModel(), ShareModel(), 4, 5000, 512, (840, 1980),
        STARTUP_S, STARTUP_J,
    )  # fmt: skip
    return replace(made, **changes)


ENGINES = {"one": engine("one", 1), "two": engine("two", 2), "slow": engine("slow", 1)}
"""Modes of one and two GPUs; `slow` differs from `one` in nothing that needs a restart."""


def location(name: str, gpus: int = 4, **changes: Any) -> Location:
    """GPUs that draw 50 W parked, without PUE and hosts."""
    return replace(Location(name, {"H100": gpus}, parked_power_w={"H100": 50.0}), **changes)


def levels(partition: Partition) -> tuple[ServiceLevel, ...]:
    """20 s, 2 s and .2 s for each class."""
    return tuple(ServiceLevel(partition.name, each, LATENCY_S, 2.0, 0.2) for each in partition.classes)


def fleet(*locations: Location, **changes: Any) -> FleetModel:
    """Scored by the two classes; one location of four GPUs by default."""
    made = FleetModel(locations or (location(HERE),), ENGINES, Scoring(PARTITION, levels(PARTITION)))
    return replace(made, **changes)


def pool(place: str, request_class: str, mode: str = "one") -> PoolKey:
    """A pool of the one model."""
    return PoolKey(place, "default", request_class, mode)


def target(
    at_s: float,
    pools: Mapping[PoolKey, int],
    shares: Mapping[str, float] | None = None,
    partition: Partition = PARTITION,
    latency_s: float = LATENCY_S,
) -> FleetTarget:
    """Pools, and the same shares for all classes and origins: all of it here by default."""
    slo = Slo(latency_s, 2.0, 0.2)
    routes = {("default", each, "any"): shares or {HERE: 1.0} for each in partition.classes}
    targets = {key: PoolTarget(count, slo) for key, count in pools.items()}
    return FleetTarget(at_s, targets, routes, {"default": partition})


@dataclass
class Targets:
    """A controller that gives targets at given times (each `valid_from_s`), and keeps what it was shown."""

    targets: Sequence[FleetTarget] = ()
    seen: list[FleetView] = field(default_factory=list)

    @property
    def next_s(self) -> float:
        return self.targets[len(self.seen)].valid_from_s if len(self.seen) < len(self.targets) else inf

    def decide(self, now_s: float, view: FleetView) -> FleetTarget:
        assert view.now_s == now_s
        self.seen.append(view)
        return self.targets[len(self.seen) - 1]


def request(at_s: float, answer_tokens: int = 51, predicted: float | None = None, **changes: Any) -> WorkloadRequest:
    """A request of class S whose length is predicted rightly; takes .5 s and .5 s more in a plain instance."""
    q50 = answer_tokens if predicted is None else predicted
    made = WorkloadRequest(at_s, 80, answer_tokens, 4096, AnswerLength(q50, q50 * 2))
    return replace(made, **changes)


def workload(duration_s: float, requests: Sequence[WorkloadRequest]) -> Workload:
    """These requests, by arrival."""
    ordered = sorted(requests, key=lambda each: each.arrival_s)

    def made() -> Iterator[WorkloadRequest]:
        return iter(ordered)

    return Workload("by hand", "synthetic", duration_s, made)


def run(
    of: FleetModel,
    requests: Sequence[WorkloadRequest],
    *targets: FleetTarget,
    duration_s: float = 600.0,
    signals: Signals | None = None,
    controller: Targets | None = None,
    faults: Sequence[Fault] = (),
    make_instance: Callable[..., Any] = PlainInstance,
) -> FleetRun:
    """Run it with plain instances."""
    steered = controller or Targets(targets)
    return run_fleet(
        of, workload(duration_s, requests), steered, InstanceSettings(), signals or Signals(),
        make_instance=make_instance, faults=faults,
    )  # fmt: skip


def scores(of: FleetRun) -> Any:
    """The run in numbers."""
    return of.scores(policy="p", hour="h", scenario="s", seed=1)
