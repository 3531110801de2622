"""The walk: which issues and targets a span holds, what is scored, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from freesh_plugin.core.errors import ForecastError
from models.forecast.backtest import CarbonIssues, Span, Walk, backtest_carbon, backtest_demand
from models.forecast.baselines import carbon_baselines, demand_baselines
from models.forecast.grid import Grid, to_grid
from tests.fakes.series import hourly_carbon, ten_minute_demand


def span(start: str, last: str) -> Span:
    return Span(pd.Timestamp(start, tz="UTC"), pd.Timestamp(last, tz="UTC"))


def carbon(days: int = 20) -> Grid:
    return to_grid(hourly_carbon(days).to_frame("value"), "z")


def persistence(walks: list[Walk]) -> Walk:
    return next(walk for walk in walks if walk.model == "persistence")


def test_carbon_is_issued_at_each_midnight_of_the_span() -> None:
    walk = persistence(backtest_carbon(carbon(), span("2024-01-15", "2024-01-17T23:59"), carbon_baselines()))

    truth = hourly_carbon(20).to_numpy().reshape(20, 24)
    np.testing.assert_allclose(walk.actual, truth[14:17])
    np.testing.assert_allclose(walk.point, truth[13:16])


def test_persistence_scores_agree_with_a_direct_computation() -> None:
    walk = persistence(backtest_carbon(carbon(), span("2024-01-15", "2024-01-19T23:59"), carbon_baselines()))

    series = hourly_carbon(20)
    error = ((series - series.shift(24)) / series).abs()["2024-01-15":"2024-01-19"]
    by_hour = 100 * error.groupby(pd.DatetimeIndex(error.index).hour).mean()
    said = np.array([scores.mape for scores in walk.by_horizon()], dtype=float)
    np.testing.assert_allclose(said, by_hour.to_numpy())


def test_targets_after_the_end_are_not_scored() -> None:
    grid = carbon()

    walk = persistence(backtest_carbon(grid, span("2024-01-15", "2024-01-16T05:00"), carbon_baselines()))

    assert [scores.targets for scores in walk.by_horizon()] == [2] * 6 + [1] * 18


def test_a_longer_horizon_has_a_row_for_each_hour() -> None:
    walk = persistence(
        backtest_carbon(carbon(), span("2024-01-15", "2024-01-19T23:00"), carbon_baselines(), CarbonIssues(horizon=30))
    )

    assert [scores.targets for scores in walk.by_horizon()] == [5] * 24 + [4] * 6


def test_half_hourly_carbon_is_scored_by_the_hour() -> None:
    halves = hourly_carbon(20).resample("30min").ffill()
    halves["2024-01-15T07:30"] = np.nan

    walk = persistence(
        backtest_carbon(
            to_grid(halves.to_frame("value"), "z"), span("2024-01-15", "2024-01-15T23:00"), carbon_baselines()
        )
    )

    assert walk.actual.shape == (1, 24)
    assert np.isnan(walk.actual[0, 7])
    assert np.isfinite(np.delete(walk.actual[0], 7)).all()


def test_demand_horizons_and_lead() -> None:
    values = pd.Series(np.arange(144.0 * 4), index=ten_minute_demand(4).index)
    grid = to_grid(values.to_frame("value"), "d")

    walk = persistence(
        backtest_demand(grid, span("2024-01-03", "2024-01-03T00:30"), demand_baselines(), horizon=2, lead_s=1_200)
    )

    np.testing.assert_allclose(walk.actual, [[289.0, 292.0], [292.0, np.nan]])  # 01:00 lies after the end
    np.testing.assert_allclose(walk.point, [[285.0, 285.0], [288.0, 288.0]])  # issued 23:40 and 00:10


@pytest.mark.parametrize(
    ("start", "last", "sentence"),
    [
        ("2024-01-05", "2024-01-10", r"4.0 days of history before 2024-01-05, at least 8 needed"),
        ("2023-12-01", "2024-01-10", r"0.0 days of history before 2023-12-01"),
        ("2025-01-01", "2025-01-02", r"no whole target between 2025-01-01T00:00Z and 2025-01-02T00:00Z"),
        ("2024-01-15T06:00", "2024-01-15T20:00", r"no whole target between"),
    ],
)
def test_a_span_without_history_or_targets_is_refused(start: str, last: str, sentence: str) -> None:
    with pytest.raises(ForecastError, match=sentence):
        backtest_carbon(carbon(), span(start, last), carbon_baselines())


def test_a_start_after_the_end_is_refused() -> None:
    with pytest.raises(ForecastError, match="start 2024-01-02T00:00Z is after end 2024-01-01T00:00Z"):
        span("2024-01-02", "2024-01-01")


def test_rows_that_make_no_half_hours_are_refused() -> None:
    hourly = to_grid(hourly_carbon(9).to_frame("value"), "d")

    with pytest.raises(ForecastError, match="rows of 3600 s do not make slots of 1800 s"):
        backtest_demand(hourly, span("2024-01-08", "2024-01-09"), demand_baselines())
