"""What `freesh gpu` shows: this machine's GPUs, and who holds their clocks."""

import time

import msgspec

from freesh_plugin.adapters.gpu.deadline_thread import DeadlineThread
from freesh_plugin.adapters.gpu.leases import LeaseFolder
from freesh_plugin.adapters.gpu.nvml import NvmlDriver, NvmlGpu
from freesh_plugin.core.gpu import ClockReason, GpuDriverError, GpuError

_CONNECT_S, _LOOK_S = 10.0, 5.0


class HeldLease(msgspec.Struct, frozen=True):
    """Who may have locked a clock; null where the lease's note cannot be read.

    `left`: no process holds the lease any more. Numbers of processes are those of the container that wrote them.
    """

    helper_pid: int | None
    owner_pid: int | None
    since_utc_s: float | None
    left: bool


class GpuStatus(msgspec.Struct, frozen=True):
    """One GPU now. What it does not tell is null; `failure` says why it tells nothing."""

    uuid: str
    name: str | None = None
    sm_clock_mhz: int | None = None
    lowest_clock_mhz: int | None = None
    highest_clock_mhz: int | None = None
    power_w: float | None = None
    energy_j: float | None = None
    reasons: tuple[str, ...] = ()
    mig: bool = False
    lease: HeldLease | None = None
    failure: str | None = None


class GpuOverview:
    """Looks at all GPUs that this process may see; never sets anything."""

    def __init__(self, leases: LeaseFolder) -> None:
        """Connect to the driver.

        Raises:
            GpuDriverError: there is none, or it hangs.
            ConfigError: nvidia-ml-py is not installed.
        """
        self._leases = leases
        self._thread = DeadlineThread("gpu-overview")
        try:
            self._driver = self._thread.call("*", NvmlDriver, _CONNECT_S)
            self._listed = self._thread.call("*", self._driver.listed, _LOOK_S)
        except GpuError as error:
            raise GpuDriverError(f"the NVIDIA driver hangs: {error.reason}") from error
        self._gpus: dict[str, tuple[NvmlGpu, tuple[int, ...]]] = {}

    def look(self) -> list[GpuStatus]:
        """All of them, one after another."""
        return [self._look(each) if isinstance(each, str) else _failed(each) for each in self._listed]

    def _look(self, uuid: str) -> GpuStatus:
        lease = _lease(self._leases, uuid)
        try:
            return self._thread.call(uuid, lambda: self._told(uuid, lease), _LOOK_S)
        except GpuError as error:
            return _failed(error, lease)

    def _told(self, uuid: str, lease: HeldLease | None) -> GpuStatus:
        if uuid not in self._gpus:
            gpu = self._driver.gpu(uuid)
            self._gpus[uuid] = gpu, gpu.supported_clocks_mhz()
        gpu, clocks_mhz = self._gpus[uuid]
        reading = gpu.read(time.monotonic())
        return GpuStatus(
            uuid=uuid,
            name=gpu.name,
            sm_clock_mhz=reading.sm_clock_mhz,
            lowest_clock_mhz=clocks_mhz[0] if clocks_mhz else None,
            highest_clock_mhz=clocks_mhz[-1] if clocks_mhz else None,
            power_w=reading.power_w,
            energy_j=reading.energy_j,
            reasons=reason_names(reading.reasons),
            mig=reading.mig,
            lease=lease,
        )


def _failed(error: GpuError, lease: HeldLease | None = None) -> GpuStatus:
    return GpuStatus(error.uuid, lease=lease, failure=f"{error.failure}: {error.reason}")


def reason_names(reasons: ClockReason) -> tuple[str, ...]:
    """Why a clock is what it is, in words."""
    return tuple(reason.name.lower().replace("_", " ") for reason in ClockReason if reason in reasons and reason.name)


def _lease(leases: LeaseFolder, uuid: str) -> HeldLease | None:
    held = leases.held(uuid)
    if held is None:
        return None
    note = leases.note(uuid)
    if note is None:
        return HeldLease(None, None, None, left=not held)
    return HeldLease(note.helper.pid, note.owner.pid, note.since_utc_s, left=not held)
