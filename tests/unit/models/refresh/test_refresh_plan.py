"""Making the plan of a slot: golden allocation, idempotence, revisions, what goes on when something is missing."""

import dataclasses
from datetime import timedelta
from pathlib import Path

import pytest

from freesh_plugin.core.errors import AllocationError, ConfigError, ForecastError
from freesh_plugin.core.plan import Plan, PlanMode
from models.allocation import allocate
from models.domain.allocation import AllocationResult, Outcome
from models.domain.forecast import DataState
from models.domain.records import AcknowledgementRecord, ForecastRecord
from models.domain.scenario import Scenario
from models.refresh.plan import PlanOutcome, changes_of, make_plan
from models.refresh.problem import PlanOrder
from models.refresh.slot import Slot
from models.sources.store import SqlPlanningStore
from tests.fakes.forecasts import carbon_record, demand_record
from tests.fakes.small_fleet import DEMAND, SCENARIO, ZONES, small_fleet

SLOT = Slot(1_000_000)
NEXT = Slot(SLOT.epoch + 1)
BEFORE = SLOT.issue_at + timedelta(minutes=1)
ENDPOINTS = "[{name: g, kind: gateway, location: clean, url: 'http://127.0.0.1:1'}]"


def solve(scenario: Scenario) -> AllocationResult:
    return allocate(scenario, solver="highs")


@pytest.fixture
def fleet(tmp_path: Path) -> Scenario:
    return small_fleet(tmp_path / "fleet", endpoints=ENDPOINTS)


def forecast(store: SqlPlanningStore, slot: Slot, times: float = 1.0, zones: dict[str, float] | None = None) -> None:
    store.save_forecast(demand_record(slot, {name: rps * times for name, rps in DEMAND.items()}))
    store.save_forecast(carbon_record(slot, ZONES if zones is None else zones))


def accept(store: SqlPlanningStore, outcome: PlanOutcome) -> None:
    """A runtime accepts the plan: from then on it is in force."""
    plan = outcome.plan
    store.save_acknowledgement(AcknowledgementRecord(plan.epoch, plan.revision, "g", True, 200, "", BEFORE))


def instances(plan: Plan) -> dict[tuple[str, str], int]:
    return {(pool.location, pool.request_class): pool.instances.target for pool in plan.pools if pool.instances.target}


def holds(plan: Plan) -> set[str]:
    return {each.code for each in plan.holds}


def test_the_clean_location_serves_the_95th_percentile(store: SqlPlanningStore, fleet: Scenario) -> None:
    """7.25 req/s short at 4 an instance, 1.45 req/s long at 2: three instances, all fit where carbon is a tenth."""
    forecast(store, SLOT)
    outcome = make_plan(PlanOrder(SLOT), fleet, store, solve, now=BEFORE)
    assert instances(outcome.plan) == {("clean", "short"): 2, ("clean", "long"): 1}
    assert (outcome.plan.mode, outcome.plan.revision, outcome.is_new) == (PlanMode.ADVISE, 1, True)
    assert outcome.plan.routes[0].weights == {"clean": 1.0}
    assert store.plan(SLOT.epoch) == outcome.record
    # 200 W idle each and 600 W more at full load; at the mean short is 5/8 loaded, long 1/2; ten GPUs are parked.
    watts = 3 * 200 + 2 * 600 * 5 / 8 + 600 * 1 / 2 + 55 * (16 - 6)
    assert outcome.plan.predicted.energy_j == pytest.approx(watts * 1_800)


def test_the_plan_says_what_it_was_made_from(store: SqlPlanningStore, fleet: Scenario) -> None:
    forecast(store, SLOT)
    plan = make_plan(PlanOrder(SLOT), fleet, store, solve, now=BEFORE).plan
    told = {each.name: each for each in plan.inputs}
    assert set(told) == {"fleet", "objective", "demand", "carbon", "running"}
    assert (told["demand"].age_s, told["carbon"].age_s) == (300.0, 1_800.0)
    assert told["carbon"].note == "source: flat carbon"
    assert told["running"].version == "fleet"
    assert {len(steps) for steps in plan.carbon.values()} == {72}
    assert plan.baselines.all_on is not None
    assert plan.baselines.min_energy is not None


