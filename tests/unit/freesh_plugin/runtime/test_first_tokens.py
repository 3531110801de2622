"""Least laxity first where first tokens are promised: whose prompt is computed next."""

import pytest

from freesh_plugin.core.lengths import AnswerLength
from freesh_plugin.runtime.entry import Entry, Place
from freesh_plugin.runtime.job import Job
from freesh_plugin.runtime.order import LaxityOrder, Times
from freesh_plugin.runtime.scheduler import Scheduler
from freesh_plugin.runtime.settings import SchedulerSettings
from freesh_plugin.runtime.step_decision import StepLimits
from tests.fakes.counted_memory import CountedMemory
from tests.fakes.toy_engine import ConstantPace

CHUNK = StepLimits(batch=8, prefill_tokens=1000, chunked=True)
PACE = ConstantPace(tbt_s=0.05, prefill_s=0.001)
"""A prompt of a thousand tokens takes a second, and a step."""


def job(number: int, prompt_tokens: int, first_due_s: float | None, arrival_s: float = 0.0) -> Job:
    """An answer of ten tokens, due in a long time."""
    return Job(number, arrival_s, 1000.0, prompt_tokens, 20, AnswerLength(10, 10), first_due_s=first_due_s)


def begun_first(now_s: float, *jobs: Job) -> int:
    """Whose prompt is begun first of those that wait; each prompt takes at least a step of its own."""
    memory = CountedMemory(100_000)
    found = Scheduler(SchedulerSettings(), PACE, memory)
    for each in jobs:
        memory.register(each.request_id, each.prompt_tokens, each.prompt_tokens + each.max_new_tokens)
        found.arrive(each, now_s)
    (first,) = found.decide(CHUNK, now_s).admit
    return first


def test_without_a_promise_the_least_work_goes_first() -> None:
    assert begun_first(0.0, job(1, 3000, None), job(2, 1000, None)) == 2


def test_a_long_prompt_that_is_about_to_be_late_goes_before_short_ones_with_time() -> None:
    assert begun_first(0.0, job(1, 3000, 5.0), job(2, 1000, 30.0), job(3, 1000, 30.0)) == 1


def test_of_equal_promises_the_older_goes_first_though_it_is_longer() -> None:
    assert begun_first(2.0, job(1, 1200, 5.0), job(2, 1000, 7.0, arrival_s=2.0)) == 1


def test_one_that_is_late_already_makes_no_other_late() -> None:
    assert begun_first(5.1, job(1, 1000, 5.0), job(2, 1000, 8.0, arrival_s=4.0)) == 2


def test_when_not_all_can_be_in_time_those_that_take_little_are() -> None:
    many = [job(number, 1000, 8.0) for number in range(2, 20)]
    assert begun_first(0.0, job(1, 5000, 8.0), *many) != 1


def test_what_has_no_promise_waits_for_what_has_one() -> None:
    assert begun_first(0.0, job(1, 1000, None), job(2, 3000, 5.0)) == 2


@pytest.mark.parametrize("place", [Place.RUNNING, Place.PARKED])
def test_who_has_a_first_token_is_not_judged_by_it(place: Place) -> None:
    keys = [key_of(job(1, 1000, due_s), 1.0, 5.0, place, generated=1) for due_s in (None, 0.5, 20.0)]
    assert keys == [keys[0]] * 3


@pytest.mark.parametrize(("prompts_s", "counts_for"), [(0.1, (0.9, 1.0)), (10.0, (0.1, 0.1))])
def test_a_clients_share_counts_as_far_as_somebody_must_be_late(
    prompts_s: float, counts_for: tuple[float, float]
) -> None:
    # The client had ten times its share; what is promised is 3.2 s, and no time is left to wait.
    least, most = counts_for
    promised, of_others = key_of(job(1, 1000, 3.2), 0.1, prompts_s), key_of(job(1, 1000, 3.2), 1.0, prompts_s)
    assert least - 1e-9 <= promised / of_others <= most + 1e-9


def key_of(job: Job, weight: float, prompts_s: float, place: Place = Place.WAITING, generated: int = 0) -> float:
    """Its key 2 s after it arrived."""
    entry = Entry(job)
    entry.place, entry.work_s, entry.generated = place, 2.0, generated
    times = Times(prompt_s=1.0, start_s=1.0, start_work_s=1.0, tbt_s=0.05, prompts_s=prompts_s, weight=weight)
    return LaxityOrder(SchedulerSettings()).urgency(entry, job.arrival_s + 2.0, 2.0, times).key


def test_one_that_cannot_be_in_time_lets_others_be() -> None:
    assert begun_first(0.0, job(1, 3000, 0.2), job(2, 2500, 4.5)) == 2


def test_who_left_the_batch_before_its_first_token_still_waits_for_it() -> None:
    memory = CountedMemory(100_000)
    found = Scheduler(SchedulerSettings(), PACE, memory)
    for each in (job(1, 3000, 5.0), job(2, 1000, 60.0)):
        memory.register(each.request_id, each.prompt_tokens, each.prompt_tokens + each.max_new_tokens)
        found.arrive(each, 0.0)
    one = StepLimits(batch=1, prefill_tokens=1000, chunked=True)
    assert found.decide(one, 0.0).admit == (1,)
    found.left_batch([1], 0.05)
    assert found.decide(one, 0.1).resume == (1,)


def test_a_bound_shorter_than_a_review_is_not_slept_through() -> None:
    memory = CountedMemory(100_000)
    found = Scheduler(SchedulerSettings(), ConstantPace(tbt_s=0.03, prefill_s=0.0002), memory)
    long = [Job(number, 0.0, 33.0, 10, 2000, AnswerLength(1000, 1000)) for number in range(4)]
    tight = Job(9, 6.0, 100.0, 200, 2000, AnswerLength(50, 50), first_due_s=6.7)
    for each in (*long, tight):
        memory.register(each.request_id, each.prompt_tokens, each.prompt_tokens + each.max_new_tokens)
    four = StepLimits(batch=4, prefill_tokens=1000, chunked=True)
    for each in long:
        found.arrive(each, 0.0)
    found.decide(four, 0.0)
    found.arrive(tight, 6.0)
    admitted_s = next(6.0 + 0.03 * step for step in range(20) if 9 in found.decide(four, 6.0 + 0.03 * step).admit)
    assert admitted_s <= 6.4


def test_taking_a_place_until_the_end_has_to_be_worth_more_than_a_prompt() -> None:
    entry = Entry(job(1, 1000, 3.2))
    entry.work_s = 20.0
    times = Times(prompt_s=1.0, start_s=1.0, start_work_s=1.0, tbt_s=0.05, prompts_s=0.1, weight=1.0)
    found = LaxityOrder(SchedulerSettings()).urgency(entry, 2.0, 2.0, times)
    assert found.key == pytest.approx(20 * found.claim, rel=0.1)
