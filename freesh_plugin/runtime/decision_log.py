"""A log of what the scheduler was told, asked and decided, from which every decision can be made again."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from math import inf

import msgspec

from freesh_plugin.core.errors import FreeshError
from freesh_plugin.runtime.job import Job
from freesh_plugin.runtime.memory import Memory
from freesh_plugin.runtime.pace import Pace
from freesh_plugin.runtime.recorded_answers import (
    AnsweringMemory,
    AnsweringPace,
    RecordedMemory,
    RecordedPace,
)
from freesh_plugin.runtime.scheduler import Scheduler
from freesh_plugin.runtime.settings import SchedulerSettings
from freesh_plugin.runtime.step_decision import Refusal, StepDecision, StepLimits


class Arrived(msgspec.Struct, frozen=True, tag="arrived"):
    """A request arrived; it may have been refused at once."""

    job: Job
    now_s: float


class Left(msgspec.Struct, frozen=True, tag="left"):
    """A request ended, was cancelled or failed."""

    request_id: int


class Progressed(msgspec.Struct, frozen=True, tag="progressed"):
    """Requests have so many tokens now: (id, tokens) pairs."""

    generated: list[tuple[int, int]]


class Pinned(msgspec.Struct, frozen=True, tag="pinned"):
    """The engine can, or cannot, cut a request right now."""

    request_id: int
    pinned: bool


class LeftBatch(msgspec.Struct, frozen=True, tag="left_batch"):
    """Requests are out of the batch against the scheduler's will."""

    request_ids: list[int]
    now_s: float


SchedulerEvent = Arrived | Left | Progressed | Pinned | LeftBatch


class DecisionRecord(msgspec.Struct, frozen=True):
    """One decision.

    Attributes:
        step: Number of the decision, from 0.
        now_s: When it was made, monotonic seconds.
        limits: Of the step.
        events: What the scheduler was told since the last decision, in order.
        answers: What pace and memory answered since then, in the order in which they were asked.
        decision: What was decided.
        holds_for_ever: Whether it holds until something happens; its `holds_until_s` is 0 then.
    """

    step: int
    now_s: float
    limits: StepLimits
    events: list[SchedulerEvent]
    answers: list[float]
    decision: StepDecision
    holds_for_ever: bool = False

    def to_json(self) -> bytes:
        """One line of JSON, without its end."""
        return msgspec.json.encode(self)

    @classmethod
    def from_json(cls, line: bytes) -> "DecisionRecord":
        """A record from its line.

        Raises:
            DecisionLogError: it is no such line.
        """
        try:
            return msgspec.json.decode(line, type=cls)
        except msgspec.DecodeError as error:
            raise DecisionLogError(f"not a line of a decision log: {error}") from error


class DecisionLogError(FreeshError):
    """A decision log cannot be read or made again."""


class LoggedScheduler(Scheduler):
    """A scheduler that hands out a record of each decision."""

    def __init__(
        self, settings: SchedulerSettings, pace: Pace, memory: Memory, write: Callable[[DecisionRecord], None]
    ) -> None:
        """`write` gets every record; it may not block."""
        self._answers: list[float] = []
        super().__init__(settings, RecordedPace(pace, self._answers), RecordedMemory(memory, self._answers))
        self._write = write
        self._events: list[SchedulerEvent] = []
        self._step = 0

    def arrive(self, job: Job, now_s: float) -> Refusal | None:
        """Queue a request, or refuse it at once."""
        self._events.append(Arrived(job, now_s))
        return super().arrive(job, now_s)

    def leave(self, request_id: int) -> None:
        """Forget a request."""
        self._events.append(Left(request_id))
        super().leave(request_id)

    def progress_all(self, generated: Iterable[tuple[int, int]]) -> None:
        """Tell how many tokens running requests have now."""
        pairs = list(generated)
        self._events.append(Progressed(pairs))
        super().progress_all(pairs)

    def pin(self, request_id: int, pinned: bool) -> None:
        """Tell whether the engine can cut a request right now."""
        self._events.append(Pinned(request_id, pinned))
        super().pin(request_id, pinned)

    def left_batch(self, request_ids: Iterable[int], now_s: float) -> None:
        """Tell that running requests are out of the batch against the scheduler's will."""
        ids = list(request_ids)
        self._events.append(LeftBatch(ids, now_s))
        super().left_batch(ids, now_s)

    def decide(self, limits: StepLimits, now_s: float) -> StepDecision:
        """Decide on the next step, and hand out the record."""
        decision = super().decide(limits, now_s)
        events, self._events = self._events, []
        answers = list(self._answers)
        self._answers.clear()
        self._write(DecisionRecord(self._step, now_s, limits, events, answers, *_written(decision)))
        self._step += 1
        return decision


class Mismatch(msgspec.Struct, frozen=True):
    """A decision that came out otherwise when it was made again."""

    step: int
    recorded: StepDecision
    replayed: StepDecision


def replay(records: Iterable[DecisionRecord], settings: SchedulerSettings) -> Iterator[Mismatch]:
    """Make every decision of a log again, with the answers recorded; yields those that differ.

    A log may hold several runs; each begins with step 0.

    Raises:
        DecisionLogError: pace or memory are asked what was not asked then: another version, or other settings.
    """
    answers: deque[float] = deque()
    scheduler: Scheduler | None = None
    for record in records:
        answers.extend(record.answers)
        try:
            if scheduler is None or record.step == 0:
                scheduler = Scheduler(settings, AnsweringPace(answers), AnsweringMemory(answers))
            for event in record.events:
                _tell(scheduler, event)
            decision, _ = _written(scheduler.decide(record.limits, record.now_s))
        except IndexError as error:
            raise DecisionLogError(f"step {record.step}: more was asked than is recorded") from error
        if answers:
            raise DecisionLogError(f"step {record.step}: {len(answers)} recorded answers were not asked for")
        if decision != record.decision:
            yield Mismatch(record.step, record.decision, decision)


def _tell(scheduler: Scheduler, event: SchedulerEvent) -> None:
    match event:
        case Arrived(job=job, now_s=now_s):
            scheduler.arrive(job, now_s)
        case Left(request_id=request_id):
            scheduler.leave(request_id)
        case Progressed(generated=generated):
            scheduler.progress_all(generated)
        case Pinned(request_id=request_id, pinned=pinned):
            scheduler.pin(request_id, pinned)
        case LeftBatch(request_ids=request_ids, now_s=now_s):
            scheduler.left_batch(request_ids, now_s)


def _written(decision: StepDecision) -> tuple[StepDecision, bool]:
    """A decision as a record holds it, and whether it holds for ever: JSON knows no infinity."""
    for_ever = decision.holds_until_s == inf
    return (replace(decision, holds_until_s=0.0) if for_ever else decision), for_ever
