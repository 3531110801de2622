"""Ridge regressions, one per target, of what happened minus an anchor on what was known."""

from dataclasses import dataclass

import numpy as np

MIN_ROWS = 14
"""Fewer past issues than this teach nothing."""

FLOOR_SHARE = 0.3
"""In a robust round an error counts as at least this share of the typical one, so that no row dominates."""


@dataclass(frozen=True)
class Regression:
    """A fitted regression of one target; a missing feature counts as its mean."""

    centre: np.ndarray
    scale: np.ndarray
    slopes: np.ndarray
    level: float

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Expected deviation from the anchor, shape (issue,), of features of shape (issue, feature)."""
        deviation: np.ndarray = _standard(features, self.centre, self.scale) @ self.slopes + self.level
        return deviation


def fit_regression(
    features: np.ndarray, deviation: np.ndarray, weights: np.ndarray, alpha: float, robust_rounds: int
) -> Regression | None:
    """Fits one target; None when fewer than MIN_ROWS rows are known.

    Args:
        features: Shape (issue, feature); NaN = missing.
        deviation: Shape (issue,): actual minus anchor; NaN = not known, the row is left out.
        weights: Shape (issue,), positive.
        alpha: Strength of the ridge, in rows of mean weight.
        robust_rounds: Times to fit again with weights / |error|, which tends to the least absolute error.
    """
    known = np.isfinite(deviation)
    if known.sum() < MIN_ROWS:
        return None
    rows, target, weight = features[known], deviation[known], weights[known]
    present = np.isfinite(rows)
    shares = np.where(present, weight[:, None], 0.0)
    total = np.maximum(shares.sum(axis=0), 1e-12)
    centre = (shares * np.where(present, rows, 0.0)).sum(axis=0) / total
    spread = np.sqrt((shares * np.where(present, rows - centre, 0.0) ** 2).sum(axis=0) / total)
    scale = np.where(spread > 1e-9 * (1 + np.abs(centre)), spread, 1.0)
    standard = _standard(rows, centre, scale)
    strength = alpha * float(weight.mean())
    slopes, level = _ridge(standard, target, weight, strength)
    for _ in range(robust_rounds):
        error = np.abs(target - standard @ slopes - level)
        typical = float(error.mean())
        if typical <= 0:
            break
        slopes, level = _ridge(standard, target, weight * typical / np.maximum(error, FLOOR_SHARE * typical), strength)
    return Regression(centre, scale, slopes, level)


def _ridge(features: np.ndarray, target: np.ndarray, weight: np.ndarray, strength: float) -> tuple[np.ndarray, float]:
    """Slopes and level with the least sum of weight·error² + strength·|slopes|²: the normal equations, solved.

    Solved here rather than by scikit-learn, whose checks take longer than these few dozen equations.
    """
    total = weight.sum()
    middle, mean = weight @ features / total, float(weight @ target / total)
    rows = features - middle
    weighted = rows * weight[:, None]
    gram = weighted.T @ rows
    gram[np.diag_indices_from(gram)] += strength
    slopes = np.linalg.solve(gram, weighted.T @ (target - mean))
    return slopes, mean - float(middle @ slopes)


def _standard(features: np.ndarray, centre: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Features with mean 0 and deviation 1; a missing one is 0."""
    standard = (features - centre) / scale
    return np.where(np.isfinite(standard), standard, 0.0)
