"""Rows become a regular grid: what is missing stays missing, what is wrong is said."""

import numpy as np
import pandas as pd
import pytest

from freesh_plugin.core.errors import ForecastError
from models.forecast.grid import Grid, to_grid


def rows(times: list[str], values: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"value": values}, index=pd.DatetimeIndex(times))


def test_unsorted_rows_with_a_gap_become_a_grid_with_a_missing_row() -> None:
    grid = to_grid(rows(["2024-01-01T03:00", "2024-01-01T00:00", "2024-01-01T01:00"], [4.0, 1.0, 2.0]), "z")

    np.testing.assert_equal(grid.values, [1.0, 2.0, np.nan, 4.0])
    assert grid.step_s == 3_600
    assert grid.start == pd.Timestamp("2024-01-01T00:00Z")
    assert grid.notes == ("1 of 4 rows of 3600 s are missing",)


def test_equal_duplicates_merge_and_contradicting_ones_are_missing() -> None:
    times = ["2024-01-01T00:00", "2024-01-01T01:00", "2024-01-01T01:00", "2024-01-01T02:00", "2024-01-01T02:00"]
    times.append("2024-01-01T03:00")

    grid = to_grid(rows(times, [1.0, 2.0, 2.0, 3.0, 9.0, 4.0]), "z")

    np.testing.assert_equal(grid.values, [1.0, 2.0, np.nan, 4.0])
    assert grid.notes[0] == "4 rows share a time with another (1 times contradict and count as missing)"


def test_a_duplicate_with_a_value_wins_over_an_empty_one() -> None:
    grid = to_grid(rows(["2024-01-01T00:00", "2024-01-01T00:00", "2024-01-01T01:00"], [np.nan, 5.0, 6.0]), "z")

    np.testing.assert_equal(grid.values, [5.0, 6.0])


def test_rows_off_the_grid_are_ignored_and_counted() -> None:
    times = ["2024-01-01T00:00", "2024-01-01T01:00", "2024-01-01T01:07", "2024-01-01T02:00", "2024-01-01T03:00"]

    grid = to_grid(rows(times, [1.0, 2.0, 50.0, 3.0, 4.0]), "z")

    np.testing.assert_equal(grid.values, [1.0, 2.0, 3.0, 4.0])
    assert grid.notes == ("1 rows off the 3600 s grid are ignored",)


def test_mostly_irregular_times_are_refused() -> None:
    times = ["2024-01-01T00:11", "2024-01-01T00:29", "2024-01-01T01:29", "2024-01-01T02:41"]

    with pytest.raises(ForecastError, match=r"series z: times are irregular, 4 of 4 rows .* at most half may"):
        to_grid(rows(times, [1.0, 2.0, 3.0, 4.0]), "z")


def test_a_step_that_does_not_divide_a_day_is_refused() -> None:
    times = pd.date_range("2024-01-01", periods=5, freq="7min")

    with pytest.raises(ForecastError, match="rows every 420 s do not divide a day of 86400 s"):
        to_grid(pd.DataFrame({"value": np.arange(5.0)}, index=times), "z")


def test_no_value_at_all_is_refused() -> None:
    with pytest.raises(ForecastError, match="series z: no row holds a value"):
        to_grid(rows(["2024-01-01T00:00", "2024-01-01T01:00"], [np.nan, np.nan]), "z")


def test_other_time_zones_are_converted_so_that_clock_changes_leave_no_gap() -> None:
    local = pd.date_range("2024-10-26T22:00", periods=6, freq="h", tz="Europe/Berlin")  # clocks go back on the 27th

    grid = to_grid(pd.DataFrame({"value": np.arange(6.0)}, index=local), "z")

    np.testing.assert_equal(grid.values, np.arange(6.0))
    assert grid.start == pd.Timestamp("2024-10-26T20:00Z")


def test_naive_local_times_over_a_clock_change_lose_only_the_doubtful_hour() -> None:
    times = ["2024-10-27T00:00", "2024-10-27T01:00", "2024-10-27T02:00", "2024-10-27T02:00", "2024-10-27T03:00"]

    grid = to_grid(rows(times, [1.0, 2.0, 3.0, 4.0, 5.0]), "z")

    np.testing.assert_equal(grid.values, [1.0, 2.0, np.nan, 5.0])


def test_infinite_values_are_missing() -> None:
    grid = to_grid(rows(["2024-01-01T00:00", "2024-01-01T01:00", "2024-01-01T02:00"], [1.0, np.inf, 3.0]), "z")

    np.testing.assert_equal(grid.values, [1.0, np.nan, 3.0])


def test_coarser_rows_are_means_of_wholly_known_ones() -> None:
    start = pd.Timestamp("2024-01-01T00:30Z")
    values = np.array([1.0, 2.0, 4.0, np.nan, 6.0, 8.0])
    grid = Grid("z", start, 1_800, values, np.arange(6.0)[:, None], ("forecast_x",))

    hourly = grid.coarser(3_600)

    assert hourly.start == pd.Timestamp("2024-01-01T00:00Z")
    np.testing.assert_equal(hourly.values, [np.nan, 3.0, np.nan, np.nan])  # 00:00 and 03:00 are half outside
    np.testing.assert_equal(hourly.exogenous[:, 0], [np.nan, 1.5, 3.5, np.nan])


def test_longer_rows_do_not_make_shorter_ones() -> None:
    grid = Grid("z", pd.Timestamp("2024-01-01T00:00Z"), 10_800, np.ones(8), np.empty((8, 0)))

    with pytest.raises(ForecastError, match="rows of 10800 s do not make rows of 3600 s"):
        grid.coarser(3_600)
