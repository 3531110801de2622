"""Scores, worked by hand."""

import math

import numpy as np
import pytest

from models.forecast.scores import score


def test_scores_by_hand() -> None:
    actual, point, q95 = np.array([100.0, 200.0]), np.array([110.0, 150.0]), np.array([120.0, 190.0])

    scores = score(actual, point, q95)

    assert scores.mape == pytest.approx((10 + 25) / 2)
    assert scores.wape == pytest.approx(100 * 60 / 300)
    assert scores.pinball95 == pytest.approx((0.05 * 20 + 0.95 * 10) / 2)
    assert scores.coverage95 == pytest.approx(0.5)
    assert scores.targets == 2


def test_an_actual_of_zero_counts_in_all_but_mape() -> None:
    scores = score(np.array([0.0, 100.0]), np.array([10.0, 90.0]), np.array([5.0, 100.0]))

    assert scores.mape == pytest.approx(10.0)
    assert scores.wape == pytest.approx(20.0)
    assert scores.coverage95 == 1.0  # an actual at the quantile is covered


def test_negative_actuals_count_by_their_size() -> None:
    scores = score(np.array([-100.0]), np.array([-90.0]), np.array([-95.0]))

    assert scores.mape == pytest.approx(10.0)
    assert scores.wape == pytest.approx(10.0)


def test_nothing_to_score_is_none_and_never_nan() -> None:
    nothing = score(np.array([np.nan]), np.array([1.0]), np.array([1.0]))
    zeros = score(np.zeros(3), np.zeros(3), np.full(3, math.nan))

    assert (nothing.mape, nothing.wape, nothing.pinball95, nothing.coverage95) == (None, None, None, None)
    assert (zeros.mape, zeros.wape, zeros.pinball95, zeros.targets) == (None, None, None, 3)
