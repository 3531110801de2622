"""Properties of plans for random fleets of several models, held against rows recomputed and a program of SciPy's."""

import dataclasses

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from freesh_plugin.core.plan_checks import faults
from models.allocation import allocate
from models.allocation.fallback import fall_back
from models.allocation.to_plan import to_plan
from models.domain.allocation import AllocationResult, Outcome
from models.domain.scenario import Scenario, Survive
from tests.fakes.allocation_checks import now_running
from tests.fakes.allocation_oracle import models_by_enumeration, paper_by_cbc
from tests.fakes.fleet_checks import check_exposed, check_rows, objective_g
from tests.fakes.fleet_program import Best, FleetProgram, held_by, least_unserved
from tests.fakes.fleet_strategy import fleets
from tests.fakes.silent_solver import Silent
from tests.fakes.tiny_strategy import two_models

SOLVERS = st.sampled_from(["glpk", "highs"])
CLEAN = (20.0, 100.0, 130.0, 600.0)
"""Intensities without a negative one: the objective is then the carbon."""


def few(examples: int) -> settings:
    """So many examples of however long; the same ones each time."""
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


def limit_said_broken(result: AllocationResult) -> bool:
    return any("is not kept" in each for each in result.notes)


def judged(scenario: Scenario, result: AllocationResult) -> Best:
    """What the oracle makes of a result's instances."""
    found = FleetProgram(scenario, {a: (q,) for a, q in result.partition.items()}).best(held_by(result))
    assert found is not None, "the oracle knows no flows for these instances"
    return found


def check_document(scenario: Scenario, result: AllocationResult) -> None:
    """The plan that is published of it has no fault."""
    assert list(faults(to_plan(scenario, result, epoch=1, revision=1, mode="advise"))) == []


@few(25)
@given(scenario=fleets(), solver=SOLVERS)
def test_nothing_is_better_than_the_plan(scenario: Scenario, solver: str) -> None:
    result = allocate(scenario, solver=solver, gap=0.0)
    best = FleetProgram(scenario, least_unserved(scenario)).best()
    assert (best is None) == limit_said_broken(result)
    if best is None:
        return
    found = judged(scenario, result)
    assert found.worst == pytest.approx(best.worst, rel=1e-3, abs=2e-4)
    assert found.total == pytest.approx(best.total, rel=1e-3, abs=2e-3)
    assert found.exposed == pytest.approx(best.exposed, rel=1e-3, abs=2e-3)
    assert found.objective == pytest.approx(best.objective, rel=1e-3, abs=1e-6)
    assert result.objective == pytest.approx(found.objective, rel=1e-3, abs=1e-6)
    assert result.status is Outcome.OPTIMAL
    assert result.bound is not None
    assert result.objective is not None
    assert result.bound <= result.objective


@few(30)
@given(scenario=fleets(), solver=SOLVERS, gap=st.sampled_from([0.0, 0.05, 0.5]))
def test_every_limit_is_kept_and_every_loss_is_told(scenario: Scenario, solver: str, gap: float) -> None:
    result = allocate(scenario, solver=solver, gap=gap)
    check_rows(scenario, result, limit_kept=not limit_said_broken(result))
    check_exposed(scenario, result)
    check_document(scenario, result)
    if result.status is Outcome.OPTIMAL:
        assert result.objective is not None
        assert result.bound is not None
        assert result.objective - result.bound <= (gap + (1e-3 if result.shed else 1e-9)) * result.objective


@few(20)
@given(scenario=fleets(bent=False))
def test_the_objective_counts_all_power(scenario: Scenario) -> None:
    instant = dataclasses.replace(scenario, modes=tuple(dataclasses.replace(m, startup_s=0.0) for m in scenario.modes))
    result = allocate(instant)
    assert result.objective == pytest.approx(objective_g(instant, result), rel=1e-6, abs=1e-9)


@few(12)
@given(scenario=fleets(losses=(Survive.NONE, Survive.LOCATION), running=False))
def test_no_instance_is_there_for_nothing(scenario: Scenario) -> None:
    result = allocate(scenario, gap=0.2)
    program = FleetProgram(scenario, {a: (q,) for a, q in result.partition.items()})
    held = held_by(result)
    whole = program.best(held)
    assert whole is not None
    for key in held:
        fewer = program.best({**held, key: held[key] - 1})
        assert fewer is not None
        less = fewer.total > whole.total + 1e-4 or fewer.exposed > whole.exposed + 1e-4
        assert less or fewer.worst > whole.worst + 1e-4 or fewer.objective > whole.objective * (1 + 1e-9), key


@few(25)
@given(scenario=fleets())
def test_a_plan_by_rule_of_thumb_keeps_every_limit(scenario: Scenario) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("Glpk", "Highs"):
            patch.setattr(f"models.allocation.fallback.{name}", Silent)
        result = fall_back(scenario, ())
    check_rows(scenario, result, limit_kept=not limit_said_broken(result))
    check_document(scenario, result)


