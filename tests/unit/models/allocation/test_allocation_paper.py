"""The published form: by hand, against enumeration, and what it says when there is no solution."""

import dataclasses

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from freesh_plugin.core.errors import AllocationError, ScenarioError
from models.allocation import allocate
from models.allocation.paper import paper_programs, undominated
from models.domain.allocation import Outcome
from models.domain.scenario import Mode, Objective, PricePoint, Profile, Scenario, ServiceLevel
from tests.fakes.allocation_oracle import paper_by_enumeration
from tests.fakes.fleet_scenarios import location, tiny
from tests.fakes.tiny_strategy import tiny_scenarios

SOLVERS = ("glpk", "highs")


@pytest.mark.parametrize("solver", SOLVERS)
def test_objective_by_hand(solver: str) -> None:
    # 4 req/s x 1.1 needs 3 instances of 2 req/s; `here` holds 2, the third goes `there`:
    # (2 x 100 + 1 x 200) g/kWh x 800 W x 300 s, in the file's units.
    result = allocate(tiny(demand_margin=1.1), formulation="paper", solver=solver, gap=0.0)
    assert result.status is Outcome.OPTIMAL
    assert result.objective == pytest.approx(400 * 800 * 300)
    assert result.bound == result.objective
    assert result.gap == 0.0
    assert [(each.location, each.count) for each in result.instances] == [("here", 2), ("there", 1)]
    assert result.totals is not None
    assert result.totals.energy_j == pytest.approx(3 * 800 * 300)
    assert result.totals.carbon_g == pytest.approx(400 * 800 * 300 / 3.6e6)
    assert result.solver == solver


def test_no_pue_no_idle_no_parked_power() -> None:
    plain = allocate(tiny(), formulation="paper", gap=0.0)
    burdened = location(tiny(idle_power_w=700, parked_w=400), "here", pue=3.0, host_power_w=900.0)
    assert allocate(burdened, formulation="paper", gap=0.0).objective == plain.objective


def test_demand_is_its_maximum_over_time_and_its_sum_over_origins() -> None:
    by_time = allocate(tiny(demand_rps=(1.0, 6.0, 2.0)), formulation="paper", gap=0.0)
    assert sum(each.count for each in by_time.instances) == 3
    by_origin = allocate(tiny(demand_rps={"eu": (3.0,), "us": (3.0,)}), formulation="paper", gap=0.0)
    assert sum(each.count for each in by_origin.instances) == 3


def test_negative_carbon_is_signed_and_rewards_power_as_published() -> None:
    scenario = tiny(demand_rps=(1.0,), carbon={"here": [-50.0], "there": [80.0]})
    result = allocate(scenario, formulation="paper", gap=0.0)
    assert [(each.location, each.count) for each in result.instances] == [("here", 2)]
    assert result.objective == pytest.approx(-50 * 2 * 800 * 300)


@pytest.mark.parametrize(
    ("objective", "expected"),
    [
        (Objective.only("energy"), 2 * 800 * 300),
        (Objective.only("cost"), 2 * 800 * 300 * 30 / 3.6e9),
        (
            Objective(carbon=0.1, energy=0.05, cost=1.0),
            2 * 800 * 300 / 3.6e6 * (0.1 * 0.2 + 0.05 + 30 / 1000),
        ),
    ],
)
def test_other_objectives_in_joules_and_dollars(objective: Objective, expected: float) -> None:
    prices = (PricePoint("here", 0, 90.0), PricePoint("there", 0, 30.0))
    result = allocate(tiny(prices=prices), formulation="paper", objective=objective, gap=0.0)
    assert result.objective == pytest.approx(expected)


def test_cost_without_prices_is_refused() -> None:
    with pytest.raises(ScenarioError, match=r"prices\.csv"):
        allocate(tiny(), formulation="paper", objective=Objective.only("cost"))


@pytest.mark.parametrize("solver", SOLVERS)
def test_too_little_stock_is_infeasible_and_says_by_how_much(solver: str) -> None:
    result = allocate(tiny(demand_rps=(20.0,)), formulation="paper", solver=solver, gap=0.0)
    assert result.status is Outcome.INFEASIBLE
    assert (result.objective, result.bound, result.gap, result.instances) == (None, None, None, ())
    assert result.binding == (
        "partition q, stock: the classes together need more than the 8 GPUs there are, at least 12 more",
    )


