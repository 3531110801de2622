"""The demand model: candidates weighed by what they erred, quantiles that follow unrest, drift said, baselines kept."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from models.forecast import forecast_demand
from models.forecast.demand_inputs import demand_inputs
from models.forecast.demand_model import DemandModel
from models.forecast.demand_spread import margins
from models.forecast.demand_walk import Walked, discounted, walk
from models.forecast.grid import Grid, to_grid
from models.forecast.issues import Issues
from models.forecast.scores import score
from tests.fakes.series import START, ten_minute_demand

SLOT = Issues(np.array([0]), 3, 1, 3, 1)
"""The question of a slot in ten-minute rows, ten minutes ahead."""


def grid_of(values: np.ndarray, step: str = "10min") -> Grid:
    index = pd.date_range(START, periods=len(values), freq=step)
    return to_grid(pd.DataFrame({"value": values}, index=index), "d")


def said_at(values: np.ndarray) -> tuple[str, str]:
    """Model and note of a forecast right after the rows."""
    history = pd.Series(values, index=pd.date_range(START, periods=len(values), freq="10min"))
    slot = START + timedelta(minutes=10 * len(values) + 10)
    said = forecast_demand(
        history, issued_at=slot - timedelta(minutes=10), starts_at=slot, intervals=1, step_s=1_800, series="d"
    )
    return said.model, said.note


def wanderer(days: int, seed: int = 1) -> np.ndarray:
    """A random walk: nothing tells more of it than its last row."""
    return 1_000 + np.cumsum(np.random.default_rng(seed).normal(0, 5, 144 * days))


def moody(days: int, seed: int = 4) -> np.ndarray:
    """Noise about 1,000 req/s that is ten times as large in the second half of each day."""
    rows = np.arange(144 * days)
    size = np.where(rows % 144 < 72, 10.0, 100.0)
    return 1_000 + size * np.random.default_rng(seed).normal(size=len(rows))


def test_discounted_losses_by_hand() -> None:
    losses = np.array([[4.0] * 12 + [1.0] * 4, [np.nan] * 16])

    means = discounted(losses, lag=2, half_life=np.inf)

    assert np.isinf(means[0, :13]).all()  # eleven losses are known at issue 12, twelve at issue 13
    assert means[0, 13] == pytest.approx(4.0)
    assert means[0, 15] == pytest.approx((12 * 4 + 2 * 1) / 14)
    assert np.isinf(means[1]).all()


def test_newer_losses_weigh_more() -> None:
    losses = np.concatenate([np.full(30, 8.0), np.full(30, 2.0)])[None]

    assert discounted(losses, 1, 20.0)[0, -1] < 4 < discounted(losses, 1, np.inf)[0, -1]


def test_a_level_that_returns_is_forecast_better_than_by_its_last_row() -> None:
    grid = grid_of(ten_minute_demand(9).to_numpy())
    asked = SLOT.at(np.arange(144 * 5, 144 * 9 - 4, 3))

    said = DemandModel().predict(grid, asked, (0.95,))
    actual, last = asked.actuals(grid), grid.values[asked.origins - 1][:, None]

    assert np.abs(actual - said.point).sum() < 0.9 * np.abs(actual - last).sum()
    assert 0.89 <= float(score(actual, said.point, said.quantiles[0]).coverage95 or 0) <= 0.99


def test_on_a_random_walk_the_simple_forecast_is_used_and_the_note_says_so() -> None:
    models = [said_at(wanderer(9, seed)) for seed in range(6)]

    simple = [note for model, note in models if model == "persistence"]
    assert len(simple) >= 2
    assert all("no model beat the simple forecasts in the last 14 days" in note for note in simple)


def test_a_constant_is_forecast_by_its_last_row() -> None:
    model, note = said_at(np.full(144 * 5, 7.0))

    assert model == "persistence"
    assert "no model beat the simple forecasts" in note


def test_no_demand_is_forecast_as_none() -> None:
    history = pd.Series(np.zeros(600), index=pd.date_range(START, periods=600, freq="10min"))
    slot = START + timedelta(minutes=6_010)

    said = forecast_demand(
        history, issued_at=slot - timedelta(minutes=10), starts_at=slot, intervals=6, step_s=300, series="d"
    )

    assert not said.mean.any()
    assert not said.quantiles.any()


@pytest.mark.parametrize("seed", range(4))
def test_every_second_row_may_be_missing(seed: int) -> None:
    values = ten_minute_demand(6).to_numpy().copy()
    values[np.random.default_rng(seed).random(len(values)) < 0.5] = np.nan
    history = pd.Series(values, index=pd.date_range(START, periods=len(values), freq="10min"))
    slot = START + timedelta(days=6, minutes=30)

    said = forecast_demand(
        history, issued_at=slot - timedelta(minutes=10), starts_at=slot, intervals=6, step_s=300, series="d"
    )

    assert np.isfinite(said.quantiles).all()
    assert 60 < said.mean[0] < 160


def test_an_absurd_row_moves_no_mean() -> None:
    values = ten_minute_demand(6).to_numpy().copy()
    values[500] = 1e9
    history = pd.Series(values, index=pd.date_range(START, periods=len(values), freq="10min"))
    slot = START + timedelta(days=6, minutes=30)

    said = forecast_demand(
        history, issued_at=slot - timedelta(minutes=10), starts_at=slot, intervals=6, step_s=300, series="d"
    )

    assert 60 < said.mean[0] < 160
    assert said.quantile(0.9)[0] < 300


def test_two_hours_of_history_give_no_wild_quantile() -> None:
    history = ten_minute_demand(1)[:12]
    slot = START + timedelta(hours=2, minutes=30)

    said = forecast_demand(
        history, issued_at=slot - timedelta(minutes=10), starts_at=slot, intervals=6, step_s=300, series="d"
    )

    assert said.quantiles.max() < 1.5 * history.max()


def test_little_history_is_said() -> None:
    model, note = said_at(wanderer(1)[:40])

    assert model in {"persistence", "last_30min"}
    assert "too little history to learn from" in note


def test_what_the_forecast_rests_on_is_said_in_shares() -> None:
    model, note = said_at(ten_minute_demand(9).to_numpy())

    assert model == "freesh"
    assert "% weeks" in note
    assert "by their errors of the last hours" in note


def test_quantiles_are_wide_when_the_series_is_restless_and_cover_always() -> None:
    grid = grid_of(moody(12))
    asked = SLOT.at(np.arange(144 * 6, 144 * 12 - 4, 3))

    said = DemandModel().predict(grid, asked, (0.95,))

    margin = said.quantiles[0, :, 0] - said.point[:, 0]
    hour = (asked.origins + 1) % 144
    calm, wild = (hour > 24) & (hour < 69), (hour > 96) & (hour < 141)
    assert margin[wild].mean() > 3 * margin[calm].mean()
    assert 0.90 <= (asked.actuals(grid) <= said.quantiles[0]).mean() <= 0.985


def test_levels_never_cross_and_stay_above_zero() -> None:
    grid = grid_of(np.maximum(0.0, moody(6) - 950))
    asked = SLOT.at(np.arange(144 * 3, 144 * 6 - 4, 9))

    quantiles = DemandModel().predict(grid, asked, (0.05, 0.5, 0.95, 0.99)).quantiles

    assert (np.diff(quantiles, axis=0) >= 0).all()
    assert (quantiles >= 0).all()


def test_further_targets_are_less_certain() -> None:
    grid = grid_of(wanderer(8))
    asked = Issues(np.arange(144 * 5, 144 * 7, 9), 3, 1, 3, 8)

    said = DemandModel().predict(grid, asked, (0.05, 0.95))

    width = (said.quantiles[1] - said.quantiles[0]).mean(axis=0)
    assert width[7] > 1.5 * width[0]


def test_margins_of_known_errors_without_unrest() -> None:
    errors = np.concatenate([np.arange(1.0, 20.0), [np.nan]])  # rank ceil(0.95·20) of 19 equal weights: the largest
    issues = Issues(np.arange(10, 30), 1, 0, 1, 1)
    walked = Walked(issues, errors, np.zeros((1, 20)), np.ones((1, 20)), np.zeros(20), np.ones((20, 2)))
    grid = grid_of(np.zeros(30))

    told = margins(grid, walked, errors[:, None], 29, (0.5, 0.95))[:, -1]

    assert 10.0 <= told[0] <= 11.0  # equal unrest: sizes are equal, newer errors weigh a little more
    assert told[1] == pytest.approx(19.0)


def test_too_few_errors_tell_no_margin() -> None:
    errors = np.full(20, np.nan)
    errors[:5] = 1.0
    walked = Walked(SLOT.at(np.arange(20)), errors, np.zeros((1, 20)), np.ones((1, 20)), np.zeros(20), np.ones((20, 1)))

    assert np.isnan(margins(grid_of(np.zeros(30)), walked, errors[:, None], 29, (0.5,))).all()


def test_a_drift_is_said_with_its_day() -> None:
    calm, wild = moody(10), moody(10, seed=8)
    values = 1_000 + np.concatenate([0.02 * (calm[: 144 * 6] - 1_000), 3 * np.abs(wild[: 144 * 4] - 1_000)])

    _, note = said_at(values)

    assert "drift: since 2024-01-0" in note
    assert "history before counts little" in note


def test_a_series_without_drift_does_not_speak_of_it() -> None:
    assert "drift" not in said_at(moody(12))[1]
    assert "drift" not in said_at(ten_minute_demand(14).to_numpy())[1]


def test_what_is_learnt_before_a_drift_counts_little() -> None:
    before, after = np.tile([900.0, 1_100.0], 72 * 4), wanderer(4)
    grid, asked = grid_of(np.concatenate([before, after])), SLOT.at(np.array([144 * 8]))

    kept, dropped = walk(grid, asked), walk(grid, asked, since=144 * 4)

    day = slice(144 * 5, 144 * 6)
    error = [np.nanmean(np.abs(each.actual - each.candidates[4])[day]) for each in (kept, dropped)]
    assert error[1] < error[0]


@pytest.mark.parametrize(("step", "rows_a_day"), [("1min", 1_440), ("5min", 288), ("30min", 48), ("1h", 24)])
def test_rows_of_any_length_are_walked(step: str, rows_a_day: int) -> None:
    rng = np.random.default_rng(6)
    values = 100 + 30 * np.sin(2 * np.pi * np.arange(4 * rows_a_day) / rows_a_day) + rng.normal(size=4 * rows_a_day)
    history = pd.Series(values, index=pd.date_range(START, periods=len(values), freq=step))
    slot = START + timedelta(days=4, minutes=30)

    said = forecast_demand(
        history, issued_at=slot - timedelta(minutes=10), starts_at=slot, intervals=6, step_s=300, series="d"
    )

    truth = 100 + 30 * np.sin(2 * np.pi * 0.75 / 24)
    assert said.mean[0] == pytest.approx(truth, abs=8)
    assert (said.quantile(0.05) < said.quantile(0.95)).all()


def test_inputs_do_not_change_with_rows_after_the_origin() -> None:
    values = ten_minute_demand(9).to_numpy()
    later = values.copy()
    later[144 * 8 :] = 1e6
    issues = Issues(np.arange(144 * 4, 144 * 8 + 1, 7), 3, 140, 3, 1)  # almost a day ahead

    first, second = (demand_inputs(grid_of(each), issues) for each in (values, later))

    np.testing.assert_array_equal(first.simple, second.simple)
    np.testing.assert_array_equal(first.moves, second.moves)
    np.testing.assert_array_equal(first.unrest, second.unrest)


def test_a_sudden_halt_of_a_calm_series_does_not_ask_for_a_fleet() -> None:
    noise = np.random.default_rng(3).normal(0, 0.6, 144 * 14)
    values = 100 + noise
    values[-3:] = 0.0
    history = pd.Series(values, index=pd.date_range(START, periods=len(values), freq="10min"))
    issued = START + timedelta(minutes=10 * len(values))
    said = forecast_demand(
        history, issued_at=issued, starts_at=issued + timedelta(minutes=10), intervals=1, step_s=1_800, series="d"
    )
    assert said.quantile(0.95)[0] < 400
