"""Quantiles from past errors: what a point forecast missed by before, added to what it says now."""

import numpy as np

MIN_ERRORS = 8
"""Fewer past errors than this say nothing about a quantile."""


def known_errors(points: np.ndarray, actuals: np.ndarray) -> np.ndarray:
    """Actual minus forecast, NaN where either is missing."""
    errors: np.ndarray = actuals - points
    return errors


def error_quantiles(errors: np.ndarray, levels: tuple[float, ...]) -> np.ndarray:
    """Quantiles of past errors by target, conformal: rank ceil(level·(n+1)) of n, at most the largest.

    Args:
        errors: Shape (issue, target); NaN = not known.
        levels: Ascending, in (0, 1).

    Returns:
        Shape (level, target), non-decreasing over levels; NaN for a target with fewer than MIN_ERRORS.
    """
    ordered = np.sort(errors, axis=0)  # NaN last
    counts = np.isfinite(errors).sum(axis=0)
    ranks = np.ceil(np.outer(levels, counts + 1)).astype(int)
    ranks = np.clip(ranks, 1, np.maximum(counts, 1)) - 1
    if not len(errors):
        return np.full(ranks.shape, np.nan)
    picked = np.take_along_axis(ordered, ranks, axis=0)
    return np.where(counts >= MIN_ERRORS, picked, np.nan)


def mean_error(errors: np.ndarray) -> np.ndarray:
    """Mean past error by target, 0 where none is known; shape (target,)."""
    known = np.isfinite(errors)
    total: np.ndarray = np.where(known, errors, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return total
