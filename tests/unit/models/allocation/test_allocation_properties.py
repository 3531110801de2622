"""Properties of the full form on tiny random scenarios, held against enumeration."""

import dataclasses
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.allocation import allocate
from models.allocation.pack import pack
from models.domain.allocation import Outcome
from models.domain.scenario import Demand, Running, Scenario
from tests.fakes.allocation_checks import check_feasible, check_no_waste
from tests.fakes.allocation_oracle import full_by_enumeration, servable
from tests.fakes.tiny_strategy import tiny_scenarios

relaxed = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
solvers = st.sampled_from(["glpk", "highs"])


@relaxed
@given(scenario=tiny_scenarios(), solver=solvers)
def test_equal_to_enumeration(scenario: Scenario, solver: str) -> None:
    expected = full_by_enumeration(scenario, "q")
    result = allocate(scenario, solver=solver, gap=0.0)
    assert result.status is Outcome.OPTIMAL
    assert result.objective == pytest.approx(expected.objective, rel=2e-4, abs=1e-9)
    assert sum(each.shed_rps for each in result.shed) == pytest.approx(expected.total, rel=2e-4, abs=1e-4)
    able = servable(scenario, "q")
    worst = max((each.fraction for each in result.shed if each.request_class in able), default=0.0)
    assert worst == pytest.approx(expected.worst, abs=1e-4)
    assert result.bound is not None
    assert result.objective is not None
    assert result.bound <= result.objective


@relaxed
@given(scenario=tiny_scenarios(), solver=solvers, gap=st.sampled_from([0.0, 0.05, 0.5]))
def test_feasible_and_without_waste_at_any_gap(scenario: Scenario, solver: str, gap: float) -> None:
    result = allocate(scenario, solver=solver, gap=gap)
    check_feasible(scenario, result)
    check_no_waste(scenario, result)
    if result.gap is not None and not result.shed:
        assert result.gap <= gap + 1e-9


@relaxed
@given(scenario=tiny_scenarios(carbon=st.floats(-900, -1)))
def test_negative_carbon_everywhere_runs_nothing_in_vain(scenario: Scenario) -> None:
    result = allocate(scenario)
    check_no_waste(scenario, result)
    assert result.totals is not None
    assert result.totals.carbon_g is not None
    assert result.totals.carbon_g <= 0


@relaxed
@given(scenario=tiny_scenarios())
def test_objective_is_the_signed_total_where_no_signal_is_negative(scenario: Scenario) -> None:
    carbon = tuple(
        dataclasses.replace(each, carbon_gco2e_per_kwh=abs(each.carbon_gco2e_per_kwh) + 1) for each in scenario.carbon
    )
    result = allocate(dataclasses.replace(scenario, carbon=carbon))
    assert result.totals is not None
    assert result.objective == pytest.approx(result.totals.carbon_g, rel=1e-9)


@relaxed
@given(scenario=tiny_scenarios())
def test_two_equal_epochs_give_the_same_plan(scenario: Scenario) -> None:
    first = allocate(scenario)
    running = tuple(
        Running(each.location, each.machine, each.mode, each.request_class, each.instances, "q")
        for each in pack(scenario, first.instances).slices
    )
    second = allocate(dataclasses.replace(scenario, running=running))
    assert second.instances == first.instances
    if second.totals is not None and first.totals is not None:
        assert second.totals.energy_j == pytest.approx(first.totals.energy_j, rel=1e-6)


@st.composite
def with_origins(draw: st.DrawFn) -> Scenario:
    """A tiny scenario of two origins, each location allowing some of them."""
    scenario = draw(tiny_scenarios())
    allowed = st.sampled_from([None, ("eu",), ("us",), ("eu", "us"), ()])
    locations = tuple(dataclasses.replace(each, allowed_origins=draw(allowed)) for each in scenario.locations)
    demand = tuple(
        Demand("q", each.request_class, each.step, each.demand_rps / 2, origin=origin)
        for each in scenario.demand
        for origin in ("eu", "us")
    )
    return dataclasses.replace(scenario, locations=locations, demand=demand)


@relaxed
@given(scenario=with_origins(), solver=solvers)
def test_residency_is_never_broken(scenario: Scenario, solver: str) -> None:
    result = allocate(scenario, solver=solver)
    check_feasible(scenario, result)
    check_no_waste(scenario, result)
    assert result.objective is not None
    assert math.isfinite(result.objective)
