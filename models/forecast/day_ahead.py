"""The family that tells the next hours as the day-ahead model does: by the hour, from issues at this time of day."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from models.forecast.family import Fitted, Lesson, costs
from models.forecast.grid import Grid
from models.forecast.inputs import Inputs
from models.forecast.issues import Issues
from models.forecast.members import Members, fit_members

HOUR_S = 3_600

Learnt = tuple[Issues, Inputs]


@dataclass
class DayAhead:
    """Hourly regressions by time of day; what they read of past issues is made once and shared by all fits.

    Attributes:
        inputs: What the regressions read, on an hourly grid.
        train_days: Days of history that are learnt from, at most.
        half_life_days: A day so long ago counts half.
    """

    inputs: Callable[[Grid, Issues], Inputs]
    train_days: int
    half_life_days: float
    names: tuple[str, ...] = ("day_ahead",)
    _known: dict[int, Learnt] = field(default_factory=dict)

    def fit(self, lesson: Lesson) -> Fitted:
        """Keeps what was known; regressions are fitted when their time of day is first asked for."""
        return DayAheadFitted(self, lesson, Hours(lesson.grid, lesson.past))

    def learnt(self, hours: "Hours", end: int, time: int) -> Learnt:
        """Issues before an hour at a time of day (hour of the grid's day) and their inputs."""
        if time not in self._known:
            after = end + (time - end) % hours.grid.day
            past = hours.issues(np.array([after])).before(after, self.train_days * hours.grid.day)
            self._known[time] = past, self.inputs(hours.grid, past)
        return self._known[time]


class Hours:
    """The hourly form of a grid and of issues on it."""

    def __init__(self, grid: Grid, issues: Issues) -> None:
        """Takes the shape of the issues: which hours hold their targets, whatever minute they are issued at."""
        self.grid = grid.coarser(HOUR_S)
        self.per = HOUR_S // grid.step_s
        self.offset = round((grid.start - self.grid.start).total_seconds()) // grid.step_s
        self.gap = issues.gap // self.per
        partial = 1 if self.per > 1 else 0  # an issue within an hour ends within another
        self.count = -(-issues.reach // self.per) + partial - self.gap

    def of(self, rows: np.ndarray | int) -> np.ndarray:
        """The hour that holds each row."""
        hours: np.ndarray = (np.asarray(rows) + self.offset) // self.per
        return hours

    def issues(self, origins: np.ndarray) -> Issues:
        """Hourly issues at these hours."""
        return Issues(np.asarray(origins), self.grid.day, self.gap, 1, self.count)


@dataclass
class DayAheadFitted:
    """Regressions by time of day, from what was known at one moment."""

    family: DayAhead
    lesson: Lesson
    hours: Hours
    _by_time: dict[int, Members] = field(default_factory=dict)

    def say(self, grid: Grid, issues: Issues, inputs: Inputs) -> np.ndarray:
        """The forecast of each target's hour: with what is known ahead where it is, else from history alone."""
        hours = Hours(grid, issues)
        origins = hours.of(issues.origins)
        lead = hours.of(issues.first_rows) - origins[:, None] - hours.gap
        said = np.full((1, *inputs.anchor.shape), np.nan)
        times = origins % hours.grid.day
        for time in np.unique(times):
            here = np.flatnonzero(times == time)
            asked = hours.issues(origins[here])
            ahead, alone = self._members(int(time)).say(hours.grid, asked, self.family.inputs(hours.grid, asked))
            said[0, here] = np.take_along_axis(np.where(np.isfinite(ahead), ahead, alone), lead[here], axis=1)
        return said

    def _members(self, time: int) -> Members:
        """The regressions of one time of day."""
        if time not in self._by_time:
            self._by_time[time] = self._fit(time)
        return self._by_time[time]

    def _fit(self, time: int) -> Members:
        """Learns from the issues at one time of day what was known of them."""
        end = int(self.hours.of(self.lesson.past.origins[-1])) + 1
        past, inputs = self.family.learnt(self.hours, end, time)
        origin = int(self.hours.of(self.lesson.origin))
        before = np.flatnonzero(past.origins < origin)
        past, inputs = past.at(past.origins[before]), inputs.at(before)
        known = past.actuals(self.hours.grid, origin)
        recency = 0.5 ** ((origin - past.origins) / (self.family.half_life_days * self.hours.grid.day))
        weights = recency[:, None] * costs(known, relative=self.lesson.relative)
        return fit_members(replace(self.lesson, past=past, inputs=inputs, actual=known, weights=weights))
