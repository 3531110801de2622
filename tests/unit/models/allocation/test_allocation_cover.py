"""Cover: rows that every allocation keeps, and the small program of them alone, by hand."""

import pytest

from models.allocation.attempt import candidate_data
from models.allocation.cover import load_cost
from models.allocation.fleet import Fleet
from models.allocation.program import FullProgram
from models.allocation.signals import Signals
from models.allocation.solution import NONE_SHED
from models.allocation.solve.highs import Highs
from models.domain.scenario import Scenario
from tests.fakes.fleet_scenarios import random_fleet, tiny


def program_of(scenario: Scenario) -> FullProgram:
    signals = Signals.of(scenario, scenario.objective)
    return FullProgram(candidate_data(scenario, {"default": ("q",)}, Fleet.of(scenario), signals))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_rows_of_cover_change_neither_optimum_nor_relaxation(seed: int) -> None:
    program = program_of(random_fleet(seed, locations=2, modes=3, steps=3))
    matrix = program.within(NONE_SHED)
    plain, covered = (Highs().solve(each, gap=1e-6, time_limit_s=30) for each in (matrix, program.covered(matrix)))
    assert covered.objective == pytest.approx(plain.objective, rel=1e-5)
    relaxed = [
        Highs().solve(each.relaxed(), gap=0.0, time_limit_s=30).objective for each in (matrix, program.covered(matrix))
    ]
    assert relaxed[0] == pytest.approx(relaxed[1])


def test_the_program_without_flows_by_hand() -> None:
    # Peak 6 req/s of 2 req/s instances: three of them, two here (4 GPUs), the third there.
    scenario = tiny(demand_rps=(3.0, 6.0))
    program = program_of(scenario)
    answer = Highs().solve(program.aggregated(program.within(NONE_SHED)), gap=0.0, time_limit_s=10)
    assert answer.values is not None
    assert program.counts(answer) == (2, 1)
    # Half full in the first step, full in the second: (800 - 300) W x 1.5 x 300 s x 100 g/kWh at either rate of grid.
    assert load_cost(program.data, 0) == pytest.approx(500 * 1.5 * 300 * 100 / 3.6e6)
    assert load_cost(program.data, 1) == pytest.approx(500 * 1.5 * 300 * 200 / 3.6e6)


def test_too_little_stock_cannot_cover() -> None:
    program = program_of(tiny(demand_rps=(9.0,)))
    answer = Highs().solve(program.aggregated(program.within(NONE_SHED)), gap=0.0, time_limit_s=10)
    assert answer.values is None
    shed = Highs().solve(program.aggregated(program.within(None)), gap=0.0, time_limit_s=10)
    assert shed.values is not None
