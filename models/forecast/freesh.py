"""The freesh model: regressions on what is known, blended with the simple forecasts by how well each did lately."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from models.forecast.baselines import Baseline
from models.forecast.blend import Chooser, best_pair, blend, choose_by_group
from models.forecast.family import Family, Fitted, Lesson, costs
from models.forecast.forecaster import Predicted
from models.forecast.grid import Grid
from models.forecast.inputs import Inputs
from models.forecast.issues import Issues
from models.forecast.members import RidgeFamily
from models.forecast.spread import ErrorSize, error_quantiles, mean_error
from models.forecast.tame import tamed


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
        families: Makers of the families of models that are fitted; each may keep what its fits share.
        choose: How weights are chosen from the errors of the tried issues.
        lead_groups_s: Leads of targets are cut at these, seconds; each part gets weights of its own.
        trial_every_s: Of the past issues only those a multiple of this before the fit are tried; 0 = all.
        tame: Rows far outside the week before them are read as its bounds.
        most_targets: Targets of past issues that are learnt from at most, the latest; bounds memory; None = all.
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
    families: tuple[Callable[[], Family], ...] = (RidgeFamily,)
    choose: Chooser = best_pair
    lead_groups_s: tuple[int, ...] = ()
    trial_every_s: int = 0
    tame: bool = False
    most_targets: int | None = None


@dataclass
class Freesh:
    """A recipe fitted to one series."""

    recipe: Recipe
    name: str = "freesh"

    @property
    def uses_model(self) -> bool:
        """The blend rests at least in part on a fitted model."""
        return bool(self.weights[: -len(self.recipe.baselines)].any())

    def shares(self) -> dict[str, float]:
        """Mean weight of each candidate in the blend over the targets, by name."""
        fitted = [name for family in self._families for name in family.names]
        names = [*fitted, *(baseline.name for baseline in self.recipe.baselines)]
        return dict(zip(names, self.weights.mean(axis=1).tolist(), strict=True))

    def read(self, grid: Grid) -> Grid:
        """The rows as inputs and candidates read them."""
        return tamed(grid) if self.recipe.tame else grid

    def fit(self, grid: Grid, issues: Issues, origin: int) -> None:
        """Learns from rows before `origin`: tries itself on the recent past, chooses the blend, then fits on all."""
        self._families = [make() for make in self.recipe.families]
        past = self._past(grid, issues, origin)
        actual, grid = past.actuals(grid, origin), self.read(grid)
        inputs = self.recipe.inputs(grid, past)
        trial = self._trial(grid, past, origin, inputs, actual)
        said = self._walk(grid, past, inputs, actual, trial)
        self._tried = past.at(past.origins[trial])
        self.learnt = bool(np.isfinite(said[: -len(self.recipe.baselines)]).any())
        cost, groups = (
            costs(actual[trial], relative=self.recipe.relative),
            issues.lead_groups(grid, self.recipe.lead_groups_s),
        )
        self.weights = choose_by_group(self.recipe.choose, said, actual[trial], cost, groups)
        self.errors = actual[trial] - np.maximum(blend(said, self.weights), self.recipe.least)
        self._size = ErrorSize(inputs.unrest[trial], self.errors)
        self._errors = self.errors / self._size.of(inputs.unrest[trial])
        self._models = self._learn(grid, past, inputs, actual, origin)
        self._origin = origin

    def predict(self, grid: Grid, issues: Issues, levels: tuple[float, ...]) -> Predicted:
        """Says the blend; errors since the fit that were known at an issue count beside those of the trial."""
        point, size = self._say(grid, issues)
        since = issues.at(np.arange(self._origin, issues.origins[-1], issues.stride * self._every(grid, issues)))
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

    def _past(self, grid: Grid, issues: Issues, origin: int) -> Issues:
        """The past issues that are learnt from."""
        past = issues.before(origin, self.recipe.train_days * grid.day)
        if self.recipe.most_targets is None:
            return past
        return past.at(past.origins[-max(1, self.recipe.most_targets // past.count) :])

    def _every(self, grid: Grid, issues: Issues) -> int:
        """One of how many past issues is tried."""
        return max(1, self.recipe.trial_every_s // (issues.stride * grid.step_s))

    def _trial(self, grid: Grid, past: Issues, origin: int, inputs: Inputs, actual: np.ndarray) -> np.ndarray:
        """Which past issues are tried: the latest, at most a third of those that could be learnt from."""
        usable = np.flatnonzero((np.isfinite(inputs.anchor) & np.isfinite(actual)).any(axis=1))
        latest = usable[len(usable) - len(usable) // 3 :]
        tried = latest[(origin - past.origins[latest]) // past.stride % self._every(grid, past) == 0]
        newest: np.ndarray = tried[max(0, len(tried) - self.recipe.trial_issues) :]
        return newest

    def _walk(self, grid: Grid, past: Issues, inputs: Inputs, actual: np.ndarray, trial: np.ndarray) -> np.ndarray:
        """What each candidate would have said at the tried issues, fitted once before each fold of them."""
        names = sum(len(family.names) for family in self._families)
        said = [np.empty((names, 0, past.count))]
        for fold in np.array_split(trial, self.recipe.folds):
            if len(fold):
                models = self._learn(grid, past, inputs, actual, int(past.origins[fold[0]]))
                said.append(_told(models, grid, past.at(past.origins[fold]), inputs.at(fold)))
        return np.concatenate([np.concatenate(said, axis=1), self._simple(grid, past.at(past.origins[trial]))])

    def _learn(self, grid: Grid, past: Issues, inputs: Inputs, actual: np.ndarray, origin: int) -> list[Fitted]:
        """Every family fitted to the targets that had ended at `origin`."""
        known = np.where(past.first_rows + past.width <= origin, actual, np.nan)
        recency = 0.5 ** ((origin - past.origins) / (self.recipe.half_life_days * grid.day))
        weights = recency[:, None] * costs(known, relative=self.recipe.relative)
        lesson = Lesson(
            grid,
            past,
            inputs,
            known,
            weights,
            self.recipe.alpha,
            self.recipe.robust_rounds,
            self.recipe.relative,
            origin,
        )
        return [family.fit(lesson) for family in self._families]

    def _simple(self, grid: Grid, issues: Issues) -> np.ndarray:
        """What the baselines say, shape (baseline, issue, target)."""
        return np.stack([baseline.rule(grid, issues) for baseline in self.recipe.baselines])

    def candidates(self, grid: Grid, issues: Issues, inputs: Inputs) -> np.ndarray:
        """What each candidate says at issues after the fit, shape (candidate, issue, target), in order of `shares`."""
        told = _told(self._models, grid, issues, inputs)
        if not self.learnt:
            told = np.full_like(told, np.nan)  # a model that could not be tried is not believed
        return np.concatenate([told, self._simple(grid, issues)])

    def _say(self, grid: Grid, issues: Issues) -> tuple[np.ndarray, np.ndarray]:
        """The blend and the expected size of its errors, shapes (issue, target)."""
        grid = self.read(grid)
        inputs = self.recipe.inputs(grid, issues)
        said = self.candidates(grid, issues, inputs)
        return np.maximum(blend(said, self.weights), self.recipe.least), self._size.of(inputs.unrest)

    def _pooled_quantiles(self, errors: np.ndarray, levels: tuple[float, ...], weights: np.ndarray) -> np.ndarray:
        """Quantiles of the errors of each target and its neighbours, shape (level, target)."""
        reach, targets = self.recipe.neighbours, errors.shape[1]
        if reach == 0:
            return error_quantiles(errors, levels, weights)
        padded = np.pad(errors, ((0, 0), (reach, reach)), constant_values=np.nan)
        shifted = [padded[:, shift : shift + targets] for shift in range(2 * reach + 1)]
        return error_quantiles(np.concatenate(shifted), levels, np.tile(weights, len(shifted)))


def _told(models: list[Fitted], grid: Grid, issues: Issues, inputs: Inputs) -> np.ndarray:
    """What fitted models say, shape (name, issue, target)."""
    return np.concatenate([model.say(grid, issues, inputs) for model in models])
