"""Large programs by priced pools: the relaxation is that of the whole program, its bound holds, its plans do too."""

import dataclasses
import math
import random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.seeded_fleet import Size, seeded_fleet
from models.allocation import allocate
from models.allocation.attempt import candidate_data
from models.allocation.collect import profiled_partitions
from models.allocation.data import ProgramData
from models.allocation.fleet import Fleet
from models.allocation.guided.relaxation import Relaxation, objective
from models.allocation.program import FullProgram
from models.allocation.signals import Signals
from models.allocation.solution import NONE_SHED, Levels
from models.allocation.solve.answer import Answer
from models.allocation.solve.budget import Budget
from models.allocation.solve.highs import Highs
from models.domain.allocation import Outcome
from models.domain.scenario import Scenario, Survive
from tests.fakes.allocation_checks import check_feasible, check_no_waste, now_running
from tests.fakes.fleet_scenarios import location

FREE = Levels(math.inf, math.inf, math.inf)
SMALL = Size(4, classes=4, modes=8, gpu_types=2, partitions=2, steps=3)


def data_of(scenario: Scenario) -> ProgramData:
    candidates = {model: tuple(names) for model, names in profiled_partitions(scenario).items()}
    return candidate_data(scenario, candidates, Fleet.of(scenario), Signals.of(scenario, scenario.objective))


def whole(data: ProgramData, kind: str, levels: Levels) -> Answer:
    """The relaxation of the program with all pools."""
    program = FullProgram(data)
    matrix = program.within(levels)
    matrix = {"objective": matrix, "total": program.least_total(matrix), "worst": program.least_worst(matrix)}[kind]
    return Highs().solve(matrix.relaxed(), gap=0.0, time_limit_s=60)


def relaxation(data: ProgramData) -> Relaxation:
    keep = frozenset(data.pools[i] for i in data.standing_labels)
    return Relaxation(data, Highs(), Budget(60), keep)


def varied(seed: int) -> Scenario:
    """A small synthetic fleet with some of what prices a pool: caps, shares, residency, what runs, losses."""
    draw = random.Random(seed)
    size = dataclasses.replace(
        SMALL,
        locations=3,
        modes=4,
        origins=draw.choice([1, 4]),
        models=draw.choice([1, 2]),
        load=draw.choice([0.4, 0.8, 1.4]),
        machine_gpus=draw.choice([0, 8]),
        running=draw.random() < 0.5,
    )
    scenario = seeded_fleet(seed, size)
    if draw.random() < 0.5:
        scenario = location(scenario, "n1", max_share=0.3)
    if draw.random() < 0.5:
        scenario = location(scenario, "n2", power_cap_w=30_000.0)
    if draw.random() < 0.4:
        scenario = dataclasses.replace(scenario, survive=Survive.LOCATION)
    return scenario


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 10_000))
def test_priced_pools_give_the_relaxation_of_the_whole_program(seed: int) -> None:
    data = data_of(varied(seed))
    for kind, minimised in (("worst", FullProgram.least_worst), ("total", FullProgram.least_total)):
        expected = whole(data, kind, FREE).objective
        found = relaxation(data).least(minimised, FREE, lambda: 60.0, precision=1e-9)
        assert expected is not None
        assert found.bound is not None
        assert found.answer.objective == pytest.approx(expected, rel=1e-5, abs=1e-6)
        assert found.bound == pytest.approx(expected, rel=1e-5, abs=1e-6)
        level = expected * (1 + 1e-4) + 1e-6
    levels = Levels(math.inf, level, math.inf)
    expected = whole(data, "objective", levels).objective
    relaxed = relaxation(data)
    relaxed.least(FullProgram.least_total, FREE, lambda: 60.0)
    found = relaxed.least(objective, levels, lambda: 60.0, precision=1e-9)
    assert expected is not None
    assert found.bound is not None
    assert found.answer.objective is not None
    assert found.answer.objective == pytest.approx(expected, rel=1e-5)
    assert found.bound <= expected * (1 + 1e-6)
    assert found.bound == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_bound_holds_after_any_number_of_rounds(seed: int) -> None:
    data = data_of(seeded_fleet(seed, dataclasses.replace(SMALL, locations=8)))
    expected = whole(data, "objective", NONE_SHED).objective
    assert expected is not None
    relaxed = relaxation(data)
    relaxed.least(FullProgram.least_total, FREE, lambda: 60.0)
    bounds = []
    while True:
        clock = iter([60.0, 0.0])
        found = relaxed.least(objective, NONE_SHED, lambda clock=clock: next(clock))  # type: ignore[misc]
        assert found.bound is not None
        assert found.answer.objective is not None
        assert found.bound <= expected * (1 + 1e-9)
        assert found.answer.objective >= expected * (1 - 1e-9)
        bounds.append(found.bound)
        if found.answer.objective - found.bound <= 1e-4 * expected:
            break
    assert len(bounds) > 1


