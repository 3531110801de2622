"""Shares apart from their total: counts that fade, doubt that grows as shares wander, products with quantiles."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from freesh_plugin.core.errors import ForecastError
from models.domain.forecast import QuantileForecast
from models.forecast import Shares, forecast_by_shares, forecast_shares

NOW = datetime(2024, 1, 8, 12, tzinfo=UTC)
LEVELS = (0.05, 0.5, 0.95)


def counts(rows: list[list[float]], minutes_apart: int = 30, age: timedelta = timedelta(minutes=30)) -> pd.DataFrame:
    """Rows of counts of cells a and b, the newest of that age."""
    end = NOW - age
    index = pd.date_range(end=end, periods=len(rows), freq=f"{minutes_apart}min")
    return pd.DataFrame(rows, index=index, columns=["a", "b"])


def total(mean: float, spread: float) -> QuantileForecast:
    """A forecast of two steps."""
    ends = np.array([[mean - spread], [mean], [mean + spread]]) * np.ones((1, 2))
    return QuantileForecast("all", NOW, NOW, 300, LEVELS, np.full(2, mean), ends, "freesh", "rests on x")


def test_a_length_sample_is_assumed_to_hold() -> None:
    shares = forecast_shares(counts([[300.0, 100.0]], age=timedelta(days=30)), issued_at=NOW)

    np.testing.assert_allclose(shares.mean, [0.75, 0.25], atol=0.01)
    assert shares.assumed
    assert shares.note == "assumed: shares from 400 requests in 1 rows, the newest 43200 min old"


def test_lately_counted_shares_are_measured() -> None:
    shares = forecast_shares(counts([[30.0, 10.0]] * 48), issued_at=NOW)

    assert not shares.assumed
    np.testing.assert_allclose(shares.mean, [0.75, 0.25], atol=0.01)


def test_newer_counts_weigh_more() -> None:
    rows = [[100.0, 0.0], [0.0, 100.0]]  # a day apart: weights 1/2 and 1

    sample = counts(rows, minutes_apart=1_440, age=timedelta(days=1))

    shares = forecast_shares(sample, issued_at=NOW, half_life_s=86_400)

    assert shares.mean[1] == pytest.approx((200 / 3 + 0.5) / 101)  # of a mean row, with half a request more each


def test_the_half_life_that_would_have_told_best_is_taken() -> None:
    lasting = np.repeat([200.0, 800.0, 300.0, 700.0, 400.0, 600.0, 250.0], 20)  # shares that hold for ten hours

    said = [
        forecast_shares(counts([[n, 1_000 - n] for n in lasting]), issued_at=NOW, half_life_s=half_life_s).mean[0]
        for half_life_s in (None, 3_600.0, 7 * 86_400.0)
    ]

    assert said[0] == said[1] == pytest.approx(0.25, abs=0.01)
    assert said[2] > 0.35


def test_quantiles_of_a_fair_share_are_those_of_a_beta() -> None:
    shares = Shares(("a", "b"), np.array([50.0, 50.0]), assumed=False, note="")

    # Beta(50, 50): mean 1/2, variance 1/(4·101), near normal: 0.5 ± 1.645·0.0498
    np.testing.assert_allclose(shares.quantiles((0.05, 0.95))[:, 0], [0.418, 0.582], atol=0.005)


def test_wandering_shares_are_less_certain_than_steady_ones() -> None:
    rng = np.random.default_rng(1)
    steady = rng.binomial(1_000, 0.5, 200).astype(float)
    wandering = rng.binomial(1_000, rng.uniform(0.3, 0.7, 200)).astype(float)

    widths = []
    for taken in (steady, wandering):
        shares = forecast_shares(counts([[n, 1_000 - n] for n in taken]), issued_at=NOW)
        low, high = shares.quantiles((0.05, 0.95))[:, 0]
        widths.append(high - low)

    assert widths[0] == pytest.approx(2 * 1.645 * np.sqrt(0.25 / 1_000), rel=0.15)  # chance alone
    assert 0.2 < widths[1] < 0.45  # the next row lies within 0.32 to 0.68 nine times of ten


def test_coverage_of_the_next_rows_share() -> None:
    rng = np.random.default_rng(4)
    share = np.clip(rng.normal(0.4, 0.08, 260), 0.05, 0.95)
    taken = rng.binomial(500, share).astype(float)
    below = []
    for end in range(60, 260):
        past = counts([[n, 500 - n] for n in taken[end - 60 : end]])
        below.append(taken[end] / 500 <= forecast_shares(past, issued_at=NOW).quantiles((0.95,))[0, 0])

    assert 0.89 <= np.mean(below) <= 0.99  # 99 % binomial interval of 200 at 0.95


def test_the_product_sums_to_the_total_and_bounds_both_doubts() -> None:
    shares = Shares(("a", "b"), np.array([60.0, 40.0]), assumed=True, note="assumed: a sample")

    said = forecast_by_shares(total(100.0, 20.0), shares)

    np.testing.assert_allclose(said["a"].mean + said["b"].mean, [100.0, 100.0])
    assert said["a"].mean[0] == pytest.approx(60.0)
    assert said["a"].labels["shares"] == "assumed"
    assert said["a"].note == "assumed: a sample; rests on x"
    alone, sum_of_ends = 60.0 * 1.2, 120.0 * shares.quantiles((0.95,))[0, 0]
    assert 60.0 < alone * 0.95 < said["a"].quantile(0.95)[0] < sum_of_ends
    assert (np.diff(said["a"].quantiles, axis=0) >= 0).all()


def test_certain_shares_leave_the_totals_quantiles() -> None:
    shares = Shares(("a", "b"), np.array([6e9, 4e9]), assumed=False, note="")

    said = forecast_by_shares(total(100.0, 20.0), shares)

    np.testing.assert_allclose(said["b"].quantiles[:, 0], [32.0, 40.0, 48.0], rtol=0.01)
    assert said["b"].labels["shares"] == "measured"


def test_classes_are_sums_of_cells() -> None:
    frame = pd.DataFrame({"x": [10.0], "y": [20.0], "z": [70.0]}, index=[NOW - timedelta(minutes=30)])

    shares = forecast_shares(frame * 1_000, issued_at=NOW, classes={"short": ["x", "y"], "long": ["z"]})

    assert shares.names == ("short", "long")
    np.testing.assert_allclose(shares.mean, [0.3, 0.7], atol=0.001)


def test_a_row_that_had_not_ended_is_not_read() -> None:
    frame = counts([[10.0, 10.0], [0.0, 900.0]], age=timedelta(minutes=29))

    assert forecast_shares(frame, issued_at=NOW).mean[0] == pytest.approx(0.5)


def test_order_gaps_and_rows_of_one_time_do_not_matter() -> None:
    rng = np.random.default_rng(2)
    frame = counts(rng.integers(20, 80, (60, 2)).astype(float).tolist())
    halves = pd.concat([frame / 2, frame / 2]).sample(frac=1, random_state=0)
    gap = frame.copy()
    gap.iloc[10:20, 0] = np.nan

    whole, shuffled, torn = (forecast_shares(each, issued_at=NOW).mean for each in (frame, halves, gap))

    np.testing.assert_allclose(whole, shuffled)
    np.testing.assert_allclose(whole, torn, atol=0.05)


def test_faults_are_said() -> None:
    with pytest.raises(ForecastError, match="no request was counted before 2024-01-08T12:00Z"):
        forecast_shares(counts([[0.0, 0.0]]), issued_at=NOW)
    with pytest.raises(ForecastError, match="no request was counted"):
        forecast_shares(counts([[1.0, 1.0]], age=timedelta(minutes=-5)), issued_at=NOW)
    with pytest.raises(ForecastError, match="the least is -1"):
        forecast_shares(counts([[-1.0, 5.0]]), issued_at=NOW)
    with pytest.raises(ForecastError, match="class long: cell q is not among the 2 counted"):
        forecast_shares(counts([[1.0, 1.0]]), issued_at=NOW, classes={"short": ["b"], "long": ["a", "q"]})
    with pytest.raises(ForecastError, match="cell b is in 0 of 1 classes, must be in one"):
        forecast_shares(counts([[1.0, 1.0]]), issued_at=NOW, classes={"long": ["a"]})
    with pytest.raises(ForecastError, match="cell a is in 2 of 2 classes"):
        forecast_shares(counts([[1.0, 1.0]]), issued_at=NOW, classes={"long": ["a"], "short": ["a", "b"]})
    with pytest.raises(ForecastError, match="no time zone"):
        forecast_shares(counts([[1.0, 1.0]]), issued_at=NOW.replace(tzinfo=None))