def test_equal_inputs_give_the_stored_plan_whatever_the_time(store: SqlPlanningStore, fleet: Scenario) -> None:
    forecast(store, SLOT)
    first = make_plan(PlanOrder(SLOT), fleet, store, solve, now=BEFORE)
    accept(store, first)
    again = make_plan(PlanOrder(SLOT), fleet, store, _never, now=SLOT.starts_at + timedelta(minutes=5))
    assert (again.record, again.is_new) == (first.record, False)


@pytest.mark.parametrize(
    ("times", "zones", "order"),
    [
        (1.1, ZONES, PlanOrder(SLOT)),
        (1.0, {**ZONES, "Z-CLEAN": 60.0}, PlanOrder(SLOT)),
        (1.0, ZONES, PlanOrder(SLOT, objective="energy")),
        (1.0, ZONES, PlanOrder(SLOT, PlanMode.ACT)),
    ],
    ids=["demand", "carbon", "objective", "mode"],
)
def test_another_input_gives_the_next_revision(
    store: SqlPlanningStore, fleet: Scenario, times: float, zones: dict[str, float], order: PlanOrder
) -> None:
    forecast(store, SLOT)
    make_plan(PlanOrder(SLOT), fleet, store, solve, now=BEFORE)
    forecast(store, SLOT, times, zones)
    assert make_plan(order, fleet, store, solve, now=BEFORE).record.revision == 2


def test_an_edited_fleet_gives_the_next_revision(store: SqlPlanningStore, tmp_path: Path) -> None:
    forecast(store, SLOT)
    make_plan(PlanOrder(SLOT), small_fleet(tmp_path / "fleet"), store, solve, now=BEFORE)
    edited = small_fleet(
        tmp_path / "fleet", scenario=SCENARIO.replace("A100: 8}, grid_zone: Z-DIRTY", "A100: 6}, grid_zone: Z-DIRTY")
    )
    assert make_plan(PlanOrder(SLOT), edited, store, solve, now=BEFORE).record.revision == 2


def test_a_steady_day_changes_nothing_and_says_so(store: SqlPlanningStore, fleet: Scenario) -> None:
    for slot in (SLOT, NEXT):
        forecast(store, slot)
    first = make_plan(PlanOrder(SLOT), fleet, store, solve, now=BEFORE)
    accept(store, first)
    second = make_plan(PlanOrder(NEXT), fleet, store, solve, now=NEXT.issue_at)
    assert next(each.version for each in second.plan.inputs if each.name == "running") == f"{SLOT.epoch}.1"
    assert second.plan.transitions == ()
    assert changes_of(second.plan, store) == ()
    assert changes_of(first.plan, store)[0] == "No plan was in force before."


def test_what_nobody_accepted_does_not_run(store: SqlPlanningStore, fleet: Scenario) -> None:
    for slot in (SLOT, NEXT):
        forecast(store, slot)
    make_plan(PlanOrder(SLOT), fleet, store, solve, now=BEFORE)
    second = make_plan(PlanOrder(NEXT), fleet, store, solve, now=NEXT.issue_at)
    assert {each.action.value for each in second.plan.transitions} == {"start"}


def test_a_plan_to_act_on_does_not_build_on_advice(store: SqlPlanningStore, fleet: Scenario) -> None:
    for slot in (SLOT, NEXT):
        forecast(store, slot)
    accept(store, make_plan(PlanOrder(SLOT), fleet, store, solve, now=BEFORE))
    acting = make_plan(PlanOrder(NEXT, PlanMode.ACT), fleet, store, solve, now=NEXT.issue_at)
    assert next(each.version for each in acting.plan.inputs if each.name == "running") == "fleet"
    advice = make_plan(PlanOrder(NEXT), fleet, store, solve, now=NEXT.issue_at)
    assert next(each.version for each in advice.plan.inputs if each.name == "running") == f"{SLOT.epoch}.1"


