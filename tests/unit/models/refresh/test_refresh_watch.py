"""Watching plans: stock lost, demand above its forecast, runtimes that did not accept; once for each cause and slot."""

import dataclasses
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from freesh_plugin.core.plan import Plan
from models.allocation import allocate
from models.domain.allocation import AllocationResult
from models.domain.records import AcknowledgementRecord, EventRecord
from models.domain.scenario import Demand, Location, Machine, Scenario
from models.refresh.events import demand_above, stock_lost
from models.refresh.known_events import with_events
from models.refresh.plan import make_plan
from models.refresh.problem import PlanOrder
from models.refresh.slot import Slot, slot_named
from models.refresh.watch import Replan, slots_at_hand, watched
from models.sources.store import SqlPlanningStore
from tests.fakes.forecasts import carbon_record, demand_record
from tests.fakes.small_fleet import DEMAND, SCENARIO, ZONES, small_fleet
from tests.fakes.sources import FlatTraffic

SLOT = Slot(1_000_000)
NEXT = Slot(SLOT.epoch + 1)
IN_SLOT = SLOT.starts_at + timedelta(minutes=12)
AFTER_NEXT_ISSUE = NEXT.issue_at + timedelta(minutes=7)
ENDPOINTS = "[{name: g, kind: gateway, location: clean, url: 'http://127.0.0.1:1'}]"
HALF = SCENARIO.replace("A100: 8}, grid_zone: Z-CLEAN", "A100: 4}, grid_zone: Z-CLEAN")


def solve(scenario: Scenario) -> AllocationResult:
    return allocate(scenario, solver="highs")


@pytest.fixture
def fleet(tmp_path: Path) -> Scenario:
    return small_fleet(tmp_path / "fleet", endpoints=ENDPOINTS)


@pytest.fixture
def smaller(tmp_path: Path) -> Scenario:
    """The fleet after the clean location has lost half of its GPUs: the plan uses six of eight."""
    return small_fleet(tmp_path / "smaller", endpoints=ENDPOINTS, scenario=HALF)


def planned(store: SqlPlanningStore, fleet: Scenario, slot: Slot = SLOT, *, now: datetime | None = None) -> Plan:
    store.save_forecast(demand_record(slot, DEMAND))
    store.save_forecast(carbon_record(slot, ZONES))
    return make_plan(PlanOrder(slot), fleet, store, solve, now=now or slot.issue_at).plan


def say(store: SqlPlanningStore, plan: Plan, accepted: bool, reason: str = "", minute: int = 0) -> None:
    at = Slot(plan.epoch).issue_at + timedelta(minutes=minute)
    store.save_acknowledgement(AcknowledgementRecord(plan.epoch, plan.revision, "g", accepted, 200, reason, at))


def slots(orders: tuple[Replan, ...]) -> list[Slot]:
    return [each.slot for each in orders]


def test_nothing_happened_orders_nothing(store: SqlPlanningStore, fleet: Scenario) -> None:
    say(store, planned(store, fleet), True)
    calm = FlatTraffic(rps=1.0)
    assert watched(fleet, calm, store, now=IN_SLOT) == ()
    assert store.events(SLOT.epoch) == ()
    assert calm.asked == [(SLOT.starts_at, IN_SLOT)], "one request, for the slot so far"


def test_lost_gpus_make_a_new_revision_that_says_why_and_no_second_one(
    store: SqlPlanningStore, fleet: Scenario, smaller: Scenario
) -> None:
    say(store, planned(store, fleet), True)
    (order,) = watched(smaller, None, store, now=IN_SLOT)
    reason = "clean has 4 A100 GPUs left of the 6 that plan 1000000.1 uses."
    assert (order.slot, order.reasons, order.mode, order.objective) == (SLOT, (reason,), "advise", "scenario")
    # Until it is carried out, the order stays the same: Airflow makes one run of it.
    later = IN_SLOT + timedelta(minutes=5)
    assert [each.as_run() for each in watched(smaller, None, store, now=later)] == [order.as_run()]
    outcome = make_plan(PlanOrder(SLOT), smaller, store, solve, now=later)
    assert (outcome.plan.revision, outcome.is_new) == (2, True)
    assert [each.reason for each in outcome.plan.holds if each.code == "replanned"] == [f"Planned again: {reason}"]
    assert next(each.note for each in outcome.plan.inputs if each.name == "events") == "stock_lost clean A100"
    assert watched(smaller, None, store, now=later + timedelta(minutes=5)) == ()


