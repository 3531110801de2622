"""What changes cost: starts, delays, stability from epoch to epoch, limits on change."""

import dataclasses

import pytest

from freesh_plugin.core.errors import AllocationError
from models.allocation import allocate
from models.domain.allocation import Outcome
from models.domain.scenario import Demand, Machine, Mode, Objective, Running
from tests.fakes.allocation_checks import now_running, served, two_classes, where
from tests.fakes.fleet_scenarios import location, random_fleet, tiny

SLOW = (Mode("TP2", {"G": 2}, startup_s=300.0, startup_energy_j=36_000.0),)
"""A start takes one whole step, and 36 kJ."""


def running(**instances: int) -> tuple[Running, ...]:
    return tuple(Running(name, name, "TP2", "R", count, "q") for name, count in instances.items())


def test_a_start_is_charged_with_pue_and_a_kept_instance_is_not() -> None:
    scenario = location(tiny(demand_rps=(2.0, 2.0), modes=SLOW, gpus={"here": 4}), "here", pue=1.5)
    energy = Objective.only("energy")
    steady = allocate(dataclasses.replace(scenario, running=running(here=1)), objective=energy, gap=0.0)
    other = dataclasses.replace(scenario, running=(Running("here", "here", "TP2", "gone", 0, "q"),))
    assert steady.objective == pytest.approx((800 + 100) * 600 * 1.5)
    started = allocate(other, objective=energy, gap=0.0)
    # In the first step it does not serve: its 2 req/s are shed, and their 250 J a request not drawn.
    assert started.objective == pytest.approx((900 * 600 - 500 * 300 + 36_000) * 1.5)


def test_relabelling_a_class_is_free() -> None:
    scenario = two_classes(tiny(gpus={"here": 2}, modes=SLOW), (0.0, 2.0))
    scenario = dataclasses.replace(
        scenario, steps=2, demand=(*scenario.demand, Demand("q", "S", 1, 2.0), Demand("q", "R", 1, 0.0))
    )
    scenario = dataclasses.replace(
        scenario,
        carbon=(*scenario.carbon, *(dataclasses.replace(each, step=1) for each in scenario.carbon)),
        running=running(here=1),
    )
    result = allocate(scenario, objective=Objective.only("energy"), gap=0.0)
    assert [(each.request_class, each.count) for each in result.instances] == [("S", 1)]
    assert result.shed == ()
    assert result.objective == pytest.approx(800 * 600)


def test_a_move_that_costs_more_than_it_saves_is_not_made() -> None:
    carbon = {"here": [100.0, 100.0], "there": [90.0, 90.0]}
    scenario = tiny(demand_rps=(2.0, 2.0), modes=SLOW, carbon=carbon, running=running(here=1))
    # Moving saves 10 g/kWh x 700 W x 600 s = 1.17 g and costs 36 kJ x 90 g/kWh = 0.9 g, and 30 min of idle: stays.
    dear = (dataclasses.replace(SLOW[0], startup_energy_j=72_000.0),)
    assert where(allocate(dataclasses.replace(scenario, modes=dear), gap=0.0)) == {"here": 1}


def test_old_instances_serve_until_the_new_ones_are_ready() -> None:
    carbon = {"here": [900.0] * 6, "there": [10.0] * 6}
    scenario = tiny(demand_rps=(2.0,) * 6, modes=SLOW, carbon=carbon, running=running(here=1))
    result = allocate(scenario, gap=0.0)
    assert where(result) == {"there": 1}
    assert result.shed == ()
    assert {(each.step, each.location) for each in result.flows} == {
        (0, "here"), *((step, "there") for step in range(1, 6)),
    }  # fmt: skip
    # One step on the old (800 W there and 100 W parked), with the new one idle; and the start.
    here = 900 * (100 + 800 + 5 * 200) * 300
    there = 10 * ((300 + 100) * 300 + 5 * (800 + 100) * 300 + 36_000)
    assert result.objective == pytest.approx((here + there) / 3.6e6)


