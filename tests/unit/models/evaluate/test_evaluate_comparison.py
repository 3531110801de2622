"""Totals, gaps and intervals of compared policies, by hand."""

import numpy as np
import pytest

from models.evaluate.comparison import Booked, interval, joined, row
from models.evaluate.ledger import Account


def booked(*grams_by_day: float, unserved: float = 0.0) -> Booked:
    """Two epochs a day, each with half of its grams; 100 requests offered an epoch."""
    return Booked(
        tuple(Account(1.8e6, grams / 2, 100.0, unserved, 1, 1_800) for grams in grams_by_day for _ in range(2)),
        tuple(day for day in range(len(grams_by_day)) for _ in range(2)),
    )


def test_a_row_by_hand() -> None:
    found = row(("freesh", "perfect"), booked(2_000, 3_000), booked(4_000, 5_000), booked(1_000, 2_000))

    assert (found.energy_kwh, found.carbon_kg, found.starts) == (2.0, 5.0, 4)
    assert (found.above_perfect_kg, found.saved_kg) == (2.0, 4.0)
    assert found.gap_closed == pytest.approx(4 / 6)
    assert found.grams_per_1000_served == pytest.approx(5_000 / 400 * 1_000)
    # Both days differ by the same kilogram: whichever days are drawn, the sum is the same.
    assert found.above_perfect_interval_kg == pytest.approx((2.0, 2.0))


def test_a_gap_that_is_none_is_not_closed() -> None:
    found = row(("freesh", "perfect"), booked(2_000), booked(1_000), booked(1_000))

    assert found.gap_closed is None
    assert found.saved_kg == -1.0
    assert found.above_perfect_interval_kg is None


@pytest.mark.parametrize(("unserved", "equal"), [(0.0, True), (0.2, True), (0.3, False)])
def test_equal_service_is_within_a_fifth_of_a_point(unserved: float, equal: bool) -> None:
    found = row(("a", "b"), booked(1.0, unserved=unserved), booked(1.0), booked(1.0))

    assert found.equal_service is equal
    assert found.unserved_share == pytest.approx(unserved / 100)


def test_an_interval_holds_the_mean_of_many_draws() -> None:
    daily = np.random.default_rng(5).normal(1.0, 1.0, 30)

    ends = interval(daily)

    # The sum of 30 days drawn again from these: normal, by its own mean and deviation.
    assert ends is not None
    centre, spread = daily.sum(), np.sqrt(30) * daily.std()
    assert ends == pytest.approx((centre - 1.96 * spread, centre + 1.96 * spread), abs=0.15 * spread)
    assert interval(daily) == ends
    assert interval(daily[:1]) is None


def test_spans_are_joined_without_mixing_days() -> None:
    whole = joined([booked(1.0, 2.0), booked(3.0)])

    assert whole.by_day("carbon_g").tolist() == [1.0, 2.0, 3.0]
