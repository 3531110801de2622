"""Which carbon forecasts a backtest issues: how often, how far, in which steps, and how late rows are known."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from freesh_plugin.core.errors import ForecastError
from models.forecast.grid import DAY_S, Grid
from models.forecast.issues import Issues
from models.forecast.request import HOUR_S, checked_lag
from models.forecast.walk import Span


@dataclass(frozen=True)
class CarbonIssues:
    """When carbon forecasts of a backtest are issued and what they tell.

    Attributes:
        horizon: Targets of an issue.
        step_s: Length of a target, seconds; whole rows, within an hour.
        every_s: From one issue to the next, seconds, counted from midnight UTC; whole targets, divides a day.
        publication_lag_s: A row is known so long after it has ended, seconds.
    """

    horizon: int = 24
    step_s: int = 3_600
    every_s: int = DAY_S
    publication_lag_s: int = 0

    def __post_init__(self) -> None:
        """Steps make hours, issues make days.

        Raises:
            ForecastError: they do not.
        """
        if self.step_s < 1 or HOUR_S % self.step_s:
            raise ForecastError(f"step {self.step_s} s: must divide an hour of {HOUR_S} s")
        if self.every_s < 1 or DAY_S % self.every_s or self.every_s % self.step_s:
            raise ForecastError(
                f"issues every {self.every_s} s: must divide a day of {DAY_S} s into whole targets of {self.step_s} s"
            )
        checked_lag(self.publication_lag_s)

    def on(self, grid: Grid, span: Span) -> Issues:
        """The issues within a span; the first target of each begins when it is issued.

        Raises:
            ForecastError: rows longer than a target, or that do not make one.
        """
        if self.step_s % grid.step_s:
            raise ForecastError(f"series {grid.series}: rows of {grid.step_s} s do not make rows of {self.step_s} s")
        every = pd.Timedelta(seconds=self.every_s)
        starts = np.array([grid.row_at(at) for at in pd.date_range(span.start.ceil(every), span.last, freq=every)], int)
        late = -(-self.publication_lag_s // grid.step_s)
        return Issues(starts - late, self.every_s // grid.step_s, late, self.step_s // grid.step_s, self.horizon)


DAILY = CarbonIssues()
