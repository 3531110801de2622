"""Drift: injected changes are found and dated, stationary series seldom raise an alarm."""

import numpy as np
import pytest

from models.forecast import error_drift

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
