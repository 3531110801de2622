"""A family of models: what it may learn from, and what it says."""

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from models.forecast.grid import Grid
from models.forecast.inputs import Inputs
from models.forecast.issues import Issues


@dataclass(frozen=True)
class Lesson:
    """Past issues and what is known of their targets at one moment.

    Attributes:
        grid: The series; rows from `origin` on are not known and must not be read.
        past: The issues that are learnt from.
        inputs: Their inputs.
        actual: Shape (issue, target); NaN = not known at `origin`.
        weights: Shape (issue, target), positive: recency × cost of an error.
        alpha: Strength of a ridge, in rows of mean weight.
        robust_rounds: See `fit_regression`.
        relative: An error costs in proportion to 1 / |actual|.
        origin: First row of the grid that is not known.
    """

    grid: Grid
    past: Issues
    inputs: Inputs
    actual: np.ndarray
    weights: np.ndarray
    alpha: float
    robust_rounds: int
    relative: bool
    origin: int


class Fitted(Protocol):
    """A family fitted to a lesson."""

    def say(self, grid: Grid, issues: Issues, inputs: Inputs) -> np.ndarray:
        """Forecasts, shape (name, issue, target); NaN = cannot. Rows before each issue's origin may be read."""


class Family(Protocol):
    """A way to forecast; it gives one candidate a name."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of its candidates."""

    def fit(self, lesson: Lesson) -> Fitted:
        """Learns what the lesson holds."""


def part(lesson: Lesson, issues: np.ndarray) -> Lesson:
    """The lesson of some of its past issues, by their numbers."""
    return replace(
        lesson,
        past=lesson.past.at(lesson.past.origins[issues]),
        inputs=lesson.inputs.at(issues),
        actual=lesson.actual[issues],
        weights=lesson.weights[issues],
    )


SMALL_SHARE = 0.05
"""Where errors count in proportion, an actual below this share of the mean one counts as that share."""


def costs(actual: np.ndarray, *, relative: bool) -> np.ndarray:
    """What a unit of error costs, by actual: in proportion to 1 / |actual| where relative, else 1; 1 if unknown."""
    size = np.abs(actual)
    known = np.isfinite(size)
    if not relative or not known.any() or not size[known].any():
        return np.ones(actual.shape)
    typical = float(size[known].mean())
    return np.where(known, typical / np.maximum(size, SMALL_SHARE * typical), 1.0)
