"""How far off the fits are for a model on a GPU that they have never seen: each pair left out in turn."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from profiling.modelled.observation import Observation
from profiling.modelled.power_fit import PowerFit, fit_powers
from profiling.modelled.time_fit import TimeFit, fit_times


@dataclass(frozen=True)
class Miss:
    """One figure that was predicted without its pair.

    Attributes:
        observation: The figure.
        throughput: Predicted over published throughput, less 1: published time over predicted, less 1.
        power: Predicted over published power, less 1; None where none was published.
    """

    observation: Observation
    throughput: float
    power: float | None


@dataclass(frozen=True)
class Fits:
    """Both fits to all figures."""

    times: TimeFit
    powers: PowerFit

    @classmethod
    def of(cls, observations: Sequence[Observation], start: TimeFit | None = None) -> "Fits":
        """Fit times, then power."""
        with threadpool_limits(1):  # matrices this small are slower on several threads
            times = fit_times(observations, start)
            return cls(times, fit_powers(observations, times))

    def misses(self, observations: Sequence[Observation]) -> tuple[Miss, ...]:
        """How far off they are for these."""
        times = self.times.parts_s(observations).sum(axis=1)
        powers = self.powers.power_w(observations)
        return tuple(
            Miss(one, float(one.time_s / time_s - 1), None if one.power_w is None else float(watts / one.power_w - 1))
            for one, time_s, watts in zip(observations, times, powers, strict=True)
        )


def leave_out(observations: Sequence[Observation]) -> tuple[Miss, ...]:
    """Each pair of model and GPU family predicted by a fit to all others, over all sources at once."""
    start = Fits.of(observations).times
    misses: list[Miss] = []
    for pair in dict.fromkeys(one.pair for one in observations):
        others = [one for one in observations if one.pair != pair]
        misses += Fits.of(others, start).misses([one for one in observations if one.pair == pair])
    return tuple(misses)


def median_off(values: Iterable[float | None]) -> tuple[float | None, int]:
    """Median of the absolute values, and how many there are; None of none."""
    known = [abs(each) for each in values if each is not None]
    return (float(np.median(known)) if known else None), len(known)
