"""How uneven arrivals are: the index of dispersion of their counts in bins of one second."""

from collections.abc import Iterable

import numpy as np


class SecondCounts:
    """Counts of arrivals by second."""

    def __init__(self) -> None:
        self._counts = np.zeros(4096, dtype=np.int64)
        self.total = 0

    def add(self, arrivals_s: np.ndarray) -> None:
        """Count arrivals (shape (request,), at least 0)."""
        if not len(arrivals_s):
            return
        counted = np.bincount(arrivals_s.astype(np.int64))
        if len(counted) > len(self._counts):
            self._counts = np.pad(self._counts, (0, max(len(counted), 2 * len(self._counts)) - len(self._counts)))
        self._counts[: len(counted)] += counted
        self.total += len(arrivals_s)

    def index(self, duration_s: float) -> float | None:
        """Variance over mean of the counts in whole seconds; 1 = Poisson. None without a whole second or request."""
        counts = self._counts[: int(duration_s)]
        counts = np.pad(counts, (0, int(duration_s) - len(counts)))
        mean = counts.mean() if len(counts) else 0.0
        return float(counts.var() / mean) if mean > 0 else None


def dispersion(blocks: Iterable[np.ndarray], duration_s: float) -> float | None:
    """Index of dispersion at 1 s of arrival times in blocks."""
    counts = SecondCounts()
    for block in blocks:
        counts.add(block)
    return counts.index(duration_s)
