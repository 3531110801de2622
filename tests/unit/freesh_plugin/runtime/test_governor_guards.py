"""The governor when telemetry, GPUs or their clocks are not as they should be; each guard has its own reason."""

from dataclasses import replace
from math import inf, nan
from typing import Any

import pytest

from freesh_plugin.core.errors import ConfigError
from freesh_plugin.core.gpu import ClockReason, GpuFailure, GpuReading
from freesh_plugin.core.miad import MiadRule
from freesh_plugin.runtime.governor_settings import GovernorMode, GovernorSettings
from freesh_plugin.runtime.governor_signals import GovernorReason
from tests.fakes.governed import CALM, GovernedGpus, governed

PRESSED = replace(CALM, ttft_s=(1.7,) * 3)
FAST = MiadRule(delta_mhz=1000)


def at_the_floor(settings: GovernorSettings | None = None, ranks: int = 1) -> GovernedGpus:
    gpus = governed(settings or GovernorSettings(rule=FAST), ranks=ranks)
    gpus.ticks(6)
    assert gpus.clock_mhz == 1110
    return gpus


# Telemetry


@pytest.mark.parametrize("age_s", [3.01, 60.0, inf])
def test_old_telemetry_means_the_ceiling_until_it_is_fresh_again(age_s: float) -> None:
    gpus = at_the_floor()
    stale = gpus.tick(at_s=gpus.now_s - age_s)
    assert (stale.target_mhz, stale.reason) == (1980, GovernorReason.STALE)
    assert gpus.tick().target_mhz == 1110


def test_telemetry_of_three_ticks_ago_is_fresh_enough() -> None:
    gpus = at_the_floor()
    assert gpus.tick(at_s=gpus.now_s - 3).reason is not GovernorReason.STALE


@pytest.mark.parametrize("at_s", [None, nan, 1e9])
def test_no_telemetry_or_some_from_another_clock_is_stale(at_s: float | None) -> None:
    gpus = at_the_floor()
    assert gpus.tick(at_s=at_s).reason is GovernorReason.STALE
    assert gpus.clock_mhz == 1980


@pytest.mark.parametrize(
    "fault",
    [
        {"tbt_s": (0.03, nan)},
        {"ttft_s": (inf,)},
        {"ttft_s": (-0.1,)},
        {"waiting_age_s": nan},
        {"waiting_age_s": -1.0},
        {"running": -1},
        {"waiting": -1},
    ],
)
def test_nonsense_means_the_ceiling_and_is_not_counted(fault: dict[str, Any]) -> None:
    gpus = at_the_floor()
    decision = gpus.tick(**fault)
    assert (decision.target_mhz, decision.reason) == (1980, GovernorReason.FAULTY)
    assert gpus.governor.state.pressure < 1
    assert gpus.tick().target_mhz == 1110


def test_a_tick_that_comes_late_is_as_if_telemetry_were_lost() -> None:
    gpus = at_the_floor()
    gpus.now_s += 1.5
    decision = gpus.tick()
    assert (decision.target_mhz, decision.reason) == (1980, GovernorReason.OVERRUN)
    assert gpus.tick().target_mhz == 1110


def test_a_tick_two_seconds_after_the_last_is_not_late() -> None:
    gpus = at_the_floor()
    gpus.now_s += 1.0
    assert gpus.tick().reason is not GovernorReason.OVERRUN


def test_machines_go_to_the_ceiling_and_come_back_each_with_its_own_delay() -> None:
    gpus = at_the_floor(GovernorSettings(rule=FAST, jitter_s=2.0))
    lost = [gpus.tick(at_s=None).target_mhz for _ in range(3)]
    assert lost == [None, None, 1980]
    found = [gpus.tick().target_mhz for _ in range(3)]
    assert found == [None, None, 1110]


def test_a_tick_that_comes_late_needs_no_delay_since_it_is_over_by_then() -> None:
    gpus = at_the_floor(GovernorSettings(rule=FAST, jitter_s=2.0))
    gpus.now_s += 60.0
    decision = gpus.tick()
    assert (decision.target_mhz, decision.reason) == (1980, GovernorReason.OVERRUN)
    assert [gpus.tick().target_mhz for _ in range(3)] == [None, None, 1110]


def test_telemetry_lost_for_a_moment_is_nothing_to_a_machine_with_a_delay() -> None:
    gpus = at_the_floor(GovernorSettings(rule=FAST, jitter_s=3.0))
    for _ in range(3):
        gpus.tick(at_s=None)
        gpus.tick()
    assert gpus.clock_mhz == 1110


def test_a_static_clock_too_gives_way_to_the_ceiling() -> None:
    gpus = governed(GovernorSettings(mode=GovernorMode.STATIC, static_mhz=1200))
    gpus.tick()
    assert gpus.tick(at_s=None).target_mhz == 1980


