"""Drift: injected changes are found and dated, stationary series seldom raise an alarm, shares have their index."""

import numpy as np
import pandas as pd
import pytest

from freesh_plugin.core.errors import ForecastError
from models.forecast import error_drift, share_drift

FORTNIGHT = 672
"""Half hours of fourteen days."""

BLOCK = 12
"""Half hours of a quarter of a day."""


def lingering(rng: np.random.Generator, hold: float) -> np.ndarray:
    """Heavy-tailed errors of which each keeps a share of the one before."""
    fresh = rng.standard_t(3, FORTNIGHT)
    errors = np.zeros(FORTNIGHT)
    for i in range(1, FORTNIGHT):
        errors[i] = hold * errors[i - 1] + fresh[i]
    return errors


@pytest.mark.parametrize("hold", [0.0, 0.5])
def test_alarms_on_series_without_drift_are_rare(hold: float) -> None:
    rng = np.random.default_rng(11)

    alarms = sum(error_drift(lingering(rng, hold), BLOCK) is not None for _ in range(200))

    assert alarms <= 6  # at a true rate of 1 in 100, more than 6 of 200 has a probability below 0.5 %


@pytest.mark.parametrize(("at", "factor"), [(480, 2.0), (560, 3.0)])
def test_larger_errors_are_found_and_dated(at: int, factor: float) -> None:
    rng = np.random.default_rng(5)
    for _ in range(20):
        errors = lingering(rng, 0.3)
        errors[at:] *= factor

        drift = error_drift(errors, BLOCK)

        assert drift is not None
        assert abs(drift.since - at) <= 5 * BLOCK
        assert drift.sentence == "errors are larger than they were"


def test_demand_that_lies_above_its_forecast_is_found() -> None:
    errors = np.random.default_rng(2).normal(size=FORTNIGHT)
    errors[500:] += 1.0

    drift = error_drift(errors, BLOCK)

    assert drift is not None
    assert drift.sentence == "demand lies above the forecast more often than it did"
    assert abs(drift.since - 500) <= 3 * BLOCK


def test_missing_errors_keep_their_places() -> None:
    errors = np.random.default_rng(2).normal(size=FORTNIGHT)
    errors[500:] -= 1.5
    errors[100:200] = np.nan

    drift = error_drift(errors, BLOCK)

    assert drift is not None
    assert drift.sentence == "demand lies below the forecast more often than it did"
    assert abs(drift.since - 500) <= 3 * BLOCK


def test_too_few_errors_prove_nothing() -> None:
    errors = np.concatenate([np.zeros(90), np.full(90, 9.0)])  # 15 blocks of 12

    assert error_drift(errors, BLOCK) is None
    assert error_drift(np.full(FORTNIGHT, np.nan), BLOCK) is None


def test_equal_errors_do_not_drift() -> None:
    assert error_drift(np.zeros(FORTNIGHT), BLOCK) is None


def test_stability_index_by_hand() -> None:
    before, now = pd.Series({"SS": 80.0, "LL": 20.0}), pd.Series({"SS": 50.0, "LL": 50.0})

    drift = share_drift(before, now)

    assert drift is not None
    assert drift.score == pytest.approx(0.3 * np.log(0.8 / 0.5) + 0.3 * np.log(0.5 / 0.2))  # 0.416
    assert drift.sentence == "shares of cells have drifted (stability index 0.42): LL went from 20% to 50%"


def test_small_changes_of_shares_are_none() -> None:
    assert share_drift(pd.Series({"SS": 80, "LL": 20}), pd.Series({"SS": 0.75, "LL": 0.25})) is None


def test_a_cell_that_appears_drifts() -> None:
    drift = share_drift(pd.Series({"SS": 100}), pd.Series({"SS": 60, "LL": 40}))

    assert drift is not None
    assert "LL went from 0% to 40%" in drift.sentence


@pytest.mark.parametrize("counts", [{"SS": -1.0, "LL": 2.0}, {"SS": 0.0}, {"SS": float("nan"), "LL": 1.0}])
def test_what_is_no_count_is_refused(counts: dict[str, float]) -> None:
    with pytest.raises(ForecastError, match="each at least 0, sum above 0"):
        share_drift(pd.Series(counts), pd.Series({"SS": 1.0}))
