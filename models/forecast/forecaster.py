"""The interface of every forecast model: fit on what is known, then predict issue by issue."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from models.forecast.grid import Grid
from models.forecast.issues import Issues

LEVELS = (0.05, 0.1, 0.5, 0.9, 0.95, 0.99)
"""Quantile levels that are forecast unless others are asked for."""


@dataclass(frozen=True)
class Predicted:
    """What a model says.

    Attributes:
        point: Shape (issue, target): the forecast that is scored; NaN where the model has nothing to say.
        mean: Shape (issue, target): expected value.
        quantiles: Shape (level, issue, target), non-decreasing over levels; NaN where no past error is known.
    """

    point: np.ndarray
    mean: np.ndarray
    quantiles: np.ndarray


class Forecaster(Protocol):
    """A model of one series. `predict` may read rows before each issue's origin, and exogenous rows up to its reach."""

    name: str

    def fit(self, grid: Grid, issues: Issues, origin: int) -> None:
        """Learns to answer such issues from the rows before `origin` alone."""

    def predict(self, grid: Grid, issues: Issues, levels: tuple[float, ...]) -> Predicted:
        """Answers each issue; all origins are at or after that of the fit."""
