"""The next six hours: told from the newest rows at their own length, from any minute, and no row too young is read."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from freesh_plugin.core.errors import ForecastError
from models.forecast import forecast_carbon
from models.forecast.backtest import CarbonIssues, Span, backtest_carbon, carbon_models
from models.forecast.grid import to_grid
from tests.fakes.series import START, hourly_carbon

DAY = timedelta(days=1)


def fine_carbon(days: int, minutes: int, *, seed: int = 3) -> "pd.Series[float]":
    """g/kWh by the row: a daily wave of 80 about 300, and a disturbance that halves in two hours."""
    rows = days * 1_440 // minutes
    keep = 0.5 ** (minutes / 120)
    steps = np.random.default_rng(seed).normal(0.0, 20.0 * (1 - keep**2) ** 0.5, rows)
    drift = np.zeros(rows)
    for row in range(1, rows):
        drift[row] = keep * drift[row - 1] + steps[row]
    values = 300 + 80 * np.sin(2 * np.pi * np.arange(rows) * minutes / 1_440) + drift
    return pd.Series(values, index=pd.date_range(START, periods=rows, freq=pd.Timedelta(minutes=minutes)))


@pytest.mark.parametrize("minutes", [15, 30])
def test_every_row_of_the_next_six_hours_has_a_value_of_its_own(minutes: int) -> None:
    history = fine_carbon(30, minutes)
    issued = START + 29 * DAY + timedelta(hours=10, minutes=32)

    said = forecast_carbon(history, issued_at=issued, intervals=360 // minutes, step_s=60 * minutes)

    assert said.model == "freesh"
    assert len(np.unique(said.mean)) == 360 // minutes
    assert "hold" not in said.note
    truth = history[said.starts_at :].iloc[: 360 // minutes].to_numpy()
    assert np.abs(said.mean[0] - truth[0]) < 20
    assert np.abs(said.mean - truth).mean() < 30


def test_five_minute_rows_are_told_by_the_five_minutes() -> None:
    history = fine_carbon(12, 5)
    issued = START + 11 * DAY + timedelta(hours=3, minutes=7)

    said = forecast_carbon(history, issued_at=issued, intervals=72, step_s=300)

    assert len(np.unique(said.mean)) == 72
    assert (np.diff(said.quantiles, axis=0) >= 0).all()


def test_the_newest_half_hour_counts_before_its_hour_is_whole() -> None:
    """Half an hour after the hour, the half hour that has just ended moves the forecast; its hour is not whole."""
    history = fine_carbon(30, 30)
    issued = START + 29 * DAY + timedelta(hours=10, minutes=30)
    changed = history.copy()
    changed[np.asarray(changed.index == START + 29 * DAY + timedelta(hours=10))] += 40.0

    first, second = (forecast_carbon(each, issued_at=issued, intervals=4, step_s=1_800) for each in (history, changed))

    assert second.mean[0] - first.mean[0] > 15.0
    assert second.mean[3] > first.mean[3]


def test_a_finer_step_holds_the_row_and_says_so() -> None:
    history = fine_carbon(30, 30)
    issued = START + 29 * DAY + timedelta(hours=10)

    fine = forecast_carbon(history, issued_at=issued, intervals=72, step_s=300)
    halves = forecast_carbon(history, issued_at=issued, intervals=12, step_s=1_800)

    np.testing.assert_allclose(fine.mean, np.repeat(halves.mean, 6))
    assert "intervals of 300 s hold rows of 1800 s" in fine.note


@pytest.mark.parametrize("lag_s", [0, 1_800, 7_200])
def test_nothing_younger_than_the_publication_lag_is_read(lag_s: int) -> None:
    history = fine_carbon(30, 30)
    issued = START + 29 * DAY + timedelta(hours=10, minutes=40)
    known_until = issued - timedelta(seconds=lag_s)
    ended = np.asarray(history.index <= known_until - timedelta(minutes=30))
    wrong, last = history.copy(), history.copy()
    wrong[~ended] = -5_000.0
    last[history.index[ended][-4:]] += 50.0  # of which at least one hour is whole, as the day-ahead candidate reads

    said, same, moved = (
        forecast_carbon(each, issued_at=issued, intervals=30, step_s=3_600, publication_lag_s=lag_s)
        for each in (history, wrong, last)
    )

    np.testing.assert_array_equal(said.quantiles, same.quantiles)
    assert (said.mean != moved.mean).any()


@pytest.mark.parametrize("lag_s", [-1.0, 200_000.0, float("nan")])
def test_a_lag_out_of_range_is_refused(lag_s: float) -> None:
    with pytest.raises(ForecastError, match="must be from 0 to 172800 s"):
        forecast_carbon(hourly_carbon(3), issued_at=START + 3 * DAY, intervals=1, step_s=300, publication_lag_s=lag_s)


def test_the_seam_at_six_hours_does_not_jump() -> None:
    """Where the newest rows lie far above every past day, the forecast comes back slowly, not at hour six."""
    history = fine_carbon(60, 60)
    history.iloc[-4:] += 120.0

    said = forecast_carbon(history, issued_at=START + 60 * DAY, intervals=24, step_s=3_600)

    wave = 300 + 80 * np.sin(2 * np.pi * np.arange(24) / 24)
    above = said.mean - wave
    assert abs(above[6] - above[5]) < 25.0
    assert "first 6 h: " in said.note


def span(start: str, last: str) -> Span:
    return Span(pd.Timestamp(start, tz="UTC"), pd.Timestamp(last, tz="UTC"))


def test_a_backtest_within_the_day_beats_the_last_value_and_the_day_before() -> None:
    grid = to_grid(fine_carbon(60, 60).to_frame("value"), "z")
    asked = CarbonIssues(horizon=6, every_s=10_800)

    walks = {
        walk.model: walk
        for walk in backtest_carbon(grid, span("2024-02-15", "2024-02-24T23:00"), carbon_models(asked), asked)
    }

    assert set(walks) == {"freesh", "persistence", "seasonal_naive", "last_value"}
    assert walks["freesh"].actual.shape == (80, 6)
    wapes = {name: walk.pooled().wape or np.nan for name, walk in walks.items()}
    assert wapes["freesh"] < 0.85 * min(wapes[name] for name in wapes if name != "freesh")


def test_issues_and_lag_of_a_backtest_by_hand() -> None:
    """Half-hour rows number themselves: issued each 6 h, known 45 min late, the last value is two rows old."""
    values = pd.Series(np.arange(48.0 * 12), index=fine_carbon(12, 30).index)
    grid = to_grid(values.to_frame("value"), "z")
    asked = CarbonIssues(horizon=3, step_s=1_800, every_s=21_600, publication_lag_s=2_700)
    simple = carbon_models(asked)[1:]

    walks = {w.model: w for w in backtest_carbon(grid, span("2024-01-10", "2024-01-10T12:00"), simple, asked)}

    day = 48.0 * 9
    np.testing.assert_allclose(walks["last_value"].actual[:2, 0], [day, day + 12])
    np.testing.assert_allclose(walks["last_value"].point[:2, 0], [day - 3, day + 12 - 3])
    np.testing.assert_allclose(walks["persistence"].point[0], [day - 48, day - 47, day - 46])


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"step_s": 7_000}, "step 7000 s: must divide an hour of 3600 s"),
        ({"every_s": 50_000}, "issues every 50000 s: must divide a day"),
        ({"every_s": 1_800}, "issues every 1800 s: must divide a day of 86400 s into whole targets of 3600 s"),
        ({"publication_lag_s": -1}, "publication lag -1 s: must be from 0 to 172800 s"),
    ],
)
def test_backtests_that_make_no_days_are_refused(asked: dict[str, int], sentence: str) -> None:
    with pytest.raises(ForecastError, match=sentence):
        CarbonIssues(**asked)


def test_targets_shorter_than_the_rows_are_refused() -> None:
    grid = to_grid(hourly_carbon(20).to_frame("value"), "z")
    asked = CarbonIssues(step_s=300)

    with pytest.raises(ForecastError, match="series z: rows of 3600 s do not make rows of 300 s"):
        backtest_carbon(grid, span("2024-01-15", "2024-01-16"), carbon_models(asked), asked)


def test_a_backtest_reads_nothing_that_was_not_published() -> None:
    """What changes after the last row known at an issue changes nothing that was said there."""
    history = fine_carbon(40, 60)
    asked = CarbonIssues(horizon=30, every_s=21_600, publication_lag_s=7_200)
    cut = START + 35 * DAY + timedelta(hours=16)  # known by 18:00 that day, so issues up to 18:00 do not see it
    wrong = history.copy()
    wrong[cut:] = -900.0
    said = []
    for each in (history, wrong):
        grid = to_grid(each.to_frame("value"), "z")
        walks = backtest_carbon(grid, span("2024-02-04", "2024-02-06T23:00"), carbon_models(asked)[:1], asked)
        said.append(walks[0])

    np.testing.assert_array_equal(said[0].point[:8], said[1].point[:8])
    np.testing.assert_array_equal(said[0].q95[:8], said[1].q95[:8])
    assert (said[0].point[8] != said[1].point[8]).any()
