"""Fresh rows, the last known ones with their age, or no data: each state, and never a number that nobody gave."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from freesh_plugin.core.errors import SourceError
from models.domain.forecast import DataState, Reading
from models.domain.records import PlanningStore
from models.sources.ports import Fetched
from models.sources.reading import read_or_last_known
from models.sources.store import SqlPlanningStore

NOW = datetime(2026, 3, 1, 12, 20, tzinfo=UTC)
HOUR = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> PlanningStore:
    return SqlPlanningStore(f"sqlite:///{tmp_path}/store.db")


def rows(last_known: datetime, value: float = 200.0) -> pd.DataFrame:
    """Six half hours, the first three known."""
    times = pd.date_range(last_known - timedelta(hours=1), periods=6, freq="30min")
    return pd.DataFrame({"time": times, "zone": "GB", "carbon_gco2e_per_kwh": [value] * 3 + [np.nan] * 3})


def works(last_known: datetime = HOUR, note: str = "") -> Fetched:
    return Fetched(rows(last_known), note)


def fails() -> Fetched:
    raise SourceError("NESO answered 500")


def read(store: PlanningStore, fetch: object, now: datetime = NOW, max_age: timedelta | None = None) -> Reading:
    return read_or_last_known(fetch, key="carbon GB", store=store, now=now, source="NESO", max_age=max_age)  # type: ignore[arg-type]  # any callable


def test_fresh_rows_are_ok_and_kept(store: PlanningStore) -> None:
    reading = read(store, lambda: works(note="1 of 6 rows dropped"))
    assert (reading.state, reading.source, reading.fetched_at) == (DataState.OK, "NESO", NOW)
    assert reading.known_until == datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
    assert reading.note == "1 of 6 rows dropped"
    kept = store.last_reading("carbon GB")
    assert kept is not None
    assert kept.known_until == reading.known_until


def test_a_failing_source_falls_back_on_the_last_known_rows_with_their_age(store: PlanningStore) -> None:
    fresh = read(store, works)
    later = NOW + timedelta(minutes=70)
    stale = read(store, fails, now=later)
    assert stale.state is DataState.STALE
    assert stale.fetched_at == NOW
    assert stale.note == "NESO answered 500; last known rows end 2026-03-01 12:30 UTC, 60 minutes ago"
    pd.testing.assert_frame_equal(stale.rows, fresh.rows)
    assert read(store, works, now=later).state is DataState.OK


def test_nothing_ever_known_is_no_data(store: PlanningStore) -> None:
    reading = read(store, fails)
    assert reading.state is DataState.NO_DATA
    assert reading.rows.empty
    assert reading.fetched_at is reading.known_until is None
    assert reading.note == "NESO answered 500; nothing is known from before"
    assert store.last_reading("carbon GB") is None


def test_prices_are_known_ahead_and_kept(store: PlanningStore) -> None:
    times = pd.date_range(NOW, periods=4, freq="1h")
    prices = pd.DataFrame({"time": times, "zone": "DE", "price_usd_per_mwh": [80.0, -5.0, 60.0, np.nan]})
    assert read(store, lambda: Fetched(prices)).known_until == NOW + timedelta(hours=3)
    stale = read(store, fails)
    assert stale.state is DataState.STALE
    assert stale.note == "NESO answered 500; last known rows end 2026-03-01 15:20 UTC, 180 minutes ahead"
    assert stale.rows["price_usd_per_mwh"].tolist()[:3] == [80.0, -5.0, 60.0]


@pytest.mark.parametrize(
    "nothing",
    [
        pd.DataFrame(),
        rows(NOW).iloc[:0],
        rows(NOW, np.nan),
    ],
)
def test_rows_without_a_value_are_no_data(store: PlanningStore, nothing: pd.DataFrame) -> None:
    reading = read(store, lambda: Fetched(nothing))
    assert reading.state is DataState.NO_DATA
    assert "NESO: no row holds a value" in reading.note


def test_fresh_answers_with_old_rows_are_stale(store: PlanningStore) -> None:
    fetch = lambda: works(NOW - timedelta(hours=3))  # noqa: E731  # shorter than a function
    assert read(store, fetch, max_age=timedelta(hours=3)).state is DataState.OK
    stale = read(store, fetch, max_age=timedelta(hours=2))
    assert stale.state is DataState.STALE
    assert stale.note == "NESO knows nothing newer than 2026-03-01 09:50 UTC, 150 minutes ago"


class _BrokenStore(SqlPlanningStore):
    """A store whose disk is full or gone."""

    def save_reading(self, key: str, reading: Reading) -> None:
        raise SourceError("store x: database or disk is full")

    def last_reading(self, key: str) -> Reading | None:
        raise SourceError("store x: unable to open database file")


def test_a_broken_store_costs_the_fallback_not_the_reading(tmp_path: Path) -> None:
    store = _BrokenStore(f"sqlite:///{tmp_path}/store.db")
    reading = read(store, works)
    assert reading.state is DataState.OK
    assert len(reading.rows) == 6
    assert reading.note == "not kept for later: store x: database or disk is full"
    nothing = read(store, fails)
    assert nothing.state is DataState.NO_DATA
    assert nothing.note.startswith("NESO answered 500; store x: unable to open database file")


def test_a_mistake_of_ours_is_not_taken_for_a_failing_source(store: PlanningStore) -> None:
    def wrong() -> Fetched:
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        read(store, wrong)
