"""Answers under way that would be late: whose need counts, and what the clock makes of it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freesh_plugin.core.lengths import AnswerLength
from freesh_plugin.runtime.governor_settings import GovernorMode, GovernorSettings
from freesh_plugin.runtime.governor_signals import AnswerDue, GovernorReason
from freesh_plugin.runtime.job import Job
from freesh_plugin.runtime.pace import MeasuredPace
from freesh_plugin.runtime.pressure import are_sound
from freesh_plugin.runtime.required_speed import MOST, required_speed
from freesh_plugin.runtime.scheduler import Scheduler
from freesh_plugin.runtime.settings import SchedulerSettings
from freesh_plugin.runtime.step_decision import StepLimits
from freesh_plugin.runtime.unlimited_memory import UnlimitedMemory
from tests.fakes.governed import CALM, governed

CALM_TBT_S = CALM.tbt_s[0]
LATE = AnswerDue(age_s=20.0, left_s=10.0, tokens=12 / CALM_TBT_S)
"""At the pace of `CALM` it takes 12 s more, and has 10."""


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([], 0.0),
        ([AnswerDue(20.0, 10.0, 100)], 1.0),
        ([AnswerDue(20.0, 10.0, 100), AnswerDue(20.0, 10.0, 110)], 1.1),
        ([AnswerDue(9.9, 10.0, 110)], 0.0),  # most of its time is left: most likely it is thought too long
        ([AnswerDue(20.0, 10.0, 131)], 0.0),  # late at any clock
        ([AnswerDue(20.0, 0.0, 1), AnswerDue(20.0, -3.0, 1)], 0.0),  # late already
    ],
)
def test_what_is_required(answers: list[AnswerDue], expected: float) -> None:
    assert required_speed(answers, tbt_s=0.1) == pytest.approx(expected)


@given(
    st.lists(st.builds(AnswerDue, st.floats(0, 100), st.floats(-10, 100), st.floats(1, 2000)), max_size=20),
    st.floats(0.001, 1),
)
def test_it_is_never_more_than_clocks_can_do(answers: list[AnswerDue], tbt_s: float) -> None:
    assert 0 <= required_speed(answers, tbt_s) <= MOST


def test_the_clock_goes_where_answers_are_whole_in_time_and_no_higher() -> None:
    gpus = governed(GovernorSettings(window_s=0.5))
    gpus.ticks(20)
    raised = gpus.tick(replace(CALM, answers=(LATE,)))
    assert (raised.target_mhz, raised.reason) == (1335, GovernorReason.DUE)  # 1,110 · 1.2 on the list


def test_it_goes_down_again_no_further_than_they_allow() -> None:
    gpus = governed(GovernorSettings(window_s=0.5, dwell_ticks=0))
    gpus.ticks(3)
    clock_mhz = gpus.clock_mhz
    tight = replace(CALM, answers=(LATE._replace(tokens=9.5 / CALM_TBT_S),))
    lowered = gpus.tick(tight).target_mhz
    assert lowered is not None
    assert 0.95 * clock_mhz <= lowered < clock_mhz


def test_the_ceiling_is_kept_and_no_other_mode_follows_it() -> None:
    capped = governed(GovernorSettings(window_s=0.5), ceiling=1200)
    capped.ticks(20)
    assert capped.tick(replace(CALM, answers=(LATE,))).target_mhz == 1200
    still = governed(GovernorSettings(mode=GovernorMode.STATIC, static_mhz=1110))
    still.ticks(20)
    assert still.tick(replace(CALM, answers=(LATE,))).target_mhz is None


@pytest.mark.parametrize("bad", [LATE._replace(tokens=-1.0), LATE._replace(left_s=float("nan"))])
def test_what_is_no_number_is_not_believed(bad: AnswerDue) -> None:
    assert are_sound(replace(CALM, answers=(LATE,)))
    assert not are_sound(replace(CALM, answers=(LATE, bad)))


def test_the_scheduler_tells_of_promised_answers_in_the_batch_alone() -> None:
    scheduler = Scheduler(SchedulerSettings(), MeasuredPace(), UnlimitedMemory())
    known = AnswerLength(100, 100)
    promised = Job(1, arrival_s=10.0, deadline_s=40.0, prompt_tokens=8, max_new_tokens=500, answer=known)
    moving = replace(promised, request_id=2, stretch=5.0)
    for job in (promised, moving, replace(promised, request_id=3)):
        scheduler.arrive(job, 10.0)
    assert scheduler.answers_due(10.0) == ()
    decision = scheduler.decide(StepLimits(batch=2, prefill_tokens=100, chunked=True), 10.0)
    assert len(decision.admit) == 2
    scheduler.leave(3)
    scheduler.decide(StepLimits(batch=2, prefill_tokens=100, chunked=True), 10.0)
    scheduler.progress_all([(1, 64), (2, 64)])
    (due,) = scheduler.answers_due(30.0)
    assert (due.age_s, due.left_s) == (20.0, 10.0)
    assert due.tokens == pytest.approx(36, abs=1)
