"""Arrival times from a rate over time: Poisson, or gamma with a stated variation, and bursts of a stated dispersion."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from freesh_plugin.core.errors import ConfigError
from models.sources.workload.randomness import generator

RateAt = Callable[[np.ndarray], np.ndarray]
"""Requests a second at moments, seconds after the start."""

BURST_S = 15.0
"""A burst's level holds so long: with it, and the Azure traces' index of 5.1 at 1 s, counts a minute have one of about
62; those traces (both files of 2023 together, 8.0 req/s) have 64."""

CHUNK_S = 600.0
"""Length of a block of arrivals."""


@dataclass(frozen=True)
class Burstiness:
    """How arrivals differ from Poisson.

    Attributes:
        cv: Coefficient of variation of the times between arrivals at a constant rate: 1 = Poisson, else gamma.
        level_variance: Variance of the level (mean 1, gamma distributed, anew every `BURST_S` seconds) that the rate is
            multiplied by; 0 = none. Counts in 1 s then have an index of dispersion of about 1 + rate x level_variance.
    """

    cv: float = 1.0
    level_variance: float = 0.0

    def __post_init__(self) -> None:
        if not self.cv > 0:
            raise ConfigError(f"cv of arrivals is {self.cv:g}, must be above 0")
        if not self.level_variance >= 0:
            raise ConfigError(f"level_variance of arrivals is {self.level_variance:g}, must be at least 0")


def arrival_blocks(
    rate_at: RateAt,
    duration_s: float,
    burstiness: Burstiness,
    seed: int,
    cv_at: Callable[[float], float] | None = None,
) -> Iterator[np.ndarray]:
    """Arrival times in order, in blocks of ten minutes, seconds after the start.

    Arrivals of unit rate are put where the rate, summed over time, reaches them; the rate is taken as constant over
    `BURST_S` seconds. `cv_at` gives the variation of each block by its start, in place of the one of `burstiness`.
    """
    levels, gaps = generator(seed, "burst levels"), _Gaps(seed)
    start_s = 0.0
    while start_s < duration_s:
        end_s = min(start_s + CHUNK_S, duration_s)
        edges = np.append(np.arange(start_s, end_s, BURST_S), end_s)
        rates = np.maximum(rate_at((edges[:-1] + edges[1:]) / 2), 0.0)
        if burstiness.level_variance:
            shape = 1 / burstiness.level_variance
            rates = rates * levels.gamma(shape, burstiness.level_variance, len(rates))
        summed = np.concatenate(([0.0], np.cumsum(rates * np.diff(edges))))
        cv = burstiness.cv if cv_at is None else cv_at(start_s)
        yield np.interp(gaps.until(float(summed[-1]), cv), summed, edges)
        start_s = end_s


class _Gaps:
    """Arrivals of unit rate, asked for piece by piece."""

    def __init__(self, seed: int) -> None:
        self._random = generator(seed, "arrivals")
        self._ahead = np.empty(0)
        """Arrivals that have been drawn, from where the last piece ended: at least the next one, once there was one."""

    def until(self, length: float, cv: float) -> np.ndarray:
        """Arrivals within the next `length`, from its start; gaps that have not been drawn vary by `cv`."""
        ahead = self._ahead
        while not len(ahead) or ahead[-1] < length:
            last = float(ahead[-1]) if len(ahead) else 0.0
            ahead = np.concatenate((ahead, last + np.cumsum(self._draw(int(length - last) + 64, cv))))
        count = int(np.searchsorted(ahead, length))
        # Only the next arrival is kept: those after it are drawn anew, with the variation of their own time.
        self._ahead = ahead[count : count + 1] - length
        return ahead[:count]

    def _draw(self, count: int, cv: float) -> np.ndarray:
        return self._random.gamma(cv**-2, cv**2, count)
