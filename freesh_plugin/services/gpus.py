"""The GPUs of an instance and the way to their clocks, as the settings say."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from freesh_plugin.adapters.gpu.helper_client import HelperClient, child_helper, service_helper
from freesh_plugin.adapters.gpu.nvml import NvmlDriver
from freesh_plugin.adapters.gpu.simulated import SimulatedClocks, simulated_gpus
from freesh_plugin.config import PluginConfig
from freesh_plugin.core.errors import ConfigError
from freesh_plugin.core.gpu import GpuError
from freesh_plugin.ports import ClockSetter, GpuDevice


@dataclass(frozen=True)
class Gpus:
    """GPUs that can be read.

    Attributes:
        devices: One a rank.
        clocks: What sets their clocks; None = they are only observed.
        close: Lets go of both; may block for a while.
        supported_mhz: Clocks that all of them can be set to, ascending.
    """

    devices: Sequence[GpuDevice]
    clocks: ClockSetter | None = None
    close: Callable[[], None] = lambda: None
    supported_mhz: tuple[int, ...] = field(default=())

    @property
    def uuids(self) -> tuple[str, ...]:
        """Their names, in order of ranks."""
        return tuple(gpu.uuid for gpu in self.devices)


OpenGpus = Callable[[PluginConfig, int], Gpus]


def open_gpus(config: PluginConfig, ranks: int) -> Gpus:
    """Find the GPUs of all ranks. Blocks: a driver that is not loaded takes seconds.

    Raises:
        ConfigError: it is not clear which they are, or what reads them is not installed.
        GpuDriverError: there is no driver that works.
        GpuError: one of them cannot be found.
    """
    gpus = _nvml(config) if config.gpu == "nvml" else _simulated(config)
    if len(gpus.devices) != ranks:
        gpus.close()
        raise ConfigError(f"there are {len(gpus.devices)} GPUs for {ranks} ranks: name one a rank in FREESH_GPU_UUIDS")
    return Gpus(gpus.devices, gpus.clocks, gpus.close, _common_clocks(gpus.devices))


def _simulated(config: PluginConfig) -> Gpus:
    if config.simulated_gpus is None:
        raise ConfigError("FREESH_GPU is simulated, and FREESH_SIMULATED_GPUS does not say where")
    found = simulated_gpus(config.simulated_gpus)

    def close() -> None:
        for gpu in found:
            gpu.board.close()

    return Gpus(found, SimulatedClocks(found), close)


def _nvml(config: PluginConfig) -> Gpus:
    driver = NvmlDriver()
    devices = [driver.gpu(uuid) for uuid in config.gpu_uuids or driver.uuids()]
    if config.governor == "observe":
        return Gpus(devices, None, driver.close)
    own = child_helper(config.gpu_run_dir, sole_tenant=config.gpu_sole_tenant)
    clocks = HelperClient(service_helper(config.gpu_helper) if config.gpu_helper else own)

    def close() -> None:
        clocks.close()
        driver.close()

    return Gpus(devices, clocks, close)


def _common_clocks(devices: Sequence[GpuDevice]) -> tuple[int, ...]:
    """None where one does not say: it is not set then."""
    try:
        each_mhz = [set(gpu.supported_clocks_mhz()) for gpu in devices]
    except GpuError:
        return ()
    return tuple(sorted(set.intersection(*each_mhz))) if each_mhz else ()
