"""Prices of a slot: published, assumed or missing, each said; the fleet's own table first; plans that count money."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from models.allocation import allocate
from models.domain.allocation import AllocationResult
from models.domain.forecast import DataState
from models.domain.scenario import Scenario
from models.refresh.known_prices import known_prices
from models.refresh.plan import make_plan
from models.refresh.prices import refresh_prices
from models.refresh.problem import PlanOrder
from models.refresh.slot import Slot
from models.refresh.story import forecast_story
from models.sources.ports import Fetched, Publishing
from models.sources.store import SqlPlanningStore
from tests.fakes.forecasts import carbon_record, demand_record
from tests.fakes.small_fleet import DEMAND, SCENARIO, ZONES, small_fleet
from tests.fakes.sources import DayAheadPrices

SLOT = Slot(1_000_000)
"""2027-01-15 08:00-08:30 UTC."""
ON_TIME = SLOT.issue_at - timedelta(minutes=5)
MIDNIGHT = SLOT.starts_at.replace(hour=0, minute=0)
PRICED = SCENARIO.replace("grid_zone: Z-CLEAN", "grid_zone: Z-CLEAN, price_zone: P-DEAR").replace(
    "grid_zone: Z-DIRTY", "grid_zone: Z-DIRTY, price_zone: P-CHEAP"
)


def solve(scenario: Scenario) -> AllocationResult:
    return allocate(scenario, solver="highs")


def market(until: datetime = MIDNIGHT + timedelta(days=2)) -> DayAheadPrices:
    """Dear in the clean zone: 100 USD/MWh and the hour of the day on top; cheap in the dirty one, 10 throughout."""
    return DayAheadPrices({"P-DEAR": lambda hour: 100.0 + hour, "P-CHEAP": lambda hour: 10.0}, until)


@pytest.fixture
def fleet(tmp_path: Path) -> Scenario:
    return small_fleet(tmp_path / "fleet", scenario=PRICED)


def forecast(store: SqlPlanningStore, slot: Slot = SLOT) -> None:
    store.save_forecast(demand_record(slot, DEMAND))
    store.save_forecast(carbon_record(slot, ZONES))


def test_prices_beyond_the_cut_off_count_as_far_as_they_are_published(store: SqlPlanningStore, fleet: Scenario) -> None:
    record = refresh_prices(SLOT, fleet, market(), store, now=ON_TIME)
    assert (record.state, record.age_s, record.source) == (DataState.OK, 0.0, "day-ahead prices")
    dear = next(each for each in record.forecasts if each.series == "P-DEAR" and each.model == "published")
    assert (dear.starts_at, dear.step_s) == (SLOT.starts_at, 3_600)
    # From 8 h of the first day to the end of the second one: 40 hours, all published by now.
    assert dear.mean.tolist() == [100.0 + hour % 24 for hour in range(8, 48)]


def test_hours_that_are_not_published_yet_take_yesterdays_price_and_say_so(
    store: SqlPlanningStore, fleet: Scenario
) -> None:
    late = Slot(SLOT.epoch + 32)
    assert late.starts_at == MIDNIGHT + timedelta(days=1)
    source = market(until=late.starts_at)
    record = refresh_prices(late, fleet, source, store, now=late.issue_at)
    stretches = {(each.series, each.model): each.mean.tolist() for each in record.forecasts}
    assert stretches["P-DEAR", "assumed"] == [100.0 + hour for hour in range(24)]
    assert ("P-DEAR", "published") not in stretches
    prices = known_prices(store, fleet, late)
    assert (prices.missing, prices.assumed) == ((), ("clean", "dirty"))
    assert str(prices.as_input().state) == "stale"
    forecast(store, late)
    plan = make_plan(PlanOrder(late, objective="cost"), fleet, store, solve, now=late.issue_at).plan
    said = next(each.reason for each in plan.holds if each.code == "prices_assumed")
    assert "clean, dirty is assumed to be that of the same hour of the day before" in said
    assert "assumed" in forecast_story(record)


def test_a_price_that_nobody_knows_is_not_made_up(store: SqlPlanningStore, fleet: Scenario) -> None:
    """The auction of yesterday never came: neither today nor the day before tells."""
    record = refresh_prices(SLOT, fleet, market(until=MIDNIGHT - timedelta(hours=17)), store, now=ON_TIME)
    assert [each.series for each in record.forecasts] == []
    assert record.state is DataState.NO_DATA


def test_least_cost_goes_where_power_is_cheap_and_its_dollars_are_those_of_the_table(
    store: SqlPlanningStore, fleet: Scenario
) -> None:
    forecast(store)
    refresh_prices(SLOT, fleet, market(), store, now=ON_TIME)
    plan = make_plan(PlanOrder(SLOT, objective="cost"), fleet, store, solve, now=SLOT.issue_at).plan
    assert {pool.location for pool in plan.pools if pool.instances.target} == {"dirty"}
    told = {each.name: each for each in plan.inputs}
    assert (told["prices"].state, told["prices"].note) == ("ok", "source: day-ahead prices")
    # Dirty: 3 idle and loaded instances (see the carbon golden case) and 2 parked GPUs; clean: 8 parked GPUs.
    busy = 3 * 200 + 2 * 600 * 5 / 8 + 600 * 1 / 2 + 55 * 2
    assert plan.predicted.cost_usd == pytest.approx((busy * 10 + 55 * 8 * 108) / 1e6 * 0.5)


def test_prices_read_for_an_earlier_slot_are_as_good(store: SqlPlanningStore, fleet: Scenario) -> None:
    refresh_prices(SLOT, fleet, market(), store, now=ON_TIME)
    later = Slot(SLOT.epoch + 4)
    prices = known_prices(store, fleet, later)
    assert (prices.missing, prices.assumed, prices.age_s) == ((), (), 2 * 3_600.0 + 300)
    assert [each.price_usd_per_mwh for each in prices.points if each.location == "clean"] == [110.0] * 6


def test_without_prices_a_plan_of_least_cost_falls_back_and_says_so(store: SqlPlanningStore, fleet: Scenario) -> None:
    forecast(store)
    refresh_prices(SLOT, fleet, None, store, now=ON_TIME)
    plan = make_plan(PlanOrder(SLOT, objective="cost"), fleet, store, solve, now=SLOT.issue_at).plan
    hold = next(each.reason for each in plan.holds if each.code == "prices_missing")
    assert hold.startswith("No electricity price is known for clean, dirty: the objective is energy instead")
    assert "no Connection freesh_prices" in hold
    assert next(str(each.state) for each in plan.inputs if each.name == "prices") == "no_data"


def test_one_zone_without_a_price_counts_none(store: SqlPlanningStore, fleet: Scenario) -> None:
    source = market()
    source.down = {"P-CHEAP"}
    refresh_prices(SLOT, fleet, source, store, now=ON_TIME)
    forecast(store)
    plan = make_plan(PlanOrder(SLOT, objective="cost"), fleet, store, solve, now=SLOT.issue_at).plan
    assert any("price is known for dirty" in each.reason for each in plan.holds)
    assert plan.predicted.cost_usd is None


def test_a_plan_that_counts_no_money_is_as_ever(store: SqlPlanningStore, fleet: Scenario) -> None:
    forecast(store)
    refresh_prices(SLOT, fleet, None, store, now=ON_TIME)
    plan = make_plan(PlanOrder(SLOT), fleet, store, solve, now=SLOT.issue_at).plan
    assert {each.name for each in plan.inputs} == {"fleet", "objective", "demand", "carbon", "running"}
    assert plan.holds == ()


def test_the_fleets_own_table_goes_before_the_source(store: SqlPlanningStore, tmp_path: Path) -> None:
    folder = tmp_path / "fleet"
    small_fleet(folder, scenario=PRICED)
    rows = [f"{name},{step},{price}" for name, price in (("clean", 7), ("dirty", 70)) for step in range(6)]
    (folder / "prices.csv").write_text("\n".join(["location,step,price_usd_per_mwh", *rows, ""]), encoding="utf-8")
    from models.sources.scenario_folder import load_fleet

    fleet = load_fleet(folder)
    forecast(store)
    refresh_prices(SLOT, fleet, market(), store, now=ON_TIME)
    plan = make_plan(PlanOrder(SLOT, objective="cost"), fleet, store, solve, now=SLOT.issue_at).plan
    assert {pool.location for pool in plan.pools if pool.instances.target} == {"clean"}
    assert "prices.csv" in next(each.note for each in plan.inputs if each.name == "prices")


def test_a_fleet_that_minimises_cost_loads_without_a_table_of_prices(tmp_path: Path) -> None:
    fleet = small_fleet(tmp_path / "fleet", scenario=PRICED.replace("objective: carbon", "objective: cost"))
    assert fleet.objective.needs_prices
    assert fleet.prices == ()


def test_a_source_that_fails_leaves_the_prices_that_were_known_as_far_as_they_reach(
    store: SqlPlanningStore, fleet: Scenario
) -> None:
    source = market()
    refresh_prices(SLOT, fleet, source, store, now=ON_TIME)
    source.down = {"P-CHEAP", "P-DEAR"}
    later = Slot(SLOT.epoch + 4)
    record = refresh_prices(later, fleet, source, store, now=later.issue_at)
    assert (record.state, record.age_s) == (DataState.STALE, 2 * 3_600.0 + 300)
    prices = known_prices(store, fleet, later)
    assert (prices.missing, prices.assumed) == ((), ())


def test_a_past_slot_is_not_shown_prices_that_were_read_after_it(store: SqlPlanningStore, fleet: Scenario) -> None:
    source = market()
    refresh_prices(Slot(SLOT.epoch + 4), fleet, source, store, now=Slot(SLOT.epoch + 4).issue_at)
    source.down = {"P-CHEAP", "P-DEAR"}
    record = refresh_prices(SLOT, fleet, source, store, now=Slot(SLOT.epoch + 4).issue_at)
    assert {each.model for each in record.forecasts} <= {"assumed"}


class ChangingRows:
    """Implements `PriceSource`: hourly rows until midnight, quarter hours after it, but for one that is missing."""

    name = "changing rows"
    publishing = Publishing(lag=timedelta(), max_age=timedelta(), updated_every=timedelta(minutes=45))

    def fetch(self, zones: Sequence[str], start: datetime, end: datetime, *, cut_off: datetime) -> Fetched:
        del start, end, cut_off
        later = MIDNIGHT + timedelta(days=1)
        times = [MIDNIGHT + timedelta(hours=hour) for hour in range(24)]
        times += [later + timedelta(minutes=15 * quarter) for quarter in range(96) if quarter != 5]
        return Fetched(
            pd.DataFrame(
                {
                    "time": pd.DatetimeIndex(times * len(zones)),
                    "zone": [zone for zone in zones for _ in times],
                    "price_usd_per_mwh": [float(moment.hour) for moment in times] * len(zones),
                }
            )
        )


def test_an_hourly_row_holds_its_hour_beside_finer_rows_and_a_hole_stays_one(
    store: SqlPlanningStore, fleet: Scenario
) -> None:
    record = refresh_prices(SLOT, fleet, ChangingRows(), store, now=ON_TIME)
    told = [each for each in record.forecasts if each.series == "P-DEAR"]
    assert told[0].mean[:8].tolist() == [8.0] * 4 + [9.0] * 4
    (hole,) = [each for each in told if each.model == "assumed" and each.starts_at.date() > MIDNIGHT.date()][:1]
    assert (hole.starts_at - MIDNIGHT, len(hole.mean)) == (timedelta(hours=25, minutes=15), 1)
