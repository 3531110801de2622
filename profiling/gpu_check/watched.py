"""What a GPU draws while something is done: read by a thread beside it."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, TypeVar

from freesh_plugin.core.gpu import ClockReason, GpuError, GpuReading

if TYPE_CHECKING:  # it needs msgspec, which is not on every machine
    from freesh_plugin.ports import GpuDevice

T = TypeVar("T")

_LOOK_S = 0.2
LEAST_ENERGY_S = 1.0
"""Energy over a shorter time is not told: counters move in steps."""


@dataclass(frozen=True)
class Stretch:
    """One stretch of time; what was not told is None.

    Attributes:
        seconds: Between the first and the last look.
        energy_j: By the counter.
        power_w: Mean of it, or of the looks' powers where there is no counter.
        sm_clock_mhz: Mean of the looks.
        least_mhz, most_mhz: Of the looks.
        reasons: Why the clock was what it was, in any look.
    """

    seconds: float
    energy_j: float | None
    power_w: float | None
    sm_clock_mhz: float | None
    least_mhz: int | None
    most_mhz: int | None
    reasons: ClockReason


def watched(gpu: "GpuDevice", work: Callable[[], T]) -> tuple[T, Stretch]:
    """Do the work, and tell what the GPU drew meanwhile."""
    looks: list[GpuReading] = []
    over = threading.Event()

    def look() -> None:
        try:
            looks.append(gpu.read(time.monotonic()))
        except GpuError:
            return

    def watch() -> None:
        while not over.wait(_LOOK_S):
            look()

    look()
    thread = threading.Thread(target=watch, name="gpu-watch")
    thread.start()
    try:
        done = work()
    finally:
        over.set()
        thread.join()
    look()
    return done, stretch_of(looks)


def stretch_of(looks: list[GpuReading]) -> Stretch:
    """What lies between the first look and the last."""
    clocks = [each.sm_clock_mhz for each in looks if each.sm_clock_mhz is not None]
    powers = [each.power_w for each in looks if each.power_w is not None]
    seconds = looks[-1].at_s - looks[0].at_s if looks else 0.0
    energy_j = _joules(looks, seconds)
    power_w = energy_j / seconds if energy_j is not None else fmean(powers) if powers else None
    reasons = ClockReason(0)
    for each in looks:
        reasons |= each.reasons
    mean_mhz = fmean(clocks) if clocks else None
    return Stretch(seconds, energy_j, power_w, mean_mhz, min(clocks, default=None), max(clocks, default=None), reasons)


def _joules(looks: list[GpuReading], seconds: float) -> float | None:
    if seconds < LEAST_ENERGY_S or looks[0].energy_j is None or looks[-1].energy_j is None:
        return None
    grown_j = looks[-1].energy_j - looks[0].energy_j
    return grown_j if grown_j >= 0 else None
