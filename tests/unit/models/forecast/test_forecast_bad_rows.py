"""Gaps, duplicates, clock changes, negative, infinite and spiky values: handled and said, by both recipes."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from freesh_plugin.core.errors import ForecastError
from models.domain.forecast import QuantileForecast
from models.forecast import forecast_carbon
from models.forecast.backtest import CarbonIssues, Span, backtest_carbon, carbon_models
from models.forecast.table import carbon_grids
from tests.fakes.series import START, hourly_carbon

DAY = timedelta(days=1)
DAYS = 50
ISSUED = START + (DAYS - 1) * DAY


def forecast(history: "pd.Series[float]") -> QuantileForecast:
    """Twelve hours: six of the intraday model, six of the day-ahead model."""
    return forecast_carbon(history, issued_at=ISSUED, intervals=12, step_s=3_600)


def assert_whole(said: QuantileForecast) -> None:
    assert np.isfinite(said.mean).all()
    assert np.isfinite(said.quantiles).all()
    assert (np.diff(said.quantiles, axis=0) >= 0).all()


def close(said: QuantileForecast) -> bool:
    """As near to the truth as noise of 15 g/kWh lets one be."""
    truth = hourly_carbon(DAYS)[ISSUED:].iloc[:12].to_numpy()
    return bool(np.abs(said.mean - truth).mean() < 25.0)


@pytest.mark.parametrize("hours", [1, 5, 30])
def test_a_gap_before_the_issue_is_said_and_bridged(hours: int) -> None:
    history = hourly_carbon(DAYS)
    end = 24 * (DAYS - 1) - 3
    history.iloc[end - hours : end] = np.nan

    said = forecast(history)

    assert_whole(said)
    assert close(said)
    assert f"{hours} of {24 * (DAYS - 1)} rows of 3600 s are missing" in said.note


def test_missing_newest_rows_are_not_filled_but_said() -> None:
    history = hourly_carbon(DAYS)
    history.iloc[24 * (DAYS - 1) - 7 :] = np.nan

    said = forecast(history)

    assert_whole(said)
    assert "history ends 420 min before the issue" in said.note


def test_many_random_holes_leave_a_forecast() -> None:
    history = hourly_carbon(DAYS)
    history[np.random.default_rng(2).random(len(history)) < 0.3] = np.nan

    said = forecast(history)

    assert_whole(said)
    assert close(said)


def test_equal_duplicates_change_nothing_and_contrary_ones_count_as_missing() -> None:
    history = hourly_carbon(DAYS)
    twice = pd.concat([history, history.iloc[400:410]])
    contrary = pd.concat([history, history.iloc[400:410] + 50.0])
    holed = history.copy()
    holed.iloc[400:410] = np.nan

    np.testing.assert_array_equal(forecast(twice).quantiles, forecast(history).quantiles)
    np.testing.assert_array_equal(forecast(contrary).quantiles, forecast(holed).quantiles)
    assert "20 rows share a time with another (10 times contradict and count as missing)" in forecast(contrary).note


def test_a_clock_change_in_naive_local_rows_is_said() -> None:
    """Hours of Berlin without an offset, read as UTC: in spring an hour is missing, in autumn one is double."""
    berlin = hourly_carbon(DAYS).copy()
    berlin.index = pd.date_range("2024-03-01", periods=len(berlin), freq="h", tz="Europe/Berlin").tz_localize(None)
    autumn = hourly_carbon(DAYS).copy()
    autumn.index = pd.date_range("2024-10-01", periods=len(autumn), freq="h", tz="Europe/Berlin").tz_localize(None)

    spring_said = forecast_carbon(
        berlin, issued_at=pd.Timestamp("2024-04-10T00:00Z").to_pydatetime(), intervals=12, step_s=3_600
    )
    autumn_said = forecast_carbon(
        autumn, issued_at=pd.Timestamp("2024-11-10T00:00Z").to_pydatetime(), intervals=12, step_s=3_600
    )

    assert_whole(spring_said)
    assert "1 of 960 rows of 3600 s are missing" in spring_said.note
    assert_whole(autumn_said)
    assert "2 rows share a time with another (1 times contradict and count as missing)" in autumn_said.note


def test_naive_local_times_in_a_file_are_counted_too(tmp_path: Path) -> None:
    rows = hourly_carbon(DAYS)
    times = pd.date_range("2024-10-01", periods=len(rows), freq="h", tz="Europe/Berlin").tz_localize(None)
    table = pd.DataFrame({"time": times, "zone": "DE", "carbon_gco2e_per_kwh": rows.to_numpy()})
    table.to_csv(tmp_path / "local.csv", index=False)

    grid = carbon_grids(tmp_path / "local.csv")[0]

    assert grid.notes[0].startswith("2 rows share a time with another (1 times contradict")
    assert np.isnan(grid.values).sum() == 1


def test_aware_local_times_cross_the_clock_change_unharmed() -> None:
    utc = hourly_carbon(DAYS)
    local = utc.copy()
    local.index = pd.DatetimeIndex(utc.index).tz_convert("Europe/Berlin")

    np.testing.assert_array_equal(forecast(local).quantiles, forecast(utc).quantiles)


def test_negative_values_are_forecast_as_they_are() -> None:
    said = forecast(hourly_carbon(DAYS) - 300.0)

    assert_whole(said)
    assert (said.mean < 0).any()
    assert (said.mean > 0).any()


def test_infinite_values_count_as_missing() -> None:
    history, holed = hourly_carbon(DAYS), hourly_carbon(DAYS)
    history.iloc[500:504] = np.inf
    holed.iloc[500:504] = np.nan

    np.testing.assert_array_equal(forecast(history).quantiles, forecast(holed).quantiles)


def test_a_column_known_ahead_with_holes_is_used_where_it_is_there() -> None:
    history = hourly_carbon(DAYS)
    ahead = pd.DataFrame({"forecast_noise": np.random.default_rng(4).normal(size=len(history))}, index=history.index)
    holes = ahead.copy()
    holes.iloc[24 * (DAYS - 1) + 3 : 24 * (DAYS - 1) + 8] = np.nan

    said = forecast_carbon(history, issued_at=ISSUED, intervals=12, step_s=3_600, exogenous=holes)

    assert_whole(said)
    assert close(said)


def spiky(days: int) -> "pd.Series[float]":
    """Like a marginal signal at five minutes: 900 with a wave of 200, and one row in fifty far off."""
    rng, rows = np.random.default_rng(9), np.arange(288 * days)
    values = 900 + 200 * np.sin(2 * np.pi * rows / 288) + rng.normal(0.0, 40.0, len(rows))
    spikes = rng.random(len(rows)) < 0.02
    values[spikes] += rng.normal(0.0, 4_000.0, int(spikes.sum()))
    return pd.Series(values, index=pd.date_range(START, periods=len(rows), freq="5min"))


def test_spikes_do_not_carry_the_forecast_away() -> None:
    history = spiky(15)
    issued = START + 14 * DAY + timedelta(hours=9, minutes=35)
    spiked = history.copy()
    spiked[np.asarray(spiked.index == issued - timedelta(minutes=5))] = 9_000.0

    said = forecast_carbon(spiked, issued_at=issued, intervals=72, step_s=300)

    minutes = 5 * np.arange(72) + 9 * 60 + 35
    calm = 900 + 200 * np.sin(2 * np.pi * minutes / 1_440)
    assert np.abs(said.quantile(0.5) - calm).mean() < 150.0
    assert_whole(said)


@pytest.mark.data
def test_a_day_of_a_real_marginal_signal(freesh_data: Path) -> None:
    """Negatives and spikes at five minutes, from two hours of history to a whole day."""
    table = pd.read_csv(freesh_data / "profiles" / "freesh_authors_carbon.csv")
    for location in table:
        values = table[location].set_axis(pd.date_range(START, periods=len(table), freq="5min"))
        for hours in (2, 12, 23):
            said = forecast_carbon(
                values, issued_at=START + timedelta(hours=hours), intervals=72, step_s=300, series=str(location)
            )
            assert_whole(said)
            known = values.iloc[: 12 * hours]
            assert known.min() <= said.mean.min() <= said.mean.max() <= known.max()


def test_zeros_in_the_history_are_no_infinite_weights() -> None:
    history = hourly_carbon(DAYS)
    history.iloc[::7] = 0.0

    assert_whole(forecast(history))


def test_rows_longer_than_an_hour_are_refused() -> None:
    with pytest.raises(ForecastError, match="rows of 7200 s do not make rows of 3600 s"):
        forecast(hourly_carbon(DAYS).iloc[::2])


def test_gaps_are_not_scored_within_the_day(tmp_path: Path) -> None:
    history = hourly_carbon(DAYS)
    history.iloc[24 * 40 + 2 : 24 * 40 + 5] = np.nan
    table = pd.DataFrame({"time": history.index, "zone": "z", "carbon_gco2e_per_kwh": history.to_numpy()})
    table.to_csv(tmp_path / "carbon.csv", index=False)
    asked = CarbonIssues(horizon=6, every_s=21_600)
    day = pd.Timestamp(START + 40 * DAY)

    walks = backtest_carbon(
        carbon_grids(tmp_path / "carbon.csv")[0], Span(day, day + pd.Timedelta("23h")), carbon_models(asked), asked
    )

    assert {walk.pooled().targets for walk in walks} == {24 - 3}
