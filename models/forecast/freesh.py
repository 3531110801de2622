"""The freesh model: regressions on what is known, blended with the simple forecasts by how well each did lately."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from models.forecast.baselines import Baseline, carbon_baselines
from models.forecast.blend import blend, choose_weights
from models.forecast.carbon_inputs import carbon_inputs
from models.forecast.forecaster import Predicted
from models.forecast.grid import Grid
from models.forecast.inputs import Inputs
from models.forecast.issues import Issues
from models.forecast.members import MEMBERS, Members, fit_members
from models.forecast.spread import ErrorSize, error_quantiles, mean_error

SMALL_SHARE = 0.05
"""Where errors count in proportion, an actual below this share of the mean one counts as that share."""


@dataclass(frozen=True)
class Recipe:
    """What tells a carbon model from a demand model.

    Attributes:
        inputs: What the regressions read.
        baselines: The simple forecasts they are blended with.
        relative: An error costs in proportion to 1 / |actual| (as MAPE counts), else 1 (as WAPE counts).
        alpha: Strength of the ridge.
        robust_rounds: See `fit_regression`.
        train_days: Days of history that are learnt from, at most.
        half_life_days: A day so long ago counts half.
        trial_issues: Issues of the recent past whose errors choose the blend and give the quantiles, at most.
        folds: Blocks the tried issues are cut into, each forecast with what was known before it.
        error_half_life_days: An error so long ago counts half in the quantiles.
        neighbours: Targets to each side whose errors count as a target's own.
        least: The forecast is never below this.
    """

    inputs: Callable[[Grid, Issues], Inputs]
    baselines: tuple[Baseline, ...]
    relative: bool
    alpha: float
    robust_rounds: int
    train_days: int
    half_life_days: float
    trial_issues: int
    folds: int
    error_half_life_days: float
    neighbours: int
    least: float


CARBON = Recipe(
    inputs=carbon_inputs,
    baselines=carbon_baselines(),
    relative=True,
    alpha=20.0,
    robust_rounds=0,
    train_days=1_100,
    half_life_days=365.0,
    trial_issues=84,
    folds=3,
    error_half_life_days=56.0,
    neighbours=1,
    least=-np.inf,  # marginal and imported intensities below zero are real
)


@dataclass
class Freesh:
    """A recipe fitted to one series."""

    recipe: Recipe
    name: str = "freesh"

    @property
    def learnt(self) -> bool:
        """A regression was fitted and tried."""
        return len(self.errors) > 0 and self._members.fitted

    @property
    def uses_regression(self) -> bool:
        """The blend rests at least in part on a regression."""
        return bool(self.weights[:2].any())

    def shares(self) -> dict[str, float]:
        """Weight of each candidate in the blend, by name."""
        names = [*MEMBERS, *(baseline.name for baseline in self.recipe.baselines)]
        return dict(zip(names, self.weights.tolist(), strict=True))

    def fit(self, grid: Grid, issues: Issues, origin: int) -> None:
        """Learns from rows before `origin`: tries itself on the recent past, chooses the blend, then fits on all."""
        past = issues.before(origin, self.recipe.train_days * grid.day)
        actual, inputs = past.actuals(grid, origin), self.recipe.inputs(grid, past)
        trial = self._trial(inputs, actual)
        blocks = [block for block in np.array_split(trial, self.recipe.folds) if len(block)]
        walked = [
            self._fit_known(grid, past, inputs, actual, int(past.origins[b[0]])).say(inputs.at(b)) for b in blocks
        ]
        self._tried = past.at(past.origins[trial])
        said = np.concatenate(
            [np.concatenate([np.empty((2, 0, past.count)), *walked], axis=1), self._simple(grid, self._tried)]
        )
        self.weights = choose_weights(said, actual[trial], self._cost(actual[trial]))
        self.errors = actual[trial] - np.maximum(blend(said, self.weights), self.recipe.least)
        self._size = ErrorSize(inputs.unrest[trial], self.errors)
        self._errors = self.errors / self._size.of(inputs.unrest[trial])
        self._members = self._fit_known(grid, past, inputs, actual, origin)
        self._origin = origin

    def predict(self, grid: Grid, issues: Issues, levels: tuple[float, ...]) -> Predicted:
        """Says the blend; errors since the fit that were known at an issue count beside those of the trial."""
        point, size = self._say(grid, issues)
        since = issues.at(np.arange(self._origin, issues.origins[-1], issues.stride))
        since_point, since_size = self._say(grid, since)
        origins = np.concatenate([self._tried.origins, since.origins])
        mean, quantiles = point.copy(), np.empty((len(levels), *point.shape))
        for i, origin in enumerate(issues.origins):
            newer = (since.actuals(grid, int(origin)) - since_point) / since_size
            known = origins < origin
            errors = np.concatenate([self._errors, newer])[known]
            mean[i] += size[i] * mean_error(errors)
            weights = 0.5 ** ((origin - origins[known]) / (self.recipe.error_half_life_days * grid.day))
            quantiles[:, i] = point[i] + size[i] * self._pooled_quantiles(errors, levels, weights)
        least = self.recipe.least
        return Predicted(point, np.maximum(mean, least), np.maximum(quantiles, least))

    def _trial(self, inputs: Inputs, actual: np.ndarray) -> np.ndarray:
        """Which past issues are tried: the latest, at most a third of those that could be learnt from."""
        usable = np.flatnonzero((np.isfinite(inputs.anchor) & np.isfinite(actual)).any(axis=1))
        return usable[len(usable) - min(self.recipe.trial_issues, len(usable) // 3) :]

    def _fit_known(self, grid: Grid, past: Issues, inputs: Inputs, actual: np.ndarray, origin: int) -> Members:
        """Regressions on the targets that had ended at `origin`."""
        known = np.where(past.first_rows + past.width <= origin, actual, np.nan)
        recency = 0.5 ** ((origin - past.origins) / (self.recipe.half_life_days * grid.day))
        weights = recency[:, None] * self._cost(known)
        return fit_members(inputs, known, weights, self.recipe.alpha, self.recipe.robust_rounds)

    def _simple(self, grid: Grid, issues: Issues) -> np.ndarray:
        """What the baselines say, shape (baseline, issue, target)."""
        return np.stack([baseline.rule(grid, issues) for baseline in self.recipe.baselines])

    def _say(self, grid: Grid, issues: Issues) -> tuple[np.ndarray, np.ndarray]:
        """The blend and the expected size of its errors, shapes (issue, target)."""
        inputs = self.recipe.inputs(grid, issues)
        said = np.concatenate([self._members.say(inputs), self._simple(grid, issues)])
        return np.maximum(blend(said, self.weights), self.recipe.least), self._size.of(inputs.unrest)

    def _cost(self, actual: np.ndarray) -> np.ndarray:
        """What a unit of error costs, by actual; 1 where it is not known."""
        size = np.abs(actual)
        known = np.isfinite(size)
        if not self.recipe.relative or not known.any() or not size[known].any():
            return np.ones(actual.shape)
        typical = float(size[known].mean())
        return np.where(known, typical / np.maximum(size, SMALL_SHARE * typical), 1.0)

    def _pooled_quantiles(self, errors: np.ndarray, levels: tuple[float, ...], weights: np.ndarray) -> np.ndarray:
        """Quantiles of the errors of each target and its neighbours, shape (level, target)."""
        reach, targets = self.recipe.neighbours, errors.shape[1]
        if reach == 0:
            return error_quantiles(errors, levels, weights)
        padded = np.pad(errors, ((0, 0), (reach, reach)), constant_values=np.nan)
        shifted = [padded[:, shift : shift + targets] for shift in range(2 * reach + 1)]
        return error_quantiles(np.concatenate(shifted), levels, np.tile(weights, len(shifted)))
