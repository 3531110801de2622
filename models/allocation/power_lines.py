"""Power over load as straight lines: one where it is affine, one a load level where it clearly is not."""

from dataclasses import dataclass
from itertools import accumulate

from models.domain.scenario import Profile

AFFINE = 0.05
"""Largest distance from the straight line between idle and full power, as a share of full power, that counts as none.

Of the order of what power meters of GPUs are off by.
"""


@dataclass(frozen=True)
class PowerLine:
    """Watts of one instance that is used up to some load.

    Attributes:
        idle_w: P0, where the line meets no load; never below what its GPUs would draw parked.
        idle_extra_w: P0 less the parked watts of the GPUs it takes.
        joules_per_request: Slope, (P1 - P0)/L on the line between idle and full power.
    """

    idle_w: float
    idle_extra_w: float
    joules_per_request: float


def power_lines(profile: Profile) -> tuple[float, ...]:
    """Loads, as shares of capacity, that an instance may be planned up to: 1 alone where power over load is affine."""
    if not _bent(profile):
        return (1.0,)
    return tuple(sorted({load for load, _ in profile.power_levels} | {1.0}))


def power_line(profile: Profile, load: float, parked_w: float) -> PowerLine:
    """The line of an instance that is used up to `load` of its capacity.

    It goes through the power at that load and is the flattest that lies nowhere below a level beneath it: whatever
    the curve's shape, a plan never counts less power than was measured, and counts it exactly at the load itself.

    Args:
        profile: Of one instance.
        load: One of `power_lines(profile)`.
        parked_w: Watts of its GPUs when parked.
    """
    idle_w = max(profile.idle_power_w, parked_w)  # a loaded GPU draws no less than a parked one
    top_w, slope_w = max(profile.full_power_w, idle_w), max(profile.full_power_w - idle_w, 0.0)
    if _bent(profile):
        rising = accumulate((watts for _, watts in profile.power_levels), max, initial=idle_w)
        levels = list(zip((0.0, *(at for at, _ in profile.power_levels)), rising, strict=True))
        top_w = next((watts for at, watts in levels if at == load), top_w)
        below = [(at, watts) for at, watts in levels if at < load]
        slope_w = max(min((top_w - watts) / (load - at) for at, watts in below), 0.0)
    capacity_rps = profile.capacity_rps
    start_w = max(top_w - slope_w * load, idle_w)
    return PowerLine(start_w, start_w - parked_w, slope_w / capacity_rps if capacity_rps > 0 else 0.0)


def _bent(profile: Profile) -> bool:
    idle_w, full_w = profile.idle_power_w, profile.full_power_w
    return any(
        abs(watts - (idle_w + (full_w - idle_w) * load)) > AFFINE * full_w for load, watts in profile.power_levels
    )
