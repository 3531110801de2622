"""The GPUs of the instance under test, and the way to their clocks: NVIDIA's, simulated ones, or none."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from freesh_plugin.adapters.gpu.helper_client import HelperClient, child_helper, service_helper
from freesh_plugin.adapters.gpu.nvml import NvmlDriver
from freesh_plugin.adapters.gpu.simulated import SimulatedClocks, simulated_gpus
from freesh_plugin.core.errors import ConfigError
from freesh_plugin.core.gpu import GpuDriverError
from freesh_plugin.ports import ClockSetter, GpuDevice

NONE = "none"
_SOCKET = "gpu.sock"


@dataclass(frozen=True)
class OpenGpus:
    """GPUs that can be read; `setter` and `driver` where there are any."""

    devices: tuple[GpuDevice, ...] = ()
    setter: ClockSetter | None = None
    driver: str = ""
    simulated: bool = False


@contextmanager
def open_gpus(
    uuids: Sequence[str], simulated: Path | None, run_dir: Path, *, set_clocks: bool, sole_tenant: bool = False
) -> Iterator[OpenGpus]:
    """Open them for as long as the context lasts; leaving it ends the way to their clocks, which frees them.

    Args:
        uuids: Which; empty = all that the driver shows, `none` = none.
        simulated: Where simulated shards put the boards of their GPUs.
        run_dir: Folder of the helper's leases and socket.
        set_clocks: Whether clocks are to be set.
        sole_tenant: Whether those of partitioned GPUs (MIG) may be: nobody else uses them.

    Raises:
        ConfigError: GPUs or simulated boards that were asked for are not there.
        GpuError: one of them does not answer.
    """
    if simulated is not None:
        yield _simulated(simulated)
    elif list(uuids) == [NONE]:
        yield OpenGpus()
    else:
        socket = run_dir / _SOCKET
        start = service_helper(socket) if socket.exists() else child_helper(run_dir, sole_tenant=sole_tenant)
        yield from _nvidia(uuids, HelperClient(start) if set_clocks else None)


def _simulated(boards: Path) -> OpenGpus:
    gpus = simulated_gpus(boards)
    if not gpus:
        raise ConfigError(f"--simulated-gpus: no simulated shard has put a board at {boards}-0")
    return OpenGpus(tuple(gpus), SimulatedClocks(gpus), "simulated", simulated=True)


def _nvidia(uuids: Sequence[str], setter: HelperClient | None) -> Iterator[OpenGpus]:
    try:
        driver = NvmlDriver()
    except (ConfigError, GpuDriverError) as error:
        if uuids:
            raise ConfigError(f"--gpu: {error}") from error
        yield OpenGpus()
        return
    try:
        devices = tuple(driver.gpu(each) for each in uuids or driver.uuids())
        yield OpenGpus(devices, setter, driver.version())
    finally:
        if setter is not None:
            setter.close()
        driver.close()
