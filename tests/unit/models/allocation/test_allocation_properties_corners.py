"""Corners that random fleets led into, each as small as it goes."""

import dataclasses

import pytest

from models.allocation import allocate
from models.domain.scenario import Mode, Running
from tests.fakes.fleet_scenarios import tiny


def test_a_mode_that_starts_at_once_does_so_beside_a_slow_one_of_the_same_gpus() -> None:
    base = tiny(demand_rps=(2.0, 2.0), gpus={"here": 6})
    fast = base.profiles[0]
    scenario = dataclasses.replace(
        base,
        modes=(Mode("TP2", {"G": 2}), Mode("slow", {"G": 2}, 900, startup_s=300.0)),
        profiles=(fast, dataclasses.replace(fast, mode="slow", full_power_w=700.0)),
        running=(Running("here", "here", "slow", "R", 0, "q"),),
    )
    result = allocate(scenario, gap=0.0)
    # `slow` would draw less, but serve nothing in the first step.
    assert [(each.mode, each.count) for each in result.instances] == [("TP2", 1)]
    assert result.shed == ()
    # 800 W, and four GPUs parked at 50 W, for 600 s at 100 g/kWh.
    assert result.objective == pytest.approx(1000 * 600 / 3.6e6 * 100)