def test_the_order_names_a_run_that_airflow_understands(
    store: SqlPlanningStore, fleet: Scenario, smaller: Scenario
) -> None:
    planned(store, fleet)
    (order,) = watched(smaller, None, store, now=IN_SLOT)
    run = order.as_run()
    assert run["trigger_run_id"] == f"replan__{SLOT.key}__{order.version}"
    assert slot_named(run["conf"]["slot"], IN_SLOT) == SLOT
    assert run["conf"] | {"slot": ""} == {"slot": "", "mode": "advise", "objective": "scenario"}


def test_a_machine_or_mode_that_is_gone_is_lost_stock(store: SqlPlanningStore, fleet: Scenario) -> None:
    machines = tuple(Machine(place, f"{place}-{k}", "A100", 4) for place in ("clean", "dirty") for k in (1, 2))
    plan = planned(store, dataclasses.replace(fleet, machines=machines))
    used = {each.machine for each in plan.slices}
    assert used == {"clean-1", "clean-2"}
    left = dataclasses.replace(fleet, machines=machines[1:])
    lost = list(stock_lost(plan, left, at=IN_SLOT))
    assert lost, "clean-1 is gone"
    assert all("clean-1 is no longer in the fleet" in each.reason for each in lost)
    shrunk = dataclasses.replace(fleet, machines=(Machine("clean", "clean-1", "A100", 1), *machines[1:]))
    (short,) = stock_lost(plan, shrunk, at=IN_SLOT)
    assert short.reason.startswith("clean/clean-1 has 1 A100 GPUs left of the ")
    no_mode = dataclasses.replace(fleet, machines=machines, modes=())
    assert {each.kind for each in stock_lost(plan, no_mode, at=IN_SLOT)} == {"stock_lost"}


def rows(*rps: float, start: datetime = SLOT.starts_at, name: str = "0-444") -> pd.DataFrame:
    """Rows of one cell, five minutes each; NaN = no row."""
    times = pd.date_range(start, periods=len(rps), freq="5min")
    table = pd.DataFrame(
        {
            "time": times, "prompt_cell": "0-inf", "answer_cell": name, "demand_rps": rps,
            "model": "default", "origin": "any", "tier": "default",
        }
    )  # fmt: skip
    return table.dropna()


@pytest.mark.parametrize(
    ("measured", "is_above"),
    [
        # The 0.99 quantile of class short is 1.49 x 5 = 7.45 req/s.
        ((7.5, 7.6), True),
        ((9.0, 3.0, 7.5, 7.6), True),
        ((7.4, 7.6), False),
        ((7.6, 7.4), False),
        ((7.6,), False),
        ((7.6, np.nan, 7.6), False),
        ((9.0, 9.0, 1.0), False),
    ],
)
def test_two_rows_in_a_row_above_the_quantile_are_an_event(
    store: SqlPlanningStore, fleet: Scenario, measured: tuple[float, ...], is_above: bool
) -> None:
    plan = planned(store, fleet)
    record = demand_record(SLOT, DEMAND)
    found = list(demand_above(rows(*measured), plan, record, fleet, since=SLOT.starts_at, at=IN_SLOT))
    assert bool(found) == is_above
    for each in found:
        assert each.labels["request_class"] == "short"
        assert each.measured_rps == max(measured[-2:])
        assert "above the 0.99 quantile of its forecast, 7.45 req/s" in each.reason


def test_rows_before_the_slot_do_not_speak_against_its_forecast(store: SqlPlanningStore, fleet: Scenario) -> None:
    plan, record = planned(store, fleet), demand_record(SLOT, DEMAND)
    early = rows(9.0, 9.0, 9.0, start=SLOT.starts_at - timedelta(minutes=10))
    assert list(demand_above(early, plan, record, fleet, since=SLOT.starts_at, at=IN_SLOT)) == []


