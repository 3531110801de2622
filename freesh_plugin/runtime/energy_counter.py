"""Joules between two looks at the GPUs of an instance, from their energy counters."""

from collections.abc import Sequence
from dataclasses import dataclass

from freesh_plugin.core.gpu import GpuReading

_LONGEST_INTEGRAL_S = 5.0
"""Over a longer time than this, two looks at the power say nothing about the energy."""


@dataclass(frozen=True, slots=True)
class EnergyWindow:
    """Energy between two looks; an entry a GPU, in order.

    Attributes:
        ended_s: When the window ended, monotonic seconds.
        energy_j: Joules, or None where it is not known: at the first look, and when a counter fell (a driver reload).
        integrated: Whether they come from the power at both ends, for want of a counter.
    """

    ended_s: float
    energy_j: tuple[float | None, ...]
    integrated: tuple[bool, ...]

    @property
    def total_j(self) -> float | None:
        """Sum over the GPUs; None if one is not known."""
        known = [each for each in self.energy_j if each is not None]
        return sum(known) if len(known) == len(self.energy_j) else None


class EnergyCounters:
    """The counters of all GPUs of an instance, read together."""

    def __init__(self) -> None:
        """Nothing is read yet."""
        self._before: tuple[GpuReading | None, ...] = ()

    def take(self, readings: Sequence[GpuReading]) -> EnergyWindow:
        """The window that these readings, one a GPU, end. Where a look failed, it is the longer for it."""
        before, self._before = self._before or (None,) * len(readings), tuple(readings)
        told = [_energy_j(*pair) for pair in zip(before, readings, strict=True)]
        return EnergyWindow(
            ended_s=max(each.at_s for each in readings),
            energy_j=tuple(joules for joules, _ in told),
            integrated=tuple(integrated for _, integrated in told),
        )


def _energy_j(before: GpuReading | None, now: GpuReading) -> tuple[float | None, bool]:
    """Joules, and whether they were integrated."""
    if before is None:
        return None, False
    if before.energy_j is not None and now.energy_j is not None:
        return (now.energy_j - before.energy_j if now.energy_j >= before.energy_j else None), False
    elapsed_s = now.at_s - before.at_s
    if before.power_w is None or now.power_w is None or elapsed_s > _LONGEST_INTEGRAL_S:
        return None, False
    return (before.power_w + now.power_w) / 2 * elapsed_s, True
