"""The scheduler at its edges: ids told twice or unknown, holds and what ends them, batches that shrink, refusals."""

from math import inf

import pytest

from freesh_plugin.core.lengths import AnswerLength
from freesh_plugin.runtime.decision_log import DecisionLogError, DecisionRecord, LoggedScheduler, replay
from freesh_plugin.runtime.job import Job
from freesh_plugin.runtime.policy import Policy
from freesh_plugin.runtime.scheduler import Scheduler, SchedulerError
from freesh_plugin.runtime.settings import SchedulerSettings
from freesh_plugin.runtime.step_decision import StepLimits
from freesh_plugin.runtime.unlimited_memory import UnlimitedMemory
from tests.fakes.toy_engine import ConstantPace

ONE = StepLimits(batch=1, prefill_tokens=1000)


def scheduler(**settings: object) -> Scheduler:
    return Scheduler(SchedulerSettings(**settings), ConstantPace(), UnlimitedMemory())  # type: ignore[arg-type]


def job(number: int, arrival_s: float = 0.0, tokens: float = 10, within_s: float = 100.0) -> Job:
    return Job(number, arrival_s, arrival_s + within_s, 5, 1000, AnswerLength(tokens, tokens))


def test_the_same_request_cannot_arrive_twice() -> None:
    found = scheduler()
    found.arrive(job(1), 0.0)
    with pytest.raises(SchedulerError, match="request 1 has arrived already"):
        found.arrive(job(1), 1.0)


def test_unknown_ids_are_ignored() -> None:
    found = scheduler()
    found.leave(7)
    found.pin(7, True)
    found.progress(7, 3)
    found.left_batch([7], 0.0)
    assert found.decide(ONE, 0.0).changes is False


def test_without_anybody_waiting_a_decision_holds_until_something_happens() -> None:
    found = scheduler()
    found.arrive(job(1), 0.0)
    first = found.decide(ONE, 0.0)
    assert first.admit == (1,)
    assert first.holds_until_s == inf
    again = found.decide(ONE, 1000.0)
    assert (again.keep, again.changes) == ((1,), False)
    found.arrive(job(2), 1000.0)
    assert found.decide(StepLimits(2, 1000), 1000.0).admit == (2,)


def test_a_review_comes_when_the_hold_ends() -> None:
    found = scheduler(review_s=0.5)
    found.arrive(job(1), 0.0)
    found.arrive(job(2), 0.0)
    held = found.decide(ONE, 0.0)
    assert held.holds_until_s == 0.5
    assert held.holds_for_steps == 15  # the first checkpoint is at 16 tokens


def test_a_pin_that_ends_lets_who_waits_for_it_in() -> None:
    found = scheduler(policy=Policy.EDF, review_s=1000.0)
    found.arrive(job(1, within_s=100), 0.0)
    found.decide(ONE, 0.0)
    found.pin(1, True)
    found.arrive(job(2, within_s=10), 1.0)
    assert found.decide(ONE, 1.0).changes is False
    found.pin(1, False)
    swapped = found.decide(ONE, 1.1)
    assert (swapped.preempt, swapped.admit) == ((1,), (2,))


def test_a_batch_that_may_hold_less_gives_up_the_least_urgent() -> None:
    found = scheduler(policy=Policy.EDF)
    for number, within_s in ((1, 30.0), (2, 20.0), (3, 10.0)):
        found.arrive(job(number, within_s=within_s), 0.0)
    found.decide(StepLimits(3, 1000), 0.0)
    shrunk = found.decide(StepLimits(1, 1000), 1.0)
    assert shrunk.keep == (3,)
    assert set(shrunk.preempt) == {1, 2}


@pytest.mark.parametrize("policy", list(Policy))
def test_a_prompt_waits_while_a_step_has_no_prompt_tokens_to_give(policy: Policy) -> None:
    found = scheduler(policy=policy)
    found.arrive(job(1), 0.0)
    none = found.decide(StepLimits(4, 0, chunked=True), 0.0)
    assert (none.changes, none.holds_for_steps) == (False, 0)
    assert found.decide(StepLimits(4, 1, chunked=True), 0.0).admit == (1,)


class NoRoom(UnlimitedMemory):
    """Memory that is all taken."""

    def trial(self) -> "NoRoom":
        return self

    def add(self, request_id: int) -> bool:
        return False


@pytest.mark.parametrize("policy", list(Policy))
def test_requests_that_do_not_fit_wait_and_are_looked_at_again(policy: Policy) -> None:
    found = Scheduler(SchedulerSettings(policy=policy, review_s=0.5), ConstantPace(), NoRoom())
    found.arrive(job(1), 0.0)
    decision = found.decide(ONE, 0.0)
    assert (decision.changes, decision.holds_until_s) == (False, 0.5)


def test_refusals_say_why() -> None:
    found = scheduler(waiting_limit=1, total_tokens_limit=1005)
    assert found.arrive(job(1), 0.0) is None
    full = found.arrive(job(2), 0.0)
    assert full is not None
    assert (full.code, full.reason) == ("queue_full", "1 requests wait already, limit 1")
    long = found.arrive(Job(3, 0.0, 1.0, 6, 1000, AnswerLength(1, 1)), 0.0)
    assert long is not None
    assert (long.code, long.reason) == (
        "too_long", "1006 tokens of prompt and answer can never fit, limit 1005 tokens",
    )  # fmt: skip
    found.leave(1)
    assert found.arrive(job(2), 0.0) is None


def test_a_log_of_other_settings_is_told() -> None:
    records: list[DecisionRecord] = []
    logged = LoggedScheduler(SchedulerSettings(), ConstantPace(), UnlimitedMemory(), records.append)
    for number in range(3):
        logged.arrive(job(number), 0.0)
    logged.decide(ONE, 0.0)
    with pytest.raises(DecisionLogError, match="step 0"):
        list(replay(records, SchedulerSettings(policy=Policy.FCFS)))
    with pytest.raises(DecisionLogError, match="not a line of a decision log"):
        DecisionRecord.from_json(b'{"step": 1}')


def test_deadlines_without_time_to_spare_and_empty_answers_are_scheduled_too() -> None:
    found = scheduler()
    tight = Job(1, 0.0, 10.0, 5, 1000, AnswerLength(10, 10), stretch=1.0)
    empty = Job(2, 0.0, 0.0, 5, 0, AnswerLength(0, 0), stretch=1.4)
    for each in (tight, empty):
        found.arrive(each, 0.0)
    decision = found.decide(ONE, 0.0)
    assert len(decision.admit) == 1


def test_steps_can_be_made_without_asking() -> None:
    asked, skipped = (scheduler(review_s=1000.0) for _ in range(2))
    for found in (asked, skipped):
        found.arrive(job(1), 0.0)
        found.arrive(job(2), 0.0)
        found.decide(ONE, 0.0)
    for step in range(15):
        asked.decide(ONE, 1.0 + step)
    skipped.skip(14)
    last = skipped.decide(ONE, 15.0)
    assert (last.keep, last.changes, last.holds_for_steps) == ((1,), False, 0)
    skipped.skip(0)
    assert asked.decide(ONE, 16.0) == skipped.decide(ONE, 16.0)


def test_steps_are_skipped_by_nobody_too() -> None:
    found = scheduler()
    found.skip(3)
    assert found.decide(ONE, 0.0).changes is False
