"""Scores of a forecast against what happened: MAPE, WAPE, pinball loss and coverage of the 0.95 quantile."""

import math
from dataclasses import dataclass

import numpy as np

QUANTILE = 0.95


@dataclass(frozen=True)
class Scores:
    """Scores over the targets that have an actual and a forecast.

    Attributes:
        mape: Mean of |actual - forecast| / |actual| over the actuals that are not 0, percent; None without any.
        wape: Sum of |actual - forecast| over sum of |actual|, percent; None when that sum is 0.
        pinball95: Mean pinball loss of the 0.95 quantile, in the unit of the series; None without a quantile.
        coverage95: Share of actuals at or below the 0.95 quantile, in [0, 1]; None without a quantile.
        targets: How many targets were scored.
    """

    mape: float | None
    wape: float | None
    pinball95: float | None
    coverage95: float | None
    targets: int


def score(actual: np.ndarray, point: np.ndarray, q95: np.ndarray) -> Scores:
    """Scores a forecast; arrays of one shape, NaN = no actual, no forecast, no quantile."""
    told = np.isfinite(actual) & np.isfinite(point)
    a, error = actual[told], np.abs(actual[told] - point[told])
    other = a != 0
    bounded = np.isfinite(actual) & np.isfinite(q95)
    above = actual[bounded] - q95[bounded]
    pinball = np.where(above > 0, QUANTILE * above, (QUANTILE - 1) * above)
    return Scores(
        mape=_mean(100 * error[other] / np.abs(a[other])),
        wape=float(100 * error.sum() / np.abs(a).sum()) if np.abs(a).sum() > 0 else None,
        pinball95=_mean(pinball),
        coverage95=_mean((above <= 0).astype(float)),
        targets=len(a),
    )


def _mean(values: np.ndarray) -> float | None:
    """Mean, or None of nothing."""
    mean = float(values.mean()) if len(values) else math.nan
    return mean if math.isfinite(mean) else None
