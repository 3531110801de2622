"""Walks the demand model over the past: each issue is answered from what had ended by then."""

from dataclasses import dataclass

import numpy as np

from models.forecast.demand_inputs import DAYS, NEAR, WEEKS, DemandInputs, demand_inputs
from models.forecast.grid import Grid
from models.forecast.issues import Issues
from models.forecast.regression import fit_regression

SIMPLE = ("persistence", "last_30min", "seasonal_naive")
"""The simple forecasts, in the order of `DemandInputs.simple`."""

MEMBERS = {"near": (NEAR, 30.0), "days": (DAYS, 30.0), "weeks": (WEEKS, 100.0)}
"""The regressions: which moves each reads, and the strength of its ridge."""

LEARN_DAYS = 21
HALF_LIFE_DAYS = 7.0
"""Issues of so many days are learnt from; a day so long ago counts half."""

WALK_DAYS = 14
"""Days before the first issue that are walked: their errors weigh candidates and give quantiles."""

REFITS_A_DAY = 4
MIN_KNOWN = 72
"""Fewer ended issues than this teach no regression."""

ROBUST_ROUNDS = 3
TRUST_HALF_LIFE_DAYS = 0.5
SHARPNESS = 20.0
"""A candidate whose recent error is a share r above the best one's weighs exp(-SHARPNESS·r)."""

PROOF_HALF_LIFE_DAYS = 2.0
"""Half-life of the errors by which a mixture must beat each simple forecast, else that one stands alone."""

MIN_LOSSES = 12
"""Fewer known errors than this (newer counting more) weigh nothing."""

BEFORE_DRIFT = 0.1
"""What counts as before a drift weighs this much of what it would."""


@dataclass(frozen=True)
class Walked:
    """The past of one target, walked.

    Attributes:
        issues: The walked issues, ascending; the last ones are those that were asked.
        actual: Shape (issue,): what happened; NaN = not known.
        candidates: Shape (candidate, issue): simple forecasts, then regressions; NaN = has nothing to say.
        weights: Shape (candidate, issue): of each in the point.
        point: Shape (issue,): the weighted mean; NaN without any candidate.
        unrest: Shape (issue, measure), at least 0; NaN = missing.
    """

    issues: Issues
    actual: np.ndarray
    candidates: np.ndarray
    weights: np.ndarray
    point: np.ndarray
    unrest: np.ndarray

    @property
    def errors(self) -> np.ndarray:
        """Actual less point, shape (issue,)."""
        missed: np.ndarray = self.actual - self.point
        return missed

    @property
    def stride(self) -> int:
        """Rows from one walked issue to the next."""
        return _stride(self.issues)

    def ended(self, origin: int) -> np.ndarray:
        """Which issues' targets had ended at an origin and have an error."""
        known: np.ndarray = (self.issues.origins + self.issues.reach <= origin) & np.isfinite(self.errors)
        return known


def walk(grid: Grid, asked: Issues, since: int = 0) -> Walked:
    """Answers the asked issues, of one target each, and those of the days before them.

    Args:
        grid: The series; rows at or after an issue's origin do not enter its answer.
        asked: Issues with one target.
        since: First row after a drift; what lies before it weighs BEFORE_DRIFT.
    """
    issues = _issues(grid, asked)
    inputs, actual = demand_inputs(grid, issues), issues.actuals(grid)[:, 0]
    regressions = _regressions(grid, issues, inputs, actual, int(asked.origins[0]), since)
    candidates = np.concatenate([inputs.simple, regressions])
    candidates = np.maximum(candidates, 0.0)
    weights = _mixed(grid, issues, candidates, actual)
    point = _combined(weights, candidates)
    asked_from = int(np.searchsorted(issues.origins, asked.origins[0] - WALK_DAYS * grid.day))
    kept = slice(asked_from, None)
    spread = _spread(np.delete(candidates, SIMPLE.index("seasonal_naive"), axis=0))
    unrest = np.column_stack([inputs.unrest, spread])
    return Walked(
        issues.at(issues.origins[kept]), actual[kept], candidates[:, kept], weights[:, kept], point[kept], unrest[kept]
    )


