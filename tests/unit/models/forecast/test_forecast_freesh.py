"""The freesh model against series whose answer is known."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from models.forecast.backtest import Span, Walk, backtest_carbon, backtest_demand, carbon_models, demand_models
from models.forecast.grid import to_grid
from tests.fakes.series import hourly_carbon, ten_minute_demand


def by_model(walks: list[Walk]) -> dict[str, Walk]:
    return {walk.model: walk for walk in walks}


def span(start: str, last: str) -> Span:
    return Span(pd.Timestamp(start, tz="UTC"), pd.Timestamp(last, tz="UTC"))


def mape(walk: Walk) -> float:
    scored = walk.pooled().mape
    assert scored is not None
    return scored


def wape(walk: Walk) -> float:
    scored = walk.pooled().wape
    assert scored is not None
    return scored


def test_carbon_beats_both_simple_forecasts_on_a_series_with_memory() -> None:
    grid = to_grid(hourly_carbon(150).to_frame("value"), "z")

    walks = by_model(backtest_carbon(grid, span("2024-05-01", "2024-05-28T23:00"), carbon_models()))

    better = min(mape(walks["persistence"]), mape(walks["seasonal_naive"]))
    assert mape(walks["freesh"]) < 0.9 * better
    covered = walks["freesh"].pooled().coverage95
    assert covered is not None
    assert 0.90 <= covered <= 0.99


def test_what_is_known_ahead_is_used() -> None:
    """Where a known-ahead column tells the noise, little error is left; where it tells nothing, none is added."""
    history = hourly_carbon(120)
    hours = np.arange(len(history))
    wave = 300 + 80 * np.sin(2 * np.pi * hours / 24) + 30 * np.sin(2 * np.pi * hours / 168)
    told = (history.to_numpy() - wave)[:, None]
    noise = np.random.default_rng(5).normal(size=told.shape)
    alone = to_grid(history.to_frame("value"), "z")
    month = span("2024-04-01", "2024-04-21T23:00")

    errors = {
        name: mape(by_model(backtest_carbon(grid, month, carbon_models()))["freesh"])
        for name, grid in {
            "alone": alone,
            "told": replace(alone, exogenous=told, columns=("forecast_noise",)),
            "useless": replace(alone, exogenous=noise, columns=("forecast_nothing",)),
        }.items()
    }

    assert errors["told"] < 0.35 * errors["alone"]
    assert errors["useless"] < 1.05 * errors["alone"]


def test_a_gap_in_what_is_known_ahead_falls_to_history_for_those_hours_only() -> None:
    history = hourly_carbon(120)
    alone = to_grid(history.to_frame("value"), "z")
    told = np.random.default_rng(5).normal(size=(len(history), 1))
    gap = told.copy()
    gap[24 * 100 + 6 : 24 * 100 + 9] = np.nan
    day = span("2024-04-10", "2024-04-10T23:00")  # day 100

    whole, torn = (
        by_model(backtest_carbon(replace(alone, exogenous=each, columns=("forecast_x",)), day, carbon_models()))
        for each in (told, gap)
    )

    same = whole["freesh"].point[0] == torn["freesh"].point[0]
    assert same[[*range(6), *range(9, 24)]].all()
    assert np.isfinite(torn["freesh"].point).all()


def test_demand_beats_the_simple_forecasts_on_a_series_that_returns_to_its_day() -> None:
    grid = to_grid(ten_minute_demand(14).to_frame("value"), "d")

    walks = by_model(backtest_demand(grid, span("2024-01-08", "2024-01-14T23:30"), demand_models()))

    assert wape(walks["freesh"]) < 0.9 * min(wape(walks["persistence"]), wape(walks["last_30min"]))
    loss, simple = walks["freesh"].pooled().pinball95, walks["last_30min"].pooled().pinball95
    assert loss is not None
    assert simple is not None
    assert loss < simple


def test_no_worse_than_the_simple_on_a_random_walk() -> None:
    steps = np.random.default_rng(11).normal(0.0, 3.0, 144 * 14)
    values = pd.Series(1_000 + np.cumsum(steps), index=ten_minute_demand(14).index)
    grid = to_grid(values.to_frame("value"), "d")

    walks = by_model(backtest_demand(grid, span("2024-01-08", "2024-01-14T23:30"), demand_models()))

    assert wape(walks["freesh"]) <= 1.05 * wape(walks["persistence"])


def test_gaps_are_neither_scored_nor_fatal() -> None:
    history = ten_minute_demand(14)
    history.iloc[144 * 9 : 144 * 9 + 30] = np.nan
    grid = to_grid(history.to_frame("value"), "d")

    walks = backtest_demand(grid, span("2024-01-08", "2024-01-14T23:30"), demand_models())

    assert {walk.pooled().targets for walk in walks} == {7 * 48 - 10}


@pytest.mark.parametrize("value", [0.0, 50.0])
def test_a_constant_series_is_forecast_exactly(value: float) -> None:
    grid = to_grid((ten_minute_demand(10) * 0 + value).to_frame("value"), "d")

    walks = by_model(backtest_demand(grid, span("2024-01-09", "2024-01-10T23:30"), demand_models()))

    np.testing.assert_allclose(walks["freesh"].point, value, atol=1e-9)
    np.testing.assert_allclose(walks["freesh"].q95, value, atol=1e-9)


def test_negative_carbon_stays_negative() -> None:
    grid = to_grid((hourly_carbon(60) - 600).to_frame("value"), "z")

    walks = by_model(backtest_carbon(grid, span("2024-02-20", "2024-02-26T23:00"), carbon_models()))

    assert (walks["freesh"].point < 0).all()
    assert mape(walks["freesh"]) < mape(walks["persistence"])


def test_the_same_input_gives_the_same_forecast() -> None:
    grid = to_grid(hourly_carbon(60).to_frame("value"), "z")
    week = span("2024-02-20", "2024-02-26T23:00")

    first, second = (by_model(backtest_carbon(grid, week, carbon_models()))["freesh"] for _ in range(2))

    np.testing.assert_array_equal(first.point, second.point)
    np.testing.assert_array_equal(first.q95, second.q95)