def test_a_slot_that_has_begun_is_planned_from_its_own_plan(store: SqlPlanningStore, fleet: Scenario) -> None:
    forecast(store, SLOT)
    accept(store, make_plan(PlanOrder(SLOT), fleet, store, solve, now=BEFORE))
    during = make_plan(PlanOrder(SLOT, objective="energy"), fleet, store, solve, now=SLOT.starts_at)
    assert next(each.version for each in during.plan.inputs if each.name == "running") == f"{SLOT.epoch}.1"


def test_a_stale_forecast_is_used_and_said(store: SqlPlanningStore, fleet: Scenario) -> None:
    forecast(store, SLOT)
    plan = make_plan(PlanOrder(NEXT), fleet, store, solve, now=NEXT.issue_at).plan
    assert {"demand_stale", "carbon_stale"} <= holds(plan)
    assert {each.name: each.age_s for each in plan.inputs if each.age_s} == {"demand": 2_100.0, "carbon": 3_600.0}


def test_without_carbon_somewhere_energy_is_minimised_and_said(store: SqlPlanningStore, fleet: Scenario) -> None:
    forecast(store, SLOT, zones={"Z-CLEAN": 50.0})
    plan = make_plan(PlanOrder(SLOT), fleet, store, solve, now=BEFORE).plan
    assert "carbon_missing" in holds(plan)
    assert next(each.reason for each in plan.holds if each.code == "carbon_missing").startswith(
        "No carbon intensity is known for dirty: the objective is energy instead"
    )
    assert plan.predicted.carbon_g is None
    assert plan.carbon["dirty"] == ()


def test_without_any_demand_the_plan_in_force_goes_on(store: SqlPlanningStore, fleet: Scenario) -> None:
    forecast(store, SLOT)
    first = make_plan(PlanOrder(SLOT), fleet, store, solve, now=BEFORE)
    accept(store, first)
    emptied = store_without_demand(store)
    plan = make_plan(PlanOrder(NEXT), fleet, emptied, _never, now=NEXT.issue_at).plan
    assert (plan.epoch, plan.revision, plan.solver.status) == (NEXT.epoch, 1, "held")
    assert (plan.pools, plan.slices, plan.routes) == (first.plan.pools, first.plan.slices, first.plan.routes)
    assert plan.transitions == ()
    assert {"demand_missing", "plan_issued_again"} <= holds(plan)
    assert {each.name: each.state.value for each in plan.inputs}["demand"] == "no_data"
    assert plan.valid_from == NEXT.starts_at.timestamp()


def test_without_demand_and_without_a_plan_none_is_made_up(store: SqlPlanningStore, fleet: Scenario) -> None:
    with pytest.raises(ForecastError, match="No demand is known"):
        make_plan(PlanOrder(SLOT), fleet, store, _never, now=BEFORE)
    assert store.plan(SLOT.epoch) is None


def test_a_solver_that_fails_leaves_the_plan_in_force_going_on(store: SqlPlanningStore, fleet: Scenario) -> None:
    for slot in (SLOT, NEXT):
        forecast(store, slot)
    accept(store, make_plan(PlanOrder(SLOT), fleet, store, solve, now=BEFORE))
    plan = make_plan(PlanOrder(NEXT), fleet, store, _fails, now=NEXT.issue_at).plan
    assert "plan_issued_again" in holds(plan)
    assert "it cannot be built" in next(each.reason for each in plan.holds if each.code == "plan_issued_again")


def test_a_solver_that_fails_leaves_the_slots_own_plan_standing(store: SqlPlanningStore, fleet: Scenario) -> None:
    forecast(store, SLOT)
    first = make_plan(PlanOrder(SLOT), fleet, store, solve, now=BEFORE)
    forecast(store, SLOT, times=1.1)
    again = make_plan(PlanOrder(SLOT), fleet, store, _fails, now=BEFORE)
    assert (again.record, again.is_new) == (first.record, False)


