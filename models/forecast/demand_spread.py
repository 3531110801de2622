"""How far demand strays from its forecast: quantiles of past errors by how restless the series is."""

from collections.abc import Iterator

import numpy as np

from models.forecast.bursts import NORMALS
from models.forecast.demand_walk import BEFORE_DRIFT, Walked
from models.forecast.grid import Grid
from models.forecast.regression import fit_regression
from models.forecast.spread import error_quantiles

ERROR_HALF_LIFE_DAYS = 2.0
"""An error so long ago counts half in the quantiles."""

SIZE_HALF_LIFE_DAYS = 7.0
"""An error so long ago counts half in what tells the size of errors."""

PRIOR_POWER = 0.6
SIZE_RIDGE = 300.0
"""Sizes are first taken to follow the geometric mean of all measures of unrest to this power; the ridge, in rows of
mean weight, holds the regression that corrects this close to it."""

FLOOR_SHARE = 0.15
"""An error below this share of the mean one counts as that share in the regression of its logarithm."""

MIN_SIZED = 48
"""Fewer known errors than this tell nothing of their sizes: all are then taken to be alike."""

QUIET_SHARE = 0.01
"""A measure of unrest is at least this share of the mean error: quiet never means certain."""


def margins(
    grid: Grid,
    walked: Walked,
    errors: np.ndarray,
    first: int,
    levels: tuple[float, ...],
    since: int = 0,
    noise: np.ndarray | None = None,
) -> np.ndarray:
    """What is added to the point for each level, shape (level, issue); NaN where too few errors are known.

    It is the mean of two conformal quantiles: of errors over a size that follows unrest in proportion (calm is
    trusted), and over one that is a plain mean of the measures (calm is distrusted).

    Args:
        grid: The series.
        walked: The past, walked, and the asked issues at its end.
        errors: Shape (issue, part): of the mean of the target, or of its parts (steps inside it).
        first: Origin of the first asked issue: earlier ones are not told.
        levels: Ascending, in (0, 1).
        since: First row after a drift; errors before it weigh BEFORE_DRIFT.
        noise: Shape (issue,): standard deviation of what comes on top of an error, apart from it; None = nothing does.
    """
    told = np.full((len(levels), len(walked.point)), np.nan)
    for begin, block in _blocks(grid, walked, first):
        known = walked.ended(begin)
        if not known.any():
            continue
        age = (begin - walked.issues.origins[known]) / grid.day
        trust = np.where(walked.issues.origins[known] < since, BEFORE_DRIFT, 1.0)
        sizes = _sizes(walked.unrest, walked.errors, known, trust * 0.5 ** (age / SIZE_HALF_LIFE_DAYS))
        weights = trust * 0.5 ** (age / ERROR_HALF_LIFE_DAYS)
        for issue in block:
            on_top = np.zeros(1) if noise is None else noise[issue] * NORMALS
            each = [
                _quantiles(errors[known] / size[known, None] * size[issue], on_top, levels, weights) for size in sizes
            ]
            told[:, issue] = np.mean(each, axis=0)
    return told


def _quantiles(errors: np.ndarray, on_top: np.ndarray, levels: tuple[float, ...], weights: np.ndarray) -> np.ndarray:
    """Quantiles of an error of any part plus what comes on top, shape (level,): of the sum, not sums of quantiles."""
    sums = errors[:, :, None] + on_top
    repeated = np.repeat(weights, errors.shape[1] * len(on_top))
    told: np.ndarray = error_quantiles(sums.reshape(-1, 1), levels, repeated)[:, 0]
    return told


def standardised(grid: Grid, walked: Walked, origin: int) -> np.ndarray:
    """Errors over the size that unrest alone would have them, shape (issue,): what is left tells of drift."""
    known = walked.ended(origin)
    if not known.any():
        return walked.errors
    age = (origin - walked.issues.origins[known]) / grid.day
    size = _sizes(walked.unrest, walked.errors, known, 0.5 ** (age / SIZE_HALF_LIFE_DAYS))[0]
    scaled: np.ndarray = walked.errors / size
    return scaled


def _blocks(grid: Grid, walked: Walked, first: int) -> Iterator[tuple[int, np.ndarray]]:
    """The asked issues, a quarter of a day at a time, and the origin that each block knows up to."""
    origins = walked.issues.origins
    step = max(1, grid.day // 4)
    for begin in range(first, int(origins[-1]) + 1, step):
        yield begin, np.flatnonzero((origins >= begin) & (origins < begin + step))


def _sizes(unrest: np.ndarray, errors: np.ndarray, known: np.ndarray, weights: np.ndarray) -> list[np.ndarray]:
    """Expected size of the error of every issue, told in two ways, each of shape (issue,) and above 0.

    None is larger than the largest that is known: unrest of a kind never seen says nothing of how much larger.
    """
    typical = float(np.average(np.abs(errors[known]), weights=weights))
    if typical <= 0 or known.sum() < MIN_SIZED:
        return [np.ones(len(unrest))]
    present = np.where(np.isfinite(unrest[known]), weights[:, None], 0.0)
    mean = (present * np.where(present > 0, unrest[known], 0.0)).sum(axis=0) / np.maximum(present.sum(axis=0), 1e-12)
    filled = np.where(np.isfinite(unrest), unrest, mean)
    told = (_in_proportion(filled, errors, known, weights, typical), _plain(filled, mean))
    return [np.minimum(sizes, sizes[known].max()) for sizes in told]


def _in_proportion(
    unrest: np.ndarray, errors: np.ndarray, known: np.ndarray, weights: np.ndarray, typical: float
) -> np.ndarray:
    """Sizes as a product of powers of the measures."""
    logs = np.log(np.maximum(unrest, QUIET_SHARE * typical))
    prior = PRIOR_POWER * logs.mean(axis=1)
    seen = np.log(np.maximum(np.abs(errors[known]), FLOOR_SHARE * typical))
    fitted = fit_regression(logs[known], seen - prior[known], weights, SIZE_RIDGE, robust_rounds=0)
    correction = 0.0 if fitted is None else fitted.predict(logs)
    sizes: np.ndarray = np.exp(prior + correction)
    return sizes


def _plain(unrest: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Sizes as the mean of the measures, each relative to its own mean."""
    relative = unrest / np.where(mean > 0, mean, 1.0)
    sizes: np.ndarray = np.maximum(relative.mean(axis=1), QUIET_SHARE)
    return sizes
