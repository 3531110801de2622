"""Issues: the moments forecasts are made at, what each may know and which rows each must tell."""

from dataclasses import dataclass

import numpy as np

from models.forecast.grid import Grid


@dataclass(frozen=True)
class Issues:
    """Forecasts of one shape, issued at several moments.

    Attributes:
        origins: Shape (issue,), ascending: first row of the grid that is not known at each issue.
        stride: Rows between one issue and the next one like it (carbon: a day; demand: a slot).
        gap: Rows between the origin and the first target.
        width: Rows of a target (its value is their mean).
        count: Targets of an issue.
    """

    origins: np.ndarray
    stride: int
    gap: int
    width: int
    count: int

    @property
    def reach(self) -> int:
        """Rows from an origin to the end of its last target."""
        return self.gap + self.width * self.count

    @property
    def first_rows(self) -> np.ndarray:
        """First row of each target, shape (issue, target)."""
        leads = self.gap + self.width * np.arange(self.count)
        return np.asarray(self.origins)[:, None] + leads[None, :]

    def lead_groups(self, grid: Grid, cuts_s: tuple[int, ...]) -> np.ndarray:
        """The part each target falls in when leads to its end are cut at those seconds; shape (target,)."""
        ends_s = (self.gap + self.width * np.arange(1, self.count + 1)) * grid.step_s
        return np.searchsorted(np.array(cuts_s, dtype=float), ends_s, side="left")

    def at(self, origins: np.ndarray) -> "Issues":
        """The same questions asked at other origins."""
        return Issues(np.asarray(origins, dtype=int), self.stride, self.gap, self.width, self.count)

    def before(self, origin: int, span: int) -> "Issues":
        """The issues like that at `origin`, of the `span` rows before it, none before row 0; ascending."""
        steps = np.arange(min(span, origin) // self.stride, 0, -1)
        return self.at(origin - self.stride * steps)

    def actuals(self, grid: Grid, known: int | None = None) -> np.ndarray:
        """Mean of each target's rows, NaN where one is missing; shape (issue, target).

        Args:
            grid: The series.
            known: Rows from here on count as missing; None = the whole grid is known.
        """
        values = np.append(grid.values[:known], np.nan)
        rows = self.first_rows[:, :, None] + np.arange(self.width)
        outside = (rows < 0) | (rows >= len(values) - 1)
        means: np.ndarray = values[np.where(outside, -1, rows)].mean(axis=2)
        return means