def test_demand_above_its_forecast_is_planned_for(store: SqlPlanningStore, fleet: Scenario) -> None:
    """12 req/s of each class were measured; forecast were 5 and 1. At 4 and 2 req/s an instance: 3 and 6."""
    first = planned(store, fleet)
    say(store, first, True)
    (order,) = watched(fleet, FlatTraffic(rps=12.0), store, now=IN_SLOT)
    assert order.slot == SLOT
    assert len(order.reasons) == 2
    plan = make_plan(PlanOrder(SLOT), fleet, store, solve, now=IN_SLOT).plan
    wanted: dict[str, int] = {}
    for pool in plan.pools:
        wanted[pool.request_class] = wanted.get(pool.request_class, 0) + pool.instances.target
    assert wanted["short"] == 3
    assert sum(wanted.values()) == 8, "all sixteen GPUs serve"
    assert {each.demand_rps for each in plan.demand} == {12.0}
    assert any("was up to 12 req/s from" in each.reason for each in plan.holds if each.code == "replanned")
    assert watched(fleet, FlatTraffic(rps=15.0), store, now=IN_SLOT + timedelta(minutes=5)) == ()


def test_a_new_plan_cannot_escape_what_was_measured_by_another_partition(
    store: SqlPlanningStore, fleet: Scenario
) -> None:
    """Partition b, cut at the same place and a little worse: its forecast must not look cheaper than what came."""
    (own,) = fleet.partitions
    worse = [dataclasses.replace(each, partition="b", capacity_rps=each.capacity_rps * 0.97) for each in fleet.profiles]
    twofold = dataclasses.replace(
        fleet,
        partitions=(own, dataclasses.replace(own, name="b")),
        profiles=(*fleet.profiles, *worse),
        slos=(*fleet.slos, *(dataclasses.replace(each, partition="b") for each in fleet.slos)),
    )
    both = DEMAND | {("b", name): rate for (_, name), rate in DEMAND.items()}
    store.save_forecast(demand_record(SLOT, both))
    store.save_forecast(carbon_record(SLOT, ZONES))
    first = make_plan(PlanOrder(SLOT), twofold, store, solve, now=SLOT.issue_at).plan
    say(store, first, True)
    assert watched(twofold, FlatTraffic(rps=12.0), store, now=IN_SLOT)
    plan = make_plan(PlanOrder(SLOT), twofold, store, solve, now=IN_SLOT).plan
    assert {each.demand_rps for each in plan.demand} == {12.0}


def test_measured_demand_is_shared_by_origin_as_forecast() -> None:
    event = EventRecord(
        1, "demand_above", "a S default default", IN_SLOT, "x",
        {"partition": "a", "request_class": "S", "model": "default", "tier": "default"}, 8.0,
    )  # fmt: skip
    fleet = Scenario("x", (), (), (), (), (), demand=_two_origins(3.0, 1.0), carbon=())
    raised, _, _ = with_events(fleet, [event])
    assert [(each.mean_rps, each.demand_rps) for each in raised.demand] == [(6.0, 6.0), (2.0, 2.0)]
    already = Scenario("x", (), (), (), (), (), demand=_two_origins(30.0, 10.0), carbon=())
    assert with_events(already, [event])[0].demand == already.demand
    nothing = Scenario("x", (), (), (), (), (), demand=_two_origins(0.0, 0.0), carbon=())
    assert [each.demand_rps for each in with_events(nothing, [event])[0].demand] == [4.0, 4.0]


def _two_origins(eu: float, us: float) -> tuple[Demand, ...]:
    return tuple(Demand("a", "S", 0, rps * 1.2, rps, origin=origin) for origin, rps in (("eu", eu), ("us", us)))


def test_a_runtime_that_did_not_accept_is_tried_once_more(store: SqlPlanningStore, fleet: Scenario) -> None:
    plan = planned(store, fleet)
    say(store, plan, False, "no answer within 10 s")
    before = SLOT.starts_at - timedelta(minutes=3)
    assert watched(fleet, None, store, now=before) == (), "the slot has not begun: its push may still go on"
    (order,) = watched(fleet, None, store, now=IN_SLOT)
    assert order.reasons == ("g did not accept plan 1000000.1: no answer within 10 s",)
    again = make_plan(PlanOrder(SLOT), fleet, store, solve, now=IN_SLOT).plan
    assert again.revision == 2
    say(store, again, False, "no answer within 10 s")
    assert watched(fleet, None, store, now=IN_SLOT + timedelta(minutes=5)) == (), "the same cause, the same slot"


