"""Walking epochs under several foresights: what each plan is told, what it follows, and who comes out ahead."""

import dataclasses
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from freesh_plugin.core.errors import ForecastError, ScenarioError
from freesh_plugin.core.plan import Plan
from models.allocation import allocate
from models.allocation.to_plan import to_plan
from models.domain.forecast import QuantileForecast
from models.domain.scenario import Machine, Objective, Scenario
from models.evaluate.epoch import Epoch
from models.evaluate.forecast_value import PERFECT, POLICIES, QUESTIONS, Study, problem, value_of_forecasts
from models.evaluate.study import Forecasts, study_of
from tests.fakes.evaluated import epoch, fleet, plan, series


def solved(scenario: Scenario, of: Epoch) -> Plan:
    result = allocate(scenario, solver="highs", gap=0.0)
    return to_plan(scenario, result, epoch=of.slot, revision=1, mode="advise")


def told(value: float) -> Any:
    """A forecast that always says the same."""

    def forecast(_: Any, *, issued_at: Any, intervals: int, step_s: int, **__: Any) -> QuantileForecast:
        flat = np.full(intervals, value)
        return QuantileForecast("s", issued_at, issued_at, step_s, (0.95,), flat, flat[None] * 2, "told")

    return forecast


def study(scenario: Scenario, here: Sequence[float], demand: Sequence[float]) -> Study:
    """Carbon of 300 g/kWh there and as given here (100 in the week before), demand of 3 req/s before."""
    carbon = [series("H", here, 3_600), series("T", [300.0] * len(here), 3_600, before=300.0)]
    forecasts = Forecasts(told(250.0), told(1.5))
    return study_of(scenario, carbon, [series("total", demand, 600, 3.0)], forecasts, solved, epoch())


def test_a_policy_is_told_its_own_foresight_and_nothing_else() -> None:
    asked = study(fleet(), [900.0], [2.0, 2.0, 2.0])

    seen = problem(asked, ("freesh", "freesh"), epoch(), None)
    assert {(row.location, row.carbon_gco2e_per_kwh) for row in seen.carbon} == {("here", 250.0), ("there", 250.0)}
    assert {(row.demand_rps, row.mean_rps) for row in seen.demand} == {(3.0, 1.5)}
    assert seen.running == ()

    seen = problem(asked, ("persistence", PERFECT), epoch(), plan(asked.fleet, 1, 1))
    assert {(row.location, row.carbon_gco2e_per_kwh) for row in seen.carbon} == {("here", 100.0), ("there", 300.0)}
    assert {(row.demand_rps, row.mean_rps) for row in seen.demand} == {(2.0, 2.0)}
    assert [(row.location, row.instances, row.partition) for row in seen.running] == [
        ("here", 1, "q"),
        ("there", 1, "q"),
    ]


def test_knowing_that_a_grid_turns_dirty_is_worth_what_the_ledger_says() -> None:
    """Here is cleaner on any day before and dirty today: perfect foresight serves there, the day before here."""
    found = value_of_forecasts(study(fleet(), [900.0], [2.0] * 6), [epoch(0), epoch(1)])

    perfect, _, _, persistence, constant, uniform = found.rows("carbon")
    # One instance at full load, 800 W, of which its parked GPUs draw 100 anyway; an hour.
    moved_kg = (900.0 - 300.0) * 0.7 / 1_000
    assert persistence.above_perfect_kg == pytest.approx(moved_kg)
    assert constant.above_perfect_kg == pytest.approx(moved_kg)
    assert perfect.above_perfect_kg == 0
    assert perfect.gap_closed == pytest.approx(1.0)
    assert 0 <= uniform.above_perfect_kg <= moved_kg + 1e-9
    assert found.epochs == 2
    assert (found.asked_s, found.scored_s) == (3_600, 3_600)


def test_a_quantile_that_is_twice_the_demand_keeps_an_instance_too_many() -> None:
    found = value_of_forecasts(study(fleet(), [100.0], [1.5] * 3), [epoch()])

    perfect, freesh, _ = found.rows("demand")
    idle_extra_kg = 200.0 * 0.5 * 100.0 / 1e6
    assert freesh.above_perfect_kg == pytest.approx(idle_extra_kg)
    assert freesh.equal_service
    assert perfect.unserved_share == 0


def test_each_policy_goes_on_from_its_own_plan() -> None:
    ran: list[int] = []

    def counted(scenario: Scenario, of: Epoch) -> Plan:
        ran.append(sum(each.instances for each in scenario.running))
        return plan(scenario, 1, 0)

    base = study(fleet(), [100.0], [1.0] * 6)
    value_of_forecasts(dataclasses.replace(base, make_plan=counted), [epoch(0), epoch(1)])

    assert ran == [0, 1] * len(POLICIES)


def test_epochs_without_truth_are_left_out_and_counted() -> None:
    found = value_of_forecasts(
        study(fleet(), [100.0] * 2, [1.0] * 3 + [np.nan] * 3 + [1.0, np.nan, 1.0]), [epoch(k) for k in range(3)]
    )

    assert (found.epochs, found.asked_s, found.scored_s) == (2, 3 * 1_800, 1_800 + 1_200)
    with pytest.raises(ForecastError, match="has both carbon and demand"):
        value_of_forecasts(study(fleet(), [100.0], [1.0]), [epoch(5)])


def test_every_question_is_answered_with_perfect_and_persistence() -> None:
    assert set(POLICIES) == {policy for each in QUESTIONS.values() for policy in each}
    assert all(each[0] == (PERFECT, PERFECT) for each in QUESTIONS.values())


def test_an_epoch_may_be_a_day() -> None:
    scenario = dataclasses.replace(fleet(), steps=24, step_s=3_600)
    of = Epoch(epoch().issued_at, epoch().starts_at, 24, 3_600)

    found = value_of_forecasts(study(scenario, [100.0] * 12 + [500.0] * 12, [2.0] * 144), [of])

    assert found.scored_s == timedelta(days=1).total_seconds()
    assert found.rows("carbon")[0].unserved_share == 0


def test_machines_that_come_and_go_by_step_are_refused() -> None:
    scenario = fleet(machines=(Machine("here", "m", "G", 4, available_until=3), Machine("there", "n", "G", 4)))

    with pytest.raises(ScenarioError, match="machine 'm' has available_from or available_until"):
        study(scenario, [100.0], [1.0] * 3)


def test_an_objective_that_counts_prices_is_refused() -> None:
    with pytest.raises(ScenarioError, match=r"counts prices, and prices\.csv holds one horizon only"):
        study(fleet(objective=Objective(carbon=0.1, cost=1.0)), [100.0], [1.0] * 3)
