"""First tokens that were promised: which prompts come before them, and the clock that they require."""

from dataclasses import replace
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freesh_plugin.core.lengths import AnswerLength
from freesh_plugin.runtime.governor_settings import GovernorSettings
from freesh_plugin.runtime.governor_signals import Dues, FirstTokenDue, GovernorReason, GovernorSignals
from freesh_plugin.runtime.job import Job
from freesh_plugin.runtime.pace import MeasuredPace
from freesh_plugin.runtime.required_speed import required_prompt_speed
from freesh_plugin.runtime.scheduler import Scheduler
from freesh_plugin.runtime.settings import SchedulerSettings
from freesh_plugin.runtime.step_decision import StepLimits
from freesh_plugin.runtime.unlimited_memory import UnlimitedMemory
from tests.fakes.governed import CALM, GovernedGpus, governed

PASS_TOKENS = 500
LIMITS = StepLimits(batch=4, prefill_tokens=PASS_TOKENS, chunked=True)


def job(number: int, first_due_s: float | None, prompt_tokens: int = 1000) -> Job:
    """Came at 10 s; its prompt takes .2 s for the prompt tokens and two passes of .05 s."""
    known = AnswerLength(100, 100)
    return Job(number, 10.0, 90.0, prompt_tokens, max_new_tokens=200, answer=known, first_due_s=first_due_s)


class Prompts(UnlimitedMemory):
    """Whose prompts have to be computed; of those that are not named, a thousand tokens."""

    def __init__(self, tokens: dict[int, int]) -> None:
        self._tokens = tokens

    def prefill_tokens(self, request_id: int) -> int:
        return self._tokens.get(request_id, 1000)


def scheduler(*jobs: Job) -> Scheduler:
    memory = Prompts({each.request_id: each.prompt_tokens for each in jobs})
    made = Scheduler(SchedulerSettings(), MeasuredPace(tbt_s=0.05, prefill_s_per_token=0.0002), memory)
    for each in jobs:
        made.arrive(each, 10.0)
    return made


def told(of: Scheduler, now_s: float) -> list[Any]:
    return [pytest.approx(tuple(each)) for each in of.dues(now_s).firsts]


def test_prompts_that_wait_come_in_the_order_in_which_they_are_due() -> None:
    waiting = scheduler(job(1, 14.0), job(2, 12.0), job(3, None), job(4, 13.0, prompt_tokens=500))
    waiting.decide(replace(LIMITS, batch=0), 10.0)  # there is no place, but it is known how much a pass takes
    assert told(waiting, 10.5) == [(1.5, 0.3, False), (2.5, 0.15, False), (3.5, 0.3, False)]


def test_of_the_first_in_the_batch_only_what_is_left_counts() -> None:
    running = scheduler(job(1, 14.0), job(2, 12.0), job(3, None))
    joined = [running.decide(LIMITS, 10.0).admit for _ in range(3)]
    assert joined == [(2,), (1,), (3,)]
    running.arrive(job(4, 12.5), 10.1)
    now = told(running, 10.1)
    assert now == [(1.9, 0.2, True), (3.9, 0.3, True), (inf, 0.3, True), (2.4, 0.3, False)]
    assert told(running, 10.4)[0] == (1.6, 0.0, True)


def test_who_has_a_token_or_has_left_is_waited_for_no_more() -> None:
    running = scheduler(job(1, 14.0), job(2, 12.0))
    running.decide(LIMITS, 10.0)
    running.progress(2, 1)
    assert told(running, 10.4) == [(3.6, 0.3, False)]
    running.leave(1)
    assert running.dues(10.4).firsts == ()


def test_who_waits_and_is_late_already_holds_nobody_up() -> None:
    waiting = scheduler(job(1, 11.0), job(2, 14.0))
    waiting.decide(replace(LIMITS, batch=0), 10.0)
    assert told(waiting, 12.0) == [(2.0, 0.3, False)]


