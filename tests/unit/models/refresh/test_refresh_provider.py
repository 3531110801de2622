"""Forecasts of providers: kept as issued, one an hour, pruned; none of a past slot, none from after the cut-off."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.domain.forecast import DataState, Reading
from models.domain.records import IssueRecord
from models.refresh.carbon import refresh_carbon
from models.refresh.forecasts import fingerprint
from models.refresh.provider import KEPT, provider_rows
from models.refresh.slot import Slot
from models.sources.ports import Publishing
from models.sources.store import SqlPlanningStore
from tests.fakes.small_fleet import SCENARIO, small_fleet
from tests.fakes.sources import FlatCarbon, ForetoldCarbon

SLOT = Slot(1_000_000)
CUT_OFF = SLOT.issue_at
COLUMN = "forecast_it"


def reading(slot: Slot = SLOT, freq: str = "30min", level: float = 100.0, state: DataState = DataState.OK) -> Reading:
    """Known up to the cut-off; the provider's forecast from six hours before to a day after: `level` and on upwards."""
    start = pd.Timestamp(slot.issue_at).floor("h") - timedelta(hours=6)
    times = pd.date_range(start, periods=int(timedelta(hours=30) / pd.Timedelta(freq)), freq=freq)
    known = times < pd.Timestamp(slot.issue_at)
    rows = pd.DataFrame(
        {"time": times, "zone": "Z", "carbon_gco2e_per_kwh": np.where(known, 50.0, np.nan), COLUMN: level}
    )
    rows[COLUMN] += np.arange(len(rows))
    return Reading("it", state, slot.issue_at, slot.issue_at, rows)


def rows_of(store: SqlPlanningStore, slot: Slot = SLOT, late: timedelta = timedelta(seconds=20)) -> pd.DataFrame:
    found = provider_rows(COLUMN, "k", reading(slot), store, cut_off=slot.issue_at, now=slot.issue_at + late)
    assert found is not None
    return found


def test_what_is_forecast_ahead_is_kept_as_issued(store: SqlPlanningStore) -> None:
    found = rows_of(store)
    # Issued at 7:50; the first half hour is the one from 7:00 on: the hour of the issue, and the day after it.
    assert found["issued_at"].unique().tolist() == [pd.Timestamp(CUT_OFF)]
    assert found["time"].iloc[0] == pd.Timestamp(CUT_OFF).floor("h")
    assert found["carbon_gco2e_per_kwh"].iloc[:2].tolist() == [112.0, 113.0]
    assert len(found) == 48
    (kept,) = store.issues("k", CUT_OFF - KEPT)
    assert (kept.issued_at, kept.step_s, len(kept.carbon_gco2e_per_kwh)) == (CUT_OFF, 1_800, 48)


def test_one_issue_an_hour_is_kept_and_the_newest_always_used(store: SqlPlanningStore) -> None:
    """Issues at 7:50, 8:20, 8:50, 9:20: that of 8:50 is used in its run, and not kept."""
    counts = [rows_of(store, Slot(SLOT.epoch + k))["issued_at"].nunique() for k in range(4)]
    assert counts == [1, 2, 3, 3]
    assert [each.issued_at - CUT_OFF for each in store.issues("k", CUT_OFF)] == [
        timedelta(0), timedelta(minutes=30), timedelta(minutes=90),
    ]  # fmt: skip


def test_issues_of_long_ago_are_dropped(store: SqlPlanningStore) -> None:
    rows_of(store)
    rows_of(store, Slot(SLOT.epoch + 61 * 48))
    assert len(store.issues("k", CUT_OFF - KEPT)) == 1


def test_fine_forecasts_are_kept_as_half_hours(store: SqlPlanningStore) -> None:
    fine = reading(freq="5min")
    found = provider_rows(COLUMN, "k", fine, store, cut_off=CUT_OFF, now=CUT_OFF)
    assert found is not None
    # Six values, 72 to 77 above the level, make the first half hour.
    assert found["carbon_gco2e_per_kwh"].iloc[0] == pytest.approx(100 + 74.5)
    assert found["time"].diff().dropna().unique().tolist() == [timedelta(minutes=30)]


def test_an_issue_read_long_after_the_cut_off_serves_later_runs_only(store: SqlPlanningStore) -> None:
    late = timedelta(minutes=20)
    assert provider_rows(COLUMN, "k", reading(), store, cut_off=CUT_OFF, now=CUT_OFF + late) is None
    assert [each.issued_at for each in store.issues("k", CUT_OFF)] == [CUT_OFF + late]


