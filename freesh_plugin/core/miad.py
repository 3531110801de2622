"""MIAD: the next SM clock of those supported, raised by a factor when SLOs are at risk, lowered by a step otherwise."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, isfinite, log

from freesh_plugin.core.errors import ConfigError


@dataclass(frozen=True, slots=True)
class MiadRule:
    """Multiplicative increase, additive decrease, of the SM clock f by the pressure r (dimensionless, >= 0).

    r is what the SLOs have of their bounds, max(TTFT / TTFT SLO, TBT / TBT SLO); above 1 one of them is missed.

        r > 1                             f <- ceiling
        headroom < r <= 1                 f <- γ·f, rounded up, at least one step of the list
        r < headroom - dead_band          f <- f - δ, rounded down, at least one step
        else                              f stays

    It is the sign of λ·C'(f) - P'(f), the gradient in f of the energy problem, with r in the place of the price λ and
    steps that differ by direction. That it converges to the optimum f* is not claimed: `band_mhz` is what it reaches.

    Attributes:
        gamma: Factor γ of a raise, above 1.
        delta_mhz: Step δ of a lowering.
        headroom: Pressure above which the clock is raised, within (0, 1].
        dead_band: Width of the pressures below `headroom` at which the clock stays.
    """

    gamma: float = 1.5
    delta_mhz: float = 180.0
    headroom: float = 0.80
    dead_band: float = 0.10

    def __post_init__(self) -> None:
        """Check the rule.

        Raises:
            ConfigError: a number is out of its range.
        """
        if not (isfinite(self.gamma) and self.gamma > 1):
            raise ConfigError(f"gamma is {self.gamma}, expected above 1")
        if not (isfinite(self.delta_mhz) and self.delta_mhz > 0):
            raise ConfigError(f"delta is {self.delta_mhz} MHz, expected above 0")
        if not 0 <= self.dead_band < self.headroom <= 1:
            raise ConfigError(
                f"headroom {self.headroom} and dead band {self.dead_band}: expected 0 <= dead band < headroom <= 1"
            )


@dataclass(frozen=True, slots=True)
class ClockBand:
    """Clocks between which MIAD moves once it has got there, MHz."""

    low_mhz: float
    high_mhz: float


def next_clock_mhz(
    rule: MiadRule, supported_mhz: Sequence[int], clock_mhz: int, pressure: float, floor_mhz: int, ceiling_mhz: int
) -> int:
    """The clock for the next tick: on the list, within [floor, ceiling].

    Args:
        rule: The rule.
        supported_mhz: Clocks that can be set, ascending, not empty.
        clock_mhz: The clock now; off the list or outside the bounds it is brought to the nearest lower one first.
        pressure: r, >= 0; infinite counts as a missed SLO.
        floor_mhz: On the list.
        ceiling_mhz: On the list, no less than the floor.
    """
    now_mhz = min(max(rounded_down(supported_mhz, clock_mhz), floor_mhz), ceiling_mhz)
    if pressure > 1:
        return ceiling_mhz
    if pressure > rule.headroom:
        # Rounded up, and past the next clock: a raise smaller than the grid would never move.
        raised_mhz = rounded_up(supported_mhz, max(rule.gamma * now_mhz, now_mhz + 1))
        return min(raised_mhz, ceiling_mhz)
    if pressure < rule.headroom - rule.dead_band:
        return max(rounded_down(supported_mhz, min(now_mhz - rule.delta_mhz, now_mhz - 1)), floor_mhz)
    return now_mhz


def rounded_up(supported_mhz: Sequence[int], mhz: float) -> int:
    """The lowest supported clock that is no lower than `mhz`; the highest, where none is."""
    return supported_mhz[min(bisect_left(supported_mhz, mhz), len(supported_mhz) - 1)]


def rounded_down(supported_mhz: Sequence[int], mhz: float) -> int:
    """The highest supported clock that is no higher than `mhz`; the lowest, where none is."""
    return supported_mhz[max(bisect_right(supported_mhz, mhz) - 1, 0)]


def band_mhz(rule: MiadRule, threshold_mhz: float, lag_ticks: int = 0, grid_mhz: float = 0.0) -> ClockBand:
    """The band that MIAD ends in under a steady load: [f_h - δ·(1 + lag), γ·f_h].

    f_h is the clock below which the pressure exceeds the headroom, and which without a dead band would be the target.
    The pressure must fall with the clock, and be known `lag_ticks` late. A clock in the band is lowered past f_h by at
    most δ, and δ more for each tick that this goes unnoticed; raised from below f_h it ends below γ·f_h. Rounding to
    a list with gaps of at most `grid_mhz` widens either side by that. The jump to the ceiling at r > 1 leaves the
    band, and so may lag: after a raise that is not yet seen, MIAD raises again.

    Args:
        rule: The rule.
        threshold_mhz: f_h.
        lag_ticks: Ticks between a change of the clock and of the pressure that is seen.
        grid_mhz: Largest gap of the supported list.
    """
    step_mhz = rule.delta_mhz + grid_mhz
    return ClockBand(threshold_mhz - step_mhz * (1 + lag_ticks), rule.gamma * threshold_mhz + grid_mhz)


def ticks_to_rise(rule: MiadRule, low_mhz: float, high_mhz: float) -> int:
    """Ticks of raising that take the clock from `low_mhz` to `high_mhz`: ⌈ln(high / low) / ln γ⌉."""
    # A ratio that is a power of γ must not become one tick more by a rounding error.
    return max(0, ceil(log(high_mhz / low_mhz) / log(rule.gamma) - 1e-9))
