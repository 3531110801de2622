"""Epochs and conversions, against the calendar and against hand-worked numbers."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freesh_plugin.core.units import EPOCH_S, epoch_at, epoch_start_s, grams


def test_epochs_start_at_each_half_hour_of_utc() -> None:
    start = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert datetime.fromtimestamp(epoch_start_s(epoch_at(start.timestamp())), tz=UTC) == start
    assert epoch_at(start.timestamp() - 0.001) == epoch_at(start.timestamp()) - 1
    assert epoch_at(1_800_000_000) == 1_000_000


@given(st.floats(0, 1e11))
def test_a_time_lies_in_its_epoch(utc_s: float) -> None:
    start_s = epoch_start_s(epoch_at(utc_s))
    assert start_s <= utc_s < start_s + EPOCH_S


def test_a_kilowatt_hour_at_its_intensity() -> None:
    assert grams(3.6e6, 250.0) == 250.0
    assert grams(1.8e6, -40.0) == pytest.approx(-20.0)