def _issues(grid: Grid, asked: Issues) -> Issues:
    """Every tenth minute (every row, where rows are longer) of the days to learn from, up to the last asked issue."""
    stride = max(1, 600 // grid.step_s)
    if ((asked.origins - asked.origins[0]) % stride).any():
        stride = 1
    last, first = int(asked.origins[-1]), max(1, int(asked.origins[0]) - LEARN_DAYS * grid.day)
    return asked.at(np.arange(last, first - 1, -stride)[::-1])


def _stride(issues: Issues) -> int:
    """Rows from one issue to the next, 1 where there is but one."""
    return int(issues.origins[1] - issues.origins[0]) if len(issues.origins) > 1 else 1


def _regressions(
    grid: Grid, issues: Issues, inputs: DemandInputs, actual: np.ndarray, first: int, since: int
) -> np.ndarray:
    """What each regression says, fitted anew several times a day to what had ended; shape (member, issue)."""
    said = np.full((len(MEMBERS), len(actual)), np.nan)
    deviation, origins = actual - inputs.simple[0], issues.origins
    step = grid.day // REFITS_A_DAY if grid.day >= REFITS_A_DAY else 1
    start = first - (WALK_DAYS * grid.day // step) * step
    for begin in range(start, int(origins[-1]) + 1, step):
        block = (origins >= begin) & (origins < begin + step)
        known = origins + issues.reach <= begin
        if not block.any() or (known & np.isfinite(deviation)).sum() < MIN_KNOWN:
            continue
        weights = 0.5 ** ((begin - origins[known]) / (HALF_LIFE_DAYS * grid.day))
        weights = np.where(origins[known] < since, BEFORE_DRIFT * weights, weights)
        for member, (columns, alpha) in enumerate(MEMBERS.values()):
            moves = inputs.moves[:, columns]
            fitted = fit_regression(moves[known], deviation[known], weights, alpha, ROBUST_ROUNDS)
            if fitted is not None:
                said[member, block] = inputs.simple[0, block] + fitted.predict(moves[block])
    return said


def _mixed(grid: Grid, issues: Issues, candidates: np.ndarray, actual: np.ndarray) -> np.ndarray:
    """Weights of the candidates by what their recent errors were, shape (candidate, issue).

    Where a simple forecast has erred no more than the mixture for days, it stands alone.
    """
    stride = _stride(issues)
    lag, day = -(-issues.reach // stride), grid.day / stride
    recent = discounted(np.abs(actual - candidates), lag, TRUST_HALF_LIFE_DAYS * day)
    weights = _softmax(recent, np.isfinite(candidates))
    mixture = _combined(weights, candidates)
    simple = candidates[: len(SIMPLE)]
    rivals = discounted(np.abs(actual - np.concatenate([simple, mixture[None]])), lag, PROOF_HALF_LIFE_DAYS * day)
    alone = np.where(np.isfinite(simple), rivals[:-1], np.inf)
    best = alone.argmin(axis=0)
    humbled = np.isfinite(rivals[-1]) & (alone.min(axis=0) <= rivals[-1])
    weights[:, humbled] = np.eye(len(candidates))[best[humbled]].T
    return weights


def discounted(losses: np.ndarray, lag: int, half_life: float) -> np.ndarray:
    """Mean loss of each row over the issues that had ended, newer ones weighing more; infinite where too few.

    Args:
        losses: Shape (row, issue); NaN = not known.
        lag: Issues until a loss is known.
        half_life: Issues after which a loss weighs half.
    """
    known = np.isfinite(losses)
    counted = np.where(known, losses, 0.0)
    total, weight = np.zeros(len(losses)), np.zeros(len(losses))
    means = np.full(losses.shape, np.inf)
    for issue in range(lag, losses.shape[1]):
        decay = 0.5 ** (1 / half_life)
        total = total * decay + counted[:, issue - lag]
        weight = weight * decay + known[:, issue - lag]
        means[:, issue] = np.divide(total, weight, out=np.full(len(total), np.inf), where=weight >= MIN_LOSSES)
    return means


def _softmax(losses: np.ndarray, said: np.ndarray) -> np.ndarray:
    """Weights by mean loss, 0 for what says nothing; all on the first that says something where none is tried."""
    tried = said & np.isfinite(losses)
    least = np.where(tried, losses, np.inf).min(axis=0)
    floor = np.maximum(np.where(np.isfinite(least), least, 1.0), 1e-12)
    worse = np.where(tried, losses, floor) / floor - 1
    raw = np.where(tried, np.exp(-SHARPNESS * np.minimum(worse, 30.0)), 0.0)
    first = said & (np.cumsum(said, axis=0) == 1)
    weights = np.where(tried.any(axis=0), raw, first.astype(float))
    total = weights.sum(axis=0)
    shares: np.ndarray = weights / np.where(total > 0, total, 1.0)
    return shares


def _combined(weights: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """The weighted mean, shape (issue,); NaN where nothing is said."""
    said = np.where(weights > 0, candidates, 0.0)
    point: np.ndarray = np.where(weights.any(axis=0), (weights * said).sum(axis=0), np.nan)
    return point


def _spread(candidates: np.ndarray) -> np.ndarray:
    """Highest less lowest candidate of each issue."""
    high = np.where(np.isfinite(candidates), candidates, -np.inf).max(axis=0)
    low = np.where(np.isfinite(candidates), candidates, np.inf).min(axis=0)
    spread: np.ndarray = np.where(np.isfinite(high), high, 0.0) - np.where(np.isfinite(low), low, 0.0)
    return spread
