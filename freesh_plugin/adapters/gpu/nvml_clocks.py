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
        self._found: dict[str, tuple[NvmlGpu, tuple[int, ...]]] = {}
        try:
            self._driver = self._thread.call("*", NvmlDriver, deadlines.connect_s)
        except GpuError as error:
            raise GpuDriverError(f"the NVIDIA driver hangs: {error.reason}") from error

    @property
    def hung(self) -> bool:
        """Whether a call hangs now."""
        return self._thread.hung

    def uuids(self) -> tuple[str, ...]:
        """GPUs that this process may see.

        Raises:
            GpuDriverError: the driver does not say.
            GpuError: it hangs.
        """
        return self._looked("*", self._driver.uuids)

    def supported_mhz(self, uuid: str) -> tuple[int, ...]:
        """Clocks that can be set, ascending.

        Raises:
            GpuError: there is no such GPU, or it does not say.
        """
        return self._gpu(uuid)[1]

    def shared(self, uuid: str) -> bool:
        """Whether the GPU is partitioned now (MIG), so that its clock concerns every tenant.

        Raises:
            GpuError: it does not say.
        """
        gpu, _ = self._gpu(uuid)
        return self._looked(uuid, gpu.partitioned)

    def lock(self, uuid: str, least_mhz: int, most_mhz: int) -> None:
        """Keep a clock between two supported ones.

        Raises:
            GpuError: it was not set; or, when it hangs, it may be yet.
        """
        gpu, _ = self._gpu(uuid)
        self._thread.call(uuid, lambda: gpu.lock(least_mhz, most_mhz), self._deadlines.set_s)

    def free(self, uuid: str) -> None:
        """Give a clock back to the driver.

        Raises:
            GpuError: it was not, or not yet.
        """
        gpu, _ = self._gpu(uuid)
        self._thread.call(uuid, gpu.reset, self._deadlines.set_s)

    def _gpu(self, uuid: str) -> tuple[NvmlGpu, tuple[int, ...]]:
        if uuid not in self._found:
            gpu = self._looked(uuid, lambda: self._driver.gpu(uuid))
            self._found[uuid] = gpu, self._looked(uuid, gpu.supported_clocks_mhz)
        return self._found[uuid]

    def _looked(self, uuid: str, work: Callable[[], T]) -> T:
        return self._thread.call(uuid, work, self._deadlines.look_s)
