"""Locks and frees SM clocks through NVML, each call with a deadline; for the helper process and `freesh gpu reset`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from freesh_plugin.adapters.gpu.deadline_thread import DeadlineThread
from freesh_plugin.adapters.gpu.nvml import NvmlDriver, NvmlGpu
from freesh_plugin.core.gpu import GpuDriverError, GpuError

T = TypeVar("T")


@dataclass(frozen=True)
class CallDeadlines:
    """Seconds for one call: to connect to the driver, to look something up, to set a clock."""

    connect_s: float = 10.0
    look_s: float = 2.0
    set_s: float = 0.75


class NvmlClocks:
    """The clocks of this machine's GPUs. After a call has hung, every other answers at once that it did."""

    def __init__(self, deadlines: CallDeadlines = CallDeadlines()) -> None:
        """Connect to the driver.

        Raises:
            GpuDriverError: there is none, or it hangs.
            ConfigError: nvidia-ml-py is not installed.
        """
        self._deadlines = deadlines
        self._thread = DeadlineThread("nvml-clocks")
        self._found: dict[str, NvmlGpu] = {}
        self._supported_mhz: dict[str, tuple[int, ...]] = {}
        try:
            self._driver = self._thread.call("*", NvmlDriver, deadlines.connect_s)
        except GpuError as error:
            raise GpuDriverError(f"the NVIDIA driver hangs: {error.reason}") from error

    @property
    def hung(self) -> bool:
        """Whether a call hangs now."""
        return self._thread.hung

    def find(self, uuid: str) -> None:
        """Find a GPU, unless it was found before.

        Raises:
            GpuError: there is none of that UUID that this process may see, or it is lost, or the driver hangs.
        """
        self._gpu(uuid)

    def supported_mhz(self, uuid: str) -> tuple[int, ...]:
        """Clocks that can be set, ascending.

        Raises:
            GpuError: there is no such GPU, or it does not say.
        """
        if uuid not in self._supported_mhz:
            self._supported_mhz[uuid] = self._looked(uuid, self._gpu(uuid).supported_clocks_mhz)
        return self._supported_mhz[uuid]

    def shared(self, uuid: str) -> bool:
        """Whether the GPU is partitioned now (MIG), so that its clock concerns every tenant.

        Raises:
            GpuError: it does not say.
        """
        gpu = self._gpu(uuid)
        return self._looked(uuid, gpu.partitioned)

    def lock(self, uuid: str, least_mhz: int, most_mhz: int) -> None:
        """Keep a clock between two supported ones.

        Raises:
            GpuError: it was not set; or, when it hangs, it may be yet.
        """
        gpu = self._gpu(uuid)
        self._thread.call(uuid, lambda: gpu.lock(least_mhz, most_mhz), self._deadlines.set_s)

    def free(self, uuid: str) -> None:
        """Give a clock back to the driver.

        Raises:
            GpuError: it was not, or not yet.
        """
        gpu = self._gpu(uuid)
        self._thread.call(uuid, gpu.reset, self._deadlines.set_s)

    def _gpu(self, uuid: str) -> NvmlGpu:
        if uuid not in self._found:
            self._found[uuid] = self._looked(uuid, lambda: self._driver.gpu(uuid))
        return self._found[uuid]

    def _looked(self, uuid: str, work: Callable[[], T]) -> T:
        return self._thread.call(uuid, work, self._deadlines.look_s)
