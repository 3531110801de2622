"""Plans that say why they are what they are: in the document, in the log, and never at the price of the plan."""

import dataclasses
from datetime import timedelta
from pathlib import Path

import pytest

from freesh_plugin.core.errors import AllocationError
from models.allocation import allocate
from models.allocation.explain.explain import explain
from models.domain.allocation import AllocationResult, Outcome
from models.domain.explanation import Explanation
from models.domain.records import AcknowledgementRecord
from models.domain.scenario import Scenario
from models.refresh.plan import PlanOutcome, make_plan
from models.refresh.problem import PlanOrder
from models.refresh.slot import Slot
from models.refresh.story import plan_story
from models.sources.store import SqlPlanningStore
from tests.fakes.forecasts import carbon_record, demand_record
from tests.fakes.small_fleet import DEMAND, ZONES, small_fleet

SLOT = Slot(1_000_000)
NEXT = Slot(SLOT.epoch + 1)
BEFORE = SLOT.issue_at + timedelta(minutes=1)
ENDPOINTS = "[{name: g, kind: gateway, location: clean, url: 'http://127.0.0.1:1'}]"


@pytest.fixture
def fleet(tmp_path: Path) -> Scenario:
    return small_fleet(tmp_path / "fleet", endpoints=ENDPOINTS)


def solve(scenario: Scenario) -> AllocationResult:
    return allocate(scenario, solver="highs")


def explained(scenario: Scenario, result: AllocationResult) -> Explanation:
    return explain(scenario, result, lambda each, limit_s: solve(each), limit_s=60.0)


def planned(store: SqlPlanningStore, fleet: Scenario) -> PlanOutcome:
    store.save_forecast(demand_record(SLOT, DEMAND))
    store.save_forecast(carbon_record(SLOT, ZONES))
    return make_plan(PlanOrder(SLOT), fleet, store, solve, now=BEFORE, explain=explained)


def test_a_plan_says_why_it_is_what_it_is(store: SqlPlanningStore, fleet: Scenario) -> None:
    plan = planned(store, fleet).plan
    assert plan.explanation is not None
    assert {each.request_class for each in plan.explanation.choices} == {"short", "long"}
    assert "quantile" in {each.promise for each in plan.explanation.promises}
    story = plan_story(plan, ())
    assert "why (estimates; costs are modelled):" in story
    told = [each.sentence for each in plan.explanation.choices]
    told += [each.sentence for each in plan.explanation.prices]
    told += [each.sentence for each in plan.explanation.promises]
    assert len(told) >= 5
    assert all(each in story for each in told)


def test_a_plan_that_cannot_be_explained_goes_out_all_the_same(store: SqlPlanningStore, fleet: Scenario) -> None:
    def fails(scenario: Scenario, result: AllocationResult) -> Explanation:
        raise AllocationError("no explanation today")

    store.save_forecast(demand_record(SLOT, DEMAND))
    store.save_forecast(carbon_record(SLOT, ZONES))
    plan = make_plan(PlanOrder(SLOT), fleet, store, solve, now=BEFORE, explain=fails).plan
    assert (plan.explanation, plan.solver.status) == (None, "optimal")
    assert "why" not in plan_story(plan, ())


def test_only_what_a_solver_gave_is_explained(store: SqlPlanningStore, fleet: Scenario) -> None:
    def by_rule(scenario: Scenario) -> AllocationResult:
        return dataclasses.replace(solve(scenario), status=Outcome.GREEDY)

    store.save_forecast(demand_record(SLOT, DEMAND))
    store.save_forecast(carbon_record(SLOT, ZONES))
    plan = make_plan(PlanOrder(SLOT), fleet, store, by_rule, now=BEFORE, explain=explained).plan
    assert (plan.explanation, plan.solver.status) == (None, "greedy")


def test_a_plan_issued_again_keeps_no_reasons_of_another_slot(store: SqlPlanningStore, fleet: Scenario) -> None:
    def fails(scenario: Scenario) -> AllocationResult:
        raise AllocationError("nothing can be planned")

    first = planned(store, fleet).plan
    store.save_acknowledgement(AcknowledgementRecord(first.epoch, first.revision, "g", True, 200, "", BEFORE))
    store.save_forecast(demand_record(NEXT, DEMAND))
    store.save_forecast(carbon_record(NEXT, ZONES))
    later = make_plan(PlanOrder(NEXT), fleet, store, fails, now=NEXT.issue_at, explain=explained).plan
    assert "plan_issued_again" in {each.code for each in later.holds}
    assert (first.explanation is None, later.explanation) == (False, None)