def test_few_of_the_pools_are_built() -> None:
    data = data_of(seeded_fleet(1, Size(10, classes=9, partitions=1)))
    relaxed = relaxation(data)
    relaxed.least(FullProgram.least_total, FREE, lambda: 60.0)
    relaxed.least(objective, NONE_SHED, lambda: 60.0)
    assert 0 < relaxed.built.sum() < len(data.pools) / 4


class TestPlans:
    @pytest.fixture(autouse=True)
    def guide_everything(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("models.allocation.full_solve.WHOLE_POOLS", 0)

    @pytest.mark.parametrize(
        "size",
        [
            SMALL,
            dataclasses.replace(SMALL, origins=4),
            dataclasses.replace(SMALL, machine_gpus=8),
        ],
        ids=["plain", "origins", "machines"],
    )
    def test_a_plan_keeps_the_constraints_and_wastes_nothing(self, size: Size) -> None:
        scenario = seeded_fleet(2, dataclasses.replace(size, partitions=1))
        result = allocate(scenario, gap=0.03, time_limit_s=60)
        assert result.status in (Outcome.OPTIMAL, Outcome.FEASIBLE)
        check_feasible(scenario, result)
        check_no_waste(scenario, result)
        if result.bound is not None:
            assert result.objective is not None
            assert result.bound <= result.objective

    @pytest.mark.parametrize("models", [1, 2])
    def test_within_the_gap_of_the_whole_program(self, models: int, monkeypatch: pytest.MonkeyPatch) -> None:
        scenario = seeded_fleet(3, dataclasses.replace(SMALL, models=models, stock=2))
        guided = allocate(scenario, gap=0.04, time_limit_s=60)
        monkeypatch.setattr("models.allocation.full_solve.WHOLE_POOLS", 10**9)
        known = allocate(scenario, gap=0.01, time_limit_s=60)
        assert guided.objective is not None
        assert guided.bound is not None
        assert known.objective is not None
        assert known.bound is not None
        assert guided.bound <= known.objective
        assert known.bound * (1 - 1e-9) <= guided.objective
        assert guided.status is Outcome.OPTIMAL
        assert guided.objective <= known.objective / (1 - 0.04)
        assert not guided.shed

    def test_overload_sheds_about_as_much_as_the_whole_program(self, monkeypatch: pytest.MonkeyPatch) -> None:
        scenario = seeded_fleet(4, dataclasses.replace(SMALL, load=1.5))
        guided = allocate(scenario, gap=0.05, time_limit_s=10)
        monkeypatch.setattr("models.allocation.full_solve.WHOLE_POOLS", 10**9)
        known = allocate(scenario, gap=0.05, time_limit_s=10)
        worst, expected = (max(row.fraction for row in each.shed) for each in (guided, known))
        assert expected > 0.1
        assert worst <= expected + 0.1

    def test_what_runs_elsewhere_may_serve_while_others_start(self) -> None:
        scenario = seeded_fleet(2, dataclasses.replace(SMALL, partitions=1, running=True))
        result = allocate(scenario, gap=0.05, time_limit_s=8)
        assert result.status in (Outcome.OPTIMAL, Outcome.FEASIBLE)
        assert result.instances

    def test_what_runs_is_kept_when_nothing_has_changed(self) -> None:
        scenario = seeded_fleet(2, dataclasses.replace(SMALL, partitions=1, stock=2))
        first = allocate(scenario, gap=0.04, time_limit_s=60)
        again = allocate(now_running(scenario, first), gap=0.04, time_limit_s=60)
        assert again.instances == first.instances
        assert again.partition == first.partition

    def test_a_partition_that_cannot_be_better_is_not_searched_and_still_bounds(self) -> None:
        scenario = seeded_fleet(3, dataclasses.replace(SMALL, stock=2))
        dearer = tuple(
            dataclasses.replace(each, full_power_w=each.full_power_w * (1.5 if each.partition == "q0" else 1.0))
            for each in scenario.profiles
        )
        result = allocate(dataclasses.replace(scenario, profiles=dearer), gap=0.04, time_limit_s=60)
        assert result.partition == {"default": "q1"}
        assert result.status is Outcome.OPTIMAL
        assert not any("left out" in note for note in result.notes)

    def test_without_time_a_plan_is_made_by_rule_of_thumb(self) -> None:
        scenario = seeded_fleet(2, SMALL)
        result = allocate(scenario, gap=0.01, time_limit_s=1e-6)
        assert result.status is Outcome.GREEDY
        assert result.instances


def test_reduced_costs_of_built_pools_are_not_negative_at_the_optimum() -> None:
    data = data_of(seeded_fleet(1, SMALL))
    relaxed = relaxation(data)
    relaxed.least(FullProgram.least_total, FREE, lambda: 60.0)
    found = relaxed.least(objective, NONE_SHED, lambda: 60.0, precision=1e-9)
    assert found.answer.objective is not None
    scale = abs(found.answer.objective)
    assert (found.reduced > -1e-6 * scale).all()
    assert np.abs(found.reduced[found.used]).max() < 1e-6 * scale
