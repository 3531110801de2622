"""Forecasts as a plan uses them: which record, how stale, which steps."""

import dataclasses
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from models.domain.forecast import DataState
from models.domain.records import ForecastRecord
from models.refresh.forecasts import carbon_outlook, carbon_points, demand_rows, rounded, used_forecasts
from models.refresh.slot import Slot
from models.sources.store import SqlPlanningStore
from tests.fakes.forecasts import carbon_record, demand_record, flat_forecast
from tests.fakes.small_fleet import DEMAND, ZONES, small_fleet

SLOT = Slot(1_000_000)


def test_the_forecast_of_the_slot_is_used_as_it_is(store: SqlPlanningStore) -> None:
    store.save_forecast(demand_record(SLOT, DEMAND, age_s=420.0))
    used = used_forecasts(store, "demand", SLOT)
    assert (used.state, used.age_s, len(used.forecasts)) == (DataState.OK, 420.0, 2)


def test_the_last_good_forecast_stands_in_stale_with_its_age(store: SqlPlanningStore) -> None:
    store.save_forecast(demand_record(Slot(SLOT.epoch - 3), DEMAND, age_s=300.0))
    store.save_forecast(
        ForecastRecord("demand", SLOT.epoch, SLOT.issue_at, DataState.NO_DATA, "flat", (), None, "down")
    )
    used = used_forecasts(store, "demand", SLOT)
    assert used.state is DataState.STALE
    assert used.age_s == 3 * 1_800 + 300
    assert "down" in used.note
    assert str(Slot(SLOT.epoch - 3)) in used.note


def test_a_later_forecast_never_stands_in(store: SqlPlanningStore) -> None:
    store.save_forecast(demand_record(Slot(SLOT.epoch + 1), DEMAND))
    used = used_forecasts(store, "demand", SLOT)
    assert (used.state, used.forecasts, used.age_s) == (DataState.NO_DATA, (), None)
    assert "no demand forecast was made" in used.note


def test_equal_forecasts_have_equal_versions_and_others_another(store: SqlPlanningStore) -> None:
    def version(rps: float) -> str:
        store.save_forecast(demand_record(SLOT, {("a", "short"): rps}))
        return used_forecasts(store, "demand", SLOT).version

    assert version(5.0) == version(5.0)
    assert version(5.0) != version(5.0001)


def test_demand_is_planned_for_the_quantile_and_counted_at_the_mean(store: SqlPlanningStore, tmp_path: Path) -> None:
    store.save_forecast(demand_record(SLOT, DEMAND))
    rows = demand_rows(used_forecasts(store, "demand", SLOT), small_fleet(tmp_path / "fleet"))
    short = [row for row in rows if row.request_class == "short"]
    assert [row.step for row in short] == [0, 1, 2, 3, 4, 5]
    assert {(row.demand_rps, row.mean_rps) for row in short} == {(5.0 * 1.45, 5.0)}


def test_demand_of_what_the_fleet_no_longer_has_is_left_out(store: SqlPlanningStore, tmp_path: Path) -> None:
    store.save_forecast(demand_record(SLOT, {**DEMAND, ("a", "gone"): 9.0, ("z", "short"): 9.0}))
    rows = demand_rows(used_forecasts(store, "demand", SLOT), small_fleet(tmp_path / "fleet"))
    assert {(row.partition, row.request_class) for row in rows} == {("a", "short"), ("a", "long")}


def test_a_mean_above_the_quantile_lifts_the_capacity(store: SqlPlanningStore, tmp_path: Path) -> None:
    record = demand_record(SLOT, {("a", "short"): 1.0})
    uneven = dataclasses.replace(record.forecasts[0], mean=np.full(6, 3.0))
    store.save_forecast(dataclasses.replace(record, forecasts=(uneven,)))
    rows = demand_rows(used_forecasts(store, "demand", SLOT), small_fleet(tmp_path / "fleet"))
    assert {(row.demand_rps, row.mean_rps) for row in rows} == {(3.0, 3.0)}


def test_carbon_goes_to_the_locations_of_its_zone(store: SqlPlanningStore, tmp_path: Path) -> None:
    store.save_forecast(carbon_record(SLOT, ZONES))
    fleet = small_fleet(tmp_path / "fleet")
    used = used_forecasts(store, "carbon", SLOT)
    points = carbon_points(used, fleet, SLOT)
    assert {(p.location, p.carbon_gco2e_per_kwh, p.p10, p.p90) for p in points} == {
        ("clean", 50.0, 30.0, 70.0),
        ("dirty", 500.0, 300.0, 700.0),
    }
    outlook = carbon_outlook(used, fleet, SLOT)
    assert {name: len(steps) for name, steps in outlook.items()} == {"clean": 72, "dirty": 72}


@pytest.mark.parametrize(("epochs", "steps"), [(0, 72), (1, 66), (11, 6), (12, 72), (46, 12), (47, 6)])
def test_carbon_of_an_earlier_slot_serves_as_far_as_it_reaches(
    store: SqlPlanningStore, tmp_path: Path, epochs: int, steps: int
) -> None:
    """Six hours in steps; after that the day in hours, from which steps are read."""
    earlier = Slot(SLOT.epoch - epochs)
    store.save_forecast(carbon_record(earlier, ZONES))
    fleet = small_fleet(tmp_path / "fleet")
    used = used_forecasts(store, "carbon", SLOT)
    assert len(carbon_outlook(used, fleet, SLOT)["clean"]) == steps
    assert len(carbon_points(used, fleet, SLOT)) == 12


def test_carbon_that_no_longer_reaches_the_slot_is_not_stretched(store: SqlPlanningStore, tmp_path: Path) -> None:
    store.save_forecast(carbon_record(Slot(SLOT.epoch - 48), ZONES))
    used = used_forecasts(store, "carbon", SLOT)
    assert carbon_points(used, small_fleet(tmp_path / "fleet"), SLOT) == ()


def test_steps_of_an_hourly_forecast_are_read_at_their_time(store: SqlPlanningStore, tmp_path: Path) -> None:
    hours = flat_forecast("Z-CLEAN", SLOT, 1.0, (0.1, 0.5, 0.9), {"zone": "Z-CLEAN"}, steps=3, step_s=3_600)
    rising = dataclasses.replace(
        hours, starts_at=SLOT.starts_at - timedelta(minutes=45), mean=np.array([10.0, 20.0, 30.0])
    )
    record = carbon_record(SLOT, {})
    store.save_forecast(dataclasses.replace(record, forecasts=(rising,)))
    points = carbon_points(used_forecasts(store, "carbon", SLOT), small_fleet(tmp_path / "fleet"), SLOT)
    assert [p.carbon_gco2e_per_kwh for p in points] == [10.0, 10.0, 10.0, 20.0, 20.0, 20.0]


def test_a_forecast_is_kept_with_the_decimals_of_a_plan() -> None:
    raw = flat_forecast("x", SLOT, 1.0 / 3.0, (0.5,), {}, steps=1, step_s=300)
    assert rounded(raw, "demand").mean.tolist() == [0.3333]
    assert rounded(raw, "carbon").mean.tolist() == [0.33]
    negative = dataclasses.replace(raw, mean=np.array([-0.001]))
    assert str(rounded(negative, "carbon").mean[0]) == "0.0"
