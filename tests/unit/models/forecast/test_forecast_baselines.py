"""The simple forecasts say what their definition says, on rows worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from models.forecast.backtest import demand_issues
from models.forecast.baselines import Baseline, carbon_baselines, demand_baselines, last_rows, same_time_before
from models.forecast.grid import Grid
from models.forecast.issues import Issues

START = pd.Timestamp("2024-01-01T00:00Z")


def hourly(values: np.ndarray) -> Grid:
    return Grid("z", START, 3_600, values, np.empty((len(values), 0)))


def ten_minutes(values: np.ndarray) -> Grid:
    return Grid("d", START, 600, values, np.empty((len(values), 0)))


def named(name: str, baselines: tuple[Baseline, ...]) -> Baseline:
    return next(baseline for baseline in baselines if baseline.name == name)


def carbon_issue(day: int, count: int = 24) -> Issues:
    return Issues(np.array([24 * day]), 24, 0, 1, count)


def test_carbon_persistence_is_the_same_hour_24_h_before() -> None:
    grid = hourly(np.arange(24.0 * 10))

    said = named("persistence", carbon_baselines()).rule(grid, carbon_issue(9))

    np.testing.assert_equal(said[0], np.arange(192.0, 216.0))


def test_carbon_seasonal_naive_is_168_h_before() -> None:
    grid = hourly(np.arange(24.0 * 10))

    said = named("seasonal_naive", carbon_baselines()).rule(grid, carbon_issue(9))

    np.testing.assert_equal(said[0], np.arange(48.0, 72.0))


def test_persistence_beyond_a_day_repeats_the_last_known_day() -> None:
    said = same_time_before(1)(hourly(np.arange(24.0 * 10)), carbon_issue(9, count=48))

    np.testing.assert_equal(said[0, 24:], said[0, :24])


def test_a_missing_hour_is_read_a_day_earlier() -> None:
    values = np.arange(24.0 * 4)
    values[24 * 2 + 5] = np.nan

    said = same_time_before(1)(hourly(values), carbon_issue(3))

    assert said[0, 5] == 24 + 5
    assert said[0, 6] == 48 + 6


def test_demand_is_issued_with_the_rows_that_had_ended_ten_minutes_before_the_slot() -> None:
    grid = ten_minutes(np.arange(144.0 * 2))
    slot = START + pd.Timedelta(days=1)  # row 144; issued 23:50, so row 142 (23:40 to 23:50) is the last that ended

    issues = demand_issues(grid, [slot.to_pydatetime()], 600, 1)

    assert issues.origins.tolist() == [143]
    assert named("persistence", demand_baselines()).rule(grid, issues)[0, 0] == 142
    assert named("last_30min", demand_baselines()).rule(grid, issues)[0, 0] == pytest.approx((140 + 141 + 142) / 3)
    assert named("seasonal_naive", demand_baselines()).rule(grid, issues)[0, 0] == pytest.approx((0 + 1 + 2) / 3)
    assert issues.actuals(grid)[0, 0] == pytest.approx((144 + 145 + 146) / 3)


def test_the_lead_is_rounded_up_to_whole_rows() -> None:
    grid = Grid("d", START, 1_800, np.arange(100.0), np.empty((100, 0)))

    issues = demand_issues(grid, [(START + pd.Timedelta(days=1)).to_pydatetime()], 600, 2)

    assert issues.origins.tolist() == [47]  # issued 23:50, the row from 23:30 had not ended
    assert issues.first_rows.tolist() == [[48, 49]]


def test_last_rows_step_over_a_hole() -> None:
    values = np.arange(20.0)
    values[[10, 12, 13]] = np.nan
    issues = Issues(np.array([14]), 3, 1, 3, 1)

    assert last_rows(0)(ten_minutes(values), issues)[0, 0] == 11
    assert last_rows(1_800)(ten_minutes(values), issues)[0, 0] == 10  # rows 9, 10, 11 of which 10 is missing


def test_a_target_with_a_missing_row_has_no_actual() -> None:
    values = np.arange(20.0)
    values[16] = np.nan

    issues = Issues(np.array([14, 11]), 3, 1, 3, 2)

    np.testing.assert_equal(issues.actuals(ten_minutes(values)), [[np.nan, np.nan], [13.0, np.nan]])


def test_baseline_quantiles_are_of_their_own_past_errors() -> None:
    """Day d is 10·d with day 12 at 150 instead of 120: persistence errs by 10 ten times, then by 40, then by -20."""
    values = np.repeat(10.0 * np.arange(14), 24)
    values[12 * 24 : 13 * 24] = 150.0
    persistence = named("persistence", carbon_baselines())

    said = persistence.predict(hourly(values), carbon_issue(13), (0.05, 0.5, 0.95))

    np.testing.assert_allclose(said.point[0], 150.0)
    np.testing.assert_allclose(said.quantiles[:, 0, 0], [160.0, 160.0, 190.0])  # errors 11 × 10 and 40; rank ≤ 12


def test_errors_that_were_not_known_at_the_issue_do_not_count() -> None:
    values = np.repeat(10.0 * np.arange(14), 24)
    changed = values.copy()
    changed[24 * 12 + 3 :] = 9_999.0
    persistence = named("persistence", carbon_baselines())
    issue = Issues(np.array([24 * 12 + 3]), 24, 0, 1, 24)

    before, after = (persistence.predict(hourly(each), issue, (0.95,)) for each in (values, changed))

    np.testing.assert_equal(before.point, after.point)
    np.testing.assert_equal(before.quantiles, after.quantiles)
