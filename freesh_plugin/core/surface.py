"""Measured values over batch and tokens, interpolated between the points and refused beyond them."""

from bisect import bisect_left
from dataclasses import dataclass

from freesh_plugin.core.errors import ProfileError

MARGIN = 0.1
"""How far beyond the largest measured batch or tokens a value may be asked for, as a share of that largest."""


@dataclass(frozen=True)
class Line:
    """Values over tokens, piecewise linear.

    Below the least tokens the first value holds: work only grows with tokens, so it is an upper bound. Above the
    most tokens the last slope goes on for `MARGIN`; a line of one point has no slope and ends there.

    Attributes:
        what: What is asked for, for messages ("prefill", "decode at batch 8").
        tokens: Strictly ascending.
        values: One for each of `tokens`.
    """

    what: str
    tokens: tuple[float, ...]
    values: tuple[float, ...]

    def at(self, tokens: float) -> float:
        """The value at that many tokens.

        Raises:
            ProfileError: more tokens than were measured, beyond the margin.
        """
        if tokens <= self.tokens[0]:
            return self.values[0]
        _check_within(tokens, self.tokens, f"{self.what}: {{:g}} tokens")
        right = min(bisect_left(self.tokens, tokens), len(self.tokens) - 1)
        return _between(self.tokens, self.values, right, tokens)


@dataclass(frozen=True)
class Surface:
    """Values over batch and tokens of each request: a line of tokens for each measured batch.

    Between two batches the value is interpolated at equal tokens a request. Where the larger batch was not measured
    that far (it would not fit into memory), its last point is taken and the smaller batch's point moves on, so that
    the point asked for lies on the straight line between the two in the plane of batch and tokens in all. For a step
    time that grows with both, as c0 + c1·batch + c2·batch·tokens, either is exact.
    """

    what: str
    batches: tuple[float, ...]
    lines: tuple[Line, ...]

    def at(self, batch: float, tokens: float) -> float:
        """The value for a batch of requests with that many tokens each.

        Raises:
            ProfileError: a batch or tokens beyond what was measured and its margin.
        """
        if batch <= self.batches[0]:
            return self.lines[0].at(tokens)
        _check_within(batch, self.batches, f"{self.what}: batch {{:g}}")
        right = min(bisect_left(self.batches, batch), len(self.batches) - 1)
        if batch == self.batches[right]:
            return self.lines[right].at(tokens)
        if batch > self.batches[right]:
            values = tuple(line.at(tokens) for line in self.lines[right - 1 : right + 1])
            return _between(self.batches[right - 1 : right + 1], values, 1, batch)
        return self._inside(right, batch, tokens)

    def _inside(self, right: int, batch: float, tokens: float) -> float:
        low, high = self.batches[right - 1], self.batches[right]
        share = (batch - low) / (high - low)
        tokens_high = min(tokens, self.lines[right].tokens[-1])
        tokens_low = (batch * tokens - share * high * tokens_high) / ((1 - share) * low)
        return (1 - share) * self.lines[right - 1].at(tokens_low) + share * self.lines[right].at(tokens_high)


@dataclass(frozen=True)
class ClockedSurface:
    """Surfaces by SM clock, linear between clocks.

    Attributes:
        what: What is asked for, for messages.
        clocks_mhz: Ascending; empty where no clock was stated when measuring.
        surfaces: One for each clock; a single one where none was stated.
    """

    what: str
    clocks_mhz: tuple[float, ...]
    surfaces: tuple[Surface, ...]

    def at(self, batch: float, tokens: float, sm_clock_mhz: float | None = None) -> float:
        """The value at a clock; None is the highest that was measured.

        Raises:
            ProfileError: a clock, batch or tokens outside what was measured.
        """
        if sm_clock_mhz is None:
            return self.surfaces[-1].at(batch, tokens)
        right = self._right_of(sm_clock_mhz)
        if self.clocks_mhz[right] == sm_clock_mhz:
            return self.surfaces[right].at(batch, tokens)
        values = tuple(surface.at(batch, tokens) for surface in self.surfaces[right - 1 : right + 1])
        return _between(self.clocks_mhz[right - 1 : right + 1], values, 1, sm_clock_mhz)

    def _right_of(self, sm_clock_mhz: float) -> int:
        """Index of the least measured clock that is not below."""
        if not self.clocks_mhz:
            raise ProfileError(f"{self.what}: {sm_clock_mhz:g} MHz asked for, no clock was stated when measuring")
        low, high = self.clocks_mhz[0], self.clocks_mhz[-1]
        if not low <= sm_clock_mhz <= high:
            raise ProfileError(f"{self.what}: {sm_clock_mhz:g} MHz asked for, measured from {low:g} to {high:g} MHz")
        return bisect_left(self.clocks_mhz, sm_clock_mhz)


def _check_within(value: float, measured: tuple[float, ...], what: str) -> None:
    """Raise where `value` is more than the margin above the largest measured one; a lone one has no margin."""
    limit = measured[-1] * (1 + MARGIN if len(measured) > 1 else 1)
    if value > limit:
        raise ProfileError(f"{what.format(value)} asked for, measured up to {measured[-1]:g}, limit {limit:g}")


def _between(x: tuple[float, ...], y: tuple[float, ...], right: int, at: float) -> float:
    """Straight line through points right - 1 and right."""
    slope = (y[right] - y[right - 1]) / (x[right] - x[right - 1])
    return y[right - 1] + slope * (at - x[right - 1])
