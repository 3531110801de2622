"""The demand model: each target is walked over the past, watched for drift, mixed and bounded on its own."""

from dataclasses import dataclass

import numpy as np

from models.forecast.demand_spread import margins, standardised
from models.forecast.demand_walk import Walked, walk
from models.forecast.drift import Drift, error_drift
from models.forecast.forecaster import Predicted
from models.forecast.grid import Grid
from models.forecast.issues import Issues

MEAN_HALF_LIFE_DAYS = 7.0
"""An error so long ago counts half in what the mean differs from the point by."""

STRAY_SHARE = 0.01
"""So large a share of errors at either end count no more than the one next to them: an absurd row moves no mean."""

LEARNING_DAYS = 3
"""Errors of the first days of a history are no measure of drift: they shrink because the model learns."""

BLOCKS_A_DAY = 4
"""Errors of a quarter of a day are looked at together when drift is sought."""


@dataclass
class DemandModel:
    """Simple forecasts and regressions, weighed issue by issue; nothing is kept between calls."""

    name: str = "freesh"

    def fit(self, grid: Grid, issues: Issues, origin: int) -> None:
        """Nothing is learnt ahead: each answer learns from what had ended before it."""

    def predict(self, grid: Grid, issues: Issues, levels: tuple[float, ...]) -> Predicted:
        """Answers target by target."""
        said = [_target(grid, lead, levels) for lead in each_target(issues)]
        point, mean, quantiles = zip(*said, strict=True)
        return Predicted(np.stack(point, axis=1), np.stack(mean, axis=1), np.stack(quantiles, axis=2))


def each_target(issues: Issues) -> list[Issues]:
    """The issues asked for one of their targets at a time."""
    return [
        Issues(issues.origins, issues.stride, issues.gap + target * issues.width, issues.width, 1)
        for target in range(issues.count)
    ]


def _target(grid: Grid, asked: Issues, levels: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Point, mean and quantiles of one target of every issue."""
    walked, since, _ = watched(grid, asked)
    first = int(asked.origins[0])
    at = np.searchsorted(walked.issues.origins, asked.origins)
    margin = margins(grid, walked, walked.errors[:, None], first, levels, since)[:, at]
    point = walked.point[at]
    return point, np.maximum(point + usual_error(grid, walked, first), 0.0), np.maximum(point + margin, 0.0)


def watched(grid: Grid, asked: Issues) -> tuple[Walked, int, Drift | None]:
    """The past, walked; where its errors have drifted, walked again with less weight on what was before.

    Returns:
        The walk, the first row after the drift (0 without one), and the drift.
    """
    walked = walk(grid, asked)
    first = int(asked.origins[0])
    apart = max(1, -(-asked.width // walked.stride))
    begun = int(np.flatnonzero(np.isfinite(grid.values))[0]) + LEARNING_DAYS * grid.day
    grown = walked.ended(first) & (walked.issues.origins >= begun)
    mine = np.flatnonzero(grown)[::-apart][::-1]  # without overlap, the newest among them
    per_day = grid.day // (apart * walked.stride)
    drift = error_drift(standardised(grid, walked, first)[mine], max(1, per_day // BLOCKS_A_DAY))
    if drift is None:
        return walked, 0, None
    since = int(walked.issues.origins[mine[drift.since]])
    return walk(grid, asked, since), since, drift


def usual_error(grid: Grid, walked: Walked, origin: int) -> float:
    """Mean error of what had ended, newer ones weighing more; 0 where none is known."""
    known = walked.ended(origin)
    if not known.any():
        return 0.0
    errors = walked.errors[known]
    low, high = np.quantile(errors, (STRAY_SHARE, 1 - STRAY_SHARE))
    weights = 0.5 ** ((origin - walked.issues.origins[known]) / (MEAN_HALF_LIFE_DAYS * grid.day))
    return float(np.average(np.clip(errors, low, high), weights=weights))
