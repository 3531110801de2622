"""Answers under way that would be late: whose need counts, and what the clock makes of it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freesh_plugin.core.lengths import AnswerLength
from freesh_plugin.runtime.governor_settings import GovernorMode, GovernorSettings
from freesh_plugin.runtime.governor_signals import AnswerDue, Dues, GovernorReason, GovernorSignals
from freesh_plugin.runtime.job import Job
from freesh_plugin.runtime.pace import MeasuredPace
from freesh_plugin.runtime.required_speed import MOST, required_mhz, required_speed
from freesh_plugin.runtime.scheduler import Scheduler
from freesh_plugin.runtime.settings import SchedulerSettings
from freesh_plugin.runtime.step_decision import StepLimits
from freesh_plugin.runtime.unlimited_memory import UnlimitedMemory
from tests.fakes.governed import CALM, GovernedGpus, governed

CALM_TBT_S = CALM.tbt_s[0]
QUICK = GovernorSettings(window_s=0.5)
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
    assert required_speed(answers, tbt_s=0.1, most=2.0) == pytest.approx(expected)


@given(
    st.lists(st.builds(AnswerDue, st.floats(0, 100), st.floats(-10, 100), st.floats(1, 2000)), max_size=20),
    st.floats(0.001, 1),
)
def test_it_is_never_more_than_clocks_can_do(answers: list[AnswerDue], tbt_s: float) -> None:
    assert 0 <= required_speed(answers, tbt_s, most=2.0) <= MOST


@given(st.floats(300, 2000), st.floats(0, MOST), st.floats(0, MOST))
def test_more_speed_never_takes_a_lower_clock(clock_mhz: float, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert required_mhz(clock_mhz, low) <= required_mhz(clock_mhz, high)


def late_by(share: float) -> GovernorSignals:
    """Calm but for an answer that comes so much too late at the pace of `CALM`."""
    return replace(CALM, dues=Dues((LATE._replace(tokens=(1 + share) * LATE.left_s / CALM_TBT_S),)))


def settled(settings: GovernorSettings = QUICK, ceiling: int | None = None) -> GovernedGpus:
    """At the floor."""
    gpus = governed(settings, ceiling=ceiling)
    gpus.ticks(20)
    return gpus


def test_the_clock_goes_up_by_what_is_needed() -> None:
    raised = settled().tick(late_by(0.1))
    assert (raised.target_mhz, raised.reason) == (1350, GovernorReason.DUE)  # 1,110 · 1.1² on the list


def test_with_pressure_it_goes_to_the_higher_of_both_and_not_to_their_product() -> None:
    pressed = replace(late_by(0.1), ttft_s=(1.7,) * 3)
    raised = settled().tick(pressed)
    assert (raised.target_mhz, raised.reason) == (1665, GovernorReason.RAISED)


def test_it_is_not_lowered_while_answers_have_no_room() -> None:
    gpus = governed(replace(QUICK, dwell_ticks=0))
    gpus.ticks(3)
    clock_mhz = gpus.clock_mhz
    assert clock_mhz > 1110
    assert gpus.tick(late_by(-0.05)).target_mhz is None
    assert gpus.governor.state.reason is GovernorReason.DUE
    assert gpus.tick(late_by(-0.2)).reason is GovernorReason.LOWERED


def test_passes_at_another_clock_say_nothing_of_this_one() -> None:
    gpus = settled(replace(QUICK, window_s=5.0, dwell_ticks=0))
    gpus.tick(late_by(0.1))
    quicker = replace(late_by(0.1), tbt_s=tuple(each / 1.2 for each in CALM.tbt_s))
    assert gpus.tick(quicker).target_mhz is None  # in time now, with a little room


def test_what_tbt_took_is_not_forgotten_for_answers_that_are_due() -> None:
    gpus = settled(GovernorSettings())
    gpus.tick(replace(CALM, tbt_s=(0.09,) * 30))
    gpus.tick(replace(CALM, dues=Dues(tuple(AnswerDue(20.0, 10.0, each) for each in range(100, 400, 2)))))
    assert gpus.governor.state.reason is GovernorReason.DUE
    gpus.tick()
    assert gpus.governor.state.pressure == pytest.approx(0.85 * 0.9)


def test_at_the_ceiling_nothing_more_is_asked_for_than_it_brings() -> None:
    gpus = governed(replace(QUICK, dwell_ticks=0))
    assert gpus.tick().target_mhz == 1980
    assert gpus.tick(late_by(0.02)).target_mhz is None
    assert gpus.tick(late_by(0.1)).reason is GovernorReason.LOWERED  # late whatever the clock


def test_the_ceiling_is_kept_and_no_other_mode_follows_it() -> None:
    assert settled(ceiling=1200).tick(late_by(0.08)).target_mhz == 1200
    still = settled(GovernorSettings(mode=GovernorMode.STATIC, static_mhz=1110))
    assert still.tick(late_by(0.1)).target_mhz is None


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -1.0])
def test_what_is_no_number_counts_for_nothing(bad: float) -> None:
    broken = [LATE._replace(age_s=float("nan")), LATE._replace(left_s=bad), LATE._replace(tokens=bad)]
    assert required_speed(broken, CALM_TBT_S, 2.0) == 0


def test_several_tokens_a_step_are_not_reckoned_with() -> None:
    scheduler = Scheduler(SchedulerSettings(tokens_per_step=3), MeasuredPace(), UnlimitedMemory())
    scheduler.arrive(Job(1, 0.0, 40.0, prompt_tokens=8, max_new_tokens=500, answer=AnswerLength(100, 100)), 0.0)
    scheduler.decide(StepLimits(batch=2, prefill_tokens=100, chunked=True), 0.0)
    assert scheduler.running == 1
    assert scheduler.dues(10.0).answers == ()


def test_the_scheduler_tells_of_promised_answers_in_the_batch_alone() -> None:
    scheduler = Scheduler(SchedulerSettings(), MeasuredPace(), UnlimitedMemory())
    known = AnswerLength(100, 100)
    promised = Job(1, arrival_s=10.0, deadline_s=40.0, prompt_tokens=8, max_new_tokens=500, answer=known)
    moving = replace(promised, request_id=2, stretch=5.0)
    for job in (promised, moving, replace(promised, request_id=3)):
        scheduler.arrive(job, 10.0)
    assert scheduler.dues(10.0).answers == ()
    decision = scheduler.decide(StepLimits(batch=2, prefill_tokens=100, chunked=True), 10.0)
    assert len(decision.admit) == 2
    scheduler.leave(3)
    scheduler.decide(StepLimits(batch=2, prefill_tokens=100, chunked=True), 10.0)
    scheduler.progress_all([(1, 64), (2, 64)])
    (due,) = scheduler.dues(30.0).answers
    assert (due.age_s, due.left_s) == (20.0, 10.0)
    assert due.tokens == pytest.approx(36, abs=1)
