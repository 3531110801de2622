"""Counts of positive numbers in bins of equal ratio: quantiles of any number of them within 1 %, in flat memory."""

from math import exp, log

_RATIO = 1.019
"""Upper to lower edge of a bin; its middle, by ratio, is within .95 % of what is in it."""
_LEAST = 1e-7
_PER_LOG = 1 / log(_RATIO)
_OFFSET = -log(_LEAST) * _PER_LOG
_BINS = 2048
"""Up to about 5e9."""


class LogHistogram:
    """Counts by bin. What is below 1e-7, zero included, counts as 0."""

    __slots__ = ("_bins", "_count")

    def __init__(self) -> None:
        self._bins = [0] * _BINS
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, value: float) -> None:
        """One more number, at least 0 and finite."""
        place = int(log(value) * _PER_LOG + _OFFSET) + 1 if value > _LEAST else 0
        self._bins[place if place < _BINS else _BINS - 1] += 1
        self._count += 1

    def merge(self, other: "LogHistogram") -> None:
        """Count in what another one counted."""
        self._bins = [a + b for a, b in zip(self._bins, other._bins, strict=True)]
        self._count += other._count

    def quantile(self, share: float) -> float:
        """The smallest number that at least this share (0 to 1) of them do not exceed, within 1 %; 0 of none."""
        left = max(share * self._count, 1)
        for place, count in enumerate(self._bins):
            left -= count
            if left <= 1e-9:
                return _middle(place)
        return 0.0


def _middle(place: int) -> float:
    """The number that stands for a bin."""
    return exp((place - 0.5) / _PER_LOG) * _LEAST if place else 0.0
