"""What is read lies within the bounds of the week before it; by hand."""

import numpy as np
import pandas as pd

from models.forecast.grid import Grid
from models.forecast.tame import tamed

START = pd.Timestamp("2024-01-01T00:00Z")


def six_hourly(values: np.ndarray) -> Grid:
    """Four rows a day."""
    return Grid("z", START, 21_600, values, np.empty((len(values), 0)))


def ladder(days: int) -> np.ndarray:
    """0 to 100 in steps of 5, over and over: over a week the 5 % and 95 % quantiles are 5 and 95 or next to them."""
    return 5.0 * (np.arange(4 * days) % 21)


def test_a_spike_is_read_as_the_bound_of_the_week_before() -> None:
    """Rows 0 to 27 hold 0..100 and 0..30: the second lowest is 0, the second highest 95, the width 95; 95 + 142.5."""
    values = ladder(8)
    values[29] = 5_000.0
    values[30] = -5_000.0

    read = tamed(six_hourly(values)).values

    np.testing.assert_allclose(read[[29, 30]], [95 + 1.5 * 95, 0 - 1.5 * 95])
    np.testing.assert_array_equal(np.delete(read, [29, 30]), np.delete(values, [29, 30]))


def test_the_note_counts_and_nothing_is_said_of_calm_rows() -> None:
    values = ladder(10)
    spiked = values.copy()
    spiked[[33, 35]] = 9e3

    assert tamed(six_hourly(values)).notes == ()
    assert tamed(six_hourly(spiked)).notes == ("2 rows far outside the week before them are read as its bounds",)


def test_the_first_day_and_missing_rows_are_left_alone() -> None:
    values = ladder(8)
    values[2] = 1e6
    values[20] = np.nan

    read = tamed(six_hourly(values)).values

    assert read[2] == 1e6
    assert np.isnan(read[20])


def test_a_row_is_never_bounded_by_its_own_day_or_later_ones() -> None:
    values = ladder(12)
    values[36] = 4_000.0
    later = values.copy()
    later[36 + 4 :] = 1e5

    np.testing.assert_array_equal(tamed(six_hourly(values)).values[:40], tamed(six_hourly(later)).values[:40])
