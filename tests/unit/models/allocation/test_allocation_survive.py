"""Capacity that outlives the loss of any one location or machine, or the sentence that says by how much it does not."""

import dataclasses

import pytest

from models.allocation import allocate
from models.allocation.pack import pack
from models.domain.scenario import Demand, Machine, Objective, Running, ServiceLevel, Survive, Tier
from tests.fakes.allocation_checks import where
from tests.fakes.fleet_scenarios import location, tiny

MACHINES = (Machine("here", "a", "G", 4), Machine("here", "b", "G", 4), Machine("here", "c", "G", 2))


def test_without_a_promise_the_cleanest_location_has_all() -> None:
    assert where(allocate(tiny(demand_rps=(4.0,)), gap=0.0)) == {"here": 2}


def test_each_location_alone_could_serve_everything() -> None:
    result = allocate(tiny(demand_rps=(4.0,), survive=Survive.LOCATION), gap=0.0)
    assert where(result) == {"here": 2, "there": 2}
    assert result.exposed == ()
    # Load stays where it is clean: spare instances idle.
    assert {each.location for each in result.flows} == {"here"}


def test_what_a_loss_would_leave_unserved_is_as_small_as_can_be_and_said() -> None:
    scenario = tiny(demand_rps=(4.0,), gpus={"here": 4, "there": 2}, survive=Survive.LOCATION)
    result = allocate(scenario, gap=0.0)
    assert where(result) == {"here": 2, "there": 1}
    assert result.shed == ()
    (short,) = result.exposed
    assert (short.lost, short.request_class) == ("here", "R")
    assert short.short_rps == pytest.approx(2.0, rel=1e-3)
    assert short.fraction == pytest.approx(0.5, rel=1e-3)


def test_only_protected_tiers_count() -> None:
    tiers = (Tier("gold", 10.0), Tier("best-effort", 1.0, protected=False))
    base = tiny(survive=Survive.LOCATION, tiers=tiers)
    scenario = dataclasses.replace(
        base,
        slos=tuple(dataclasses.replace(base.slos[0], tier=each.name) for each in tiers),
        demand=(Demand("q", "R", 0, 2.0, tier="gold"), Demand("q", "R", 0, 2.0, tier="best-effort")),
    )
    result = allocate(scenario, gap=0.0)
    assert where(result) == {"here": 2, "there": 1}
    assert result.exposed == ()


def test_residency_holds_in_a_loss_too() -> None:
    # Requests of `eu` may only be served `here`; nothing elsewhere can stand in for it.
    scenario = location(tiny(demand_rps={"eu": (2.0,), "us": (2.0,)}), "there", allowed_origins=("us",))
    result = allocate(dataclasses.replace(scenario, survive=Survive.LOCATION), gap=0.0)
    assert {(each.lost, round(each.short_rps, 3)) for each in result.exposed} == {("here", 2.0)}
    # `us` is covered either way: one of its own there, and room for both here.
    assert where(result) == {"here": 2, "there": 1}


def test_two_classes_do_not_lend_each_other_capacity() -> None:
    base = tiny(demand_rps=(2.0,), survive=Survive.LOCATION)
    one, slo = base.profiles[0], base.slos[0]
    scenario = dataclasses.replace(
        base,
        partitions=(dataclasses.replace(base.partitions[0], classes=("R", "S"), answer_tokens=(100,)),),
        profiles=(one, dataclasses.replace(one, request_class="S")),
        slos=(slo, ServiceLevel("q", "S", 10.0, 0.5, 0.1)),
        demand=(Demand("q", "R", 0, 2.0), Demand("q", "S", 0, 2.0)),
    )
    result = allocate(scenario, gap=0.0)
    assert {(each.location, each.request_class, each.count) for each in result.instances} == {
        ("here", "R", 1), ("here", "S", 1), ("there", "R", 1), ("there", "S", 1),
    }  # fmt: skip


def test_instances_spread_over_machines() -> None:
    scenario = tiny(demand_rps=(4.0,), gpus={"here": 10}, machines=MACHINES, survive=Survive.MACHINE)
    result = allocate(scenario, gap=0.0)
    held = {each.machine: each.count for each in result.instances}
    # Any one machine may go and two instances are left.
    assert sum(held.values()) == 3
    assert max(held.values()) == 1
    assert pack(scenario, result.instances).unpacked == ()
    assert {each.machine for each in pack(scenario, result.instances).slices} == {"a", "b", "c"}


def test_a_machine_too_few_is_said_with_its_name() -> None:
    scenario = tiny(
        demand_rps=(4.0,), gpus={"here": 6}, survive=Survive.MACHINE,
        machines=(Machine("here", "a", "G", 4), Machine("here", "c", "G", 2)),
    )  # fmt: skip
    result = allocate(scenario, gap=0.0)
    assert {(each.lost, round(each.short_rps, 3)) for each in result.exposed} == {("here/a", 2.0)}


def test_a_promise_that_is_kept_stays_kept_from_epoch_to_epoch() -> None:
    scenario = tiny(demand_rps=(4.0,), gpus={"here": 10}, machines=MACHINES, survive=Survive.MACHINE)
    first = allocate(scenario, gap=0.0)
    running = tuple(Running("here", each.machine or "", each.mode, "R", each.count, "q") for each in first.instances)
    again = allocate(dataclasses.replace(scenario, running=running), gap=0.01)
    assert sorted(again.instances, key=str) == sorted(first.instances, key=str)
    assert any("Kept what runs" in each for each in again.notes)


def test_a_loss_is_survived_at_the_busiest_step() -> None:
    scenario = tiny(demand_rps=(2.0, 8.0, 2.0), gpus={"here": 8, "there": 8}, survive=Survive.LOCATION)
    result = allocate(scenario, objective=Objective.only("energy"), gap=0.0)
    assert where(result) == {"here": 4, "there": 4}
