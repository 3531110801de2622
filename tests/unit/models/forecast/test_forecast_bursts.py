"""Bursts inside a slot: parts of targets, the index of dispersion, and per-step quantiles beside known ones."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from freesh_plugin.core.errors import ForecastError
from models.domain.forecast import QuantileForecast
from models.forecast import Burst, dispersion_of, forecast_demand
from models.forecast.bursts import NORMALS, parts
from models.forecast.grid import to_grid
from models.forecast.issues import Issues
from tests.fakes.series import START

RATE_RPS = 2.0


def arrivals(days: int, step_s: int, dispersion: float, *, seed: int = 3) -> "pd.Series[float]":
    """req/s of arrivals at a constant rate: Poisson at dispersion 1, negative binomial above."""
    rng = np.random.default_rng(seed)
    rows, expected = days * 86_400 // step_s, RATE_RPS * step_s
    counts = (
        rng.poisson(expected, rows)
        if dispersion == 1
        else rng.negative_binomial(expected / (dispersion - 1), 1 / dispersion, rows)
    )
    return pd.Series(counts / step_s, index=pd.date_range(START, periods=rows, freq=f"{step_s}s"))


def said(history: "pd.Series[float]", step_s: int, burst: Burst | None = None) -> QuantileForecast:
    slot = START + timedelta(days=6)
    issued = slot - timedelta(minutes=10)
    return forecast_demand(
        history, issued_at=issued, starts_at=slot, intervals=1_800 // step_s, step_s=step_s, burst=burst
    )


def margin(forecast: QuantileForecast) -> float:
    """How far the 95 % quantile of a step lies above the mean, req/s."""
    return float(forecast.quantile(0.95)[0] - forecast.mean[0])


def known_margin(dispersion: float, step_s: int) -> float:
    """1.645 standard deviations of the demand in a step, req/s (counts of hundreds are near normal)."""
    return float(1.645 * np.sqrt(dispersion * RATE_RPS / step_s))


@pytest.mark.parametrize("dispersion", [1.0, 20.0])
def test_quantiles_of_steps_are_those_of_steps_and_not_of_the_half_hour(dispersion: float) -> None:
    history = arrivals(7, 300, dispersion)

    steps, mean = said(history, 300), said(history, 1_800)

    # the level is not known exactly but from past rows, hence a little more than the known margin
    assert 0.9 * known_margin(dispersion, 300) < margin(steps) < 1.4 * known_margin(dispersion, 300)
    assert 0.9 * known_margin(dispersion, 1_800) < margin(mean) < 1.6 * known_margin(dispersion, 1_800)
    np.testing.assert_array_equal(steps.mean, np.repeat(mean.mean, 6))
    assert "bursts inside a row" not in steps.note


def test_steps_cover_what_they_should() -> None:
    history = arrivals(7, 300, 8.0, seed=9)
    quantile = said(history, 300).quantile(0.95)[0]
    day = history[START + timedelta(days=6) :]

    assert 0.91 <= (day <= quantile).mean() <= 0.985  # 99 % binomial interval of 288 at 0.95, and the level's own error


def test_rows_longer_than_steps_say_what_they_do_not_show() -> None:
    history = arrivals(7, 1_800, 20.0)

    assert (
        "rows of 1800 s are longer than steps of 300 s: they do not show bursts inside a row" in said(history, 300).note
    )


def test_an_index_of_dispersion_gives_what_rows_do_not_show() -> None:
    coarse = arrivals(7, 300, 20.0).resample("30min").mean()

    blind, widened = said(coarse, 300), said(coarse, 300, Burst(20.0))

    assert margin(blind) < 0.7 * known_margin(20.0, 300)
    assert 0.9 * known_margin(20.0, 300) < margin(widened) < 1.4 * known_margin(20.0, 300)
    assert "assumed: bursts inside a row by an index of dispersion of 20 (in windows of 60 s)" in widened.note
    np.testing.assert_array_equal(blind.mean, widened.mean)


def test_widening_is_of_the_sum_and_not_a_sum_of_quantiles() -> None:
    coarse = arrivals(7, 300, 20.0).resample("30min").mean()
    inside = float(Burst(20.0).deviation_rps(np.array([RATE_RPS]), 300, 1_800)[0])

    assert margin(said(coarse, 300, Burst(20.0))) < margin(said(coarse, 300)) + 1.645 * inside


def test_a_burst_is_not_assumed_where_rows_show_it() -> None:
    history = arrivals(7, 300, 8.0)

    with_burst, without = said(history, 300, Burst(500.0)), said(history, 300)

    np.testing.assert_array_equal(with_burst.quantiles, without.quantiles)
    assert "assumed" not in with_burst.note


def test_deviation_by_hand() -> None:
    # counts of a 300 s step at 2 req/s and dispersion 6 vary by 3,600: 60 requests, 0.2 req/s; a row of 600 s has half
    deviation = Burst(6.0).deviation_rps(np.array([2.0, 0.0]), 300, 600)

    np.testing.assert_allclose(deviation, [np.sqrt(0.2**2 - 0.2**2 / 2), 0.0])
    assert Burst(6.0).deviation_rps(np.array([2.0]), 600, 300)[0] == 0


def test_the_normal_stand_ins_have_the_moments_of_a_normal() -> None:
    assert NORMALS.mean() == pytest.approx(0, abs=1e-12)
    assert NORMALS.std() == pytest.approx(1, abs=0.03)


def test_dispersion_of_known_counts() -> None:
    rng = np.random.default_rng(0)

    assert dispersion_of(np.array([4.0, 6.0])) == pytest.approx(2 / 5)
    assert dispersion_of(rng.poisson(50, 20_000)) == pytest.approx(1, abs=0.03)
    assert dispersion_of(rng.negative_binomial(10, 1 / 6, 20_000)) == pytest.approx(6, rel=0.05)


def test_parts_of_a_target_by_hand() -> None:
    rows = pd.DataFrame(
        {"value": [9.0, 9.0, 1.0, 3.0, 5.0, np.nan]}, index=pd.date_range(START, periods=6, freq="5min")
    )
    grid = to_grid(rows, "d")
    issue = Issues(np.array([1]), 4, 1, 4, 1)  # rows 2 to 5

    np.testing.assert_array_equal(parts(grid, issue, 2), [[2.0, np.nan]])
    np.testing.assert_array_equal(parts(grid, issue, 1), [[1.0, 3.0, 5.0, np.nan]])


def test_faults_are_said() -> None:
    with pytest.raises(ForecastError, match="dispersion -1 in windows of 60 s: at least 0"):
        Burst(-1.0)
    with pytest.raises(ForecastError, match="in windows of 0 s"):
        Burst(1.0, window_s=0)
    with pytest.raises(ForecastError, match="1 windows with 5 requests: at least 2"):
        dispersion_of(np.array([5]))


@pytest.mark.data
def test_the_azure_hour_is_far_from_poisson(freesh_data: Path) -> None:
    path = freesh_data / "traffic" / "azure_llm_2023" / "AzureLLMInferenceTrace_conv.csv"
    times = pd.to_datetime(pd.read_csv(path, usecols=["TIMESTAMP"])["TIMESTAMP"])
    minutes = pd.Series(1, index=times).resample("1min").sum().iloc[1:56].to_numpy()
    fives = minutes.reshape(11, 5)
    earlier, later = fives[:5], fives[5:]

    dispersion = dispersion_of(earlier.ravel())
    rates = later.mean(axis=1) / 60  # what five-minute rows show
    covered = [
        (later / 60 <= (rates + 1.645 * Burst(each).deviation_rps(rates, 60, 300))[:, None]).mean()
        for each in (1.0, dispersion)
    ]

    assert dispersion > 3
    assert covered[0] < 0.85  # Poisson arrivals would promise 0.95
    assert covered[1] >= 0.9
