"""The governor after failures that may pass: it observes for a while, then governs again; clocks are given back."""

from dataclasses import replace
from itertools import pairwise

import pytest

from freesh_plugin.core.gpu import GpuFailure, GpuReading
from freesh_plugin.core.miad import MiadRule
from freesh_plugin.runtime.backoff import Backoff
from freesh_plugin.runtime.governor_settings import GovernorMode, GovernorSettings
from freesh_plugin.runtime.governor_signals import GovernorReason
from tests.fakes.governed import CALM, GovernedGpus, governed

PRESSED = replace(CALM, ttft_s=(1.7,) * 3)
HELD_UP = replace(CALM, waiting_age_s=3.0)


def at_the_floor() -> GovernedGpus:
    gpus = governed(GovernorSettings(rule=MiadRule(delta_mhz=1000)))
    gpus.ticks(6)
    assert gpus.clock_mhz == 1110
    return gpus


def test_pauses_double_up_to_sixteen_times_the_first() -> None:
    backoff, now_s, pauses = Backoff(5.0), 0.0, []
    assert backoff.is_due(now_s)
    for _ in range(7):
        backoff.failed(now_s)
        pauses.append(next(wait for wait in range(1000) if backoff.is_due(now_s + wait)))
        now_s += pauses[-1]
    assert pauses == [5, 10, 20, 40, 80, 80, 80]
    backoff.succeeded()
    assert backoff.is_due(now_s)


@pytest.mark.parametrize("failure", [GpuFailure.OTHER, GpuFailure.TIMED_OUT, GpuFailure.HELPER_GONE])
def test_three_failures_in_a_row_take_control_away_for_a_while(failure: GpuFailure) -> None:
    gpus = at_the_floor()
    gpus.failure = failure
    gpus.ticks(3, PRESSED)
    gpus.failure = None
    decision = gpus.tick(PRESSED)
    assert (decision.release, decision.reason) == (True, GovernorReason.GPU_ERRORS)
    assert gpus.calls[-4:] == [1665, 1980, 1980, None]
    state = gpus.governor.state
    assert (state.mode, state.alarm) == (GovernorMode.OBSERVE, GovernorReason.GPU_ERRORS)
    assert [gpus.tick(PRESSED).reason for _ in range(4)] == [GovernorReason.GPU_ERRORS] * 4
    assert gpus.tick(PRESSED).target_mhz == 1980
    assert (gpus.governor.state.mode, gpus.governor.state.alarm) == (GovernorMode.MIAD, None)


def test_a_service_that_starts_anew_is_governed_through_again() -> None:
    """The socket is gone for twelve seconds, of which the helper's clients know only what they are answered."""
    gpus = at_the_floor()
    gpus.failure = GpuFailure.HELPER_GONE
    gpus.ticks(12, HELD_UP)
    gpus.failure = None
    gpus.ticks(10, HELD_UP)
    assert gpus.governor.state.mode is GovernorMode.MIAD
    assert gpus.clock_mhz == 1980
    gpus.ticks(30)
    assert gpus.clock_mhz == 1110


def test_while_nothing_is_taken_it_is_tried_ever_more_rarely() -> None:
    gpus = governed()
    gpus.failure = GpuFailure.HELD
    told_s = []
    for _ in range(200):
        if gpus.tick().target_mhz is not None:
            told_s.append(round(gpus.now_s))
    assert [later - earlier for earlier, later in pairwise(told_s)] == [6, 11, 21, 41, 81]
    assert all(each is not None for each in gpus.calls), "it holds nothing, and gives nothing back"
    assert gpus.governor.state.reason is GovernorReason.TAKEN
    assert gpus.governor.state.alarm is None
    gpus.failure = None
    gpus.ticks(90)
    assert gpus.governor.state.mode is GovernorMode.MIAD


def test_a_release_that_fails_is_tried_for_as_long_as_a_clock_may_be_held() -> None:
    gpus = at_the_floor()
    gpus.failure = GpuFailure.LOST
    released_s = []
    for _ in range(60):
        if gpus.tick(PRESSED).release:
            released_s.append(gpus.now_s)
    assert [later - earlier for earlier, later in pairwise(released_s)] == [5, 10, 20]
    gpus.failure = None
    gpus.ticks(60)
    assert gpus.calls[-1] is None
    assert not any(gpus.tick().release for _ in range(200))


def test_readings_that_stand_still_are_failures() -> None:
    """What reads the GPU has died, or hangs: the clock read back says nothing any more."""
    gpus = at_the_floor()
    reading = GpuReading(gpus.now_s, 300.0, 1.0, 1110)
    decisions = [gpus.tick(readings=(reading,)) for _ in range(7)]
    assert [each.release for each in decisions] == [False] * 6 + [True]
    assert decisions[-1].reason is GovernorReason.GPU_ERRORS
    gpus.ticks(10)
    assert gpus.governor.state.mode is GovernorMode.MIAD


def test_control_does_not_come_back_while_readings_fail() -> None:
    gpus = at_the_floor()
    gpus.ticks(60, readings=(GpuFailure.TIMED_OUT,))
    assert gpus.calls[-1] is None
    assert gpus.governor.state.mode is GovernorMode.OBSERVE
