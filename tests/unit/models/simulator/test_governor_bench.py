"""Policies in the simulation: what each does, and what the governor must reach."""

from dataclasses import replace
from statistics import fmean

import pytest

from freesh_plugin.core.errors import ScenarioError
from freesh_plugin.runtime.governor_settings import GovernorSettings
from freesh_plugin.runtime.governor_signals import GovernorSignals
from freesh_plugin.runtime.pressure import PressureGauge
from models.simulator.governor_bench import (
    ALLOWED,
    CLAIRVOYANT,
    GovernorRun,
    clocks_of,
    instance_with,
    policies,
    run_one,
)
from models.simulator.governor_model import Instance
from models.simulator.governor_policies import Aimd, Pid, PressurePrice, Range, Scheduled
from models.simulator.governor_run import GovernorScores, slo_of
from models.simulator.governor_workload import Load

TOP = "static-1980"
SEEDS = range(200, 203)
"""Neither those of the tuning nor those of the report."""

CALM = GovernorSignals(at_s=0.0, tbt_s=(0.03,) * 30, ttft_s=(0.2,), waiting_age_s=0.0, running=5, waiting=0)
PRESSED = replace(CALM, waiting_age_s=1.9, waiting=1)


def scores(policy: str, load: Load, power_model: str = "high") -> list[GovernorScores]:
    return [run_one(GovernorRun(policy, load, seed, instance_with(power_model))) for seed in SEEDS]


def energy_share(policy: str, load: Load, power_model: str = "high") -> float:
    ours, top = scores(policy, load, power_model), scores(TOP, load, power_model)
    return fmean(a.energy_j / b.energy_j for a, b in zip(ours, top, strict=True))


@pytest.mark.parametrize("load", list(Load))
def test_miad_saves_a_quarter_with_hardly_more_violations(load: Load) -> None:
    ours, top = scores("miad", load), scores(TOP, load)
    assert energy_share("miad", load) < 0.75
    ttft = fmean(a.ttft_violation - b.ttft_violation for a, b in zip(ours, top, strict=True))
    tbt = fmean(a.tbt_violation - b.tbt_violation for a, b in zip(ours, top, strict=True))
    assert ttft <= (0.03 if load is Load.BURSTS else 0.005)  # three seeds are few for bursts
    assert tbt <= 0.005
    assert max(each.changes_per_min for each in ours) <= 40
    assert max(each.recovery_ticks for each in ours) <= 3


@pytest.mark.parametrize("power_model", ["low", "mid"])
def test_it_saves_under_the_other_power_models_too(power_model: str) -> None:
    assert fmean(energy_share("miad", load, power_model) for load in (Load.LOW, Load.BURSTS)) < 0.8


def test_the_top_clock_never_changes_and_needs_no_recovery() -> None:
    for each in scores(TOP, Load.BURSTS):
        assert each.changes_per_min == 0
        assert each.recovery_ticks == 0


def test_a_low_static_clock_saves_and_fails() -> None:
    low = scores("static-1110", Load.BURSTS)
    assert energy_share("static-1110", Load.BURSTS) < 0.65
    assert fmean(each.ttft_violation for each in low) > 0.2


def test_who_knows_the_future_saves_most_within_what_is_allowed() -> None:
    run = GovernorRun(CLAIRVOYANT, Load.BURSTS, 200)
    known, top, ours = (run_one(replace(run, policy=name)) for name in (CLAIRVOYANT, TOP, "miad"))
    assert known.energy_j < ours.energy_j < top.energy_j
    assert known.ttft_violation <= top.ttft_violation + ALLOWED[Load.BURSTS][0]
    assert known.tbt_violation <= top.tbt_violation + ALLOWED[Load.BURSTS][1]


def test_policies_run_from_the_top_clock_to_the_floor() -> None:
    names = policies(clocks_of(Instance()))
    assert names[0] == TOP
    assert f"static-{clocks_of(Instance()).floor_mhz}" in names
    assert {"miad", "hysteresis", "aimd", "pid", "primal-dual", CLAIRVOYANT} <= set(names)


@pytest.mark.parametrize(
    ("power_model", "low_mhz", "high_mhz"), [("low", 840, 1050), ("mid", 960, 1050), ("high", 1080, 1110)]
)
def test_the_floor_is_the_clock_of_least_energy(power_model: str, low_mhz: int, high_mhz: int) -> None:
    assert low_mhz <= clocks_of(instance_with(power_model)).floor_mhz <= high_mhz


@pytest.mark.parametrize("name", ["fast", "static-1981", "static-", "static-x"])
def test_an_unknown_policy_is_told_in_a_sentence(name: str) -> None:
    with pytest.raises(ScenarioError, match="policy"):
        run_one(GovernorRun(name, Load.LOW, 1))


# The rivals


CLOCKS = Range(tuple(range(345, 1981, 15)), 1110, 1980)


def gauge() -> PressureGauge:
    return PressureGauge(GovernorSettings(window_s=0.5))


def test_aimd_goes_down_by_a_factor_and_up_by_a_step() -> None:
    rule = Aimd(CLOCKS, slo_of(Instance()), gauge(), up_mhz=60.0, down=0.9)
    assert [rule.tick(float(i), CALM) for i in range(3)] == [1770, 1590, 1425]
    assert rule.tick(3.0, PRESSED) == 1485


def test_pid_rests_within_bounds_and_rises_under_pressure() -> None:
    rule = Pid(CLOCKS, slo_of(Instance()), gauge())
    calm = [rule.tick(float(i), CALM) for i in range(100)]
    assert calm[-1] == 1110
    assert rule.tick(100.0, PRESSED) > 1110


def test_the_price_falls_without_pressure_and_rises_with_it() -> None:
    rule = PressurePrice(CLOCKS, slo_of(Instance()), gauge(), Instance().power)
    calm = [rule.tick(float(i), CALM) for i in range(100)]
    assert calm[-1] == 1110
    pressed = [rule.tick(100.0 + i, PRESSED) for i in range(20)]
    assert pressed[-1] == 1980


def test_a_schedule_is_kept_and_its_last_clock_goes_on() -> None:
    rule = Scheduled([1110, 1980], block_s=5.0)
    assert [rule.tick(float(i), CALM) for i in (0, 4, 5, 9, 10, 99)] == [1110, 1110, 1980, 1980, 1980, 1980]
