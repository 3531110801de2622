"""The family that learns each time of day from past issues near that time of day alone."""

from dataclasses import dataclass, field, replace

import numpy as np

from models.forecast.family import Fitted, Lesson, part
from models.forecast.grid import Grid
from models.forecast.inputs import Inputs
from models.forecast.issues import Issues
from models.forecast.members import Members, fit_members

NEAR_S = 3_600
"""Issues up to so long before or after the time of day teach it, those off it counting half."""


@dataclass
class SameTimeFitted:
    """Regressions by time of day, each fitted when it is first asked for, from the same lesson."""

    lesson: Lesson
    by_time: dict[int, Members] = field(default_factory=dict)

    def say(self, grid: Grid, issues: Issues, inputs: Inputs) -> np.ndarray:
        """With what is known ahead where it is, else from history alone; shape (1, issue, target)."""
        said = np.full((1, *inputs.anchor.shape), np.nan)
        times = issues.origins % grid.day
        for time in np.unique(times):
            here = np.flatnonzero(times == time)
            ahead, alone = self._members(int(time)).say(grid, issues.at(issues.origins[here]), inputs.at(here))
            said[0, here] = np.where(np.isfinite(ahead), ahead, alone)
        return said

    def _members(self, time: int) -> Members:
        """The regressions of one time of day, row of the day."""
        if time not in self.by_time:
            self.by_time[time] = self._fit(time)
        return self.by_time[time]

    def _fit(self, time: int) -> Members:
        """Learns from the issues near a time of day."""
        lesson, day = self.lesson, self.lesson.grid.day
        apart = np.abs((lesson.past.origins - time + day // 2) % day - day // 2)
        near = np.flatnonzero(apart * lesson.grid.step_s <= NEAR_S)
        taught = part(lesson, near)
        nearness = np.where(apart[near] > 0, 0.5, 1.0)[:, None]
        return fit_members(replace(taught, weights=taught.weights * nearness))


@dataclass(frozen=True)
class SameTime:
    """Regressions by time of day."""

    names: tuple[str, ...] = ("same_time",)

    def fit(self, lesson: Lesson) -> Fitted:
        """Keeps the lesson; see SameTimeFitted."""
        return SameTimeFitted(lesson)
