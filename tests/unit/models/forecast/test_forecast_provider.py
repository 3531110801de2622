"""A provider's forecasts: used where their past issues did well, never before they were issued, unused when few."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from freesh_plugin.core.errors import ForecastError
from models.forecast import forecast_carbon
from models.forecast.grid import Grid
from models.forecast.issues import Issues
from models.forecast.provider import proven, provided
from tests.fakes.series import START, hourly_carbon

DAY = timedelta(days=1)
ISSUED = START + 40 * DAY


def issues_of(truth: "pd.Series[float]", *, first: int, last: int, error: float = 0.0) -> pd.DataFrame:
    """An issue at each hour from day `first` to day `last` for the 30 hours from it on: the truth and an error."""
    rows = []
    for hour in range(24 * first, 24 * last + 1):
        part = truth.iloc[hour : hour + 30]
        rows.append(
            pd.DataFrame(
                {
                    "issued_at": pd.Timestamp(START) + pd.Timedelta(hours=hour),
                    "time": part.index,
                    "carbon_gco2e_per_kwh": part.to_numpy() + error,
                }
            )
        )
    return pd.concat(rows, ignore_index=True)


def test_a_provider_that_knows_is_followed() -> None:
    truth = hourly_carbon(42)

    told = forecast_carbon(
        truth, issued_at=ISSUED, intervals=6, step_s=3_600, provider=issues_of(truth, first=20, last=40)
    )

    np.testing.assert_allclose(told.mean, truth[ISSUED:].iloc[:6], rtol=0.02)
    assert "provider" in told.note
    assert "not used" not in told.note


def test_a_provider_that_is_always_far_off_is_not_followed() -> None:
    truth = hourly_carbon(42)
    wrong = issues_of(truth, first=20, last=40, error=400.0)

    with_it, without = (
        forecast_carbon(truth, issued_at=ISSUED, intervals=6, step_s=3_600, provider=each) for each in (wrong, None)
    )

    np.testing.assert_allclose(with_it.mean, without.mean)


def test_few_past_issues_leave_a_provider_unused_and_said() -> None:
    truth = hourly_carbon(42)
    few = issues_of(truth, first=39, last=40)

    with_it, without = (
        forecast_carbon(truth, issued_at=ISSUED, intervals=24, step_s=3_600, provider=each) for each in (few, None)
    )

    np.testing.assert_array_equal(with_it.mean, without.mean)
    assert "provider not used: it told " in with_it.note
    assert "at least 24 needed" in with_it.note


def test_what_a_provider_said_after_the_issue_is_not_read() -> None:
    truth = hourly_carbon(42)
    known = issues_of(truth, first=20, last=40)
    later = issues_of(truth, first=40, last=41, error=-1_000.0)
    later = later[later["issued_at"] > ISSUED]

    first, second = (
        forecast_carbon(truth, issued_at=ISSUED, intervals=6, step_s=3_600, provider=each)
        for each in (known, pd.concat([known, later]))
    )

    np.testing.assert_array_equal(first.quantiles, second.quantiles)


def frame(issued: list[str], times: list[str], values: list[float]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "issued_at": pd.DatetimeIndex(issued, tz="UTC"),
            "time": pd.DatetimeIndex(times, tz="UTC"),
            "carbon_gco2e_per_kwh": values,
        }
    )


def test_the_newest_issue_known_at_each_of_ours_speaks() -> None:
    """Issued at 01:00 and 03:00; we issue at 00:00, 02:30 and 03:00 for the half hour and the one after it."""
    rows = frame(
        ["2024-01-01T01:00"] * 3 + ["2024-01-01T03:00"],
        ["2024-01-01T01:00", "2024-01-01T02:00", "2024-01-01T03:00", "2024-01-01T03:00"],
        [1.0, 2.0, 3.0, 30.0],
    )
    grid = Grid("z", pd.Timestamp("2024-01-01", tz="UTC"), 1_800, np.zeros(20), np.empty((20, 0)))
    issues = Issues(np.array([0, 5, 6]), 1, 0, 1, 2)

    baseline = provided(rows, pd.Timestamp("2024-01-02", tz="UTC")).baseline(delay_s=0.0)

    np.testing.assert_equal(baseline.rule(grid, issues), [[np.nan, np.nan], [2.0, 3.0], [30.0, 30.0]])
    assert proven(baseline, grid, issues) == 2


def test_finer_rows_of_a_provider_are_averaged() -> None:
    times = [f"2024-01-01T00:{minute:02d}" for minute in range(0, 60, 15)]
    rows = frame(["2024-01-01T00:00"] * 4, times, [1.0, 2.0, 3.0, 6.0])
    grid = Grid("z", pd.Timestamp("2024-01-01", tz="UTC"), 1_800, np.zeros(20), np.empty((20, 0)))
    known = provided(rows, pd.Timestamp("2024-01-02", tz="UTC")).baseline(0.0)

    np.testing.assert_equal(known.rule(grid, Issues(np.array([0]), 1, 0, 1, 3)), [[1.5, 4.5, np.nan]])
    np.testing.assert_equal(known.rule(grid, Issues(np.array([0]), 2, 0, 2, 1)), [[3.0]])


def test_a_provider_is_known_when_it_was_issued_not_when_the_rows_were() -> None:
    """Rows are known an hour late; the issue of 04:30 is known at 05:00, when the last row is that from 03:00."""
    rows = frame(["2024-01-01T04:30"], ["2024-01-01T05:00"], [7.0])
    grid = Grid("z", pd.Timestamp("2024-01-01", tz="UTC"), 3_600, np.zeros(20), np.empty((20, 0)))
    known = provided(rows, pd.Timestamp("2024-01-02", tz="UTC"))

    assert known.baseline(3_600.0).rule(grid, Issues(np.array([4]), 24, 1, 1, 1))[0, 0] == 7.0
    assert np.isnan(known.baseline(0.0).rule(grid, Issues(np.array([4]), 24, 1, 1, 1))[0, 0])


def test_empty_values_are_left_out_and_nothing_is_no_provider() -> None:
    truth = hourly_carbon(42)
    empty = issues_of(truth, first=20, last=40).assign(carbon_gco2e_per_kwh=np.nan)

    said = forecast_carbon(truth, issued_at=ISSUED, intervals=6, step_s=3_600, provider=empty)

    assert "provider not used: it told 0 of the last" in said.note


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (pd.DataFrame({"time": []}), "column 'issued_at' is missing"),
        (
            frame(["2024-01-01"], ["2024-01-01"], [1.0]).assign(time=pd.DatetimeIndex(["2024-01-01"])),
            "column 'time' holds datetime64.*, must be aware moments",
        ),
    ],
)
def test_rows_of_another_kind_are_refused(rows: pd.DataFrame, sentence: str) -> None:
    with pytest.raises(ForecastError, match=sentence):
        forecast_carbon(hourly_carbon(42), issued_at=ISSUED, intervals=6, step_s=3_600, provider=rows)