# Failures


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (GpuFailure.NO_PERMISSION, GovernorReason.NO_PERMISSION),
        (GpuFailure.NOT_SUPPORTED, GovernorReason.NOT_SUPPORTED),
        (GpuFailure.LOST, GovernorReason.GPU_LOST),
    ],
)
def test_a_gpu_that_cannot_be_told_is_only_observed(failure: GpuFailure, reason: GovernorReason) -> None:
    gpus = governed()
    gpus.failure = failure
    gpus.ticks(10)
    assert gpus.calls[0] == 1980
    assert all(each is None for each in gpus.calls[1:])
    state = gpus.governor.state
    assert (state.mode, state.reason, state.target_mhz) == (GovernorMode.OBSERVE, reason, None)


def test_no_permission_from_the_start_leaves_nothing_to_give_back() -> None:
    gpus = governed()
    gpus.failure = GpuFailure.NO_PERMISSION
    gpus.ticks(10)
    assert gpus.calls == [1980]
    assert gpus.governor.state.alarm is None


def test_a_success_between_them_starts_the_count_anew() -> None:
    gpus = at_the_floor()
    for _ in range(4):
        gpus.failure = GpuFailure.OTHER
        gpus.ticks(2, PRESSED)
        gpus.failure = None
        gpus.ticks(12)
    assert gpus.governor.state.mode is GovernorMode.MIAD


def test_what_was_not_taken_is_told_again_though_the_target_is_the_same() -> None:
    gpus = at_the_floor()
    gpus.failure = GpuFailure.OTHER
    gpus.tick(replace(CALM, waiting_age_s=3.0))
    gpus.failure = None
    gpus.tick(replace(CALM, waiting_age_s=4.0))
    assert gpus.calls[-2:] == [1980, 1980]
    assert gpus.clock_mhz == 1980


@pytest.mark.parametrize("ranks", [1, 2])
def test_one_lost_gpu_of_the_group_takes_control_away(ranks: int) -> None:
    gpus = at_the_floor(ranks=ranks)
    healthy = (GpuReading(gpus.now_s, 300.0, 1.0, 1110),) * (ranks - 1)
    decision = gpus.tick(readings=(*healthy, GpuFailure.LOST))
    assert (decision.release, decision.reason) == (True, GovernorReason.GPU_LOST)
    assert gpus.governor.state.alarm is GovernorReason.GPU_LOST


def test_three_readings_that_fail_in_a_row_take_control_away() -> None:
    gpus = at_the_floor()
    failed = (GpuFailure.TIMED_OUT,)
    gpus.tick(readings=failed)
    gpus.tick(readings=failed)
    gpus.tick()
    gpus.tick(readings=failed)
    gpus.tick(readings=failed)
    assert gpus.governor.state.mode is GovernorMode.MIAD
    assert gpus.tick(readings=failed).reason is GovernorReason.GPU_ERRORS


@pytest.mark.parametrize("failure", [GpuFailure.NO_PERMISSION, GpuFailure.NOT_SUPPORTED])
def test_what_may_not_be_read_is_no_fault(failure: GpuFailure) -> None:
    gpus = at_the_floor()
    gpus.ticks(10, readings=(failure,))
    assert gpus.governor.state.mode is GovernorMode.MIAD


def test_a_partitioned_gpu_is_only_observed() -> None:
    gpus = governed()
    gpus.mig = True
    gpus.ticks(5)
    assert gpus.calls == []
    assert gpus.governor.state.reason is GovernorReason.MIG


def test_a_partitioned_gpu_with_one_tenant_may_be_set() -> None:
    gpus = governed(GovernorSettings(tenant_alone=True))
    gpus.mig = True
    gpus.ticks(5)
    assert gpus.calls


def test_a_gpu_without_a_list_of_clocks_is_only_observed() -> None:
    gpus = governed(supported=())
    gpus.ticks(5)
    assert gpus.calls == []
    assert gpus.governor.state.reason is GovernorReason.NO_CLOCKS


# Slowed down, or at another clock than told


SLOWED = [
    ClockReason.POWER_CAP,
    ClockReason.THERMAL,
    ClockReason.HARDWARE_THERMAL,
    ClockReason.POWER_BRAKE,
    ClockReason.HARDWARE_SLOWDOWN,
]


@pytest.mark.parametrize("reason", SLOWED)
def test_slowed_down_twice_in_a_row_it_is_not_raised_beyond_what_it_runs_at(reason: ClockReason) -> None:
    gpus = at_the_floor()
    gpus.reasons = reason
    gpus.tick()
    gpus.clock_mhz = 1050
    decision = gpus.tick(PRESSED)
    assert (decision.target_mhz, decision.reason) == (None, GovernorReason.THROTTLED)
    assert gpus.governor.state.capacity_down
    gpus.reasons = ClockReason(0)
    gpus.clock_mhz = 1110
    assert gpus.tick(PRESSED).target_mhz == 1665
    assert not gpus.governor.state.capacity_down


