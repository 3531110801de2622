"""Several models with partitions of their own on one stock."""

import dataclasses

import pytest

from freesh_plugin.core.errors import AllocationError
from freesh_plugin.core.request import Partition
from models.allocation import allocate, evaluate_fixed
from models.allocation.to_plan import to_plan
from models.domain.allocation import AllocationResult, InstanceCount, Outcome
from models.domain.scenario import Demand, Objective, Profile, Scenario, ServiceLevel
from tests.fakes.allocation_checks import now_running
from tests.fakes.fleet_scenarios import tiny


def two_models(rates: tuple[float, float] = (2.0, 2.0), gpus: int = 8) -> Scenario:
    """Models `big` and `small`, each profiled in partitions p and q; q takes half the power for `small` alone."""
    base = tiny(gpus={"here": gpus})
    watts = {("big", "p"): 600.0, ("big", "q"): 800.0, ("small", "p"): 800.0, ("small", "q"): 400.0}
    return dataclasses.replace(
        base,
        models=("big", "small"),
        partitions=(Partition("p", ("R",), (), ()), Partition("q", ("R",), (), ())),
        profiles=tuple(Profile(q, "R", "TP2", 2.0, w, 2.0, 0.2, 0.05, 300.0, a) for (a, q), w in watts.items()),
        slos=tuple(ServiceLevel(q, "R", 10.0, 0.5, 0.1, a) for a, q in watts),
        demand=tuple(
            Demand(q, "R", 0, rate, model=a)
            for a, rate in zip(("big", "small"), rates, strict=True)
            for q in ("p", "q")
        ),
        objective=Objective.only("energy"),
    )


def by_model(result: AllocationResult) -> dict[str, int]:
    counts: dict[str, int] = {}
    for each in result.instances:
        counts[each.model] = counts.get(each.model, 0) + each.count
    return counts


def test_each_model_takes_the_partition_that_is_best_for_it() -> None:
    result = allocate(two_models(), gap=0.0)
    assert result.partition == {"big": "p", "small": "q"}
    assert by_model(result) == {"big": 1, "small": 1}
    # 600 + 400 W and four GPUs parked at 50 W, for 300 s.
    assert result.objective == pytest.approx((600 + 400 + 200) * 300)
    assert result.status is Outcome.OPTIMAL
    assert result.bound == pytest.approx(result.objective)


def test_models_meet_in_the_stock_and_shed_alike() -> None:
    result = allocate(two_models((6.0, 6.0), gpus=8), gap=0.0)
    assert by_model(result) == {"big": 2, "small": 2}
    assert {each.model: round(each.fraction, 3) for each in result.shed} == {"big": 0.333, "small": 0.333}


def test_a_model_needs_no_profile_in_every_partition() -> None:
    scenario = two_models()
    only = tuple(each for each in scenario.profiles if (each.model, each.partition) != ("big", "p"))
    result = allocate(dataclasses.replace(scenario, profiles=only), gap=0.0)
    assert result.partition == {"big": "q", "small": "q"}


def test_a_model_without_any_profile_is_refused_by_name() -> None:
    scenario = two_models()
    only = tuple(each for each in scenario.profiles if each.model != "big")
    with pytest.raises(AllocationError, match="model 'big' is profiled in no partition"):
        allocate(dataclasses.replace(scenario, profiles=only))


def test_the_published_form_knows_one_model() -> None:
    with pytest.raises(AllocationError, match="the published form knows 1"):
        allocate(two_models(), formulation="paper")


def test_equal_epochs_keep_the_allocation_of_every_model() -> None:
    scenario = two_models((5.0, 3.0), gpus=12)
    first = allocate(scenario, gap=0.0)
    again = allocate(now_running(scenario, first), gap=0.01)
    assert again.instances == first.instances
    assert again.partition == first.partition


def test_a_given_allocation_of_several_models_is_evaluated() -> None:
    given = [InstanceCount("here", "big", "R", "TP2", 2), InstanceCount("here", "small", "R", "TP2", 1)]
    result = evaluate_fixed(two_models(), {"big": "p", "small": "q"}, given)
    # A second, idle instance of `big`: 300 W in place of 100 W parked.
    assert result.objective == pytest.approx((600 + 400 + 300 + 100) * 300)
    assert by_model(result) == {"big": 2, "small": 1}


def test_the_plan_names_every_model() -> None:
    scenario = two_models((5.0, 3.0), gpus=12)
    plan = to_plan(scenario, allocate(scenario, gap=0.0), epoch=1, revision=1, mode="act")
    assert {name: each.name for name, each in plan.partition.items()} == {"big": "p", "small": "q"}
    assert {each.model for each in plan.pools} == {each.model for each in plan.routes} == {"big", "small"}


def test_no_solver_still_gives_every_model_a_plan() -> None:
    result = allocate(two_models(), time_limit_s=1e-9)
    assert result.status in (Outcome.GREEDY, Outcome.HELD)
    assert by_model(result) == {"big": 1, "small": 1}
    assert result.partition == {"big": "p", "small": "q"}
