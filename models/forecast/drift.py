"""Drift: whether recent errors still look like those before; a pure detector."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

MIN_BLOCKS = 8
"""Fewer blocks than this on one side of a change prove nothing."""

THRESHOLD = 4.2
"""A change counts when its two sides lie this many standard errors apart. Chosen on series without drift: about one in
a hundred of a fortnight's half hours then gives a false alarm (the tests measure it)."""


@dataclass(frozen=True)
class Drift:
    """A change that was found.

    Attributes:
        since: Number of the first error after it.
        score: Distance of the two sides, in standard errors.
        sentence: What changed, in words.
    """

    since: int
    score: float
    sentence: str


def error_drift(errors: np.ndarray, block: int) -> Drift | None:
    """The clearest change of errors in level or in size, or None.

    Errors are replaced by ranks (of the error; of its size, so that more strays count as larger errors), cut into
    blocks so that what lingers for hours is not taken for a change, and split where the CUSUM of the block means stands
    furthest out.

    Args:
        errors: Shape (issue,), oldest first, without overlap; NaN = not known.
        block: Errors to a block, at least 1.
    """
    known = np.flatnonzero(np.isfinite(errors))
    blocks = len(known) // block
    if blocks < 2 * MIN_BLOCKS:
        return None
    used = known[len(known) - blocks * block :]
    found = [
        _split(ranks.reshape(blocks, block).mean(axis=1), what)
        for ranks, what in ((_ranks(errors[used]), "level"), (_ranks(np.abs(errors[used])), "size"))
    ]
    best = max((each for each in found if each), key=lambda each: each[1], default=None)
    if best is None:
        return None
    at, distance, words = best
    since = int(used[at * block])
    return Drift(since, distance, words)


def _ranks(errors: np.ndarray) -> np.ndarray:
    """Rank of each error in (0, 1): 0.5 = as usual, above = demand was higher than forecast."""
    ranks: np.ndarray = (pd.Series(errors).rank().to_numpy() - 0.5) / len(errors)
    return ranks


def _split(means: np.ndarray, what: str) -> tuple[int, float, str] | None:
    """Where to split the block means, how many standard errors apart its sides are, and words; None within chance."""
    count = len(means)
    at = np.arange(MIN_BLOCKS, count - MIN_BLOCKS + 1)
    sums = np.concatenate([[0.0], np.cumsum(means)])
    before, after = sums[at] / at, (sums[-1] - sums[at]) / (count - at)
    best = int(np.argmax(np.abs(after - before) * np.sqrt(at * (count - at) / count)))
    split = int(at[best])
    rest = np.concatenate([means[:split] - before[best], means[split:] - after[best]])
    scale = _long_run_deviation(rest) * np.sqrt(1 / split + 1 / (count - split))
    distance = abs(after[best] - before[best]) / scale if scale > 0 else 0.0
    if distance < THRESHOLD:
        return None
    return split, float(distance), _words(what, float(after[best] - before[best]))


def _long_run_deviation(rest: np.ndarray) -> float:
    """Standard deviation of block means that counts what a block hands on to the next two."""
    variance = float(rest @ rest) / max(1, len(rest) - 2)
    handed = [float(rest[lag:] @ rest[:-lag]) / len(rest) for lag in (1, 2)]
    return float(np.sqrt(max(variance, variance + 2 * sum(w * h for w, h in zip((2 / 3, 1 / 3), handed, strict=True)))))


def _words(what: str, change: float) -> str:
    if what == "level":
        return f"demand lies {'above' if change > 0 else 'below'} the forecast more often than it did"
    return f"errors are {'larger' if change > 0 else 'smaller'} than they were"
