"""The plan made of an allocation: every field of the contract, its holds, and what differs from the plan before."""

import dataclasses

import msgspec
import pytest

from freesh_plugin.core.errors import AllocationError
from freesh_plugin.core.plan import (
    Action,
    Baselines,
    CarbonStep,
    ClockBounds,
    DemandStep,
    Footprint,
    Hold,
    InputState,
    InstanceBand,
    Plan,
    PlanInput,
    PlanMode,
    PlanPartition,
    Pool,
    Slice,
    Slo,
)
from freesh_plugin.core.plan_json import decode_plan, encode_plan
from freesh_plugin.core.request import Partition
from models.allocation.compare import describe_changes, same_decision
from models.allocation.to_plan import to_plan
from models.domain.allocation import AllocationResult, InstanceCount, Outcome, Shed
from models.domain.scenario import Running, Scenario, Tier
from tests.fakes.two_sites import two_sites, two_sites_result

EPOCH = 1_000_000


def plan_of(
    scenario: Scenario | None = None, result: AllocationResult | None = None, mode: str = "act", **more: object
) -> Plan:
    return to_plan(
        scenario or two_sites(),
        result or two_sites_result(),
        epoch=EPOCH,
        revision=1,
        mode=mode,
        **more,  # type: ignore[arg-type]
    )


def holds(plan: Plan) -> dict[str, str]:
    return {each.code: each.reason for each in plan.holds}


def test_a_plan_is_sealed_and_read_back_as_it_is() -> None:
    plan = plan_of()
    assert decode_plan(encode_plan(plan)) == plan


def test_times_follow_the_epoch() -> None:
    plan = plan_of()
    assert (plan.valid_from, plan.stale_after, plan.expires_at) == (1_800_000_000, 1_800_001_800, 1_800_005_400)
    assert (plan.epoch, plan.revision, plan.mode, plan.schema_version) == (EPOCH, 1, PlanMode.ACT, "1.1")


def test_pools_carry_bands_slo_clock_and_capacity() -> None:
    result = two_sites_result(instances=(InstanceCount("north", "default", "L", "TP4", 1),), flows=())
    plan = plan_of(two_sites(demand=two_sites().demand[2:]), result)
    assert plan.pools == (
        Pool(
            location="north",
            model="default",
            request_class="L",
            mode="TP4",
            tier="default",
            instances=InstanceBand(1, 1, 2),
            slo=Slo(40.0, 0.5, 0.1),
            sm_clock_mhz=ClockBounds(None, 1410),
            capacity_rps=2.5,
        ),
    )


def test_slices_name_the_machine_and_transitions_start_from_what_runs() -> None:
    scenario = two_sites(running=(Running("south", "s1", "TP2", "S", 2), Running("north", "n2", "TP4", "L", 1)))
    plan = plan_of(scenario)
    assert plan.slices == (
        Slice("north", "n1", "default", "L", "TP2", 1),
        Slice("south", "s1", "default", "S", "TP2", 2),
    )
    assert [(each.action, each.machine, each.mode) for each in plan.transitions] == [
        (Action.START, "n1", "TP2"),
        (Action.DRAIN, "n2", "TP4"),
        (Action.STOP, "n2", "TP4"),
    ]


def test_partition_and_cells_are_carried_with_their_boundaries() -> None:
    finer = Partition("b", ("S", "M", "L"), (), (100, 900))
    plan = plan_of(two_sites(partitions=(*two_sites().partitions, finer)))
    assert plan.partition == {"default": PlanPartition("a", ("S", "L"), (), (444,))}
    assert plan.cells["default"].answer_tokens == (100, 444, 900)


def test_demand_rows_state_mean_and_quantile() -> None:
    plan = plan_of(quantile=0.95)
    assert plan.demand[-1] == DemandStep("default", "S", "eu", "default", 1, 1.0, 3.0, 0.95)
    assert len(plan.demand) == 4


