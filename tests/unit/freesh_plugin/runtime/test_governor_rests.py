"""A governor that nothing will move: ticks may be left out, and it goes on as if they had been made."""

from dataclasses import replace

import pytest

from freesh_plugin.core.plan import ClockBounds
from freesh_plugin.runtime.governor_settings import GovernorMode, GovernorSettings
from freesh_plugin.runtime.governor_signals import GovernorReason
from tests.fakes.governed import CALM, SLO, governed

IDLE = replace(CALM, tbt_s=(), ttft_s=(), running=0)


def test_idle_gpus_at_the_floor_rest_until_there_is_work() -> None:
    gpus = governed()
    gpus.ticks(3)
    assert not gpus.governor.rests(busy=False)
    gpus.ticks(30, IDLE)
    assert gpus.governor.rests(busy=False)
    assert not gpus.governor.rests(busy=True)


def test_ticks_that_were_left_out_are_not_missed() -> None:
    rested, ticked = governed(), governed()
    for gpus in (rested, ticked):
        gpus.ticks(3)
        gpus.ticks(30, IDLE)
    ticked.ticks(1000, IDLE)
    rested.now_s += 1000
    rested.governor.rest_until(rested.now_s - 1.0)
    for signals in (CALM, replace(CALM, waiting_age_s=3.0), CALM, IDLE):
        assert rested.tick(signals) == ticked.tick(signals)
        assert rested.governor.state == ticked.governor.state


def test_without_being_told_a_late_tick_is_an_overrun() -> None:
    gpus = governed()
    gpus.ticks(30, IDLE)
    gpus.now_s += 1000
    assert gpus.tick(IDLE).reason is GovernorReason.OVERRUN


@pytest.mark.parametrize("mode", [GovernorMode.STATIC, GovernorMode.OBSERVE])
def test_modes_that_follow_nothing_rest_whatever_happens(mode: GovernorMode) -> None:
    gpus = governed(GovernorSettings(mode=mode))
    assert not gpus.governor.rests(busy=True)
    gpus.tick()
    assert gpus.governor.rests(busy=True)


def test_without_a_promise_it_rests_too() -> None:
    gpus = governed()
    gpus.ticks(3)
    gpus.governor.adopt(None, ClockBounds())
    gpus.ticks(2)
    assert gpus.governor.rests(busy=True)
    gpus.governor.adopt(SLO, ClockBounds())
    assert gpus.tick().target_mhz is not None
