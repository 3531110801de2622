"""Plans on machines that come or go, and plans that survive a loss: slices, transitions in time, bands, holds."""

import dataclasses

from freesh_plugin.core.plan import Action, Plan
from models.allocation import allocate
from models.allocation.to_plan import to_plan
from models.domain.scenario import Machine, Mode, Objective, Running, Scenario, Survive
from tests.fakes.fleet_scenarios import tiny


def planned(scenario: Scenario) -> Plan:
    result = allocate(scenario, objective=Objective.only("energy"), gap=0.0)
    return to_plan(scenario, result, epoch=1, revision=1, mode="act")


def changes(plan: Plan) -> list[tuple[Action, str, int]]:
    return [(each.action, each.machine, each.at_s) for each in plan.transitions]


def test_an_instance_starts_when_its_machine_comes() -> None:
    machines = (Machine("here", "old", "G", 2), Machine("here", "new", "G", 2, 1))
    scenario = tiny(
        demand_rps=(2.0, 4.0, 4.0), gpus={"here": 4}, machines=machines,
        running=(Running("here", "old", "TP2", "R", 1, "q"),),
    )  # fmt: skip
    plan = planned(scenario)
    assert changes(plan) == [(Action.START, "new", 300)]
    assert {each.machine for each in plan.slices} == {"old", "new"}
    assert [(each.instances.target, each.instances.max) for each in plan.pools] == [(2, 2)]


def test_a_machine_that_goes_is_drained_and_stopped_by_then() -> None:
    machines = (Machine("here", "stays", "G", 2), Machine("here", "goes", "G", 2, None, 2))
    scenario = tiny(demand_rps=(4.0, 4.0, 2.0), gpus={"here": 4}, machines=machines)
    plan = planned(dataclasses.replace(scenario, running=(Running("here", "stays", "TP2", "R", 1, "q"),)))
    assert changes(plan) == [(Action.START, "goes", 0), (Action.DRAIN, "goes", 600), (Action.STOP, "goes", 600)]


def test_what_runs_on_a_machine_that_goes_moves_in_time() -> None:
    machines = (Machine("here", "old", "G", 2, None, 1), Machine("here", "new", "G", 2))
    scenario = tiny(
        demand_rps=(2.0, 2.0), gpus={"here": 4}, machines=machines, modes=(Mode("TP2", {"G": 2}, startup_s=300.0),),
        running=(Running("here", "old", "TP2", "R", 1, "q"),),
    )  # fmt: skip
    assert changes(planned(scenario)) == [
        (Action.START, "new", 0), (Action.DRAIN, "old", 0), (Action.STOP, "old", 0),
    ]  # fmt: skip


def test_what_stands_in_for_a_loss_is_not_scaled_away() -> None:
    plan = planned(tiny(demand_rps=(2.0,), survive=Survive.LOCATION))
    assert {(each.location, each.instances.min, each.instances.target) for each in plan.pools} == {
        ("here", 1, 1), ("there", 1, 1),
    }  # fmt: skip
    assert not any(each.code == "not_survived" for each in plan.holds)


def test_a_loss_that_is_not_survived_is_a_hold_with_its_numbers() -> None:
    plan = planned(tiny(demand_rps=(4.0,), gpus={"here": 4, "there": 2}, survive=Survive.LOCATION))
    (hold,) = [each for each in plan.holds if each.code == "not_survived"]
    assert hold.reason.startswith("Without here, 50.0% of the protected R requests of model default (2 req/s)")