@few(15)
@given(scenario=fleets())
def test_a_plan_by_rule_of_thumb_with_routed_flows_keeps_every_limit(scenario: Scenario) -> None:
    result = fall_back(scenario, ())
    check_rows(scenario, result, limit_kept=not limit_said_broken(result))
    check_exposed(scenario, result)
    check_document(scenario, result)


def without_parking(scenario: Scenario) -> Scenario:
    """The fleet whose GPUs and hosts draw nothing while they serve nothing, so that having them costs nothing."""
    idle = (
        dataclasses.replace(each, parked_power_w=dict.fromkeys(each.gpus, 0.0), host_power_w=0.0)
        for each in scenario.locations
    )
    return dataclasses.replace(scenario, locations=tuple(idle))


def more(draw: st.DrawFn, scenario: Scenario) -> Scenario:
    """The fleet with more GPUs somewhere, or a location more."""
    first = scenario.locations[0]
    if draw(st.booleans()):
        added = dataclasses.replace(first, name="more")
        carbon = tuple(dataclasses.replace(c, location="more") for c in scenario.carbon if c.location == first.name)
        return dataclasses.replace(
            scenario, locations=(*scenario.locations, added), carbon=(*scenario.carbon, *carbon), machines=()
        )
    larger = dataclasses.replace(first, gpus={kind: count + 1 for kind, count in first.gpus.items()})
    return dataclasses.replace(scenario, locations=(larger, *scenario.locations[1:]), machines=())


@st.composite
def fleets_and_more(draw: st.DrawFn) -> tuple[Scenario, Scenario]:
    """A fleet, and the same with more of something. Listed machines are left out: a location is one machine."""
    drawn = draw(fleets(losses=[Survive.NONE], limits=False, running=False, carbon=CLEAN))
    scenario = dataclasses.replace(without_parking(drawn), machines=())
    return scenario, more(draw, scenario)


@few(20)
@given(pair=fleets_and_more())
def test_more_gpus_never_cost_more_carbon(pair: tuple[Scenario, Scenario]) -> None:
    before, after = (allocate(each, gap=0.0) for each in pair)
    shed = [sum(each.shed_rps for each in result.shed) for result in (before, after)]
    assert before.objective is not None
    assert after.objective is not None
    assert len(after.shed) <= len(before.shed) or shed[1] <= shed[0] + 1e-3
    if max(shed) == 0:
        assert after.objective <= before.objective * (1 + 1e-6)


@few(15)
@given(scenario=fleets(losses=[Survive.NONE], limits=False, running=False, carbon=CLEAN))
def test_more_partitions_and_modes_never_cost_more_carbon(scenario: Scenario) -> None:
    after = allocate(scenario, gap=0.0)
    last = scenario.modes[-1].name
    first = {a: next(each.partition for each in scenario.profiles if each.model == a) for a in scenario.models}
    fewer = tuple(
        dataclasses.replace(each, capacity_rps=0.0, power_levels=()) if each.mode == last else each
        for each in scenario.profiles
        if each.partition == first[each.model]
    )
    before = allocate(dataclasses.replace(scenario, profiles=fewer), gap=0.0)
    if not before.shed:
        assert not after.shed
        assert after.objective is not None
        assert before.objective is not None
        assert after.objective <= before.objective * (1 + 1e-6)


@few(20)
@given(scenario=fleets(running=False, windows=False), solver=SOLVERS)
def test_equal_epochs_change_nothing(scenario: Scenario, solver: str) -> None:
    first = allocate(scenario, solver=solver)
    second = allocate(now_running(scenario, first), solver=solver)
    assert second.partition == first.partition
    assert sorted(second.instances, key=str) == sorted(first.instances, key=str)


@few(25)
@given(scenario=two_models(), solver=SOLVERS)
def test_two_models_are_as_enumeration_finds_them(scenario: Scenario, solver: str) -> None:
    expected = models_by_enumeration(scenario)
    result = allocate(scenario, solver=solver, gap=0.0)
    assert max((each.fraction for each in result.shed), default=0.0) == pytest.approx(expected.worst, abs=1e-4)
    assert sum(each.shed_rps for each in result.shed) == pytest.approx(expected.total, rel=2e-4, abs=1e-4)
    assert result.objective == pytest.approx(expected.objective, rel=2e-4, abs=1e-9)


@few(20)
@given(scenario=fleets(most_models=1, losses=[Survive.NONE], limits=False, running=False), solver=SOLVERS)
def test_the_published_form_takes_the_best_of_its_partitions(scenario: Scenario, solver: str) -> None:
    tier = scenario.tiers[0].name
    scenario = dataclasses.replace(
        scenario,
        tiers=scenario.tiers[:1],
        slos=tuple(each for each in scenario.slos if each.tier == tier),
        demand=tuple(each for each in scenario.demand if each.tier == tier),
    )
    expected = [paper_by_cbc(scenario, each.name) for each in scenario.partitions]
    result = allocate(scenario, formulation="paper", solver=solver, gap=0.0)
    feasible = [each for each in expected if each is not None]
    if feasible:
        assert result.status is Outcome.OPTIMAL
        assert result.objective == pytest.approx(min(feasible), rel=1e-6, abs=1e-3)
    else:
        assert result.status is Outcome.INFEASIBLE