def test_advice_issued_again_does_not_become_an_order(store: SqlPlanningStore, tmp_path: Path) -> None:
    """Without endpoints advice counts as in force, so that its series reads as one."""
    fleet = small_fleet(tmp_path / "fleet")
    for slot in (SLOT, NEXT):
        forecast(store, slot)
    make_plan(PlanOrder(SLOT), fleet, store, solve, now=BEFORE)
    assert make_plan(PlanOrder(NEXT), fleet, store, _fails, now=NEXT.issue_at).plan.mode is PlanMode.ADVISE


def test_a_plan_by_rule_of_thumb_is_published_with_a_hold_and_tried_again(
    store: SqlPlanningStore, fleet: Scenario
) -> None:
    forecast(store, SLOT)

    def out_of_time(scenario: Scenario) -> AllocationResult:
        return dataclasses.replace(solve(scenario), status=Outcome.GREEDY, bound=None, gap=None)

    greedy = make_plan(PlanOrder(SLOT), fleet, store, out_of_time, now=BEFORE)
    assert "allocation_greedy" in holds(greedy.plan)
    assert make_plan(PlanOrder(SLOT), fleet, store, solve, now=BEFORE).record.revision == 2


def test_ten_times_the_demand_still_gives_a_plan_that_says_what_it_sheds(
    store: SqlPlanningStore, fleet: Scenario
) -> None:
    forecast(store, SLOT, times=10.0)
    plan = make_plan(PlanOrder(SLOT), fleet, store, solve, now=BEFORE).plan
    assert sum(instances(plan).values()) == 8
    # Capacity for 72.5 short and 14.5 long: 8 instances of 4 or 2; the same share of both is shed.
    assert plan.shed_allowed["default"] > 0.4
    assert "shed_allowed" in holds(plan)


def test_a_partition_without_whole_demand_never_looks_cheap(store: SqlPlanningStore, tmp_path: Path) -> None:
    two = SCENARIO + "  - {name: b, classes: [all], prompt_tokens: [], answer_tokens: []}\n"
    folder = tmp_path / "fleet"
    small_fleet(folder)
    with (folder / "profiles.csv").open("a", encoding="utf-8") as profiles:
        profiles.write("b,all,TP2xA100,9.0,800,20,0.1,0.05,200\n")
    with (folder / "slo.csv").open("a", encoding="utf-8") as slos:
        slos.write("b,all,40,0.5,0.1\n")
    (folder / "scenario.yaml").write_text(two, encoding="utf-8")
    from models.sources.scenario_folder import load_fleet

    forecast(store, SLOT)
    plan = make_plan(PlanOrder(SLOT), load_fleet(folder), store, solve, now=BEFORE).plan
    assert plan.partition["default"].name == "a"
    assert "partition_left_out" in holds(plan)


def test_an_objective_that_does_not_exist_is_refused(store: SqlPlanningStore, fleet: Scenario) -> None:
    forecast(store, SLOT)
    with pytest.raises(ConfigError, match="none of scenario, carbon, energy, cost"):
        make_plan(PlanOrder(SLOT, objective="profit"), fleet, store, _never, now=BEFORE)


def store_without_demand(store: SqlPlanningStore) -> SqlPlanningStore:
    """The store as if no demand had ever been forecast: its records hold no data."""
    for slot in (SLOT, NEXT):
        store.save_forecast(
            ForecastRecord("demand", slot.epoch, slot.issue_at, DataState.NO_DATA, "", (), None, "lost")
        )
    return store


def _never(scenario: Scenario) -> AllocationResult:
    raise AssertionError(f"{scenario.name} is solved, but nothing was to be solved")


def _fails(scenario: Scenario) -> AllocationResult:
    raise AllocationError(f"{scenario.name}: it cannot be built")