def test_stop_first_where_there_is_no_room_and_the_dip_is_said() -> None:
    scenario = tiny(demand_rps=(2.0,) * 3, gpus={"here": 4}, modes=(*SLOW, Mode("TP4", {"G": 4}, startup_s=300.0)))
    better = dataclasses.replace(scenario.profiles[0], mode="TP4", capacity_rps=6.0, full_power_w=900.0)
    scenario = dataclasses.replace(
        scenario,
        profiles=(*scenario.profiles, better),
        demand=tuple(Demand("q", "R", step, 2.0 if step == 0 else 6.0) for step in range(3)),
        running=running(here=1),
    )
    result = allocate(scenario, gap=0.0)
    # Fair first: keeping TP2 twice sheds a third for two steps; TP4 sheds all of the first.
    assert {(each.mode, each.count) for each in result.instances} == {("TP2", 2)}
    alone = dataclasses.replace(
        scenario,
        profiles=(better,),
        running=(Running("here", "here", "TP2", "R", 1, "q"),),
    )
    dip = allocate(alone, gap=0.0)
    assert {(each.step, round(each.fraction, 3)) for each in dip.shed} == {(0, 1.0)}
    assert any("until the instances that start are ready" in each for each in dip.notes)


def test_without_knowledge_of_what_runs_nothing_is_charged() -> None:
    result = allocate(tiny(modes=SLOW, demand_rps=(2.0, 2.0)), objective=Objective.only("energy"), gap=0.0)
    assert result.shed == ()
    assert result.objective == pytest.approx((800 + 300) * 600)


def test_a_start_that_outlasts_the_horizon_is_refused() -> None:
    modes = (Mode("TP2", {"G": 2}, startup_s=301.0),)
    with pytest.raises(AllocationError, match="startup_s 301 s leaves no step"):
        allocate(tiny(demand_rps=(2.0, 2.0), modes=modes, running=running(here=1)))


def test_an_instance_on_a_machine_that_leaves_serves_until_another_is_ready() -> None:
    machines = (Machine("here", "old", "G", 2, None, 1), Machine("here", "new", "G", 2))
    scenario = tiny(
        demand_rps=(2.0, 2.0), gpus={"here": 4}, modes=SLOW, machines=machines,
        running=(Running("here", "old", "TP2", "R", 1, "q"),),
    )  # fmt: skip
    result = allocate(scenario, objective=Objective.only("energy"), gap=0.0)
    assert result.shed == ()
    assert [(each.machine, each.count) for each in result.instances] == [(None, 1)]
    # Step 0: the old at 800 W, the new idle at 300 W. Step 1: the new at 800 W. And the start.
    assert result.objective == pytest.approx((800 + 300 + 800) * 300 + 36_000)


def test_gpus_that_come_later_serve_from_then_on() -> None:
    machines = (Machine("here", "old", "G", 2), Machine("here", "new", "G", 2, 1))
    scenario = tiny(demand_rps=(2.0, 4.0, 4.0), gpus={"here": 4}, machines=machines)
    result = allocate(scenario, objective=Objective.only("energy"), gap=0.0)
    assert result.shed == ()
    assert {(each.machine, each.count) for each in result.instances} == {(None, 1), ("new", 1)}
    # Three steps of the old at 800 W, two of the new; before, its GPUs are not there and draw nothing.
    assert result.objective == pytest.approx(5 * 800 * 300)


def test_gpus_that_come_later_cannot_help_before() -> None:
    machines = (Machine("here", "old", "G", 2), Machine("here", "new", "G", 2, 1))
    slow = tiny(
        demand_rps=(2.0, 4.0, 4.0), gpus={"here": 4}, machines=machines, modes=SLOW,
        running=(Running("here", "old", "TP2", "R", 1, "q"),),
    )  # fmt: skip
    result = allocate(slow, objective=Objective.only("energy"), gap=0.0)
    # It comes in step 1 and takes a step to start.
    assert {(each.step, round(each.shed_rps, 3)) for each in result.shed} == {(1, 2.0)}


