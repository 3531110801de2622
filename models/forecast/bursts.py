"""Bursts inside an epoch: parts of targets from rows, and what an index of dispersion adds to rows too coarse."""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from freesh_plugin.core.errors import ForecastError
from models.forecast.grid import Grid
from models.forecast.issues import Issues

_POINTS = 32
"""A normal deviate is stood for by the quantiles at the middles of so many equal parts."""

NORMALS = np.array([NormalDist().inv_cdf((k + 0.5) / _POINTS) for k in range(_POINTS)])


@dataclass(frozen=True)
class Burst:
    """How unevenly requests arrive inside a row of history: assumed to hold in every slot.

    Attributes:
        dispersion: Variance over mean of the requests counted in windows of `window_s`; 1 = Poisson, 0 = even.
        window_s: Length of the windows it was measured in, seconds.
    """

    dispersion: float
    window_s: float = 60.0

    def __post_init__(self) -> None:
        """Both are finite; a dispersion is at least 0, a window longer than 0."""
        if not 0 <= self.dispersion < float("inf") or not 0 < self.window_s < float("inf"):
            raise ForecastError(
                f"index of dispersion {self.dispersion:g} in windows of {self.window_s:g} s: at least 0, and above 0 s"
            )

    def deviation_rps(self, demand_rps: np.ndarray, step_s: float, row_s: float) -> np.ndarray:
        """Standard deviation of the demand in a step about the mean of the row that holds it, req/s.

        Windows are taken as independent, so that counts over a span s vary by dispersion·demand·s.
        """
        share = max(0.0, 1 / step_s - 1 / row_s)
        deviation: np.ndarray = np.sqrt(self.dispersion * np.maximum(demand_rps, 0.0) * share)
        return deviation


def dispersion_of(counts: np.ndarray) -> float:
    """Index of dispersion of the requests counted in equal windows: variance over mean.

    Raises:
        ForecastError: fewer than two windows, or none with a request.
    """
    seen = np.asarray(counts, dtype=float)
    if len(seen) < 2 or seen.mean() <= 0:
        raise ForecastError(
            f"{len(seen)} windows with {seen.sum():g} requests: at least 2 windows and 1 request needed"
        )
    return float(seen.var(ddof=1) / seen.mean())


def parts(grid: Grid, issues: Issues, rows: int) -> np.ndarray:
    """Demand in each part of `rows` rows of a target, shape (issue, part); NaN where a row is missing.

    Args:
        grid: The series.
        issues: Issues of one target each; `rows` divides its width.
        rows: Rows of a part.
    """
    inside = Issues(issues.origins, issues.stride, issues.gap, rows, issues.width // rows)
    return inside.actuals(grid)
