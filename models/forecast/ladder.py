"""One forecast, now: the freesh model, or the rung below it that still holds, and which one in words."""

from dataclasses import dataclass

import numpy as np

from freesh_plugin.core.errors import ForecastError
from models.forecast.baselines import last_rows
from models.forecast.freesh import Freesh, Recipe
from models.forecast.grid import Grid
from models.forecast.issues import Issues
from models.forecast.spread import error_quantiles

HOLD = last_rows(0)


@dataclass(frozen=True)
class Answer:
    """What one issue was answered.

    Attributes:
        mean: Shape (target,).
        quantiles: Shape (level, target), non-decreasing over levels.
        model: `freesh`, or the name of the baseline that stands in for it.
        reason: Why, in sentences.
        found: What was found wrong with the rows, in sentences.
    """

    mean: np.ndarray
    quantiles: np.ndarray
    model: str
    reason: str
    found: tuple[str, ...]

    @property
    def note(self) -> str:
        """Why, and what was found wrong with the rows."""
        return "; ".join([self.reason, *self.found])


def answer(recipe: Recipe, grid: Grid, issue: Issues, levels: tuple[float, ...]) -> Answer:
    """Answers one issue with the highest rung that holds; every number is finite.

    Raises:
        ForecastError: no row before the origin is known.
    """
    origin = int(issue.origins[0])
    if not np.isfinite(grid.values[:origin]).any():
        raise ForecastError(f"series {grid.series}: no history before {grid.time_of(origin):%Y-%m-%dT%H:%MZ}")
    model = Freesh(recipe)
    model.fit(grid, issue, origin)
    said = model.predict(grid, issue, levels)
    name, reason = _rung(model)
    point, mean, quantiles = said.point[0], said.mean[0], said.quantiles[:, 0]
    notes = [reason]
    unsaid = ~np.isfinite(point)
    if unsaid.any():
        name = "persistence" if unsaid.all() else name
        notes.append(f"{int(unsaid.sum())} of {len(point)} targets hold the last known row")
        point = np.where(unsaid, HOLD(grid, issue)[0], point)
        mean = np.where(unsaid, point, mean)
    unbounded = ~np.isfinite(quantiles).all(axis=0)
    if unbounded.any():
        pooled = _pooled(model.errors, levels)
        notes.append(
            "quantiles are of all targets' past errors" if pooled.any() else "no past errors: quantiles equal the point"
        )
        quantiles = np.where(unbounded, point + pooled[:, None], quantiles)
        quantiles = np.maximum(quantiles, recipe.least)
    return Answer(mean, quantiles, name, "; ".join(notes), model.read(grid).notes)


def _rung(model: Freesh) -> tuple[str, str]:
    """Name of what was used, and why."""
    shares = [f"{share:.0%} {name}" for name, share in model.shares().items() if share > 0]
    tried = model.errors.shape[0]
    if not model.learnt:
        name = model.recipe.baselines[0].name
        return name, f"too little history to learn from, {name} is used"
    if model.uses_model:
        return model.name, f"{' + '.join(shares)}, chosen on the last {tried} issues"
    best = max(model.shares(), key=model.shares().__getitem__)
    return best, f"no model beat the simple forecasts on the last {tried} issues: {' + '.join(shares)}"


def _pooled(errors: np.ndarray, levels: tuple[float, ...]) -> np.ndarray:
    """Quantiles of all known errors together, shape (level,); 0 when there are too few."""
    quantiles = error_quantiles(errors.reshape(-1, 1), levels)[:, 0]
    pooled: np.ndarray = np.where(np.isfinite(quantiles), quantiles, 0.0)
    return pooled