def test_slowed_down_it_is_raised_as_far_as_it_runs() -> None:
    gpus = at_the_floor()
    gpus.reasons = ClockReason.POWER_CAP
    gpus.tick()
    gpus.clock_mhz = 1300
    decision = gpus.tick(PRESSED)
    assert (decision.target_mhz, decision.reason) == (1290, GovernorReason.THROTTLED)


def test_slowed_down_once_is_nothing() -> None:
    gpus = at_the_floor()
    gpus.reasons = ClockReason.HARDWARE_SLOWDOWN
    assert gpus.tick(PRESSED).target_mhz == 1665
    assert not gpus.governor.state.capacity_down


def test_slowed_down_it_is_not_lowered_and_does_not_count_its_dwelling() -> None:
    gpus = governed(GovernorSettings(window_s=0.5, dwell_ticks=3))
    gpus.ticks(3)
    gpus.tick(replace(CALM, waiting_age_s=3.0))
    gpus.reasons = ClockReason.POWER_CAP
    gpus.ticks(20)
    assert gpus.clock_mhz == 1980
    gpus.reasons = ClockReason(0)
    assert [gpus.tick().reason for _ in range(3)].count(GovernorReason.DWELLING) >= 1
    gpus.ticks(3)
    assert gpus.clock_mhz < 1980


def test_the_same_reading_seen_twice_is_one_look() -> None:
    gpus = at_the_floor()
    reading = GpuReading(gpus.now_s, 300.0, 1.0, 1110, ClockReason.POWER_CAP)
    gpus.tick(readings=(reading,))
    assert gpus.tick(PRESSED, readings=(reading,)).target_mhz == 1665


@pytest.mark.parametrize("clock_mhz", [1155, 1980, 1065, 345])
def test_another_clock_than_told_without_a_reason_raises_an_alarm_and_is_told_again_once(clock_mhz: int) -> None:
    gpus = at_the_floor()
    gpus.clock_mhz = clock_mhz
    reading = GpuReading(gpus.now_s, 300.0, 1.0, clock_mhz)
    assert gpus.tick(readings=(reading,)).target_mhz is None
    told_again = gpus.tick(readings=(replace(reading, at_s=gpus.now_s),))
    assert told_again.target_mhz == 1110
    assert gpus.governor.state.alarm is GovernorReason.MISMATCH
    for _ in range(10):
        assert gpus.tick(readings=(replace(reading, at_s=gpus.now_s),)).target_mhz is None
    assert gpus.tick().target_mhz is None
    assert gpus.governor.state.alarm is None


@pytest.mark.parametrize("clock_mhz", [1140, 1080])
def test_two_steps_are_no_mismatch(clock_mhz: int) -> None:
    gpus = at_the_floor()
    for _ in range(5):
        gpus.tick(readings=(GpuReading(gpus.now_s, 300.0, 1.0, clock_mhz),))
    assert gpus.governor.state.alarm is None


@pytest.mark.parametrize("reasons", [ClockReason.IDLE, ClockReason.POWER_CAP])
def test_a_lower_clock_with_a_reason_is_no_mismatch(reasons: ClockReason) -> None:
    gpus = at_the_floor()
    for _ in range(5):
        gpus.tick(readings=(GpuReading(gpus.now_s, 300.0, 1.0, 345, reasons),))
    assert gpus.governor.state.alarm is None


def test_without_work_a_lower_clock_is_no_mismatch() -> None:
    gpus = at_the_floor()
    for _ in range(5):
        gpus.tick(running=0, readings=(GpuReading(gpus.now_s, 80.0, 1.0, 345),))
    assert gpus.governor.state.alarm is None


def test_one_rank_at_another_clock_is_enough() -> None:
    gpus = at_the_floor(ranks=2)
    for _ in range(2):
        readings = (GpuReading(gpus.now_s, 300.0, 1.0, 1110), GpuReading(gpus.now_s, 300.0, 1.0, 1980))
        gpus.tick(readings=readings)
    assert gpus.governor.state.alarm is GovernorReason.MISMATCH


@pytest.mark.parametrize(
    ("name", "value"),
    [("tick_s", 0.0), ("window_s", nan), ("idle_s", -1.0), ("stale_ticks", 0), ("tbt_quantile", 1.5), ("floor_mhz", 0)],
)
def test_settings_that_cannot_be_are_refused(name: str, value: float) -> None:
    changes: dict[str, Any] = {name: value}
    with pytest.raises(ConfigError, match=name):
        replace(GovernorSettings(), **changes)
