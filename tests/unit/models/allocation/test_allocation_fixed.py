"""A given allocation: its best flows, objective, totals and shedding, and why it does not fit."""

import dataclasses

import pytest

from freesh_plugin.core.errors import AllocationError
from models.allocation import allocate, evaluate_fixed
from models.domain.allocation import InstanceCount, Outcome
from models.domain.scenario import Machine, Objective, Running
from tests.fakes.allocation_checks import served, two_classes
from tests.fakes.fleet_scenarios import random_fleet, tiny


def instances(**counts: int) -> list[InstanceCount]:
    return [InstanceCount(name, "default", "R", "TP2", count) for name, count in counts.items()]


def test_all_on_by_hand() -> None:
    # 4 instances, no GPU parked. 4 req/s run `here`: 1600 W; `there` two idle at 300 W.
    result = evaluate_fixed(tiny(), "q", instances(here=2, there=2))
    assert result.status is Outcome.OPTIMAL
    assert result.objective == pytest.approx((1600 * 100 + 600 * 200) * 300 / 3.6e6)
    assert result.totals is not None
    assert result.totals.energy_j == pytest.approx(2200 * 300)
    assert result.totals.carbon_g == pytest.approx(result.objective)
    assert {each.location for each in result.flows} == {"here"}


def test_another_objective_routes_otherwise() -> None:
    result = evaluate_fixed(tiny(demand_rps=(1.0,)), "q", instances(here=1, there=1), Objective.only("energy"))
    assert result.objective == pytest.approx((600 + 250 + 200) * 300)


def test_too_little_is_shed() -> None:
    result = evaluate_fixed(tiny(), "q", instances(here=1))
    assert served(result) == pytest.approx(2.0, abs=1e-3)
    assert result.shed_rps == pytest.approx(2.0, abs=1e-3)


def test_nothing_at_all_is_shed_whole() -> None:
    result = evaluate_fixed(tiny(), "q", [])
    assert result.shed_rps == pytest.approx(4.0)
    assert result.objective == pytest.approx((200 * 100 + 200 * 200) * 300 / 3.6e6)


def test_an_instance_that_nothing_asks_for_draws_its_idle_power() -> None:
    scenario = two_classes(tiny(), (2.0, 0.0))
    idle = InstanceCount("here", "default", "S", "TP2", 1)
    with_it = evaluate_fixed(scenario, "q", [*instances(here=1), idle], Objective.only("energy"))
    without = evaluate_fixed(scenario, "q", instances(here=1), Objective.only("energy"))
    assert with_it.objective is not None
    assert without.objective is not None
    assert with_it.objective - without.objective == pytest.approx(200 * 300)


def test_starts_are_charged_against_what_runs() -> None:
    mode = dataclasses.replace(tiny().modes[0], startup_energy_j=3.6e4)
    scenario = tiny(modes=(mode,), running=(Running("here", "here", "TP2", "R", 1, "q"),))
    result = evaluate_fixed(scenario, "q", instances(here=2), Objective.only("energy"))
    assert result.objective == pytest.approx(1800 * 300 + 36_000)


@pytest.mark.parametrize(
    ("counts", "words"),
    [({"here": 3}, "6 G GPUs are needed at here, and there are 4"), ({"here": 2, "there": 9}, "18 G GPUs")],
)
def test_more_than_the_stock_is_infeasible_and_named(counts: dict[str, int], words: str) -> None:
    result = evaluate_fixed(tiny(), "q", instances(**counts))
    assert result.status is Outcome.INFEASIBLE
    assert words in result.binding[0]


def test_what_no_machine_holds_is_infeasible() -> None:
    machines = tuple(Machine("here", f"m{i}", "G", 1) for i in range(4))
    result = evaluate_fixed(tiny(machines=machines), "q", instances(here=1))
    assert result.status is Outcome.INFEASIBLE
    assert "machines" in result.binding[0]


def test_an_instance_without_profile_is_refused() -> None:
    with pytest.raises(AllocationError, match="no profile of class 'Z'"):
        evaluate_fixed(tiny(), "q", [InstanceCount("here", "default", "Z", "TP2", 1)])


def test_the_optimum_evaluates_to_itself() -> None:
    for seed in range(3):
        scenario = random_fleet(seed, locations=2, modes=3, steps=3)
        best = allocate(scenario)
        again = evaluate_fixed(scenario, "q", best.instances)
        assert again.objective == pytest.approx(best.objective, rel=1e-9)
