"""Energy, power and clock of the GPUs of an instance, between two looks at them."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

from freesh_plugin.core.gpu import ClockReason, GpuError, GpuReading
from freesh_plugin.ports import GpuDevice

LEAST_WINDOW_S = 1.0
"""Energy over a shorter time is not told: counters move in steps, and power sensors average over a second."""

_SLOWED = (
    ClockReason.POWER_CAP | ClockReason.HARDWARE_SLOWDOWN | ClockReason.THERMAL | ClockReason.HARDWARE_THERMAL
    | ClockReason.POWER_BRAKE
)  # fmt: skip


@dataclass(frozen=True)
class Drawn:
    """What all GPUs together drew over one stretch of time; None where one of them did not tell.

    Attributes:
        window_s: Time between the looks.
        energy_j: By the energy counters.
        sm_clock_mhz: Mean of the clocks that were read while they worked, or of all where they never did.
        slowed: Whether one was held back by its power limit or by heat.
        least_mhz: Lowest clock read while they worked; None where they never did.
        most_mhz: Highest clock read.
    """

    window_s: float
    energy_j: float | None
    sm_clock_mhz: float | None
    slowed: bool = False
    least_mhz: int | None = None
    most_mhz: int | None = None


class Meter:
    """Reads GPUs in a thread, so that token times are not disturbed."""

    def __init__(self, gpus: Sequence[GpuDevice]) -> None:
        self._gpus = tuple(gpus)

    @property
    def uuids(self) -> tuple[str, ...]:
        """The GPUs it reads."""
        return tuple(each.uuid for each in self._gpus)

    async def look(self) -> tuple[GpuReading | None, ...]:
        """One look at every GPU; None for one that does not answer."""
        return tuple(await asyncio.gather(*(asyncio.to_thread(_reading, each) for each in self._gpus)))


def drawn(before: Sequence[GpuReading | None], after: Sequence[GpuReading | None]) -> Drawn:
    """What lies between two looks."""
    pairs = [(a, b) for a, b in zip(before, after, strict=True) if a is not None and b is not None]
    if not pairs or len(pairs) < len(before):
        return Drawn(0.0, None, None)
    looks = [each for pair in pairs for each in pair]
    clocks = [each.sm_clock_mhz for each in looks if each.sm_clock_mhz is not None]
    # A GPU without work may fall to a lower clock than the one it is held at.
    working = [each.sm_clock_mhz for each in looks if each.sm_clock_mhz is not None and not _idle(each)]
    joules = [_joules(*pair) for pair in pairs]
    known = [each for each in joules if each is not None]
    return Drawn(
        window_s=mean(b.at_s - a.at_s for a, b in pairs),
        energy_j=sum(known) if len(known) == len(joules) else None,
        sm_clock_mhz=mean(working or clocks) if clocks else None,
        slowed=any(bool(each.reasons & _SLOWED) for each in looks),
        least_mhz=min(working, default=None),
        most_mhz=max(clocks, default=None),
    )


def together(parts: Sequence[Drawn]) -> Drawn:
    """Several stretches as one."""
    joules = [each.energy_j for each in parts]
    known = [each for each in joules if each is not None]
    clocks = [each.sm_clock_mhz for each in parts if each.sm_clock_mhz is not None]
    return Drawn(
        window_s=sum(each.window_s for each in parts),
        energy_j=sum(known) if parts and len(known) == len(joules) else None,
        sm_clock_mhz=mean(clocks) if clocks else None,
        slowed=any(each.slowed for each in parts),
        least_mhz=min((each.least_mhz for each in parts if each.least_mhz is not None), default=None),
        most_mhz=max((each.most_mhz for each in parts if each.most_mhz is not None), default=None),
    )


def _idle(reading: GpuReading) -> bool:
    return bool(reading.reasons & ClockReason.IDLE)


def _joules(before: GpuReading, after: GpuReading) -> float | None:
    """By the counter; None where there is none, or where it fell back because the driver was loaded anew."""
    if before.energy_j is None or after.energy_j is None or after.energy_j < before.energy_j:
        return None
    return after.energy_j - before.energy_j


def _reading(gpu: GpuDevice) -> GpuReading | None:
    try:
        return gpu.read(time.monotonic())
    except GpuError:
        return None
