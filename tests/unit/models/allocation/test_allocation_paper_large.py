"""The published form of large fleets: guided by relaxations, with the same answers as the exact way, within the gap."""

import dataclasses

import pytest
from hypothesis import HealthCheck, given, settings

from bench.seeded_fleet import Size, seeded_fleet
from models.allocation import allocate
from models.allocation.paper import paper_programs, undominated
from models.allocation.paper_search import exact, guided
from models.allocation.solve.answer import Answer, Ending
from models.allocation.solve.budget import Budget
from models.allocation.solve.chain import Chain
from models.allocation.solve.highs import Highs
from models.allocation.solve.matrix import Matrix
from models.domain.allocation import Outcome
from models.domain.scenario import Scenario
from tests.fakes.allocation_oracle import paper_by_enumeration
from tests.fakes.tiny_strategy import tiny_scenarios


class Recording:
    """HiGHS, and which programs were linear."""

    name = "highs"

    def __init__(self) -> None:
        self.whole: list[bool] = []

    def solve(self, matrix: Matrix, *, gap: float, time_limit_s: float) -> Answer:
        self.whole.append(bool(matrix.integer.any()))
        return Highs().solve(matrix, gap=gap, time_limit_s=time_limit_s)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(scenario=tiny_scenarios())
def test_the_guided_way_equals_enumeration_within_the_gap(scenario: Scenario) -> None:
    expected = paper_by_enumeration(scenario, "q")
    (answer,) = guided(paper_programs(scenario, scenario.objective), Chain([Highs()]), 0.02, Budget(20))
    if expected is None:
        assert answer.ending is Ending.INFEASIBLE
        return
    assert answer.ending is Ending.OPTIMAL
    assert answer.objective is not None
    assert answer.bound is not None
    rounding = 1e-6 * abs(expected) + 1e-6
    assert answer.bound <= expected + rounding
    assert expected - rounding <= answer.objective
    assert answer.objective - answer.bound <= 0.02 * abs(answer.objective) + rounding


@pytest.mark.parametrize("seed", [1, 2])
def test_large_fleets_are_proven_within_the_gap_and_no_better_than_the_optimum(seed: int) -> None:
    scenario = seeded_fleet(seed, Size(6, classes=4, modes=12, gpu_types=3, partitions=2))
    programs = paper_programs(scenario, scenario.objective)
    known = exact(programs, Chain([Highs()]), 0.01, Budget(60))
    least, found = min(each.bound or 0.0 for each in known), min(each.objective or 0.0 for each in known)
    for solver in ("highs", "glpk"):
        result = allocate(scenario, formulation="paper", gap=0.03, solver=solver)
        assert result.status is Outcome.OPTIMAL
        assert result.objective is not None
        assert result.bound is not None
        assert result.bound <= found
        assert least <= result.objective <= found / (1 - 0.03)


def test_a_partition_that_cannot_be_better_is_not_searched() -> None:
    scenario = seeded_fleet(1, Size(6, classes=4, modes=12, gpu_types=3, partitions=2))
    scenario = dataclasses.replace(
        scenario,
        profiles=tuple(
            dataclasses.replace(each, full_power_w=each.full_power_w * (1.3 if each.partition == "q0" else 1.0))
            for each in scenario.profiles
        ),
    )
    solver = Recording()
    programs = paper_programs(scenario, scenario.objective)
    worse, better = guided(programs, Chain([solver]), 0.03, Budget(60))
    assert solver.whole[:2] == [False, False]
    assert sum(solver.whole) == len(solver.whole) - 2
    assert better.ending is Ending.OPTIMAL
    assert worse.values is None
    assert worse.bound is not None
    assert better.objective is not None
    assert worse.bound > better.objective * (1 - 0.03)


def test_too_little_stock_is_infeasible_in_large_fleets_too() -> None:
    scenario = seeded_fleet(1, Size(6, classes=4, modes=24, gpu_types=3, partitions=2, load=1.5))
    result = allocate(scenario, formulation="paper")
    assert result.status is Outcome.INFEASIBLE
    assert len(result.binding) == 2
    assert "at least" in result.binding[0]


def test_without_any_time_there_is_no_incumbent() -> None:
    scenario = seeded_fleet(1, Size(6, classes=4, modes=12, gpu_types=3, partitions=2))
    programs = [undominated(each) for each in paper_programs(scenario, scenario.objective)]
    for answer in guided(programs, Chain([Highs()]), 0.01, Budget(0.0)):
        assert answer.values is None
        assert answer.ending is Ending.NO_INCUMBENT