@pytest.mark.parametrize("state", [DataState.STALE, DataState.NO_DATA])
def test_kept_rows_and_past_slots_are_no_new_issue(store: SqlPlanningStore, state: DataState) -> None:
    assert provider_rows(COLUMN, "k", reading(state=state), store, cut_off=CUT_OFF, now=CUT_OFF) is None
    past = provider_rows(COLUMN, "k", reading(), store, cut_off=CUT_OFF, now=CUT_OFF + timedelta(hours=2))
    assert past is None
    assert store.issues("k", CUT_OFF) == ()


def test_a_past_slot_sees_the_issues_that_were_known_then(store: SqlPlanningStore) -> None:
    for k in range(6):
        rows_of(store, Slot(SLOT.epoch + 2 * k))
    middle = Slot(SLOT.epoch + 5)
    found = provider_rows(COLUMN, "k", reading(middle), store, cut_off=middle.issue_at, now=middle.issue_at + KEPT)
    assert found is not None
    assert found["issued_at"].max() == pd.Timestamp(Slot(SLOT.epoch + 4).issue_at)


def test_a_source_without_a_forecast_keeps_nothing(store: SqlPlanningStore) -> None:
    assert provider_rows(None, "k", reading(), store, cut_off=CUT_OFF, now=CUT_OFF) is None
    assert provider_rows("forecast_other", "k", reading(), store, cut_off=CUT_OFF, now=CUT_OFF) is None


def test_gaps_stay_gaps(store: SqlPlanningStore) -> None:
    gappy = reading()
    gappy.rows.loc[gappy.rows.index[14], COLUMN] = np.nan
    found = provider_rows(COLUMN, "k", gappy, store, cut_off=CUT_OFF, now=CUT_OFF)
    assert found is not None
    assert len(found) == 47


def test_an_issue_is_read_back_as_it_was_kept(store: SqlPlanningStore) -> None:
    record = IssueRecord("k", CUT_OFF, SLOT.starts_at, 3_600, np.array([1.5, np.nan, -2.0]))
    store.save_issue(record, keep_from=CUT_OFF)
    (kept,) = store.issues("k", CUT_OFF)
    np.testing.assert_array_equal(kept.carbon_gco2e_per_kwh, record.carbon_gco2e_per_kwh)
    assert (kept.starts_at, kept.step_s) == (record.starts_at, record.step_s)
    assert store.issues("other", CUT_OFF) == ()


def test_a_provider_that_was_right_before_is_believed_for_the_hours_ahead(
    store: SqlPlanningStore, tmp_path: Path
) -> None:
    """Ten days of exact issues, each newest one at the hour of the day at which it is judged."""
    fleet, source = small_fleet(tmp_path / "fleet", scenario=SCENARIO.replace("Z-DIRTY", "Z-CLEAN")), ForetoldCarbon()
    key = f"carbon {fingerprint([source.name.encode(), b'Z-CLEAN'])}"
    for k in range(1, 41):
        at = CUT_OFF - timedelta(hours=6 * k)
        times = pd.date_range(pd.Timestamp(at).floor("h"), periods=50, freq="30min")
        issue = IssueRecord(key, at, times[0].to_pydatetime(), 1_800, source.truth(times))
        store.save_issue(issue, keep_from=CUT_OFF - KEPT)
    record = refresh_carbon(SLOT, fleet, source, store, now=CUT_OFF)
    near = next(each for each in record.forecasts if each.step_s == 300)
    steps = pd.date_range(near.starts_at, periods=len(near.mean), freq="5min").floor("30min")
    first = slice(0, 70)
    error = np.abs(near.mean - source.truth(steps))[first] / source.truth(steps)[first]
    assert error.mean() < 0.02
    assert len(store.issues(key, CUT_OFF)) == 1, "the issue of this run is kept for the next"


def test_a_past_slot_is_not_shown_rows_that_were_published_later(store: SqlPlanningStore, tmp_path: Path) -> None:
    """Rows come a day late: filled in a week later, the slot knows nothing newer than a day before its issue."""
    fleet = small_fleet(tmp_path / "fleet")
    late = Publishing(timedelta(days=1), timedelta(days=2))
    source = FlatCarbon({"Z-CLEAN": 50.0, "Z-DIRTY": 500.0}, publishing=late)
    live = refresh_carbon(SLOT, fleet, source, store, now=CUT_OFF)
    filled_in = refresh_carbon(SLOT, fleet, source, store, now=CUT_OFF + timedelta(days=7))
    # The newest half hour ended 20 minutes before minute 50.
    assert (live.age_s, filled_in.age_s) == (20 * 60, 24 * 3_600 + 20 * 60)