def test_a_runtime_that_came_round_or_was_never_asked_is_no_event(store: SqlPlanningStore, fleet: Scenario) -> None:
    plan = planned(store, fleet)
    assert watched(fleet, None, store, now=IN_SLOT) == ()
    say(store, plan, False, "no answer")
    say(store, plan, True, minute=1)
    assert watched(fleet, None, store, now=IN_SLOT) == ()


def at_hand(store: SqlPlanningStore, now: datetime) -> list[Slot]:
    return [slot for slot, _ in slots_at_hand(store, now)]


def test_which_slots_a_runtime_would_still_take_a_plan_for(store: SqlPlanningStore, fleet: Scenario) -> None:
    assert at_hand(store, IN_SLOT) == [], "no plan, nothing to plan again"
    say(store, planned(store, fleet), True)
    assert at_hand(store, IN_SLOT) == [SLOT]
    assert at_hand(store, AFTER_NEXT_ISSUE) == [], "the run of the coming slot is on its way"
    ahead = planned(store, fleet, NEXT)
    assert at_hand(store, AFTER_NEXT_ISSUE - timedelta(minutes=5)) == [SLOT, NEXT], "nobody holds the coming plan yet"
    assert at_hand(store, NEXT.starts_at - timedelta(minutes=2)) == [NEXT], "too late for the current one"
    say(store, ahead, True)
    assert at_hand(store, AFTER_NEXT_ISSUE) == [NEXT]
    assert at_hand(store, IN_SLOT) == [NEXT], "planned early, by hand"


def test_the_coming_slot_is_planned_again_when_stock_is_lost_after_its_plan(
    store: SqlPlanningStore, fleet: Scenario, smaller: Scenario
) -> None:
    say(store, planned(store, fleet), True)
    say(store, planned(store, fleet, NEXT), True)
    orders = watched(smaller, None, store, now=AFTER_NEXT_ISSUE)
    assert slots(orders) == [NEXT]
    assert store.events(SLOT.epoch) == ()


def test_load_that_the_coming_forecast_did_not_know_speaks_against_it(store: SqlPlanningStore, fleet: Scenario) -> None:
    say(store, planned(store, fleet), True)
    say(store, planned(store, fleet, NEXT), True)
    assert slots(watched(fleet, FlatTraffic(rps=12.0), store, now=AFTER_NEXT_ISSUE)) == [NEXT]
    assert {each.kind for each in store.events(NEXT.epoch)} == {"demand_above"}


def test_a_source_that_fails_only_costs_the_look_at_demand(
    store: SqlPlanningStore, fleet: Scenario, smaller: Scenario
) -> None:
    planned(store, fleet)
    assert slots(watched(smaller, FlatTraffic(failing=True), store, now=IN_SLOT)) == [SLOT]


@pytest.mark.parametrize(
    ("zones", "asked", "again"),
    [(ZONES, "energy", "energy"), ({}, "scenario", "scenario"), (ZONES, "carbon", "scenario")],
)
def test_an_objective_of_its_own_is_ordered_again_and_a_fallback_is_not(
    store: SqlPlanningStore, fleet: Scenario, smaller: Scenario, zones: dict[str, float], asked: str, again: str
) -> None:
    """The fleet's own is carbon; without carbon, the plan minimises energy."""
    store.save_forecast(demand_record(SLOT, DEMAND))
    store.save_forecast(carbon_record(SLOT, zones))
    make_plan(PlanOrder(SLOT, objective=asked), fleet, store, solve, now=SLOT.issue_at)
    orders = watched(dataclasses.replace(smaller, locations=_one_each(smaller)), None, store, now=IN_SLOT)
    assert [each.objective for each in orders] == [again]


def _one_each(fleet: Scenario) -> tuple[Location, ...]:
    """One GPU at every location: less than any plan uses where it serves at all."""
    return tuple(dataclasses.replace(each, gpus={"A100": 1}) for each in fleet.locations)


def test_the_store_keeps_the_first_word_on_a_cause(store: SqlPlanningStore) -> None:
    first = EventRecord(7, "stock_lost", "m1", IN_SLOT, "first", {"model": "x"}, 2.5)
    store.save_event(first)
    store.save_event(dataclasses.replace(first, reason="second"))
    store.save_event(dataclasses.replace(first, epoch=8))
    assert store.events(7) == (first,)
    assert store.events(9) == ()
