"""A recorded rate in windows of equal length, straight lines between their middles; a hole is missing, not zero."""

from dataclasses import dataclass

import numpy as np

from freesh_plugin.core.errors import SourceError


@dataclass(frozen=True)
class RateTrace:
    """Requests a second by window.

    Attributes:
        rates: Shape (window,), req/s; NaN = missing.
        window_s: Length of a window, seconds.
        start_s: Start of the first window, seconds in the trace's own time.
    """

    rates: np.ndarray
    window_s: float
    start_s: float = 0.0

    @property
    def end_s(self) -> float:
        """End of the last window."""
        return self.start_s + self.window_s * len(self.rates)

    def holes(self, start_s: float, end_s: float) -> int:
        """Missing windows that overlap a time."""
        first = int((start_s - self.start_s) // self.window_s)
        last = int(-(-(end_s - self.start_s) // self.window_s))
        return int(np.isnan(self.rates[max(first, 0) : last]).sum())

    def at(self, times_s: np.ndarray) -> np.ndarray:
        """Rate at moments; across missing windows a straight line between those that are known.

        Raises:
            SourceError: no window is known.
        """
        known = np.flatnonzero(np.isfinite(self.rates))
        if not len(known):
            raise SourceError("every window of the trace is missing")
        middles = self.start_s + (known + 0.5) * self.window_s
        found: np.ndarray = np.interp(times_s, middles, self.rates[known])
        return found

    def mean(self, start_s: float, end_s: float) -> float:
        """Mean rate over a time."""
        return float(self.at(np.arange(start_s, end_s, 10.0) + 5.0).mean())