def test_carbon_is_the_outlook_where_known_and_the_scenario_where_not() -> None:
    outlook = {"north": [CarbonStep(t, 80.0 + t, "average", 70.0, 95.0) for t in range(72)]}
    plan = plan_of(carbon_outlook=outlook)
    assert plan.carbon["north"] == tuple(outlook["north"])
    assert plan.carbon["south"] == (CarbonStep(0, 50.0, "average"), CarbonStep(1, 50.0, "average"))


def test_figures_solver_inputs_and_binding_are_passed_on() -> None:
    baselines = Baselines(all_on=Footprint(2.0, 1.0), min_energy=Footprint(1.0))
    inputs = (PlanInput("carbon", "neso-1", InputState.STALE, 900.0, "source failed"),)
    plan = plan_of(with_baselines=baselines, inputs=inputs, holds=(Hold("carbon_stale", "Carbon is 15 min old."),))
    assert plan.predicted == Footprint(1_743_000.0, 32.791667, 0.043575)
    assert plan.baselines == baselines
    assert plan.inputs == inputs
    assert plan.binding == ("stock of A100 in south",)
    assert (plan.solver.status, plan.solver.solver, plan.solver.gap) == ("optimal", "by hand", 0.0)
    assert holds(plan) == {"carbon_stale": "Carbon is 15 min old."}


def test_an_unknown_boundary_makes_the_plan_advice_with_the_reason() -> None:
    scenario = two_sites(partitions=(Partition("a", ("S", "L"), None, (444,)),))
    plan = plan_of(scenario, mode="act")
    assert plan.mode is PlanMode.ADVISE
    assert "partition a of model default does not state its prompt boundary" in holds(plan)["unknown_boundary"]
    advice = plan_of(scenario, mode="advise")
    assert "unknown_boundary" not in holds(advice)


def test_shedding_is_a_permission_with_its_largest_fraction_a_tier() -> None:
    scenario = two_sites(tiers=(Tier(), Tier("batch", 0.1)))
    shed = (
        Shed("S", 0, 0.3, 0.1, origin="eu"),
        Shed("S", 1, 0.9, 0.3, origin="eu"),
        Shed("L", 1, 1e-9, 1e-9, origin="us", tier="batch"),
    )
    plan = plan_of(scenario, two_sites_result(shed=shed))
    assert plan.shed_allowed == {"default": 0.3, "batch": 0.0}
    assert "Up to 30.0% of S requests" in holds(plan)["shed_allowed"]
    assert "0.9 req/s from eu in step 1" in holds(plan)["shed_allowed"]


def test_a_pool_belongs_to_the_most_protected_tier_that_it_serves() -> None:
    scenario = two_sites(tiers=(Tier("batch", 0.1), Tier("default", 1.0)))
    flows = two_sites_result().flows
    batch = tuple(dataclasses.replace(each, tier="batch") for each in flows)
    assert {each.tier for each in plan_of(scenario, two_sites_result(flows=batch)).pools} == {"batch"}
    assert {each.tier for each in plan_of(scenario, two_sites_result(flows=(*batch, *flows))).pools} == {"default"}


def test_instances_that_no_machine_holds_are_left_out_and_said() -> None:
    instances = (*two_sites_result().instances, InstanceCount("south", "default", "S", "TP4", 1))
    plan = plan_of(result=two_sites_result(instances=instances))
    assert "2 x TP2 for S of model default at south is not started" in holds(plan)["not_packed"]
    slices = decode_plan(encode_plan(plan)).slices
    assert [each.mode for each in slices if each.location == "south"] == ["TP4"]
    assert [each.mode for each in plan.pools if each.location == "south"] == ["TP4"]


