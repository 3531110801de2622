"""Refreshing forecasts: the cut-off, classes as sums of cells, joint quantiles, and every way a source can fail."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from freesh_plugin.core.errors import ConfigError
from models.domain.forecast import DataState
from models.domain.scenario import CarbonSignal, Scenario
from models.forecast import scaled_to_joint
from models.refresh.carbon import refresh_carbon
from models.refresh.forecasts import DEMAND_QUANTILE
from models.refresh.slot import Slot
from models.refresh.traffic import HISTORY, refresh_traffic
from models.sources.scenario_folder import load_fleet
from models.sources.store import SqlPlanningStore
from tests.fakes.forecasts import flat_forecast
from tests.fakes.small_fleet import SCENARIO, ZONES, small_fleet
from tests.fakes.sources import FlatCarbon, FlatTraffic

SLOT = Slot(1_000_000)
ON_TIME = SLOT.issue_at + timedelta(seconds=20)
LATER = SLOT.starts_at + timedelta(days=2)


@pytest.fixture
def fleet(tmp_path: Path) -> Scenario:
    return small_fleet(tmp_path / "fleet")


def test_steady_traffic_is_forecast_as_it_was(store: SqlPlanningStore, fleet: Scenario) -> None:
    record = refresh_traffic(SLOT, fleet, FlatTraffic(rps=2.5), store, now=ON_TIME)
    assert (record.state, record.age_s, record.issued_at) == (DataState.OK, 0.0, SLOT.issue_at)
    assert {each.labels["request_class"] for each in record.forecasts} == {"short", "long"}
    for each in record.forecasts:
        assert each.mean.tolist() == [2.5] * 6
        assert each.quantile(DEMAND_QUANTILE).tolist() == [2.5] * 6
        assert each.starts_at == SLOT.starts_at
    kept = store.forecast("demand", SLOT.epoch)
    assert kept is not None
    assert (kept.state, len(kept.forecasts)) == (DataState.OK, 2)


@pytest.mark.parametrize("now", [ON_TIME, LATER], ids=["on time", "filled in later"])
def test_nothing_after_the_moment_of_issue_is_asked_for(
    store: SqlPlanningStore, fleet: Scenario, now: "object"
) -> None:
    source = FlatTraffic()
    refresh_traffic(SLOT, fleet, source, store, now=now)  # type: ignore[arg-type]  # parametrize loses the type
    assert source.asked == [(SLOT.issue_at - HISTORY, SLOT.issue_at)]


def test_a_slot_issued_early_knows_what_is_known_now(store: SqlPlanningStore, fleet: Scenario) -> None:
    early = SLOT.issue_at - timedelta(minutes=25)
    record = refresh_traffic(SLOT, fleet, FlatTraffic(), store, now=early)
    assert (record.issued_at, record.state) == (early, DataState.OK)


def test_a_class_is_the_sum_of_its_cells(store: SqlPlanningStore, tmp_path: Path) -> None:
    """Partition b cuts prompts too, so cells are halved: class short of a, whatever the prompt, is two cells."""
    two = SCENARIO + "  - {name: b, classes: [S, L], prompt_tokens: 128, answer_tokens: []}\n"
    fleet = _with_b(tmp_path, two)
    record = refresh_traffic(SLOT, fleet, FlatTraffic(rps=1.0), store, now=ON_TIME)
    means = {(each.labels["partition"], each.labels["request_class"]): each.mean[0] for each in record.forecasts}
    assert means == {("a", "short"): 2.0, ("a", "long"): 2.0, ("b", "S"): 2.0, ("b", "L"): 2.0}


def test_a_partition_with_an_unknown_boundary_is_left_out_and_said(store: SqlPlanningStore, tmp_path: Path) -> None:
    unknown = SCENARIO + "  - {name: b, classes: [S, L], prompt_tokens: null, answer_tokens: []}\n"
    fleet = _with_b(tmp_path, unknown)
    record = refresh_traffic(SLOT, fleet, FlatTraffic(), store, now=ON_TIME)
    assert {each.labels["partition"] for each in record.forecasts} == {"a"}
    assert "partition b" in record.note
    assert "unknown boundary" in record.note


def test_origins_are_forecast_apart_and_planned_together(store: SqlPlanningStore, fleet: Scenario) -> None:
    source = FlatTraffic(rps=4.0, origins=(("eu", 0.75), ("us", 0.25)))
    record = refresh_traffic(SLOT, fleet, source, store, now=ON_TIME)
    means = {(each.labels["request_class"], each.labels["origin"]): each.mean[0] for each in record.forecasts}
    assert means == {("short", "eu"): 3.0, ("short", "us"): 1.0, ("long", "eu"): 3.0, ("long", "us"): 1.0}


def test_quantiles_of_origins_add_up_to_the_joint_one() -> None:
    eu, us, joint = (
        flat_forecast(name, SLOT, mean, (0.5, 0.95), {}, steps=2, step_s=300)
        for name, mean in (("eu", 2.0), ("us", 1.0), ("joint", 2.5))
    )
    scaled = scaled_to_joint([eu, us], joint)
    assert np.allclose(scaled[0].quantiles + scaled[1].quantiles, joint.quantiles)
    assert np.allclose(scaled[0].quantiles, 2 * scaled[1].quantiles)
    assert scaled[0].mean.tolist() == [2.0, 2.0]


def test_origins_without_demand_stay_without() -> None:
    zero = flat_forecast("eu", SLOT, 0.0, (0.95,), {}, steps=1, step_s=300)
    assert scaled_to_joint([zero, zero], zero)[0].quantiles.tolist() == [[0.0]]


def test_a_source_that_fails_leaves_the_last_known_rows_stale_with_their_age(
    store: SqlPlanningStore, fleet: Scenario
) -> None:
    source, next_slot = FlatTraffic(rps=2.0), Slot(SLOT.epoch + 2)
    refresh_traffic(SLOT, fleet, source, store, now=ON_TIME)
    source.failing = True
    record = refresh_traffic(next_slot, fleet, source, store, now=next_slot.issue_at)
    assert (record.state, record.age_s) == (DataState.STALE, 3_600.0)
    assert record.forecasts[0].mean.tolist() == [2.0] * 6
    assert "is down" in record.note


def test_rows_kept_from_later_never_show_a_slot_its_own_future(store: SqlPlanningStore, fleet: Scenario) -> None:
    source = FlatTraffic(rps=2.0)
    refresh_traffic(Slot(SLOT.epoch + 4), fleet, source, store, now=LATER)
    source.failing = True
    record = refresh_traffic(SLOT, fleet, source, store, now=LATER)
    assert (record.state, record.age_s) == (DataState.STALE, 0.0)
    long_before = Slot(SLOT.epoch - 48 * 40)
    nothing = refresh_traffic(long_before, fleet, source, store, now=LATER)
    assert (nothing.state, nothing.forecasts, nothing.age_s) == (DataState.NO_DATA, (), None)


def test_without_a_source_there_is_no_data_and_no_number(store: SqlPlanningStore, fleet: Scenario) -> None:
    for record in (
        refresh_traffic(SLOT, fleet, None, store, now=ON_TIME),
        refresh_carbon(SLOT, fleet, None, store, now=ON_TIME),
    ):
        assert (record.state, record.forecasts, record.age_s) == (DataState.NO_DATA, (), None)
        assert "no Connection freesh_" in record.note


def test_carbon_reaches_six_hours_in_steps_and_a_day_in_hours_from_the_slot(
    store: SqlPlanningStore, fleet: Scenario
) -> None:
    record = refresh_carbon(SLOT, fleet, FlatCarbon(ZONES), store, now=ON_TIME)
    assert (record.state, len(record.forecasts)) == (DataState.OK, 4)
    for each in record.forecasts:
        assert set(each.mean) == {ZONES[each.labels["zone"]]}
        reach = each.starts_at + timedelta(seconds=each.step_s * len(each.mean)) - SLOT.starts_at
        assert reach >= timedelta(hours=6 if each.step_s == 300 else 24)
        assert each.starts_at <= SLOT.issue_at


def test_a_zone_that_fails_leaves_the_others_good(store: SqlPlanningStore, fleet: Scenario) -> None:
    record = refresh_carbon(SLOT, fleet, FlatCarbon(ZONES, down={"Z-DIRTY"}), store, now=ON_TIME)
    assert {each.labels["zone"] for each in record.forecasts} == {"Z-CLEAN"}
    assert (record.state, "Z-DIRTY is down" in record.note) == (DataState.OK, True)


def test_marginal_carbon_is_never_taken_for_average(store: SqlPlanningStore, fleet: Scenario) -> None:
    with pytest.raises(ConfigError, match="marginal"):
        refresh_carbon(SLOT, fleet, FlatCarbon(ZONES, signal=CarbonSignal("marginal")), store, now=ON_TIME)
    assert store.forecast("carbon", SLOT.epoch) is None


def test_the_oldest_zone_tells_the_age(store: SqlPlanningStore, fleet: Scenario) -> None:
    source, next_slot = FlatCarbon(ZONES), Slot(SLOT.epoch + 2)
    refresh_carbon(SLOT, fleet, source, store, now=ON_TIME)
    source.down = {"Z-DIRTY"}
    record = refresh_carbon(next_slot, fleet, source, store, now=next_slot.issue_at)
    assert record.state is DataState.STALE
    # Issued at minute 20 or 50: the newest half hour ended 20 minutes before, the kept one an hour earlier.
    assert record.age_s == 20 * 60 + 3_600


def test_the_same_sources_give_the_same_forecast(store: SqlPlanningStore, fleet: Scenario) -> None:
    first = refresh_traffic(SLOT, fleet, FlatTraffic(), store, now=ON_TIME)
    again = refresh_traffic(SLOT, fleet, FlatTraffic(), store, now=LATER)
    assert [each.mean.tolist() for each in first.forecasts] == [each.mean.tolist() for each in again.forecasts]


def _with_b(folder: Path, scenario: str) -> Scenario:
    """A fleet of two partitions, the second one with profiles of its own."""
    small_fleet(folder)
    with (folder / "profiles.csv").open("a", encoding="utf-8") as profiles:
        profiles.write("b,S,TP2xA100,9,800,20,0.1,0.05,200\nb,L,TP2xA100,9,800,20,0.1,0.05,200\n")
    with (folder / "slo.csv").open("a", encoding="utf-8") as slos:
        slos.write("b,S,40,0.5,0.1\nb,L,40,0.5,0.1\n")
    (folder / "scenario.yaml").write_text(scenario, encoding="utf-8")
    return load_fleet(folder)
