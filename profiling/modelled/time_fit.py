"""Times fitted to published ones: a factor for each part of a pass, by engine and by GPU family."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from profiling.modelled.observation import Observation
from profiling.modelled.terms import TERMS, Floats, terms_of

FAMILIES = ("A100", "H100")
_PRIOR = np.log([1.0, 1.0, 1.35, 1.35, 1.65, 1.0, 1.0, 2.0, 1.0])
"""Factors before any data: bandwidth and arithmetic are reached to three quarters and to half or so."""
_NOISE = 0.15
_STIFFNESS = {"all": 0.2, "source": 0.6, "family": 1.0}
"""How strongly the common factors are held to the prior, and a source's and a family's to the common ones."""
_BALANCE = 200.0


@dataclass(frozen=True)
class TimeFit:
    """Logarithms of the factors: common, of each source, of each GPU family.

    t = Σ_k exp(common_k + source_k + family_k)·s_k over the parts k with their seconds s_k by the data sheet.
    """

    sources: tuple[str, ...]
    common: Floats
    by_source: Floats  # shape (source, term)
    by_family: Floats  # shape (family, term)

    def parts_s(self, observations: Sequence[Observation]) -> Floats:
        """Seconds of each part of each; shape (observation, term)."""
        factors = [self.factors(one.source, one.gpu.family) for one in observations]
        return np.asarray(terms_of(observations) * np.array(factors))

    def factors(self, source: str, family: str | None) -> Floats:
        """Factor of each part; a source or family without figures has the common ones."""
        logs = self.common.copy()
        if source in self.sources:
            logs += self.by_source[self.sources.index(source)]
        if family in FAMILIES:
            logs += self.by_family[FAMILIES.index(family)]
        return np.exp(logs)


def fit_times(observations: Sequence[Observation], start: TimeFit | None = None) -> TimeFit:
    """The factors by robust least squares of the logarithms, each source weighing about alike.

    Args:
        observations: Published times.
        start: A fit to much the same figures, to begin at.
    """
    sources = tuple(sorted({one.source for one in observations}))
    problem = _Problem(observations, sources)
    first = problem.prior if start is None else problem.packed(start)
    found = least_squares(problem.residuals, first, problem.jacobian, loss="soft_l1", max_nfev=60).x
    common, by_source, by_family = problem.unpacked(found)
    return TimeFit(sources, common, by_source, by_family)


class _Problem:
    """Residuals of the times in units of their noise, then those of the factors; and their derivatives."""

    def __init__(self, observations: Sequence[Observation], sources: tuple[str, ...]) -> None:
        self.sources = sources
        self.terms = terms_of(observations)
        self.logs = np.log([one.time_s for one in observations])
        self.source = np.array([sources.index(one.source) for one in observations])
        self.family = np.array([FAMILIES.index(str(one.gpu.family)) for one in observations])
        kinds = [(one.source, one.kind) for one in observations]
        counts = {each: kinds.count(each) for each in set(kinds)}
        rare = [np.sqrt(_BALANCE / counts[each]) for each in kinds]
        self.weights = np.clip(rare, 0.5, 2.0) / _NOISE
        size, groups = len(TERMS), len(sources)
        self.prior = np.concatenate([_PRIOR, np.zeros((groups + len(FAMILIES)) * size)])
        parts = ((size, "all"), (groups * size, "source"), (len(FAMILIES) * size, "family"))
        self.stiffness = np.concatenate([np.full(count, _STIFFNESS[name]) for count, name in parts])

    def unpacked(self, packed: Floats) -> tuple[Floats, Floats, Floats]:
        size, groups = len(TERMS), len(self.sources)
        rest = packed[size:].reshape(groups + len(FAMILIES), size)
        return packed[:size], rest[:groups], rest[groups:]

    def packed(self, fit: TimeFit) -> Floats:
        zeros = np.zeros(len(TERMS))
        known = {name: fit.by_source[k] for k, name in enumerate(fit.sources)}
        own = [known.get(name, zeros) for name in self.sources]
        return np.concatenate([fit.common, *own, *fit.by_family])

    def residuals(self, packed: Floats) -> Floats:
        times = self._parts(packed).sum(axis=1)
        off = self.weights * (np.log(times) - self.logs)
        return np.concatenate([off, self.stiffness * (packed - self.prior)])

    def jacobian(self, packed: Floats) -> Floats:
        parts = self._parts(packed)
        slopes = parts / parts.sum(axis=1, keepdims=True) * self.weights[:, None]
        size, rows = len(TERMS), np.arange(len(slopes))[:, None]
        jacobian = np.zeros((len(slopes) + len(packed), len(packed)))
        jacobian[: len(slopes), :size] = slopes
        columns = np.arange(size)[None, :]
        jacobian[rows, size * (1 + self.source[:, None]) + columns] = slopes
        jacobian[rows, size * (1 + len(self.sources) + self.family[:, None]) + columns] = slopes
        jacobian[len(slopes) :] = np.diag(self.stiffness)
        return jacobian

    def _parts(self, packed: Floats) -> Floats:
        common, by_source, by_family = self.unpacked(packed)
        return np.asarray(self.terms * np.exp(common + by_source[self.source] + by_family[self.family]))
