"""`forecast_carbon` and `forecast_demand`: shapes, times, the ladder from freesh down to nothing, and refusals."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freesh_plugin.core.errors import ForecastError
from models.forecast import LEVELS, forecast_carbon, forecast_demand
from tests.fakes.series import START, hourly_carbon, ten_minute_demand

DAY = timedelta(days=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_day_of_hours() -> None:
    said = forecast_carbon(hourly_carbon(60), issued_at=START + 60 * DAY, intervals=24, step_s=3_600, series="DE")

    assert (said.series, said.model, said.levels) == ("DE", "freesh", LEVELS)
    assert said.starts_at == START + 60 * DAY
    assert said.mean.shape == (24,)
    assert said.quantiles.shape == (6, 24)
    assert (np.diff(said.quantiles, axis=0) >= 0).all()
    assert said.labels == {"zone": "DE"}
    truth = hourly_carbon(61).to_numpy()[-24:]
    assert np.abs(said.quantile(0.5) / truth - 1).mean() < 0.12


def test_six_hours_of_five_minutes_are_steps_of_their_hours() -> None:
    history = hourly_carbon(60)
    issued = START + 59 * DAY + timedelta(hours=10, minutes=22)

    fine = forecast_carbon(history, issued_at=issued, intervals=68, step_s=300)
    hours = forecast_carbon(history, issued_at=issued, intervals=6, step_s=3_600)

    assert fine.starts_at == at("2024-02-29T10:20")
    assert hours.starts_at == at("2024-02-29T10:00")
    np.testing.assert_allclose(fine.mean[:8], np.repeat(hours.mean[0], 8))  # 10:20 to 11:00
    np.testing.assert_allclose(fine.mean[8:20], np.repeat(hours.mean[1], 12))
    np.testing.assert_allclose(fine.quantiles[:, -12:], np.repeat(hours.quantiles[:, 5:], 12, axis=1))
    assert "intervals of 300 s hold rows of 3600 s" in fine.note
    assert "hold" not in hours.note


def test_half_hourly_history_is_read_as_whole_hours() -> None:
    halves = hourly_carbon(40).resample("30min").ffill()

    said = forecast_carbon(halves, issued_at=START + 39 * DAY + timedelta(minutes=5), intervals=6, step_s=3_600)
    hourly = forecast_carbon(hourly_carbon(40), issued_at=START + 39 * DAY, intervals=6, step_s=3_600)

    np.testing.assert_allclose(said.mean, hourly.mean, rtol=0.01)  # the same rows twice teach nearly the same


def test_what_had_not_ended_at_the_issue_is_not_read() -> None:
    history = hourly_carbon(60)
    changed = history.copy()
    issued = START + 50 * DAY + timedelta(minutes=30)
    changed[issued - timedelta(minutes=30) :] = 9_999.0

    first, second = (forecast_carbon(each, issued_at=issued, intervals=6, step_s=3_600) for each in (history, changed))

    np.testing.assert_array_equal(first.quantiles, second.quantiles)


def test_late_history_is_said_and_bridged() -> None:
    said = forecast_carbon(
        hourly_carbon(60), issued_at=START + 60 * DAY + timedelta(hours=5), intervals=6, step_s=3_600
    )

    assert "history ends 300 min before the issue" in said.note
    assert said.model == "freesh"
    assert said.starts_at == at("2024-03-01T05:00")


def test_columns_known_ahead_reach_beyond_the_history() -> None:
    truth = hourly_carbon(121)
    wave = 300 + 80 * np.sin(2 * np.pi * np.arange(24 * 121) / 24) + 30 * np.sin(2 * np.pi * np.arange(24 * 121) / 168)
    ahead = pd.DataFrame({"forecast_noise": truth.to_numpy() - wave, "forecast_empty": np.nan}, index=truth.index)
    issued = START + 120 * DAY

    told = forecast_carbon(truth, issued_at=issued, intervals=24, step_s=3_600, exogenous=ahead)
    alone = forecast_carbon(truth, issued_at=issued, intervals=24, step_s=3_600)

    error_told, error_alone = (np.abs(each.quantile(0.5) - truth.to_numpy()[-24:]).mean() for each in (told, alone))
    assert error_told < 0.5 * error_alone
    assert "known_ahead" in told.note


@pytest.mark.parametrize(("hours", "reason"), [(1, "hold the last known row"), (30, "too little history")])
def test_short_carbon_history_falls_to_persistence(hours: int, reason: str) -> None:
    history = hourly_carbon(3).iloc[:hours]

    said = forecast_carbon(history, issued_at=START + timedelta(hours=hours), intervals=24, step_s=3_600)

    assert said.model == "persistence"
    assert reason in said.note
    assert np.isfinite(said.quantiles).all()
    assert said.mean[0] == pytest.approx(history.iloc[max(0, hours - 24)], rel=0.02)  # and the mean of its past errors


def test_without_past_errors_the_note_says_that_quantiles_are_the_point() -> None:
    said = forecast_carbon(hourly_carbon(1), issued_at=START + DAY, intervals=2, step_s=3_600)

    assert "no past errors: quantiles equal the point" in said.note
    np.testing.assert_array_equal(said.quantiles[0], said.quantiles[-1])


def test_a_constant_zone_uses_a_simple_forecast_and_says_so() -> None:
    said = forecast_carbon(hourly_carbon(60) * 0 + 7, issued_at=START + 60 * DAY, intervals=3, step_s=3_600)

    assert said.model == "last_value"
    assert "no model beat the simple forecasts" in said.note
    np.testing.assert_allclose(said.mean, 7.0)


def test_an_epoch_of_demand_in_six_steps() -> None:
    history = ten_minute_demand(14)
    slot = START + 13 * DAY

    six = forecast_demand(history, issued_at=slot - timedelta(minutes=10), starts_at=slot, intervals=6, step_s=300)
    one = forecast_demand(history, issued_at=slot - timedelta(minutes=10), starts_at=slot, intervals=1, step_s=1_800)

    assert six.model == "freesh"
    assert six.starts_at == slot
    np.testing.assert_array_equal(six.mean, np.repeat(one.mean, 6))
    truth = history[slot : slot + timedelta(minutes=29)].mean()
    assert six.quantile(0.05)[0] < truth < six.quantile(0.99)[0]


def test_demand_rows_after_the_issue_are_not_read() -> None:
    history = ten_minute_demand(10)
    slot = START + 9 * DAY
    changed = history.copy()
    changed[slot - timedelta(minutes=10) :] = 5_000.0

    said = [
        forecast_demand(each, issued_at=slot - timedelta(minutes=10), starts_at=slot, intervals=1, step_s=1_800)
        for each in (history, changed)
    ]

    np.testing.assert_array_equal(said[0].quantiles, said[1].quantiles)


@pytest.mark.parametrize("rows", [1, 3, 20, 144, 400])
def test_demand_always_answers_from_one_row_on(rows: int) -> None:
    history = ten_minute_demand(3).iloc[:rows]
    slot = (START + timedelta(minutes=10 * rows + 10)).replace(second=0)

    said = forecast_demand(history, issued_at=slot - timedelta(minutes=10), starts_at=slot, intervals=6, step_s=300)

    assert np.isfinite(said.quantiles).all()
    assert (said.quantiles >= 0).all()
    assert said.note


def test_hourly_demand_rows_stand_for_their_slots() -> None:
    history = ten_minute_demand(10).resample("1h").mean()
    slot = START + 9 * DAY + timedelta(minutes=30)

    said = forecast_demand(history, issued_at=slot - timedelta(minutes=10), starts_at=slot, intervals=12, step_s=300)

    assert len(set(said.mean[:6])) == 1  # 00:30 to 01:00
    assert len(set(said.mean)) == 2


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(0, 1e4) | st.just(float("nan")), min_size=1, max_size=120))
def test_demand_is_finite_ordered_and_not_negative_on_anything(values: list[float]) -> None:
    history = pd.Series(values, index=pd.date_range(START, periods=len(values), freq="30min"))
    slot = START + timedelta(minutes=30 * len(values) + 30)

    def said() -> np.ndarray:
        return forecast_demand(
            history, issued_at=slot - timedelta(minutes=10), starts_at=slot, intervals=6, step_s=300
        ).quantiles

    if np.isnan(values).all():
        with pytest.raises(ForecastError, match="no history before"):
            said()
    else:
        assert np.isfinite(said()).all()
        assert (said() >= 0).all()
        assert (np.diff(said(), axis=0) >= 0).all()


def test_no_history_is_refused() -> None:
    with pytest.raises(ForecastError, match="series GB: no history before 2023-12-31T00:00Z"):
        forecast_carbon(hourly_carbon(2), issued_at=at("2023-12-31T00:00"), intervals=1, step_s=300, series="GB")
    empty = hourly_carbon(2).iloc[:0]
    with pytest.raises(ForecastError, match="no history"):
        forecast_demand(empty, issued_at=START, starts_at=START, intervals=6, step_s=300)


def test_bad_arguments_are_refused_with_their_limits() -> None:
    history, issued = hourly_carbon(3), START + 3 * DAY
    with pytest.raises(ForecastError, match="24 intervals of 7000 s: at least one, each a divisor of 3600 s"):
        forecast_carbon(history, issued_at=issued, intervals=24, step_s=7_000)
    with pytest.raises(ForecastError, match="has no time zone"):
        forecast_carbon(history, issued_at=issued.replace(tzinfo=None), intervals=1, step_s=300)
    with pytest.raises(ForecastError, match=r"quantile levels \(0.5, 1.0\)"):
        forecast_carbon(history, issued_at=issued, intervals=1, step_s=300, levels=(0.5, 1.0))
    with pytest.raises(ForecastError, match="none before the issue"):
        forecast_demand(history, issued_at=issued, starts_at=issued - DAY, intervals=6, step_s=300)
    with pytest.raises(ForecastError, match="demand is -5 req/s, must be at least 0"):
        forecast_demand(history * 0 - 5, issued_at=issued, starts_at=issued, intervals=6, step_s=300)
    with pytest.raises(ForecastError, match="must be indexed by time"):
        forecast_carbon(history.reset_index(drop=True), issued_at=issued, intervals=1, step_s=300)