def test_many_that_wait_are_not_all_looked_at() -> None:
    assert len(scheduler(*(job(each, 14.0) for each in range(2000))).dues(10.0).firsts) == 1024


W, B = False, True


@pytest.mark.parametrize(
    ("firsts", "expected"),
    [
        ([], 0.0),
        ([(2.0, 1.0, W), (4.0, 2.0, W)], 0.75),
        ([(2.0, 2.5, W), (4.0, 0.5, W)], 1.25),
        ([(2.0, 3.5, W), (4.0, 3.0, W)], 0.75),  # the first is late at any clock, and comes after the other
        ([(2.0, 3.5, B), (4.0, 2.5, W)], 1.5),  # but not where it is computed already
        ([(9.0, 3.5, B), (4.0, 2.5, W)], 1.5),
        ([(inf, 3.5, B), (4.0, 2.5, W)], 1.5),  # nobody promised, but it is computed before
        ([(0.0, 1.0, W), (-1.0, 1.0, W)], 0.0),  # late already
        ([(nan, 1.0, W), (1.0, nan, B), (1.0, inf, B), (1.0, -1.0, B), (inf, 1.0, W), (4.0, 3.0, W)], 1.0),
    ],
)
def test_what_is_required(firsts: list[tuple[float, float, bool]], expected: float) -> None:
    assert required_prompt_speed([FirstTokenDue(*each) for each in firsts], most=1.6) == pytest.approx(expected)


@given(
    st.lists(st.builds(FirstTokenDue, st.floats(-10, 100), st.floats(0, 200), st.booleans()), max_size=20),
    st.floats(1, 3),
)
def test_it_is_never_more_than_the_ceiling_brings(firsts: list[FirstTokenDue], most: float) -> None:
    assert 0 <= required_prompt_speed(firsts, most) <= most


def queue(prompt_s: float) -> GovernorSignals:
    """Calm but for a prompt that takes so long and is due in 2 s."""
    return replace(CALM, dues=Dues((), (FirstTokenDue(2.0, prompt_s, joined=True),)))


def at_the_floor() -> GovernedGpus:
    gpus = governed(GovernorSettings(window_s=0.5))
    gpus.ticks(20)
    return gpus


def test_the_clock_goes_up_before_anybody_has_waited() -> None:
    raised = at_the_floor().tick(queue(2.4))
    assert (raised.target_mhz, raised.reason) == (1605, GovernorReason.DUE)  # 1,110 · 1.2² on the list


def test_prompts_may_take_all_that_the_ceiling_brings() -> None:
    assert at_the_floor().tick(queue(3.5)).target_mhz == 1980  # answers would count up to 1.3 times as fast
    assert at_the_floor().tick(queue(3.8)).target_mhz is None  # 1.9 · 1,110 MHz is more than it has


def test_it_is_not_lowered_while_prompts_have_no_room() -> None:
    gpus = governed(GovernorSettings(window_s=0.5))
    gpus.ticks(3)
    held_mhz = gpus.clock_mhz
    assert held_mhz > 1110
    for _ in range(5):
        assert gpus.tick(queue(1.9)).target_mhz is None
        assert gpus.governor.state.reason is GovernorReason.DUE
    assert gpus.tick(queue(1.7)).reason is GovernorReason.LOWERED
    assert gpus.tick(queue(1.9)).target_mhz is None  # measured before it was lowered, at least in part


def test_what_was_measured_before_a_raise_is_not_held_against_the_new_clock() -> None:
    gpus = at_the_floor()
    gpus.tick(queue(3.5))
    assert gpus.clock_mhz == 1980
    assert gpus.tick(queue(3.0)).reason is not GovernorReason.LOWERED  # 1.5 times 1,110 MHz, not 1,980
    gpus.ticks(1)  # the tick in which a raise is not taken back
    assert gpus.tick().reason is GovernorReason.LOWERED
