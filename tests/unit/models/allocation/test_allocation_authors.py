"""The authors' instance: 48 windows, partitions a and b, demand halved or not, against PuLP with CBC."""

import dataclasses
from pathlib import Path

import pytest

from models.allocation import allocate
from models.domain.allocation import AllocationResult, Outcome
from models.domain.scenario import Scenario
from models.sources.scenario_folder import load_scenario, write_scenario
from tests.fakes.allocation_checks import check_feasible, check_no_waste, now_running
from tests.fakes.allocation_oracle import paper_by_cbc
from tests.fakes.authors_instance import WINDOWS, authors_scenario

pytestmark = pytest.mark.data

SAMPLE = (0, 13, 24, 32, 40)
"""Negative rates in 0; overload in 24 and 32 at full demand."""
REST = [pytest.param(each, marks=pytest.mark.slow) for each in range(WINDOWS) if each not in SAMPLE]


@pytest.mark.parametrize("beta", [2.0, 1.0])
@pytest.mark.parametrize("window", [*SAMPLE, *REST])
def test_both_solvers_prove_what_cbc_finds(freesh_data: Path, window: int, beta: float) -> None:
    scenario = authors_scenario(freesh_data, window, beta)
    expected = {q: paper_by_cbc(scenario, q) for q in "ab"}
    for partitions in ("a", "b", "ab"):
        known = [each for q in partitions if (each := expected[q]) is not None]
        for solver in ("glpk", "highs"):
            asked = authors_scenario(freesh_data, window, beta, tuple(partitions))
            result = allocate(asked, formulation="paper", solver=solver, gap=0.0)
            if not known:
                assert result.status is Outcome.INFEASIBLE
                assert len(result.binding) == len(partitions)
                continue
            assert result.status is Outcome.OPTIMAL
            assert result.objective == pytest.approx(min(known), rel=1e-6)
            assert result.gap == 0.0


@pytest.mark.parametrize("window", [*SAMPLE, *REST])
def test_the_full_form_always_plans_wastes_nothing_and_is_stable(freesh_data: Path, window: int) -> None:
    scenario = authors_scenario(freesh_data, window, 1.0)
    result = allocate(scenario)
    assert result.status is Outcome.OPTIMAL
    assert result.instances
    check_feasible(of_partition(scenario, result), result)
    check_no_waste(scenario, result)
    again = allocate(now_running(scenario, result))
    assert again.instances == result.instances
    assert again.partition == result.partition
    shed = sum(each.shed_rps for each in result.shed)
    assert sum(each.shed_rps for each in again.shed) == pytest.approx(shed, rel=1e-3, abs=1e-6)


def of_partition(scenario: Scenario, result: AllocationResult) -> Scenario:
    (partition,) = result.partition.values()
    return dataclasses.replace(
        scenario,
        profiles=tuple(each for each in scenario.profiles if each.partition == partition),
        demand=tuple(each for each in scenario.demand if each.partition == partition),
    )


def test_the_folder_holds_the_same_instance(freesh_data: Path, tmp_path: Path) -> None:
    scenario = authors_scenario(freesh_data, 3, 2.0)
    write_scenario(scenario, tmp_path)
    loaded = load_scenario(tmp_path)
    one = allocate(scenario, formulation="paper", gap=0.0)
    two = allocate(loaded, formulation="paper", gap=0.0)
    assert (one.objective, one.instances) == (two.objective, two.instances)
    assert one.objective is not None


def test_given_both_partitions_b_is_taken_where_both_are_feasible(freesh_data: Path) -> None:
    for window in SAMPLE:
        result = allocate(authors_scenario(freesh_data, window, 2.0), formulation="paper", gap=0.0)
        assert result.partition == {"default": "b"}


def test_ten_times_the_demand_still_gives_a_plan(freesh_data: Path) -> None:
    result = allocate(authors_scenario(freesh_data, 16, 0.1))
    assert result.status is Outcome.OPTIMAL
    assert result.instances
    assert 0.5 < max(each.fraction for each in result.shed) < 1.0
