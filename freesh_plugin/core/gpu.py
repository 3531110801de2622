"""What a GPU says of itself, and what can go wrong when it is asked or told something."""

from dataclasses import dataclass
from enum import IntFlag, StrEnum

from freesh_plugin.core.errors import FreeshError


class ClockReason(IntFlag):
    """Why the SM clock is what it is; bits of NVML's clocks event reasons (nvml.h)."""

    IDLE = 0x1
    APPLICATION_CLOCKS = 0x2
    POWER_CAP = 0x4
    HARDWARE_SLOWDOWN = 0x8
    SYNC_BOOST = 0x10
    THERMAL = 0x20
    HARDWARE_THERMAL = 0x40
    POWER_BRAKE = 0x80
    DISPLAY = 0x100


NO_REASON = ClockReason(0)


@dataclass(frozen=True, slots=True)
class GpuReading:
    """One look at one GPU; what it cannot tell is None.

    Attributes:
        at_s: When, monotonic seconds.
        power_w: Power now (an average over a second on most GPUs).
        energy_j: Energy since its driver was loaded; falls back to 0 with the driver.
        sm_clock_mhz: SM clock now.
        reasons: Why it is that.
        mig: Whether it is partitioned: a clock then concerns every tenant.
    """

    at_s: float
    power_w: float | None
    energy_j: float | None
    sm_clock_mhz: int | None
    reasons: ClockReason = NO_REASON
    mig: bool = False


class GpuFailure(StrEnum):
    """How asking or telling a GPU failed."""

    LOST = "lost"
    NO_PERMISSION = "no permission"
    NOT_SUPPORTED = "not supported"
    TIMED_OUT = "timed out"
    HELPER_GONE = "helper gone"
    HELD = "held"
    """Somebody else sets its clock."""
    OTHER = "other"


class GpuError(FreeshError):
    """A GPU did not answer as it should.

    Attributes:
        uuid: Which one.
        failure: How.
        reason: What was said, in words.
    """

    def __init__(self, uuid: str, failure: GpuFailure, reason: str) -> None:
        super().__init__(f"GPU {uuid}: {failure}: {reason}")
        self.uuid = uuid
        self.failure = failure
        self.reason = reason


class GpuDriverError(FreeshError):
    """There is no NVIDIA driver here, or it fails as a whole."""
