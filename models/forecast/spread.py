"""Quantiles from past errors: what a point forecast missed by before, added to what it says now."""

import numpy as np

from models.forecast.regression import Regression, fit_regression

MIN_ERRORS = 8
"""Fewer past errors than this say nothing about a quantile."""

CALM_SHARE = 0.5
"""A predicted size of error is at least this share of the median one: calm never means certain."""

SIZE_ALPHA = 30.0
"""Strength of the ridge that tells the size of errors, in rows."""


def error_quantiles(errors: np.ndarray, levels: tuple[float, ...], weights: np.ndarray | None = None) -> np.ndarray:
    """Quantiles of past errors by target, conformal: the least error with weight level·(W + w) at or below it.

    W is the weight of all errors and w that of the newest, which stands for the one to come; unweighted this is the
    rank ceil(level·(n + 1)) of n. Where all of them weigh less, it is the largest.

    Args:
        errors: Shape (issue, target), oldest first; NaN = not known.
        levels: Ascending, in (0, 1).
        weights: Shape (issue,), positive; None = equal.

    Returns:
        Shape (level, target), non-decreasing over levels; NaN for a target with fewer than MIN_ERRORS.
    """
    issues, targets = errors.shape
    if issues == 0:
        return np.full((len(levels), targets), np.nan)
    weight = np.ones(issues) if weights is None else weights
    order = np.argsort(errors, axis=0)  # NaN last
    ordered = np.take_along_axis(errors, order, axis=0)
    known = np.isfinite(ordered)
    climbed = np.cumsum(np.where(known, weight[order], 0.0), axis=0)
    wanted = np.outer(levels, climbed[-1] + weight[-1])
    ranks = (climbed[None] < wanted[:, None] - 1e-9).sum(axis=1)
    counts = known.sum(axis=0)
    picked = np.take_along_axis(ordered, np.minimum(ranks, np.maximum(counts - 1, 0)), axis=0)
    return np.where(counts >= MIN_ERRORS, picked, np.nan)


def mean_error(errors: np.ndarray) -> np.ndarray:
    """Mean past error by target, 0 where none is known; shape (target,)."""
    known = np.isfinite(errors)
    total: np.ndarray = np.where(known, errors, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return total


class ErrorSize:
    """How large errors are expected to be, by how restless the series is; 1 where that tells nothing."""

    def __init__(self, unrest: np.ndarray, errors: np.ndarray) -> None:
        """Fits |error| of shape (issue, target) on unrest of shape (issue, target, feature)."""
        sizes = np.abs(errors).ravel()
        known = np.isfinite(sizes)
        self._floor = float(CALM_SHARE * np.median(sizes[known])) if known.any() else 0.0
        self._regression: Regression | None = None
        if unrest.shape[-1] and self._floor > 0:
            rows = unrest.reshape(-1, unrest.shape[-1])
            self._regression = fit_regression(rows, sizes, np.ones(len(sizes)), SIZE_ALPHA, robust_rounds=0)

    def of(self, unrest: np.ndarray) -> np.ndarray:
        """Expected size of an error, shape (issue, target)."""
        if self._regression is None or not unrest.size:
            return np.ones(unrest.shape[:-1])
        sizes = self._regression.predict(unrest.reshape(-1, unrest.shape[-1]))
        floored: np.ndarray = np.maximum(sizes, self._floor).reshape(unrest.shape[:-1])
        return floored
