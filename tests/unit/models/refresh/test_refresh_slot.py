"""Slots: their times and keys, how people name them, and every name that is refused."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freesh_plugin.core.errors import ConfigError
from models.refresh.slot import Slot, coming_slot, current_slot, slot_named, slot_of_key

NOW = datetime(2026, 3, 1, 12, 17, 5, tzinfo=UTC)


def test_a_slot_is_issued_ten_minutes_before_it_starts() -> None:
    slot = slot_named("2026-03-01T12:30", NOW)
    assert slot.starts_at == datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
    assert slot.ends_at == datetime(2026, 3, 1, 13, 0, tzinfo=UTC)
    assert slot.issue_at == datetime(2026, 3, 1, 12, 20, tzinfo=UTC)
    assert slot.key == "2026-03-01T12:20:00"
    assert str(slot) == "2026-03-01 12:30-13:00 UTC"
    assert slot.epoch * 1_800 == slot.starts_at.timestamp()


def test_the_slot_before_midnight_is_issued_on_its_own_day_and_the_next_on_the_day_before() -> None:
    assert slot_of_key("2026-03-01T23:50:00").starts_at == datetime(2026, 3, 2, tzinfo=UTC)
    assert slot_of_key("2026-03-01T23:20:00").starts_at == datetime(2026, 3, 1, 23, 30, tzinfo=UTC)


@given(st.integers(min_value=0, max_value=4_000_000))
def test_key_and_slot_name_each_other(epoch: int) -> None:
    assert slot_of_key(Slot(epoch).key) == Slot(epoch)


@given(st.integers(min_value=0, max_value=4_000_000_000).map(lambda s: datetime.fromtimestamp(s, UTC)))
def test_now_lies_in_the_current_slot_and_before_the_coming_one(now: datetime) -> None:
    assert current_slot(now).starts_at <= now < current_slot(now).ends_at == coming_slot(now).starts_at


def test_words_and_time_zones() -> None:
    assert slot_named("current", NOW).starts_at == datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    assert slot_named(" Coming ", NOW).starts_at == datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
    assert slot_named("2026-03-01T12:30:00Z", NOW) == slot_named("2026-03-01T14:30+02:00", NOW)


@pytest.mark.parametrize("key", ["", "2026-03-01", "2026-03-01T12:30:00", "2026-03-01T12:20:01", "yesterday"])
def test_keys_that_are_no_moment_of_issue_are_refused(key: str) -> None:
    with pytest.raises(ConfigError, match="partition key"):
        slot_of_key(key)


@pytest.mark.parametrize("text", ["", "next", "2026-03-01T12:15", "2026-13-01T12:00"])
def test_names_of_no_slot_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="slot"):
        slot_named(text, NOW)


def test_the_cut_off_is_the_moment_of_issue_but_never_in_the_future() -> None:
    slot = slot_named("coming", NOW)
    assert slot.cut_off(NOW) == NOW
    assert slot.cut_off(NOW + timedelta(hours=1)) == slot.issue_at


def test_a_slot_is_over_when_the_next_begins() -> None:
    slot = slot_named("current", NOW)
    assert not slot.is_over(slot.ends_at - timedelta(microseconds=1))
    assert slot.is_over(slot.ends_at.astimezone(timezone(timedelta(hours=9))))
