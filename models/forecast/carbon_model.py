"""The carbon model: the next six hours from the newest rows, the hours after them as the day-ahead model tells them."""

from dataclasses import dataclass

import numpy as np

from models.forecast.carbon_recipe import CARBON, INTRADAY
from models.forecast.day_ahead import Hours
from models.forecast.forecaster import Predicted
from models.forecast.freesh import Freesh
from models.forecast.grid import Grid
from models.forecast.issues import Issues
from models.forecast.seam import joined

NEAR_S = 21_600
"""So long from the issue on the intraday model tells."""

LEARN_EVERY_S = 1_800
"""The intraday model learns from issues at least so far apart."""


def learning_stride(grid: Grid, width: int) -> int:
    """Rows between the issues the intraday model learns from: whole targets, so that all begin at the same minute."""
    return width * -(-LEARN_EVERY_S // (width * grid.step_s))


def near_issues(grid: Grid, issues: Issues) -> Issues:
    """The part of the issues that the intraday model answers."""
    targets = max(1, NEAR_S // (issues.width * grid.step_s))
    stride = learning_stride(grid, issues.width)
    return Issues(issues.origins, stride, issues.gap, issues.width, min(issues.count, targets))


@dataclass
class CarbonModel:
    """The two recipes, fitted together and joined; rows up to an hour, targets within an hour."""

    name: str = "freesh"

    def fit(self, grid: Grid, issues: Issues, origin: int) -> None:
        """Fits the intraday model; the day-ahead one when a time of day is first asked for."""
        self._near = Freesh(INTRADAY)
        self._near.fit(grid, near_issues(grid, issues), origin)

    def predict(self, grid: Grid, issues: Issues, levels: tuple[float, ...]) -> Predicted:
        """The near forecast joined with the far one."""
        near = self._near.predict(grid, near_issues(grid, issues), levels)
        if near.point.shape[1] == issues.count:
            return near
        far, step_s = _far(grid, issues, levels), issues.width * grid.step_s
        last = near.point.shape[1] - 1
        shift = near.mean[:, last] - far.mean[:, last]
        return Predicted(
            joined(near.point, far.point, near.point[:, last] - far.point[:, last], step_s),
            joined(near.mean, far.mean, shift, step_s),
            joined(near.quantiles, far.quantiles, np.broadcast_to(shift, near.quantiles.shape[:2]), step_s),
        )


def _far(grid: Grid, issues: Issues, levels: tuple[float, ...]) -> Predicted:
    """The day-ahead model by the hour, fitted at the first issue of each time of day."""
    hours = Hours(grid, issues)
    origins = hours.of(issues.origins)
    lead = hours.of(issues.first_rows) - origins[:, None] - hours.gap
    point = np.full(lead.shape, np.nan)
    mean, quantiles = point.copy(), np.full((len(levels), *lead.shape), np.nan)
    for time in np.unique(origins % hours.grid.day):
        here = np.flatnonzero(origins % hours.grid.day == time)
        asked, model = hours.issues(origins[here]), Freesh(CARBON)
        model.fit(hours.grid, asked, int(asked.origins[0]))
        said = model.predict(hours.grid, asked, levels)
        point[here] = np.take_along_axis(said.point, lead[here], axis=1)
        mean[here] = np.take_along_axis(said.mean, lead[here], axis=1)
        quantiles[:, here] = np.take_along_axis(said.quantiles, lead[None, here], axis=2)
    return Predicted(point, mean, quantiles)
