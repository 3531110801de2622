"""What passes between a simulated instance and the fleet around it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from freesh_plugin.core.plan import ClockBounds, Slo
from freesh_plugin.runtime.governor_settings import GovernorMode, GovernorSettings
from freesh_plugin.runtime.settings import SchedulerSettings
from models.domain.workload import WorkloadRequest


class Draw(StrEnum):
    """What energy went into."""

    BUSY = "busy"
    IDLE = "idle"
    """The model is loaded and nothing runs."""
    LOADING = "loading"
    PARKED = "parked"
    HOST = "host"


@dataclass(frozen=True, slots=True)
class InstanceSettings:
    """How instances serve: the same settings that the live router takes.

    Attributes:
        scheduler: Order and admission.
        governor: Clock; mode `static` with `static_mhz` None = the highest clock.
        deadline_factor: Without a promised latency, the deadline is so many times the predicted service time.
        memory_unit_tokens: Tokens that the books of KV memory keep as one; 512 is a multiple of it.
        leaps: Whether steps in which nothing can change are taken together (False: one by one, for tests).
    """

    scheduler: SchedulerSettings = field(default_factory=SchedulerSettings)
    governor: GovernorSettings = field(default_factory=lambda: GovernorSettings(mode=GovernorMode.STATIC))
    deadline_factor: float = 1.4
    memory_unit_tokens: int = 16
    leaps: bool = True


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request at an instance's door.

    Attributes:
        request_id: Unique in the run.
        request: As the user sent it.
        at_s: When it reached the instance: its arrival and the way to it.
        request_class: Its class by predicted length.
    """

    request_id: int
    request: WorkloadRequest
    at_s: float
    request_class: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a request ended: exactly once each.

    Attributes:
        arrival: The request as it came.
        first_token_s, finished_s: When; None where it was refused or shed.
        longest_wait_s: Longest time without a token after its arrival (its stall).
        tbt_worst_s: Longest time between two of its tokens, preemptions included; 0 with one token.
        preemptions: How often it was preempted.
        cached_tokens: Prompt tokens that were not computed, for their prefix was cached.
        refused: Code of the refusal; empty where it was served.
    """

    arrival: Arrival
    first_token_s: float | None
    finished_s: float | None
    longest_wait_s: float
    tbt_worst_s: float = 0.0
    preemptions: int = 0
    cached_tokens: int = 0
    refused: str = ""


class InstanceSink(Protocol):
    """Whom an instance tells what happens."""

    def ended(self, outcome: Outcome) -> None:
        """A request ended, served or refused."""
        ...

    def drew(self, start_s: float, end_s: float, energy_j: float, draw: Draw) -> None:
        """All GPUs of the instance together drew so many joules, evenly, from `start_s` to `end_s` (GPU side)."""
        ...


class Instance(Protocol):
    """A loaded instance; it goes on only when told to."""

    @property
    def now_s(self) -> float:
        """How far it has gone: at or a pass beyond what it was told."""
        ...

    @property
    def outstanding(self) -> int:
        """Requests that wait or run, as of the last `advance`."""
        ...

    @property
    def outstanding_tokens(self) -> float:
        """Prompt tokens to compute and answer tokens expected, over all of them, as of the last `advance`."""
        ...

    @property
    def next_change_s(self) -> float:
        """Before this, `outstanding` does not change by itself; infinite when nothing is there."""
        ...

    @property
    def clock_mhz(self) -> int:
        """SM clock."""
        ...

    @property
    def clock_changes(self) -> int:
        """Changes of the clock so far."""
        ...

    @property
    def busy_s(self) -> float:
        """Seconds in which it computed, so far."""
        ...

    def adopt(self, slo: Slo | None, bounds: ClockBounds) -> None:
        """Another plan: service level and clock bounds."""
        ...

    def submit(self, arrival: Arrival) -> None:
        """A request came; to be called in order of `at_s`, after `advance(at_s)` or without it."""
        ...

    def advance(self, until_s: float) -> None:
        """Serve until `until_s` is reached or passed by the pass that is under way."""
        ...

    def give_back_waiting(self) -> Sequence[Arrival]:
        """Take out those that have not begun, to be sent elsewhere; those that run go on (draining)."""
        ...
