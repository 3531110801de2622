"""The seam of the two carbon recipes, and the hours that rows fall in; by hand."""

import numpy as np
import pandas as pd
import pytest

from models.forecast.day_ahead import Hours
from models.forecast.grid import Grid
from models.forecast.issues import Issues
from models.forecast.seam import joined


def test_the_difference_halves_every_three_hours() -> None:
    near, far = np.array([10.0, 18.0]), np.array([1.0, 2.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0])

    said = joined(near, far, np.array(16.0), 3_600)

    np.testing.assert_allclose(said[:2], near)
    assert said[4] == pytest.approx(3.0 + 8.0)
    assert said[7] == pytest.approx(3.0 + 4.0)


def test_quantiles_move_together() -> None:
    far = np.array([[0.0, 0.0, 5.0], [9.0, 9.0, 9.0]])

    said = joined(np.array([[1.0], [2.0]]), far, np.full(2, 8.0), 10_800)

    np.testing.assert_allclose(said, [[1.0, 4.0, 7.0], [2.0, 13.0, 11.0]])


def test_hours_of_half_hour_rows_that_begin_at_half_past() -> None:
    """Row 0 begins at 00:30, so row 1 begins hour 1; an issue at 02:30 has two rows of hour 2 and later ahead."""
    grid = Grid("z", pd.Timestamp("2024-01-01T00:30Z"), 1_800, np.arange(20.0), np.empty((20, 0)))
    hours = Hours(grid, Issues(np.array([4]), 48, 0, 1, 4))

    assert hours.grid.start == pd.Timestamp("2024-01-01T00:00Z")
    np.testing.assert_array_equal(hours.of(np.array([0, 1, 2, 3, 4])), [0, 1, 1, 2, 2])
    np.testing.assert_array_equal(hours.grid.values[:3], [np.nan, 1.5, 3.5])
    assert (hours.gap, hours.count) == (0, 3)


def test_hours_of_hourly_rows_are_the_rows() -> None:
    grid = Grid("z", pd.Timestamp("2024-01-01T00:00Z"), 3_600, np.arange(20.0), np.empty((20, 0)))
    hours = Hours(grid, Issues(np.array([4]), 24, 2, 1, 6))

    np.testing.assert_array_equal(hours.of(np.arange(5)), np.arange(5))
    assert (hours.gap, hours.count) == (2, 6)


def test_leads_are_cut_at_the_end_of_targets() -> None:
    grid = Grid("z", pd.Timestamp("2024-01-01T00:00Z"), 1_800, np.arange(20.0), np.empty((20, 0)))
    issues = Issues(np.array([4]), 48, 0, 1, 6)

    np.testing.assert_array_equal(issues.lead_groups(grid, (3_600, 7_200)), [0, 0, 1, 1, 2, 2])
    np.testing.assert_array_equal(issues.lead_groups(grid, ()), np.zeros(6))
