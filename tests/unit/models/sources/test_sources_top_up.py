"""Reading sparingly: few and short requests, by how a provider publishes; kept rows grow, past slots are read whole."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from freesh_plugin.core.errors import SourceError
from models.domain.forecast import DataState, Reading
from models.domain.records import PlanningStore
from models.sources.ports import Fetched, Publishing
from models.sources.store import SqlPlanningStore
from models.sources.top_up import read_sparingly

NOW = datetime(2026, 3, 1, 12, 20, tzinfo=UTC)
SINCE = NOW - timedelta(days=10)
HOURLY = Publishing(timedelta(), timedelta(hours=3), updated_every=timedelta(hours=1), revised_within=timedelta(days=2))
WHOLE = Publishing(timedelta(), timedelta(hours=3))


class Provider:
    """Hourly carbon: the number of the hour since 2026, plus what it revised; knows nothing before `begins`."""

    def __init__(self, begins: datetime = SINCE) -> None:
        self.begins, self.revision, self.failing = begins, 0.0, False
        self.asked: list[datetime] = []

    def fetch(self, since: datetime, now: datetime) -> Fetched:
        self.asked.append(since)
        if self.failing:
            raise SourceError("the provider is down")
        first = pd.Timestamp(max(since, self.begins)).ceil("h")
        times = pd.date_range(first, pd.Timestamp(now).floor("h") - timedelta(hours=1), freq="h")
        hours = (times - pd.Timestamp("2026-01-01", tz="UTC")) / timedelta(hours=1)
        return Fetched(pd.DataFrame({"time": times, "zone": "DE", "carbon_gco2e_per_kwh": hours + self.revision}))


@pytest.fixture
def store(tmp_path: Path) -> PlanningStore:
    return SqlPlanningStore(f"sqlite:///{tmp_path}/store.db")


def read(provider: Provider, store: PlanningStore, now: datetime = NOW, publishing: Publishing = HOURLY) -> Reading:
    return read_sparingly(
        lambda since: provider.fetch(since, now),
        since=now - (NOW - SINCE), key="k", store=store, now=now, source="it", publishing=publishing,
    )  # fmt: skip


def test_the_first_reading_is_whole_and_the_next_asks_for_what_may_have_changed(store: PlanningStore) -> None:
    provider, later = Provider(), NOW + timedelta(hours=1)
    first = read(provider, store)
    second = read(provider, store, later)
    # Known until 12:00; two days may still be revised.
    assert provider.asked == [SINCE, datetime(2026, 2, 27, 12, tzinfo=UTC)]
    assert (second.state, second.fetched_at) == (DataState.OK, later)
    assert len(second.rows) == len(first.rows) == 239
    assert second.rows["time"].is_monotonic_increasing
    assert second.rows["time"].diff().dropna().unique().tolist() == [timedelta(hours=1)]


def test_a_revision_replaces_what_was_kept_as_far_as_values_are_revised(store: PlanningStore) -> None:
    provider = Provider()
    read(provider, store)
    provider.revision = 0.5
    rows = read(provider, store, NOW + timedelta(hours=1)).rows.set_index("time")["carbon_gco2e_per_kwh"]
    fractions = rows % 1
    assert fractions[fractions > 0].index.min() == pd.Timestamp("2026-02-27 12:00", tz="UTC")


def test_what_was_read_within_the_publishers_interval_is_not_asked_for_again(store: PlanningStore) -> None:
    provider = Provider()
    first = read(provider, store)
    again = read(provider, store, NOW + timedelta(minutes=30))
    assert len(provider.asked) == 1
    assert (again.state, again.fetched_at, again.known_until) == (DataState.OK, NOW, first.known_until)
    read(provider, store, NOW + timedelta(minutes=60))
    assert len(provider.asked) == 2, "the interval counts from the last request, not from the last reading"


def test_rows_that_are_stale_are_asked_for_whatever_the_interval(store: PlanningStore) -> None:
    provider = Provider()
    strict = Publishing(timedelta(), timedelta(minutes=40), timedelta(hours=1), timedelta(days=2))
    read(provider, store, publishing=strict)
    late = read(provider, store, NOW + timedelta(minutes=30), publishing=strict)
    assert len(provider.asked) == 2
    assert late.state is DataState.STALE, "12:00 is the newest, 50 minutes ago"


def test_a_provider_that_knows_one_day_alone_grows_a_history(store: PlanningStore) -> None:
    provider = Provider(begins=NOW - timedelta(days=1))
    read(provider, store)
    provider.begins = NOW
    grown = read(provider, store, NOW + timedelta(hours=3))
    assert provider.asked[1] == SINCE + timedelta(hours=3), "what begins late is asked for whole"
    assert len(grown.rows) == 23 + 2, "from yesterday 13:00 to 12:00 as kept, 13:00 and 14:00 as fetched"


def test_what_is_kept_may_reach_back_farther_than_what_is_asked_for(store: PlanningStore) -> None:
    provider = Provider()
    for days in range(4):
        now = NOW + timedelta(days=days)
        grown = read_sparingly(
            lambda since, now=now: provider.fetch(since, now),  # type: ignore[misc]  # bound to this round
            since=now - timedelta(days=3), kept_since=NOW - timedelta(days=2), key="k", store=store, now=now,
            source="it", publishing=HOURLY,
        )  # fmt: skip
    assert grown.rows["time"].min() == pd.Timestamp(NOW - timedelta(days=2)).ceil("h")
    assert len(grown.rows) == 24 * 5 - 1


def test_files_and_past_slots_are_read_whole(store: PlanningStore) -> None:
    provider, before = Provider(), NOW - timedelta(hours=5)
    read(provider, store)
    read(provider, store, publishing=WHOLE)
    read(provider, store, before)
    assert provider.asked == [SINCE, SINCE, SINCE - timedelta(hours=5)]


def test_a_provider_that_fails_leaves_what_was_kept(store: PlanningStore) -> None:
    provider = Provider()
    whole = read(provider, store)
    provider.failing = True
    stale = read(provider, store, NOW + timedelta(hours=2))
    assert (stale.state, len(stale.rows)) == (DataState.STALE, len(whole.rows))
    assert "is down" in stale.note
