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

_CHUNK_S = 600.0


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


def arrival_blocks(rate_at: RateAt, duration_s: float, burstiness: Burstiness, seed: int) -> Iterator[np.ndarray]:
    """Arrival times in order, in blocks of ten minutes, seconds after the start.

    Arrivals of unit rate are put where the rate, summed over time, reaches them; the rate is taken as constant over
    `BURST_S` seconds.
    """
    levels, gaps = generator(seed, "burst levels"), _Gaps(burstiness.cv, seed)
    start_s = 0.0
    while start_s < duration_s:
        end_s = min(start_s + _CHUNK_S, duration_s)
        edges = np.append(np.arange(start_s, end_s, BURST_S), end_s)
        rates = np.maximum(rate_at((edges[:-1] + edges[1:]) / 2), 0.0)
        if burstiness.level_variance:
            shape = 1 / burstiness.level_variance
            rates = rates * levels.gamma(shape, burstiness.level_variance, len(rates))
        summed = np.concatenate(([0.0], np.cumsum(rates * np.diff(edges))))
        yield np.interp(gaps.until(float(summed[-1])), summed, edges)
        start_s = end_s


class _Gaps:
    """Arrivals of unit rate, asked for piece by piece."""

    def __init__(self, cv: float, seed: int) -> None:
        self._random = generator(seed, "arrivals")
        self._shape = cv**-2
        self._ahead = np.cumsum(self._draw(1))

    def until(self, length: float) -> np.ndarray:
        """Arrivals within the next `length`, from its start."""
        while self._ahead[-1] < length:
            more = self._draw(int(length - self._ahead[-1]) + 64)
            self._ahead = np.concatenate((self._ahead, self._ahead[-1] + np.cumsum(more)))
        count = int(np.searchsorted(self._ahead, length))
        inside, self._ahead = self._ahead[:count], self._ahead[count:] - length
        return inside

    def _draw(self, count: int) -> np.ndarray:
        return self._random.gamma(self._shape, 1 / self._shape, count)
