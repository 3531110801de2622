"""Least squares without negative unknowns: as scipy's, whatever the numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import nnls

from freesh_plugin.core.least_squares import least_squares

NUMBERS = st.floats(-10, 10).map(lambda each: round(each, 2))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(*[NUMBERS] * 5), min_size=5, max_size=12), st.randoms(use_true_random=False))
def test_no_further_off_than_scipy(rows: list[tuple[float, ...]], random: "np.random.Generator") -> None:
    targets = [random.uniform(-10, 10) for _ in rows]
    found = np.array(least_squares(rows, targets))
    _, residual = nnls(np.array(rows), np.array(targets))
    assert (found >= 0).all()
    assert np.linalg.norm(np.array(rows) @ found - targets) == pytest.approx(residual, rel=1e-6, abs=1e-6)


def test_by_hand() -> None:
    """Asked for x + y = 3, x = 1 has a solution; with y = -1 asked for, y stays at 0 and x is the mean of 3 and 1."""
    assert least_squares([(1, 1), (1, 0)], [3, 1]) == pytest.approx((1, 2))
    assert least_squares([(1, 0), (1, 0), (0, 1)], [3, 1, -1]) == pytest.approx((2, 0))


def test_unknowns_that_cannot_be_told_apart_and_those_without_effect() -> None:
    assert sum(least_squares([(1, 1), (2, 2)], [2, 4])) == pytest.approx(2)
    assert least_squares([(0, 1), (0, 2)], [1, 2]) == pytest.approx((0, 1))
    assert least_squares([(0, 0)], [1]) == (0, 0)
