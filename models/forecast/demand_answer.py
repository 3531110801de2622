"""One demand forecast, now: means and quantiles of steps, what they rest on and what they leave out, in words."""

from dataclasses import dataclass

import numpy as np

from models.forecast.bursts import Burst, parts
from models.forecast.demand_model import each_target, usual_error, watched
from models.forecast.demand_spread import margins
from models.forecast.demand_walk import MEMBERS, SIMPLE, WALK_DAYS, Walked
from models.forecast.grid import Grid
from models.forecast.issues import Issues


@dataclass(frozen=True)
class Answer:
    """What one issue was answered.

    Attributes:
        mean: Shape (target,).
        quantiles: Shape (level, target): of the demand in one step inside the target; non-decreasing over levels.
        model: `freesh`, or the simple forecast that stands in for it.
        note: What it rests on, in sentences.
    """

    mean: np.ndarray
    quantiles: np.ndarray
    model: str
    note: str


def answer(grid: Grid, issue: Issues, levels: tuple[float, ...], step_s: int, burst: Burst | None) -> Answer:
    """Answers one issue; every number is finite, since a row before its origin is known.

    Args:
        grid: The series.
        issue: One issue of one target or more.
        levels: Ascending, in (0, 1).
        step_s: Length of the steps whose quantiles are asked, seconds.
        burst: See `forecast_demand`.
    """
    said = [_target(grid, lead, levels, step_s, burst) for lead in each_target(issue)]
    models = {each.model for each in said}
    notes = dict.fromkeys(note for each in said for note in each.note.split("; "))  # each once, in order
    return Answer(
        np.concatenate([each.mean for each in said]),
        np.concatenate([each.quantiles for each in said], axis=1),
        models.pop() if len(models) == 1 else "freesh",
        "; ".join([*notes, *grid.notes]),
    )


def _target(grid: Grid, asked: Issues, levels: tuple[float, ...], step_s: int, burst: Burst | None) -> Answer:
    walked, since, drift = watched(grid, asked)
    origin = int(asked.origins[0])
    model, reason = _rung(walked)
    notes = [reason]
    if drift is not None:
        notes.append(
            f"drift: since {grid.time_of(since):%Y-%m-%dT%H:%MZ} {drift.sentence}, history before counts little"
        )
    rows, told = _rows_of_a_step(grid, asked, step_s)
    noise = None
    if grid.step_s > step_s:
        told += _assumed(burst)
        noise = None if burst is None else burst.deviation_rps(walked.point, step_s, grid.step_s)
    errors = parts(grid, walked.issues, rows) - walked.point[:, None]
    margin = margins(grid, walked, errors, origin, levels, since, noise)[:, -1]
    notes += told
    if not np.isfinite(margin).all():
        notes.append("no past errors: quantiles equal the point")
        margin = np.zeros(len(levels))
    point = walked.point[-1]
    mean = max(0.0, float(point + usual_error(grid, walked, origin)))
    return Answer(np.array([mean]), np.maximum(point + margin, 0.0)[:, None], model, "; ".join(notes))


def _rows_of_a_step(grid: Grid, asked: Issues, step_s: int) -> tuple[int, list[str]]:
    """Rows whose mean is what a step is bounded by, and what that leaves out."""
    rows = min(max(1, step_s // grid.step_s), asked.width)
    while asked.width % rows:
        rows -= 1
    if grid.step_s > step_s:
        return 1, [f"rows of {grid.step_s} s are longer than steps of {step_s} s: they do not show bursts inside a row"]
    return rows, []


def _assumed(burst: Burst | None) -> list[str]:
    if burst is None:
        return []
    return [
        f"assumed: bursts inside a row by an index of dispersion of {burst.dispersion:g} "
        f"(in windows of {burst.window_s:g} s)"
    ]


def _rung(walked: Walked) -> tuple[str, str]:
    """Name of what was used, and why."""
    names = (*SIMPLE, *MEMBERS)
    weights = walked.weights[:, -1]
    shares = " + ".join(f"{weights[i]:.0%} {names[i]}" for i in np.argsort(-weights) if weights[i] >= 0.005)
    best = names[int(np.argmax(weights))]
    if weights[len(SIMPLE) :].any():
        return "freesh", f"{shares}, by their errors of the last hours"
    if not np.isfinite(walked.candidates[len(SIMPLE) :]).any():
        return best, f"too little history to learn from, {best} is used"
    return best, f"no model beat the simple forecasts in the last {WALK_DAYS} days: {shares}"