@pytest.mark.parametrize(
    ("status", "code"),
    [(Outcome.HELD, "allocation_held"), (Outcome.GREEDY, "allocation_greedy"), (Outcome.FEASIBLE, "not_proven")],
)
def test_an_outcome_that_is_not_the_solvers_best_is_said(status: Outcome, code: str) -> None:
    plan = plan_of(result=two_sites_result(status=status, gap=0.034, notes=("Two instances were pruned.",)))
    assert code in holds(plan)
    assert holds(plan)["allocation_note"] == "Two instances were pruned."
    assert plan.solver.status == status.value
    assert ("3.4%" in holds(plan)[code]) == (status is Outcome.FEASIBLE)


def test_nothing_to_publish_is_refused_with_what_binds() -> None:
    nothing = two_sites_result(status=Outcome.INFEASIBLE, partition={}, instances=(), binding=("A100 in south",))
    with pytest.raises(AllocationError, match=r"ended infeasible without a partition for default \(A100 in south\)"):
        plan_of(result=nothing)


def test_a_mode_that_does_not_exist_is_refused() -> None:
    with pytest.raises(AllocationError, match="mode 'maybe' is not known; there are advise, act"):
        plan_of(mode="maybe")


def test_equal_plans_are_the_same_decision_whatever_their_time_and_figures() -> None:
    later = to_plan(two_sites(), two_sites_result(objective=1.0, solve_s=9.0), epoch=EPOCH + 1, revision=2, mode="act")
    assert same_decision(plan_of(), later)
    assert describe_changes(plan_of(), later) == []


def change(plan: Plan, **fields: object) -> Plan:
    return msgspec.structs.replace(plan, **fields)


def test_changes_are_said_in_sentences() -> None:
    before, pools = plan_of(), plan_of().pools
    grown = two_sites_result(
        instances=(InstanceCount("north", "default", "L", "TP2", 3), InstanceCount("south", "default", "S", "TP4", 1))
    )
    after = plan_of(result=dataclasses.replace(grown, flows=()))
    assert describe_changes(before, after) == [
        "north: start 2 x TP2 for L.",
        "south: start 1 x TP4 for S.",
        "south: stop 2 x TP2 for S.",
    ]
    assert not same_decision(before, after)
    assert describe_changes(before, change(before, mode=PlanMode.ADVISE)) == ["The plan is in mode advise (was act)."]
    assert describe_changes(before, change(before, shed_allowed={"default": 0.25})) == [
        "Tier default: up to 25.0% may be shed in overload (was 0.0%)."
    ]
    capped = msgspec.structs.replace(pools[0], sm_clock_mhz=ClockBounds(None, 1200), instances=InstanceBand(0, 1, 3))
    assert describe_changes(before, change(before, pools=(capped, *pools[1:]))) == [
        "north: TP2 for L: 0 to 3 instances (was 1 to 4); SM clock - to 1200 MHz (was - to - MHz)."
    ]


def test_a_class_that_changes_on_running_hardware_is_no_restart() -> None:
    before = plan_of(result=two_sites_result(instances=(InstanceCount("north", "default", "S", "TP2", 2),), flows=()))
    running = (Running("north", "n1", "TP2", "S", 2),)
    relabelled = two_sites_result(
        instances=(InstanceCount("north", "default", "S", "TP2", 1), InstanceCount("north", "default", "L", "TP2", 1)),
        flows=(),
    )
    after = plan_of(two_sites(running=running), relabelled)
    changes = describe_changes(before, after)
    assert changes[0] == "north: 1 x TP2 for S becomes TP2 for L without a restart."
    assert not any("start 1" in each or "stop" in each for each in changes)


def test_instances_that_only_change_machine_are_said() -> None:
    before = plan_of()
    moved = tuple(
        msgspec.structs.replace(each, machine="n2") if each.machine == "n1" else each for each in before.slices
    )
    assert describe_changes(before, change(before, slices=moved)) == ["north: 1 x TP2 for L moves to machine n2."]


def test_the_first_plan_is_described_whole() -> None:
    changes = describe_changes(None, plan_of())
    assert changes[0] == "No plan was in force before."
    assert "south: start 2 x TP2 for S." in changes
    assert "Route S from eu: south 100.0%." in changes
