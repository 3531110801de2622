"""Families of models that the carbon model was compared with: boosted and random trees, and two of statsmodels."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.forecast.family import Fitted, Lesson, part
from models.forecast.grid import Grid
from models.forecast.inputs import Inputs, at, held, mended
from models.forecast.issues import Issues

EVERY_S = 21_600
"""Trees learn from issues so far apart, to keep a fit to seconds."""

LAGS = (*range(1, 26), 47, 48, 49, 167, 168, 169)
"""Hours before that AutoReg reads."""

FIT_DAYS = 365


@dataclass(frozen=True)
class Trees:
    """One model of trees for all targets, with the lead as a feature."""

    names: tuple[str, ...]

    def fit(self, lesson: Lesson) -> Fitted:
        """Fits the error of the anchor; issues EVERY_S apart."""
        lesson = part(lesson, np.flatnonzero(lesson.past.origins * lesson.grid.step_s % EVERY_S == 0))
        deviation = (lesson.actual - lesson.inputs.anchor).ravel()
        known = np.isfinite(deviation)
        model = _trees(self.names[0])
        model.fit(_with_lead(lesson.inputs)[known], deviation[known], sample_weight=lesson.weights.ravel()[known])
        return FittedTrees(model)


@dataclass(frozen=True)
class FittedTrees:
    """Fitted trees."""

    model: Any

    def say(self, grid: Grid, issues: Issues, inputs: Inputs) -> np.ndarray:
        """The anchor plus the error expected of it."""
        if not inputs.anchor.size:
            return inputs.anchor[None]
        said: np.ndarray = inputs.anchor + self.model.predict(_with_lead(inputs)).reshape(inputs.anchor.shape)
        return said[None]


def _trees(name: str) -> Any:  # noqa: ANN401  # either of two untyped classes
    """An unfitted model."""
    from sklearn.ensemble import (  # type: ignore[import-untyped]  # scikit-learn ships no types
        ExtraTreesRegressor,
        HistGradientBoostingRegressor,
    )

    if name == "boosted":
        return HistGradientBoostingRegressor(
            loss="absolute_error", learning_rate=0.08, max_iter=100, min_samples_leaf=30, random_state=0
        )
    return ExtraTreesRegressor(40, min_samples_leaf=8, max_features=0.4, random_state=0)


def _with_lead(inputs: Inputs) -> np.ndarray:
    """Features of all targets below each other, the number of the target last; shape (issue × target, feature)."""
    both = np.concatenate([inputs.history, np.where(inputs.ahead_known[..., None], inputs.ahead, 0.0)], axis=-1)
    lead = np.broadcast_to(np.arange(both.shape[1])[None, :, None], (*both.shape[:2], 1))
    rows = np.concatenate([both, lead], axis=-1)
    table: np.ndarray = np.nan_to_num(rows.reshape(-1, rows.shape[-1]))
    return table


@dataclass(frozen=True)
class AutoRegression:
    """statsmodels' AutoReg on an hourly series, told step by step."""

    names: tuple[str, ...] = ("autoreg",)

    def fit(self, lesson: Lesson) -> Fitted:
        """Fits the last FIT_DAYS before the origin."""
        from statsmodels.tsa.ar_model import AutoReg  # type: ignore[import-untyped]  # statsmodels ships no types

        values = held(mended(lesson.grid)[: lesson.origin])[-FIT_DAYS * lesson.grid.day :]
        fitted = AutoReg(values[np.isfinite(values)], lags=list(LAGS), trend="c").fit()
        return FittedAutoRegression(float(fitted.params[0]), np.asarray(fitted.params[1:]))


@dataclass(frozen=True)
class FittedAutoRegression:
    """A level and a slope for each lag."""

    level: float
    slopes: np.ndarray

    def say(self, grid: Grid, issues: Issues, inputs: Inputs) -> np.ndarray:
        """Each step from the rows and the steps before it."""
        values, said = held(mended(grid)), np.empty((len(issues.origins), issues.reach))
        for step in range(issues.reach):
            terms = [said[:, step - lag] if lag <= step else at(values, issues.origins + step - lag) for lag in LAGS]
            said[:, step] = self.level + self.slopes @ np.stack(terms)
        return said[None, :, issues.gap :]


@dataclass(frozen=True)
class Smoothing:
    """statsmodels' simple exponential smoothing of what differs from the mean of four weeks at the same hour."""

    names: tuple[str, ...] = ("smoothing",)

    def fit(self, lesson: Lesson) -> Fitted:
        """Fits how fast the level follows."""
        from statsmodels.tsa.holtwinters import SimpleExpSmoothing  # type: ignore[import-untyped]  # as above

        values = held(mended(lesson.grid)[: lesson.origin])
        unlike = _unlike(values, lesson.grid.day)[-60 * lesson.grid.day :]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a fit at the edge of its range is what the data asked for
            fitted = SimpleExpSmoothing(unlike[np.isfinite(unlike)], initialization_method="estimated").fit()
        return FittedSmoothing(float(fitted.params["smoothing_level"]))


@dataclass(frozen=True)
class FittedSmoothing:
    """The share of the newest difference in the level."""

    share: float

    def say(self, grid: Grid, issues: Issues, inputs: Inputs) -> np.ndarray:
        """The mean of the hour plus the level at the issue."""
        values = held(mended(grid))
        unlike, level = _unlike(values, grid.day), np.zeros(grid.rows + 1)
        for row in range(grid.rows):
            new = unlike[row] if np.isfinite(unlike[row]) else level[row]
            level[row + 1] = level[row] + self.share * (new - level[row])
        same = np.nanmean([at(values, issues.first_rows - grid.day * back) for back in range(1, 29)], axis=0)
        said: np.ndarray = same + level[issues.origins][:, None]
        return said[None]


def _unlike(values: np.ndarray, day: int) -> np.ndarray:
    """Each row less the mean of the same row of the 28 days before; NaN in the first 28 days."""
    rows = np.arange(len(values))
    unlike: np.ndarray = values - np.mean([at(values, rows - day * back) for back in range(1, 29)], axis=0)
    return unlike