@pytest.mark.parametrize(
    "level",
    [
        ServiceLevel("q", "R", 1.9, 0.5, 0.1),
        ServiceLevel("q", "R", 10.0, 0.19, 0.1),
        ServiceLevel("q", "R", 10.0, 0.5, 0.049),
    ],
    ids=["latency", "TTFT", "TBT"],
)
def test_a_broken_bound_excludes_the_pair(level: ServiceLevel) -> None:
    result = allocate(tiny(slos=(level,)), formulation="paper", gap=0.0)
    assert result.status is Outcome.INFEASIBLE
    assert "class R" in result.binding[0]


def test_a_mode_that_fits_nowhere_is_infeasible() -> None:
    scenario = tiny(modes=(Mode("TP2", {"G": 6}),))
    result = allocate(scenario, formulation="paper", gap=0.0)
    assert result.status is Outcome.INFEASIBLE
    assert "fits a location" in result.binding[0]


def test_no_demand_needs_nothing() -> None:
    result = allocate(tiny(demand_rps=(0.0, 0.0)), formulation="paper", gap=0.0)
    assert (result.status, result.objective, result.instances, result.gap) == (Outcome.OPTIMAL, 0.0, (), 0.0)


def test_what_the_published_form_does_not_know_is_said() -> None:
    scenario = location(tiny(), "here", allowed_origins=("eu",), rtt_s={"any": 9.0}, max_share=0.5, power_cap_w=1e4)
    notes = " ".join(allocate(scenario, formulation="paper", gap=0.0).notes)
    for word in ("residency", "rtt_s", "max_share", "power_cap_w"):
        assert word in notes


def test_several_models_are_refused() -> None:
    with pytest.raises(AllocationError, match="2 models"):
        allocate(tiny(models=("a", "b")), formulation="paper")


@pytest.mark.parametrize(
    "bad", [{"formulation": "other"}, {"solver": "cplex"}, {"gap": -0.1}, {"gap": float("nan")}, {"time_limit_s": 0.0}]
)
def test_bad_arguments_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(AllocationError):
        allocate(tiny(), **bad)  # type: ignore[arg-type]  # that is the point


def test_dominated_columns_are_dropped_and_equal_ones_keep_one() -> None:
    scenario = tiny()
    mode, profile = scenario.modes[0], scenario.profiles[0]
    names = ("TP2", "worse", "twin", "idle")
    profiles = tuple(dataclasses.replace(profile, mode=name) for name in names)
    profiles = (
        profiles[0],
        dataclasses.replace(profiles[1], full_power_w=900.0),
        profiles[2],
        dataclasses.replace(profiles[3], capacity_rps=0.0, full_power_w=100.0),
    )
    modes = tuple(dataclasses.replace(mode, name=name) for name in names)
    program = paper_programs(dataclasses.replace(scenario, modes=modes, profiles=profiles), Objective.only("carbon"))[0]
    assert {each.mode for each in program.columns} == set(names)
    assert {each.mode for each in undominated(program).columns} == {"TP2"}


def test_the_strictest_tier_excludes() -> None:
    scenario = tiny()
    levels = (scenario.slos[0], ServiceLevel("q", "R", 10.0, 0.1, 0.1, tier="gold"))
    result = allocate(dataclasses.replace(scenario, slos=levels), formulation="paper", gap=0.0)
    assert result.status is Outcome.INFEASIBLE


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(scenario=tiny_scenarios(), solver=st.sampled_from(SOLVERS))
def test_equal_to_enumeration(scenario: Scenario, solver: str) -> None:
    expected = paper_by_enumeration(scenario, "q")
    result = allocate(scenario, formulation="paper", solver=solver, gap=0.0)
    if expected is None:
        assert result.status is Outcome.INFEASIBLE
        assert result.binding
    else:
        assert result.status is Outcome.OPTIMAL
        assert result.objective == pytest.approx(expected, rel=1e-6, abs=1e-6)
        assert result.bound is not None
        assert result.bound <= expected + 1e-6 * abs(expected)


def test_profiles_of_both_partitions_give_the_better() -> None:
    scenario = tiny()
    partition = dataclasses.replace(scenario.partitions[0], name="p")
    thrifty = Profile("p", "R", "TP2", 4.0, 700.0, 2.0, 0.2, 0.05, 300.0)
    both = dataclasses.replace(
        scenario,
        partitions=(*scenario.partitions, partition),
        profiles=(*scenario.profiles, thrifty),
        slos=(*scenario.slos, dataclasses.replace(scenario.slos[0], partition="p")),
        demand=(*scenario.demand, dataclasses.replace(scenario.demand[0], partition="p")),
    )
    result = allocate(both, formulation="paper", gap=0.0)
    assert result.partition == {"default": "p"}
    assert result.objective == pytest.approx(100 * 700 * 300)
    assert result.gap == 0.0
