"""What the demand model reads at each issue: simple forecasts, recent and seasonal moves, and how restless it was."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.forecast.baselines import demand_baselines
from models.forecast.grid import DAY_S, Grid
from models.forecast.inputs import at, held, mean_before, mean_of, mended, waves, whole_days_back
from models.forecast.issues import Issues

NEAR = (0, 1, 2, 3, 8, 9)
"""Moves of the last hours, and what followed at this time of the latest day."""

DAYS = tuple(range(14))
"""The same, longer means, the slot itself on the latest day, and the hour."""

WEEKS = tuple(range(17))
"""The same, and what followed on the days before and a week before."""

_MINUTES = 60
_HOUR = 3_600


@dataclass(frozen=True)
class DemandInputs:
    """Inputs of issues with one target each, in req/s.

    Attributes:
        simple: Shape (baseline, issue): last known row, mean of the last 30 minutes, the same slot of the day before.
        moves: Shape (issue, move): differences that may go on, relative to the last known row; NaN = missing.
        unrest: Shape (issue, measure): sizes of past changes and errors, at least 0; NaN = missing.
    """

    simple: np.ndarray
    moves: np.ndarray
    unrest: np.ndarray


def demand_inputs(grid: Grid, issues: Issues) -> DemandInputs:
    """Inputs on a grid of rows of any length; nothing at or after an origin is read."""
    simple = np.stack([baseline.rule(grid, issues)[:, 0] for baseline in demand_baselines()])
    moves = np.stack([*_recent(grid, issues, simple[0]), *_seasonal(grid, issues, simple[0])], axis=-1)
    return DemandInputs(simple, moves, np.stack(_unrest(grid, issues, simple), axis=-1))


def _rows(grid: Grid, seconds: int) -> int:
    """Rows of a span, at least one."""
    return max(1, seconds // grid.step_s)


def _recent(grid: Grid, issues: Issues, last: np.ndarray) -> list[np.ndarray]:
    """Means of 20 minutes to 24 hours above the last row."""
    values = held(grid.values)
    spans = (20 * _MINUTES, 30 * _MINUTES, _HOUR, 3 * _HOUR, 6 * _HOUR, DAY_S)
    return [mean_before(values, issues.origins, _rows(grid, span)) - last for span in spans]


def _seasonal(grid: Grid, issues: Issues, last: np.ndarray) -> list[np.ndarray]:
    """The slot on the latest day above the last row, what followed there then and on other days, and the hour."""
    values, steady, day = mended(grid), held(grid.values), grid.day
    back = whole_days_back(grid, issues)[:, 0]
    first, half_hour = issues.first_rows[:, 0], _rows(grid, 30 * _MINUTES)

    def slot(days: int, margin: int = 0) -> np.ndarray:
        start = first - back - (days - 1) * day
        return mean_of([at(values, start + row) for row in range(-margin, issues.width + margin)])

    ends = issues.origins - back
    eve = [mean_before(steady, ends - day * days, half_hour) for days in (0, 1, 6)]
    before = mean_of([at(values, ends - day * days - 1 - row) for days in range(3) for row in range(half_hour)])
    followed = [slot(1) - eve[0], slot(1) - at(steady, ends - 1), slot(2) - eve[1], slot(7) - eve[2]]
    usually = mean_of([slot(days) for days in (1, 2, 3)]) - before
    hour = [last * 0.1 * wave for wave in waves(_time_of_day(grid, first), 2)]
    return [slot(1) - last, slot(1, issues.width) - last, *followed[:2], *hour, *followed[2:], usually]


def _unrest(grid: Grid, issues: Issues, simple: np.ndarray) -> list[np.ndarray]:
    """Changes from row to row, errors of persistence, lately and at this time of past days, and the level."""
    steady, origins, day = held(grid.values), issues.origins, grid.day
    change = np.abs(np.diff(steady, prepend=steady[:1]))
    error = _errors_of_holding(grid, issues, steady)
    ended = origins - issues.reach + 1  # an issue at or before this row less one has ended
    hours = [_HOUR * n for n in (1, 3, 12, 24, 72)]
    changes = [mean_before(change, origins, _rows(grid, span)) for span in (20 * _MINUTES, 30 * _MINUTES, *hours)]
    errors = [mean_before(error, ended, _rows(grid, span)) for span in hours]
    squares = [np.sqrt(mean_before(error**2, ended, _rows(grid, span))) for span in hours[1:]]

    def around(power: int, days: int, seconds: int) -> np.ndarray:
        reach = _rows(grid, seconds)
        back = -(-(issues.reach + reach) // day)
        ends = [origins - day * (back + n) + reach + 1 for n in range(days)]
        spread: np.ndarray = mean_of([mean_before(error**power, end, 2 * reach + 1) for end in ends]) ** (1 / power)
        return spread

    seasons = [around(1, 1, _HOUR), around(1, 3, 5_400), around(2, 3, 2 * _HOUR), around(2, 7, 2 * _HOUR)]
    level = [np.abs(simple[0] - simple[1]), 0.02 * np.abs(simple[0]), _range(steady, origins, _rows(grid, 3 * _HOUR))]
    return [*changes, *errors, *squares, *seasons, *level]


def _errors_of_holding(grid: Grid, issues: Issues, steady: np.ndarray) -> np.ndarray:
    """|error| of saying the last known row, by origin; shape (row,), NaN = not known."""
    every = issues.at(np.arange(grid.rows + 1))
    errors: np.ndarray = np.abs(every.actuals(grid)[:, 0] - at(steady, every.origins - 1))
    return errors


def _range(steady: np.ndarray, origins: np.ndarray, rows: int) -> np.ndarray:
    """Highest less lowest of the rows before each origin."""
    rolling = pd.Series(steady).rolling(rows, min_periods=1)
    return at((rolling.max() - rolling.min()).to_numpy(), origins - 1)


def _time_of_day(grid: Grid, rows: np.ndarray) -> np.ndarray:
    """Start of each row as a share of the day."""
    midnight = int((grid.start - pd.Timestamp(grid.start).floor("D")).total_seconds()) // grid.step_s
    share: np.ndarray = ((rows + midnight) % grid.day) / grid.day
    return share