class TestLimits:
    def test_max_changes_holds_starts_and_stops(self) -> None:
        carbon = {"here": [900.0], "there": [10.0]}
        scenario = tiny(demand_rps=(4.0,), carbon=carbon, running=running(here=2))
        assert where(allocate(scenario, gap=0.0)) == {"there": 2}
        held = allocate(dataclasses.replace(scenario, max_changes_per_location=1), gap=0.0)
        assert where(held) == {"here": 1, "there": 1}

    def test_a_limit_that_cannot_be_kept_is_dropped_and_said(self) -> None:
        # What runs is of a mode that no profile knows any more: both instances must stop.
        scenario = tiny(modes=(*tiny().modes, Mode("OLD", {"G": 1})), max_changes_per_location=1)
        old = (Running("here", "here", "OLD", "R", 2, "q"),)
        result = allocate(dataclasses.replace(scenario, running=old), gap=0.0)
        assert where(result) == {"here": 2}
        assert any("max_changes_per_location 1 is not kept" in each for each in result.notes)

    def test_what_may_not_stop_stays_and_serves_what_it_can(self) -> None:
        scenario = tiny(demand_rps=(1.0,), running=running(here=2), max_changes_per_location=0)
        assert where(allocate(scenario, gap=0.0)) == {"here": 2}

    def test_the_limit_needs_to_know_what_runs(self) -> None:
        notes = allocate(tiny(max_changes_per_location=0), gap=0.0).notes
        assert any("max_changes_per_location is not applied" in each for each in notes)


class TestHysteresis:
    @pytest.mark.parametrize("seed", range(4))
    @pytest.mark.parametrize("load", [0.5, 1.5])
    def test_two_equal_epochs_give_the_same_plan(self, seed: int, load: float) -> None:
        scenario = random_fleet(seed, locations=2, modes=3, steps=3, load=load)
        first = allocate(scenario)
        second = allocate(now_running(scenario, first))
        third = allocate(now_running(scenario, second))
        assert second.instances == first.instances
        assert second.partition == first.partition
        assert third.instances == second.instances
        assert third.flows == second.flows
        assert any("Kept what runs" in each for each in second.notes)

    def test_solving_twice_gives_the_same(self) -> None:
        scenario = random_fleet(7, locations=3, modes=3, steps=3)
        one, two = allocate(scenario), allocate(scenario)
        assert (one.instances, one.flows, one.objective) == (two.instances, two.flows, two.objective)

    def test_a_gain_within_the_gap_changes_nothing_and_a_larger_one_does(self) -> None:
        carbon = {"here": [100.0], "there": [99.5]}
        scenario = tiny(demand_rps=(2.0,), carbon=carbon, running=running(here=1))
        kept = allocate(scenario, gap=0.01)
        assert where(kept) == {"here": 1}
        assert any("Kept what runs" in each for each in kept.notes)
        moved = allocate(dataclasses.replace(tiny(demand_rps=(2.0,)), running=running(there=1)), gap=0.01)
        assert where(moved) == {"here": 1}
        assert where(allocate(scenario, gap=0.0)) == {"there": 1}

    def test_what_is_kept_is_kept_without_its_waste(self) -> None:
        scenario = tiny(demand_rps=(2.0,), idle_power_w=101.0, running=running(here=2))
        result = allocate(scenario, gap=0.05)
        assert where(result) == {"here": 1}
        assert result.status is Outcome.OPTIMAL

    def test_what_breaks_a_constraint_is_not_kept(self) -> None:
        scenario = location(tiny(demand_rps=(2.0,), running=running(here=1)), "here", allowed_origins=())
        assert where(allocate(scenario, gap=0.5)) == {"there": 1}
        assert served(allocate(scenario, gap=0.5)) == pytest.approx(2.0)
