"""Power fitted to published figures: what a GPU draws by what its time goes into."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from profiling.modelled.observation import Observation
from profiling.modelled.terms import TERMS, Floats, terms_of
from profiling.modelled.time_fit import FAMILIES, TimeFit

USES = ("awake", "memory", "arithmetic", "root of arithmetic")
"""What power is made of, each between 0 and 1.

awake: always 1 · memory: share of the time that weights and KV cache are read · arithmetic: operations in that time,
as a share of what the sheet allows · its root: the first operations cost most
"""

_PRIOR = np.log([0.15, 0.3, 0.3, 0.2])
_NOISE = 0.15
_STIFFNESS = {"use": 0.2, "source": 1.0, "family": 1.0}
_BALANCE = 60.0


@dataclass(frozen=True)
class PowerFit:
    """Watts of one GPU at its top clock: idle + (board - idle)·exp(source)·Σ_k exp(use_k + family_k)·x_k.

    The factor of a source is what its engine, its way of measuring and its cooling make of it.
    """

    times: TimeFit
    sources: tuple[str, ...]
    use: Floats
    by_source: Floats  # shape (source,)
    by_family: Floats  # shape (family, use)

    def power_w(self, observations: Sequence[Observation]) -> Floats:
        """Watts of one GPU of each, at most its board power."""
        uses = uses_of(self.times, observations)
        weights = np.array([self._weights(one) for one in observations])
        idle_w, board_w = _watts(observations)
        return np.asarray(np.minimum(idle_w + (board_w - idle_w) * (uses * weights).sum(axis=1), board_w))

    def _weights(self, one: Observation) -> Floats:
        logs = self.use.copy()
        if one.source in self.sources:
            logs += self.by_source[self.sources.index(one.source)]
        if one.gpu.family in FAMILIES:
            logs += self.by_family[FAMILIES.index(one.gpu.family)]
        return np.exp(logs)


def uses_of(times: TimeFit, observations: Sequence[Observation]) -> Floats:
    """What each uses; shape (observation, use)."""
    ideal, parts = terms_of(observations), times.parts_s(observations)
    total = parts.sum(axis=1)
    reading = parts[:, [TERMS.index("weights"), TERMS.index("kv")]].sum(axis=1) / total
    arithmetic = ideal[:, [TERMS.index("compute"), TERMS.index("prompt")]].sum(axis=1) / total
    return np.stack([np.ones(len(total)), reading, arithmetic, np.sqrt(arithmetic)], axis=1)


def fit_powers(observations: Sequence[Observation], times: TimeFit) -> PowerFit:
    """The weights by robust least squares of the logarithms, over the figures that tell power, sources alike."""
    told = [one for one in observations if one.power_w is not None]
    sources = tuple(sorted({one.source for one in told}))
    uses, (idle_w, board_w) = uses_of(times, told), _watts(told)
    logs = np.log([one.power_w or 1.0 for one in told])
    source = np.array([sources.index(one.source) for one in told])
    family = np.array([FAMILIES.index(str(one.gpu.family)) for one in told])
    rare = np.sqrt(_BALANCE / np.bincount(source)[source])  # no source is to drown the others
    noise = _NOISE / np.clip(rare, 0.4, 3.0)
    size, groups = len(USES), len(sources)
    prior = np.concatenate([_PRIOR, np.zeros(groups + len(FAMILIES) * size)])
    parts = ((size, "use"), (groups, "source"), (len(FAMILIES) * size, "family"))
    stiffness = np.concatenate([np.full(count, _STIFFNESS[name]) for count, name in parts])

    def residuals(packed: Floats) -> Floats:
        by_family = packed[size + groups :].reshape(len(FAMILIES), size)
        busy = (uses * np.exp(packed[:size] + by_family[family])).sum(axis=1) * np.exp(packed[size + source])
        off = (np.log(idle_w + (board_w - idle_w) * busy) - logs) / noise
        return np.concatenate([off, stiffness * (packed - prior)])

    found = least_squares(residuals, prior, loss="soft_l1").x
    by_family = found[size + groups :].reshape(len(FAMILIES), size)
    return PowerFit(times, sources, found[:size], found[size : size + groups], by_family)


def _watts(observations: Sequence[Observation]) -> tuple[Floats, Floats]:
    """Idle and board power of one GPU of each."""
    idle, board = zip(*((one.gpu.idle_w, one.gpu.board_w) for one in observations), strict=True)
    return np.array(idle, dtype=float), np.array(board, dtype=float)
