"""Joules between two looks at a GPU, from its energy counter."""

from dataclasses import dataclass

from freesh_plugin.core.gpu import GpuReading

_LONGEST_INTEGRAL_S = 5.0
"""Over a longer time than this, two looks at the power say nothing about the energy."""

_MOST_W, _SLACK_S = 10_000.0, 1.0
"""No board draws as much; counters are brought up to date at times of their own."""


@dataclass(frozen=True, slots=True)
class EnergyStep:
    """Energy between two looks at one GPU.

    Attributes:
        energy_j: Joules, or None where it is not known: at the first look, when a counter fell (a driver reload), and
            when it rose by more than can be.
        integrated: Whether they come from the power at both ends, for want of a counter.
    """

    energy_j: float | None
    integrated: bool = False


class EnergyCounter:
    """The counter of one GPU."""

    def __init__(self) -> None:
        """Nothing is read yet."""
        self._before: GpuReading | None = None

    def take(self, now: GpuReading) -> EnergyStep:
        """The energy since the look before."""
        before, self._before = self._before, now
        if before is None:
            return EnergyStep(None)
        elapsed_s = now.at_s - before.at_s
        if before.energy_j is not None and now.energy_j is not None:
            energy_j = now.energy_j - before.energy_j
            return EnergyStep(energy_j if 0 <= energy_j <= _MOST_W * (elapsed_s + _SLACK_S) else None)
        if before.power_w is None or now.power_w is None or elapsed_s > _LONGEST_INTEGRAL_S:
            return EnergyStep(None)
        return EnergyStep((before.power_w + now.power_w) / 2 * elapsed_s, integrated=True)
