"""The regressions of a model, one per target: from history alone, and with what is known ahead."""

from dataclasses import dataclass

import numpy as np

from models.forecast.inputs import Inputs
from models.forecast.regression import Regression, fit_regression

MEMBERS = ("known_ahead", "history")
"""Names of the two regressions, in the order they are tried."""


@dataclass(frozen=True)
class Members:
    """Fitted regressions by target; None where too little was known to fit one."""

    ahead: tuple[Regression | None, ...]
    alone: tuple[Regression | None, ...]

    @property
    def fitted(self) -> bool:
        """At least one regression there is."""
        return any(regression is not None for regression in (*self.ahead, *self.alone))

    def say(self, inputs: Inputs) -> np.ndarray:
        """Forecasts, shape (2, issue, target): with what is known ahead, then from history alone; NaN = cannot."""
        both = np.concatenate([inputs.history, inputs.ahead], axis=-1)
        ahead = np.where(inputs.ahead_known, _deviations(self.ahead, both), np.nan)
        said: np.ndarray = inputs.anchor + np.stack([ahead, _deviations(self.alone, inputs.history)])
        return said


def fit_members(inputs: Inputs, actual: np.ndarray, weights: np.ndarray, alpha: float, robust_rounds: int) -> Members:
    """Fits the regressions of each target to what is known of it.

    Args:
        inputs: Inputs of the past issues.
        actual: Shape (issue, target); NaN = not known, not learnt from.
        weights: Shape (issue, target), positive.
        alpha: See `fit_regression`.
        robust_rounds: See `fit_regression`.
    """
    deviation = actual - inputs.anchor
    told = np.where(inputs.ahead_known, deviation, np.nan)
    both = np.concatenate([inputs.history, inputs.ahead], axis=-1)
    targets = range(actual.shape[1])
    return Members(
        tuple(fit_regression(both[:, t], told[:, t], weights[:, t], alpha, robust_rounds) for t in targets),
        tuple(
            fit_regression(inputs.history[:, t], deviation[:, t], weights[:, t], alpha, robust_rounds) for t in targets
        ),
    )


def _deviations(regressions: tuple[Regression | None, ...], features: np.ndarray) -> np.ndarray:
    """What each target's regression says, NaN without one."""
    said = np.full(features.shape[:2], np.nan)
    for target, regression in enumerate(regressions):
        if regression is not None and len(features):
            said[:, target] = regression.predict(features[:, target])
    return said
