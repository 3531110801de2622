"""Allocation that counts on pools: capacities of pools as large as they turn out, and never of larger ones."""

from dataclasses import replace
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.allocation import allocate
from models.allocation.pooled import Allowance, allocate_pooled
from models.domain.allocation import AllocationResult, InstanceCount, Outcome
from models.domain.scenario import Profile, Scenario, Survive
from tests.fakes.fleet_scenarios import tiny

GPUS = {"here": 16}


def allowance(**by_size: float) -> Allowance:
    return Allowance({("R", "TP2"): {int(size[1:]): kappa for size, kappa in by_size.items()}})


def solved(scenario: Scenario) -> AllocationResult:
    return allocate(scenario, gap=0)


def counts(result: AllocationResult) -> list[int]:
    return [each.count for each in result.instances]


@pytest.mark.parametrize(
    ("kappa", "instances"),
    [
        (allowance(k1=1.0), 4),  # 6.2 of 2 each
        (allowance(k3=1.04, k4=1.05), 3),  # 2.98 of 2.08 each
        (allowance(k4=1.05), 4),  # three are no pool of four
        (allowance(k2=1.01, k4=1.05), 4),  # nor do three of 2.02 do
        (allowance(k1=0.9), 4),  # an allowance takes nothing away
    ],
)
def test_a_pool_serves_what_its_own_size_allows(kappa: Allowance, instances: int) -> None:
    result, scenario = allocate_pooled(tiny(demand_rps=(6.2,), gpus=GPUS), kappa, solved)
    assert counts(result) == [instances]
    assert result.shed == ()
    served_rps = sum(each.served_rps for each in result.flows)
    assert served_rps <= instances * scenario.profiles[0].capacity_rps + 1e-6
    assert scenario.profiles[0].capacity_rps <= 2 * kappa.kappa("R", "TP2", instances) + 1e-9


def test_a_request_takes_the_energy_that_it_took() -> None:
    """800 W at 2 a second over 300 W at rest are 250 J a request, at any capacity."""
    _, scenario = allocate_pooled(tiny(demand_rps=(6.2,), gpus=GPUS), allowance(k3=1.04), solved)
    (profile,) = scenario.profiles
    assert (profile.full_power_w - profile.idle_power_w) / profile.capacity_rps == pytest.approx(250)


def test_power_by_load_goes_on_along_its_last_line() -> None:
    levels = ((0.5, 700.0), (1.0, 800.0))
    base = tiny(demand_rps=(6.2,), gpus=GPUS)
    curved = replace(base, profiles=tuple(replace(each, power_levels=levels) for each in base.profiles))
    _, scenario = allocate_pooled(curved, allowance(k3=1.04), solved)
    (profile,) = scenario.profiles
    assert [load for load, _ in profile.power_levels] == pytest.approx([0.5 / 1.04, 1.0])
    assert [watts for _, watts in profile.power_levels] == pytest.approx([700.0, 808.0])
    assert profile.full_power_w == pytest.approx(808.0)


def test_pools_that_a_lost_machine_would_leave_smaller_have_no_allowance() -> None:
    scenario = tiny(demand_rps=(3.0,), gpus={"here": 8, "there": 8}, survive=Survive.MACHINE)
    result, kept = allocate_pooled(scenario, allowance(k1=1.5), solved)
    assert kept is scenario
    assert counts(result) == counts(solved(scenario))


def test_the_smallest_pool_of_a_class_and_mode_counts() -> None:
    """Four fit here, and 13 a second are 6.5 instances: with the three there all count as 1.09, which makes 5.96."""
    scenario = tiny(demand_rps=(13.0,), gpus={"here": 8, "there": 16})
    result, pooled = allocate_pooled(scenario, allowance(k2=1.09, k4=1.3), solved)
    assert sorted(counts(result)) == [2, 4]
    assert pooled.profiles[0].capacity_rps == pytest.approx(2.18)


@settings(max_examples=60, deadline=None)
@given(
    demand_rps=st.floats(0.5, 60),
    steps=st.lists(st.floats(1.0, 1.3), min_size=8, max_size=8).map(sorted),
)
def test_no_plan_counts_on_more_than_its_pool_has(demand_rps: float, steps: list[float]) -> None:
    """With an allocation by rule of thumb: as many instances as the demand takes."""
    kappa = Allowance({("R", "TP2"): dict(enumerate(steps, start=1))})

    def rule(scenario: Scenario) -> AllocationResult:
        count = ceil(demand_rps / scenario.profiles[0].capacity_rps)
        return AllocationResult(
            Outcome.OPTIMAL, float(count), None, None, {"default": "q"},
            (InstanceCount("here", "default", "R", "TP2", count),),
        )  # fmt: skip

    result, scenario = allocate_pooled(tiny(), kappa, rule)
    count = result.instances[0].count
    assert count <= rule(tiny()).instances[0].count
    assert demand_rps <= count * 2 * kappa.kappa("R", "TP2", count) + 1e-9
    assert isinstance(scenario.profiles[0], Profile)
