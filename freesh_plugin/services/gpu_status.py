"""What `freesh gpu` shows and frees: this machine's GPUs, and the leases on their clocks."""

import time
from collections.abc import Iterable, Sequence

import msgspec

from freesh_plugin.adapters.gpu.deadline_thread import DeadlineThread
from freesh_plugin.adapters.gpu.helper_frames import is_uuid
from freesh_plugin.adapters.gpu.leases import Lease, LeaseFolder, party
from freesh_plugin.adapters.gpu.nvml import NvmlDriver, NvmlGpu
from freesh_plugin.adapters.gpu.nvml_clocks import NvmlClocks
from freesh_plugin.core.errors import ConfigError
from freesh_plugin.core.gpu import ClockReason, GpuDriverError, GpuError

_CONNECT_S, _LOOK_S = 10.0, 5.0


class HeldLease(msgspec.Struct, frozen=True):
    """Who may have locked a clock. `left`: that process is not there any more, as seen from here."""

    helper_pid: int
    owner_pid: int
    since_utc_s: float
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
            self.uuids = self._thread.call("*", self._driver.uuids, _LOOK_S)
            self.driver_version = self._thread.call("*", self._driver.version, _LOOK_S)
        except GpuError as error:
            raise GpuDriverError(f"the NVIDIA driver hangs: {error.reason}") from error
        self._gpus: dict[str, tuple[NvmlGpu, tuple[int, ...]]] = {}

    def look(self) -> list[GpuStatus]:
        """All of them, one after another."""
        return [self._look(uuid) for uuid in self.uuids]

    def _look(self, uuid: str) -> GpuStatus:
        lease = _lease(self._leases, uuid)
        try:
            return self._thread.call(uuid, lambda: self._told(uuid, lease), _LOOK_S)
        except GpuError as error:
            return GpuStatus(uuid, lease=lease, failure=f"{error.failure}: {error.reason}")

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


def reason_names(reasons: ClockReason) -> tuple[str, ...]:
    """Why a clock is what it is, in words."""
    return tuple(reason.name.lower().replace("_", " ") for reason in ClockReason if reason in reasons and reason.name)


def free_left(leases: LeaseFolder) -> dict[str, str | None]:
    """Free every clock that a dead helper left, and end its lease; by UUID, why one could not be freed.

    Raises:
        GpuDriverError: there are leases, but no driver.
        ConfigError: as of `nvml_library`.
    """
    left = list(leases.take_all_left())
    return _freed(left) if left else {}


def free_named(leases: LeaseFolder, uuids: Iterable[str]) -> dict[str, str | None]:
    """Free these GPUs' clocks, whoever locked them, unless a living helper holds them; by UUID, why one was not freed.

    Raises:
        GpuDriverError: there is no driver.
        ConfigError: a name is no UUID, or as of `nvml_library`.
    """
    outcomes: dict[str, str | None] = {}
    wanted: list[Lease | str] = []
    for uuid in uuids:
        if not is_uuid(uuid):
            raise ConfigError(f"{uuid!r} is not a GPU's UUID: `freesh gpu status` lists them")
        try:
            wanted.append(leases.take_left(uuid) or uuid)
        except GpuError as error:
            outcomes[uuid] = error.reason
    return outcomes | _freed(wanted)


def _freed(wanted: Sequence[Lease | str]) -> dict[str, str | None]:
    outcomes: dict[str, str | None] = {}
    clocks = NvmlClocks()
    for each in wanted:
        uuid, lease = (each, None) if isinstance(each, str) else (each.uuid, each)
        try:
            clocks.free(uuid)
        except GpuError as error:
            outcomes[uuid] = f"{error.failure}: {error.reason}"
            continue
        outcomes[uuid] = None
        if lease is not None:
            lease.end()
    return outcomes


def _lease(leases: LeaseFolder, uuid: str) -> HeldLease | None:
    note = leases.note(uuid)
    if note is None:
        return None
    return HeldLease(note.helper.pid, note.owner.pid, note.since_utc_s, party(note.helper.pid) != note.helper)
