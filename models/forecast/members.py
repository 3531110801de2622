"""The ridge family: regressions of all past issues, one per target, with what is known ahead and from history alone."""

from dataclasses import dataclass

import numpy as np

from models.forecast.family import Fitted, Lesson
from models.forecast.grid import Grid
from models.forecast.inputs import Inputs
from models.forecast.issues import Issues
from models.forecast.regression import Regression, fit_regression


@dataclass(frozen=True)
class Members:
    """Fitted regressions by target; None where too little was known to fit one."""

    ahead: tuple[Regression | None, ...]
    alone: tuple[Regression | None, ...]

    def say(self, grid: Grid, issues: Issues, inputs: Inputs) -> np.ndarray:
        """Forecasts, shape (2, issue, target): with what is known ahead, then from history alone; NaN = cannot."""
        both = np.concatenate([inputs.history, inputs.ahead], axis=-1)
        ahead = np.where(inputs.ahead_known, _deviations(self.ahead, both), np.nan)
        said: np.ndarray = inputs.anchor + np.stack([ahead, _deviations(self.alone, inputs.history)])
        return said


@dataclass(frozen=True)
class RidgeFamily:
    """Two candidates: the regression with what is known ahead, and the one from history alone."""

    names: tuple[str, ...] = ("known_ahead", "history")

    def fit(self, lesson: Lesson) -> Fitted:
        """Fits the regressions of each target to what is known of it."""
        return fit_members(lesson)


def fit_members(lesson: Lesson) -> Members:
    """Fits the regressions of each target to what the lesson knows of it."""
    inputs = lesson.inputs
    deviation = lesson.actual - inputs.anchor
    told = np.where(inputs.ahead_known, deviation, np.nan)
    both = np.concatenate([inputs.history, inputs.ahead], axis=-1) if inputs.ahead_known.any() else inputs.history

    def fitted(features: np.ndarray, wanted: np.ndarray) -> tuple[Regression | None, ...]:
        return tuple(
            fit_regression(features[:, t], wanted[:, t], lesson.weights[:, t], lesson.alpha, lesson.robust_rounds)
            for t in range(lesson.actual.shape[1])
        )

    return Members(fitted(both, told), fitted(inputs.history, deviation))


def _deviations(regressions: tuple[Regression | None, ...], features: np.ndarray) -> np.ndarray:
    """What each target's regression says, NaN without one."""
    said = np.full(features.shape[:2], np.nan)
    for target, regression in enumerate(regressions):
        if regression is not None and len(features):
            said[:, target] = regression.predict(features[:, target])
    return said
