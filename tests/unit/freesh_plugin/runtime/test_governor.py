"""The governor while all is well: modes, bounds, dwelling, idleness, and when it tells the GPUs anything."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freesh_plugin.core.miad import MiadRule
from freesh_plugin.core.plan import ClockBounds, Slo
from freesh_plugin.runtime.governor_settings import GovernorMode, GovernorSettings
from freesh_plugin.runtime.governor_signals import GovernorReason
from tests.fakes.governed import CALM, H100, SLO, governed

PRESSED = replace(CALM, ttft_s=(1.7,) * 3)
"""r = .85: above the headroom, no SLO missed."""
MISSED = replace(CALM, waiting_age_s=2.1, waiting=1)
IDLE = replace(CALM, tbt_s=(), ttft_s=(), running=0)


def test_it_begins_at_the_ceiling_and_goes_down_to_the_floor_step_by_step() -> None:
    gpus = governed()
    decision = gpus.tick()
    assert (decision.target_mhz, decision.reason) == (1980, GovernorReason.STARTED)
    gpus.ticks(20)
    assert gpus.calls == [1980, 1800, 1620, 1440, 1260, 1110]
    assert gpus.governor.state.reason is GovernorReason.AT_FLOOR


def test_the_gpus_are_told_only_when_the_target_changes() -> None:
    gpus = governed()
    gpus.ticks(200)
    assert all(a != b for a, b in pairwise(gpus.calls))
    assert gpus.tick().target_mhz is None


def test_it_raises_by_the_factor_and_dwells_before_lowering() -> None:
    gpus = governed(GovernorSettings(window_s=0.5, dwell_ticks=3))
    gpus.ticks(20)
    raised = gpus.tick(PRESSED)
    assert (raised.target_mhz, raised.reason) == (1665, GovernorReason.RAISED)
    dwelling = [gpus.tick().reason for _ in range(3)]
    assert dwelling == [GovernorReason.DWELLING] * 3
    lowered = gpus.tick()
    assert (lowered.target_mhz, lowered.reason) == (1485, GovernorReason.LOWERED)


def test_a_missed_slo_is_answered_with_the_ceiling_at_once() -> None:
    gpus = governed(ceiling=1755)
    gpus.ticks(20)
    decision = gpus.tick(MISSED)
    assert (decision.target_mhz, decision.reason) == (1755, GovernorReason.JUMPED)
    assert gpus.tick(MISSED).reason is GovernorReason.AT_CEILING


def test_within_the_dead_band_it_holds() -> None:
    gpus = governed(GovernorSettings(window_s=0.5))
    gpus.ticks(5)
    assert gpus.tick(replace(CALM, ttft_s=(1.5,))).reason is GovernorReason.HELD


def test_hysteresis_has_two_levels() -> None:
    gpus = governed(GovernorSettings(mode=GovernorMode.HYSTERESIS, window_s=0.5))
    gpus.ticks(10)
    gpus.tick(PRESSED)
    gpus.ticks(10)
    assert gpus.calls == [1980, 1110, 1980, 1110]


@pytest.mark.parametrize(("static_mhz", "told_mhz"), [(None, 1980), (1400, 1395), (900, 1110), (3000, 1980)])
def test_static_is_one_clock_within_the_bounds(static_mhz: int | None, told_mhz: int) -> None:
    gpus = governed(GovernorSettings(mode=GovernorMode.STATIC, static_mhz=static_mhz))
    gpus.ticks(5)
    gpus.ticks(5, MISSED)
    assert gpus.calls == [told_mhz]


def test_observing_tells_nothing_and_knows_the_pressure() -> None:
    gpus = governed(GovernorSettings(mode=GovernorMode.OBSERVE))
    gpus.ticks(10, PRESSED)
    assert gpus.calls == []
    state = gpus.governor.state
    assert (state.mode, state.reason) == (GovernorMode.OBSERVE, GovernorReason.OBSERVING)
    assert state.pressure == pytest.approx(0.85)


def test_without_work_for_a_while_it_goes_to_the_floor_at_once() -> None:
    gpus = governed(GovernorSettings(rule=MiadRule(delta_mhz=30)))
    gpus.tick()
    decision = gpus.ticks(6, IDLE)
    assert (decision.target_mhz, decision.reason) == (1110, GovernorReason.IDLE)
    assert gpus.tick(PRESSED).reason is GovernorReason.RAISED


def test_waiting_requests_are_work() -> None:
    gpus = governed()
    gpus.ticks(10, replace(IDLE, waiting=1))
    assert gpus.governor.state.reason is not GovernorReason.IDLE


def test_bounds_of_the_plan_are_brought_onto_the_list() -> None:
    gpus = governed(floor=1001, ceiling=1761)
    assert (gpus.governor.state.floor_mhz, gpus.governor.state.ceiling_mhz) == (1005, 1755)
    gpus.ticks(30)
    assert gpus.calls[0] == 1755
    assert gpus.calls[-1] == 1005


@pytest.mark.parametrize(
    ("floor", "ceiling", "in_force"),
    [
        (None, None, (1200, 1980)),  # .6 of the highest, on the list
        (1500, 1200, (1200, 1200)),  # the ceiling keeps a power limit
        (100, 200, (345, 345)),
        (2500, 3000, (1980, 1980)),
    ],
)
def test_bounds_that_are_missing_or_contradict_each_other(
    floor: int | None, ceiling: int | None, in_force: tuple[int, int]
) -> None:
    state = governed(floor=floor, ceiling=ceiling).governor.state
    assert (state.floor_mhz, state.ceiling_mhz) == in_force


def test_the_settings_floor_is_for_where_the_plan_has_none() -> None:
    settings = GovernorSettings(floor_mhz=1005)
    assert governed(settings, floor=None).governor.state.floor_mhz == 1005
    assert governed(settings, floor=900).governor.state.floor_mhz == 900


def test_new_bounds_hold_at_the_next_tick() -> None:
    gpus = governed()
    gpus.ticks(20)
    gpus.governor.adopt(SLO, ClockBounds(1500, 1600))
    assert gpus.tick().target_mhz == 1500
    gpus.governor.adopt(SLO, ClockBounds(1110, 1200))
    assert gpus.tick().target_mhz in (1200, 1110)


def test_without_a_promise_clocks_are_left_alone_and_given_back() -> None:
    gpus = governed()
    gpus.ticks(5)
    gpus.governor.adopt(None)
    decision = gpus.tick()
    assert (decision.target_mhz, decision.release, decision.reason) == (None, True, GovernorReason.NO_SLO)
    assert not gpus.tick().release
    gpus.governor.adopt(SLO, ClockBounds(1110, 1980))
    assert gpus.tick().target_mhz == 1980


def test_a_plan_that_only_advises_is_observed() -> None:
    gpus = governed()
    gpus.ticks(5)
    gpus.governor.adopt(SLO, act=False)
    assert gpus.tick().release
    assert gpus.governor.state.mode is GovernorMode.OBSERVE


def test_all_ranks_get_one_target() -> None:
    gpus = governed(ranks=4)
    gpus.ticks(20)
    assert gpus.calls[-1] == 1110


def test_tbt_stops_the_lowering_before_its_headroom_is_used_up() -> None:
    """Passes of .09 s · 1,110 MHz / f; steps of 1,000 MHz would go far beyond."""
    gpus = governed(GovernorSettings(rule=MiadRule(delta_mhz=1000)), floor=345)
    for _ in range(60):
        gpus.tick(replace(CALM, tbt_s=(0.09 * 1110 / gpus.clock_mhz,) * 30))
    assert len(gpus.calls) < 4
    assert 0.75 < gpus.governor.state.pressure <= 0.8


def test_the_clock_that_tbt_needed_is_remembered_for_a_while() -> None:
    """A long prompt now and then takes .13 s at 840 MHz; in between passes are short."""
    gpus = governed(floor=840)
    gpus.ticks(30)
    assert gpus.clock_mhz == 840
    gpus.tick(replace(CALM, tbt_s=(0.03,) * 30 + (0.13,) * 3))
    gpus.ticks(20)
    assert gpus.clock_mhz == pytest.approx(840 * 0.85 * 0.13 / 0.1 / 0.8, abs=100)
    gpus.ticks(60)
    assert gpus.clock_mhz == 840


@given(
    st.lists(
        st.tuples(st.floats(0, 0.3), st.floats(0, 5), st.floats(0, 5), st.integers(0, 50), st.integers(0, 50)),
        max_size=60,
    ),
    st.sampled_from([GovernorMode.MIAD, GovernorMode.HYSTERESIS]),
)
def test_whatever_happens_targets_are_on_the_list_and_within_bounds(
    news: list[tuple[float, float, float, int, int]], mode: GovernorMode
) -> None:
    gpus = governed(GovernorSettings(mode=mode), floor=900, ceiling=1755)
    for tbt_s, ttft_s, age_s, running, waiting in news:
        signals = replace(CALM, tbt_s=(tbt_s,), ttft_s=(ttft_s,), waiting_age_s=age_s, running=running, waiting=waiting)
        decision = gpus.tick(signals)
        assert decision.target_mhz is None or (decision.target_mhz in H100 and 900 <= decision.target_mhz <= 1755)
        if gpus.governor.state.pressure > 1 and gpus.governor.state.reason is not GovernorReason.IDLE:
            assert gpus.clock_mhz == 1755


def test_a_slo_of_zero_seconds_is_no_bound() -> None:
    gpus = governed()
    gpus.governor.adopt(Slo(latency_s=5.0, ttft_s=0.0, tbt_s=0.0), ClockBounds(1110, 1980))
    gpus.ticks(30, MISSED)
    assert gpus.governor.state.pressure == 0
    assert gpus.clock_mhz == 1110


def test_another_rule_is_obeyed() -> None:
    gpus = governed(GovernorSettings(rule=MiadRule(delta_mhz=300)))
    gpus.ticks(4)
    assert gpus.calls == [1980, 1680, 1380, 1110]
