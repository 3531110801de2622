"""A scheduler that raises is replaced by first come, first served, at any step, and nobody is lost over it."""

import logging

import pytest

from freesh_plugin.core.lengths import AnswerLength
from freesh_plugin.runtime.governor_signals import Dues
from freesh_plugin.runtime.job import Job
from freesh_plugin.runtime.memory import Memory
from freesh_plugin.runtime.pace import MeasuredPace, Pace
from freesh_plugin.runtime.scheduler import Scheduler
from freesh_plugin.runtime.settings import SchedulerSettings
from freesh_plugin.runtime.step_decision import StepDecision, StepLimits
from freesh_plugin.runtime.unlimited_memory import UnlimitedMemory
from freesh_plugin.services.guarded_scheduler import GuardedScheduler

LIMITS = StepLimits(batch=2, prefill_tokens=1000)


class Breaking(Scheduler):
    """Raises in its nth decision, or in its nth word of progress."""

    def __init__(self, settings: SchedulerSettings, pace: Pace, memory: Memory, decisions: int, words: int) -> None:
        super().__init__(settings, pace, memory)
        self.left = {"decide": decisions, "progress": words}

    def _count(self, what: str) -> None:
        self.left[what] -= 1
        if self.left[what] == 0:
            raise ZeroDivisionError(what)

    def decide(self, limits: StepLimits, now_s: float) -> StepDecision:
        self._count("decide")
        return super().decide(limits, now_s)

    def progress_all(self, generated: object) -> None:
        self._count("progress")
        super().progress_all(generated)  # type: ignore[arg-type]


def job(number: int) -> Job:
    return Job(number, float(number), 100.0 - number, 10, 50, AnswerLength(20, 40))


def guarded(faults: list[int], decisions: int = 0, words: int = 0) -> GuardedScheduler:
    def scheduler_of(settings: SchedulerSettings, pace: Pace, memory: Memory) -> Scheduler:
        return Breaking(settings, pace, memory, decisions, words)

    on_fault = lambda: faults.append(1)  # noqa: E731
    return GuardedScheduler(SchedulerSettings(), MeasuredPace(), UnlimitedMemory(), scheduler_of, on_fault)


@pytest.mark.parametrize(("decisions", "words"), [(2, 0), (0, 1), (1, 0)])
def test_those_who_run_stay_and_those_who_wait_come_in_order(
    decisions: int, words: int, caplog: pytest.LogCaptureFixture
) -> None:
    faults: list[int] = []
    scheduler = guarded(faults, decisions, words)
    for number in range(1, 5):
        assert scheduler.arrive(job(number), 5.0) is None
    with caplog.at_level(logging.CRITICAL):
        first = scheduler.decide(LIMITS, 5.0)
        scheduler.progress_all([(each, 3) for each in first.admit])
        second = scheduler.decide(LIMITS, 6.0)
    assert faults == [1]
    assert not second.changes
    assert set(second.keep) == set(first.admit)
    assert len(first.admit) == 2
    for gone in first.admit:
        scheduler.leave(gone)
    third = scheduler.decide(LIMITS, 7.0)
    waited = sorted({1, 2, 3, 4} - set(first.admit))
    assert list(third.admit) == waited
    assert scheduler.waiting == 0


def test_a_second_fault_is_not_hidden(caplog: pytest.LogCaptureFixture) -> None:
    faults: list[int] = []
    scheduler = guarded(faults, decisions=1)
    scheduler.arrive(job(1), 1.0)
    with caplog.at_level(logging.CRITICAL):
        scheduler.decide(LIMITS, 1.0)
        scheduler._scheduler = Breaking(SchedulerSettings(), MeasuredPace(), UnlimitedMemory(), 1, 0)
        with pytest.raises(ZeroDivisionError):
            scheduler.decide(LIMITS, 2.0)
    assert faults == [1]


def test_who_is_refused_is_not_remembered() -> None:
    settings = SchedulerSettings(waiting_limit=1)
    scheduler = GuardedScheduler(settings, MeasuredPace(), UnlimitedMemory())
    assert scheduler.arrive(job(1), 1.0) is None
    refusal = scheduler.arrive(job(2), 1.0)
    assert refusal is not None
    assert refusal.code == "queue_full"
    scheduler.leave(2)
    assert scheduler.decide(LIMITS, 2.0).admit == (1,)


def test_what_is_due_is_not_known_where_the_scheduler_cannot_tell(caplog: pytest.LogCaptureFixture) -> None:
    class Silent(Scheduler):
        def dues(self, now_s: float) -> Dues:
            raise ZeroDivisionError

    def due(scheduler_of: type[Scheduler]) -> int:
        scheduler = GuardedScheduler(SchedulerSettings(), MeasuredPace(), UnlimitedMemory(), scheduler_of)
        scheduler.arrive(job(1), 5.0)
        scheduler.decide(LIMITS, 5.0)
        return len(scheduler.dues(6.0).answers)

    assert (due(Scheduler), due(Silent)) == (1, 0)
    assert "dues_not_known" in caplog.text
