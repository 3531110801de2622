"""When a model is fitted: at the first issue and then once in so many days; every issue until the next fit uses it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from models.forecast.grid import Grid
from models.forecast.issues import Issues


@dataclass(frozen=True)
class Refit:
    """A model is fitted at the first issue of each block of so many days, counted from the first issue of all.

    It is fitted to what is known at that issue and answers all issues of the block. Outside of backtests a forecast is
    fitted anew at each issue.
    """

    days: int

    def blocks(self, grid: Grid, issues: Issues) -> Iterator[Issues]:
        """The issues of one fit after another; the fit is at the first of each."""
        numbers = (issues.origins - issues.origins[0]) // (self.days * grid.day)
        for number in np.unique(numbers):
            yield issues.at(issues.origins[numbers == number])
