"""Quantiles from errors: conformal ranks, order, weights, and how large errors are by unrest."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.forecast.spread import ErrorSize, error_quantiles, mean_error


def test_conformal_ranks_of_nineteen_errors() -> None:
    errors = np.arange(1.0, 20.0)[:, None]  # rank ceil(p·20): 0.05 → 1, 0.5 → 10, 0.95 → 19

    np.testing.assert_equal(error_quantiles(errors, (0.05, 0.5, 0.95))[:, 0], [1.0, 10.0, 19.0])


def test_beyond_the_largest_error_is_the_largest() -> None:
    assert error_quantiles(np.arange(10.0)[:, None], (0.99,))[0, 0] == 9.0


def test_too_few_errors_say_nothing() -> None:
    assert np.isnan(error_quantiles(np.arange(7.0)[:, None], (0.5,))).all()
    assert np.isnan(error_quantiles(np.empty((0, 3)), (0.5,))).all()


def test_missing_errors_do_not_count() -> None:
    errors = np.concatenate([np.arange(1.0, 20.0), [np.nan, np.nan]])[:, None]

    assert error_quantiles(errors, (0.95,))[0, 0] == 19.0


def test_recent_errors_weigh_more() -> None:
    errors = np.concatenate([np.full(10, 100.0), np.full(10, 1.0)])[:, None]
    weights = np.concatenate([np.full(10, 0.01), np.ones(10)])

    assert error_quantiles(errors, (0.9,))[0, 0] == 100.0
    assert error_quantiles(errors, (0.9,), weights)[0, 0] == 1.0


@given(arrays(float, (12, 3), elements=st.floats(-1e6, 1e6)))
def test_quantiles_never_cross_and_are_errors_that_were_made(errors: np.ndarray) -> None:
    quantiles = error_quantiles(errors, (0.05, 0.1, 0.5, 0.9, 0.95, 0.99))

    assert (np.diff(quantiles, axis=0) >= 0).all()
    assert all(np.isin(quantiles[:, target], errors[:, target]).all() for target in range(3))


def test_mean_error_ignores_the_unknown() -> None:
    np.testing.assert_allclose(mean_error(np.array([[1.0, np.nan], [3.0, np.nan]])), [2.0, 0.0])


def test_error_size_follows_unrest_and_has_a_floor() -> None:
    unrest = np.linspace(1.0, 10.0, 400)
    errors = unrest * np.where(np.arange(400) % 2 == 0, 1.0, -1.0)
    size = ErrorSize(unrest[:, None, None], errors[:, None])

    calm, wild = size.of(np.array([[[2.0]], [[9.0]]]))[:, 0]
    assert calm < wild
    assert wild == pytest.approx(9.0, rel=0.1)
    assert size.of(np.array([[[-100.0]]]))[0, 0] == pytest.approx(0.5 * 5.5, rel=0.01)


def test_error_size_is_one_where_nothing_is_known() -> None:
    nothing = ErrorSize(np.empty((5, 1, 0)), np.ones((5, 1)))

    np.testing.assert_equal(nothing.of(np.empty((3, 1, 0))), np.ones((3, 1)))
