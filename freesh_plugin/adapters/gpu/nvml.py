"""NVIDIA's driver and its GPUs, by UUID, through nvidia-ml-py. Calls may block: see `deadline_thread`."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import TypeAlias, TypeVar

from freesh_plugin.core.errors import ConfigError
from freesh_plugin.core.gpu import ClockReason, GpuDriverError, GpuError, GpuFailure, GpuReading

T = TypeVar("T")
Handle: TypeAlias = object
"""NVML's own name for a GPU, of this process."""


def nvml_library() -> ModuleType:
    """nvidia-ml-py, imported when it is needed, since only machines with NVIDIA's GPUs need it.

    Raises:
        ConfigError: it is not installed, or another package of its module's name is.
    """
    try:
        import pynvml
    except ImportError as error:
        raise ConfigError("nvidia-ml-py is not installed: GPUs need `pip install 'freesh-plugin[nvml]'`") from error
    if not hasattr(pynvml, "_nvmlGetFunctionPointer"):
        raise ConfigError(f"{pynvml.__file__} is not nvidia-ml-py: uninstall the package `pynvml`, which hides it")
    library: ModuleType = pynvml
    return library


class NvmlDriver:
    """The driver, as long as this object is not closed. Without any such user a driver may unload and forget locks."""

    def __init__(self) -> None:
        """Connect to it.

        Raises:
            GpuDriverError: there is none that works.
            ConfigError: as of `nvml_library`.
        """
        self._nvml = nvml_library()
        try:
            self._nvml.nvmlInit()
        except self._nvml.NVMLError as error:
            raise GpuDriverError(f"no NVIDIA driver here: {error}") from error

    def version(self) -> str:
        """The driver's version."""
        return str(self._told(self._nvml.nvmlSystemGetDriverVersion))

    def uuids(self) -> tuple[str, ...]:
        """The GPUs that this process may see, in NVML's order; without those that do not even tell their UUID.

        Raises:
            GpuDriverError: it does not say.
        """
        return tuple(each for each in self.listed() if isinstance(each, str))

    def listed(self) -> tuple[str | GpuError, ...]:
        """The UUID of each GPU that this process may see, or why it does not tell it: one that is lost hides no other.

        Raises:
            GpuDriverError: it does not say.
        """
        return tuple(map(self._uuid_of, range(int(self._told(self._nvml.nvmlDeviceGetCount)))))

    def gpu(self, uuid: str) -> "NvmlGpu":
        """One of them.

        Raises:
            GpuError: there is none of that UUID, or it is lost.
        """
        return NvmlGpu(self._nvml, uuid)

    def close(self) -> None:
        """Let go of the driver."""
        self._told(self._nvml.nvmlShutdown)

    def _uuid_of(self, index: int) -> str | GpuError:
        try:
            return str(self._nvml.nvmlDeviceGetUUID(self._nvml.nvmlDeviceGetHandleByIndex(index)))
        except self._nvml.NVMLError as error:
            return GpuError(f"of index {index}", _failure(self._nvml, error.value), str(error))

    def _told(self, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except self._nvml.NVMLError as error:
            raise GpuDriverError(f"the NVIDIA driver fails: {error}") from error


class NvmlGpu:
    """Implements `GpuDevice`; `lock` and `reset` are for the helper process alone, and need root."""

    def __init__(self, nvml: ModuleType, uuid: str) -> None:
        """Find it.

        Raises:
            GpuError: there is none of that UUID, or it is lost.
        """
        self._nvml = nvml
        self._uuid = uuid
        self._power_sources = _power_sources(nvml)
        with self._asked():
            self._handle = nvml.nvmlDeviceGetHandleByUUID(uuid)
            self._name = str(nvml.nvmlDeviceGetName(self._handle))

    @property
    def uuid(self) -> str:
        """Its name for life."""
        return self._uuid

    @property
    def name(self) -> str:
        """Its product's name."""
        return self._name

    def supported_clocks_mhz(self) -> tuple[int, ...]:
        """SM clocks that can be set, ascending: those listed for the highest memory clock.

        Raises:
            GpuError: it does not say.
        """
        with self._asked():
            memory_mhz = max(self._nvml.nvmlDeviceGetSupportedMemoryClocks(self._handle), default=None)
            if memory_mhz is None:
                return ()
            clocks_mhz = self._nvml.nvmlDeviceGetSupportedGraphicsClocks(self._handle, memory_mhz)
        return tuple(sorted(set(map(int, clocks_mhz))))

    def read(self, now_s: float) -> GpuReading:
        """Look at it. What it does not support, does not tell this user, or fails to tell is None.

        Raises:
            GpuError: it does not even answer with its clock.
        """
        nvml = self._nvml
        with self._asked():
            sm_clock_mhz = self._told(lambda it: nvml.nvmlDeviceGetClockInfo(it, nvml.NVML_CLOCK_SM))
        energy_mj = self._perhaps(nvml.nvmlDeviceGetTotalEnergyConsumption)
        return GpuReading(
            at_s=now_s,
            power_w=self._power_w(),
            energy_j=None if energy_mj is None else energy_mj / 1000,
            sm_clock_mhz=sm_clock_mhz,
            reasons=self._reasons(),
            mig=_is_on(self._perhaps(nvml.nvmlDeviceGetMigMode)),
        )

    def partitioned(self) -> bool:
        """Whether MIG shares it out now.

        Raises:
            GpuError: it does not say; where it does not support or not tell that, it is not.
        """
        with self._asked():
            return _is_on(self._told(self._nvml.nvmlDeviceGetMigMode))

    def lock(self, least_mhz: int, most_mhz: int) -> None:
        """Keep the SM clock between two supported clocks, beyond the life of this process.

        Raises:
            GpuError: nothing has changed.
        """
        with self._asked():
            self._nvml.nvmlDeviceSetGpuLockedClocks(self._handle, least_mhz, most_mhz)

    def reset(self) -> None:
        """Give the clock back to the driver, whoever locked it.

        Raises:
            GpuError: nothing has changed.
        """
        with self._asked():
            self._nvml.nvmlDeviceResetGpuLockedClocks(self._handle)

    def _power_w(self) -> float | None:
        """Watts by the first source that works here; it is tried first from then on."""
        for place, source in enumerate(self._power_sources):
            milliwatts = self._perhaps(source)
            if milliwatts is not None:
                self._power_sources.insert(0, self._power_sources.pop(place))
                return milliwatts / 1000
        return None

    def _reasons(self) -> ClockReason:
        # Drivers before 535 know the call by its old name.
        bits = self._perhaps(self._nvml.nvmlDeviceGetCurrentClocksEventReasons)
        if bits is None:
            bits = self._perhaps(self._nvml.nvmlDeviceGetCurrentClocksThrottleReasons)
        return ClockReason(bits or 0)

    def _perhaps(self, ask: Callable[[Handle], T]) -> T | None:
        """The answer, or None, whatever keeps it from answering: one number that fails hides no other."""
        try:
            return ask(self._handle)
        except self._nvml.NVMLError:
            return None

    def _told(self, ask: Callable[[Handle], T]) -> T | None:
        """The answer, or None where the GPU does not have or does not tell it: in containers, reads can be denied."""
        nvml = self._nvml
        try:
            return ask(self._handle)
        except nvml.NVMLError as error:
            if error.value in _untold(nvml):
                return None
            raise

    @contextmanager
    def _asked(self) -> Iterator[None]:
        """Turn NVML's errors into ours, with the cause kept."""
        try:
            yield
        except self._nvml.NVMLError as error:
            raise GpuError(self._uuid, _failure(self._nvml, error.value), str(error)) from error


def _is_on(modes: Sequence[int] | None) -> bool:
    """Whether MIG is, by its modes: now, and after the next reset."""
    return modes is not None and modes[0] != 0


def _untold(nvml: ModuleType) -> tuple[int, ...]:
    return (
        nvml.NVML_ERROR_NOT_SUPPORTED,
        nvml.NVML_ERROR_NO_PERMISSION,
        nvml.NVML_ERROR_FUNCTION_NOT_FOUND,
        nvml.NVML_ERROR_NO_DATA,
    )


def _failure(nvml: ModuleType, code: int) -> GpuFailure:
    known = {
        nvml.NVML_ERROR_GPU_IS_LOST: GpuFailure.LOST,
        nvml.NVML_ERROR_RESET_REQUIRED: GpuFailure.LOST,
        nvml.NVML_ERROR_NO_PERMISSION: GpuFailure.NO_PERMISSION,
        nvml.NVML_ERROR_NOT_SUPPORTED: GpuFailure.NOT_SUPPORTED,
        nvml.NVML_ERROR_FUNCTION_NOT_FOUND: GpuFailure.NOT_SUPPORTED,
        nvml.NVML_ERROR_TIMEOUT: GpuFailure.TIMED_OUT,
    }
    return known.get(code, GpuFailure.OTHER)


def _power_sources(nvml: ModuleType) -> list[Callable[[Handle], int | None]]:
    """Ways to read milliwatts, best first: a second's average; then now; a module counts its processor too."""

    def field(number: int, scope: int) -> Callable[[Handle], int | None]:
        def read(handle: Handle) -> int | None:
            (value,) = nvml.nvmlDeviceGetFieldValues(handle, [(number, scope)])
            return int(value.value.uiVal) if value.nvmlReturn == nvml.NVML_SUCCESS else None

        return read

    average, instant = nvml.NVML_FI_DEV_POWER_AVERAGE, nvml.NVML_FI_DEV_POWER_INSTANT
    return [
        field(average, nvml.NVML_POWER_SCOPE_GPU),
        nvml.nvmlDeviceGetPowerUsage,
        field(instant, nvml.NVML_POWER_SCOPE_GPU),
        field(average, nvml.NVML_POWER_SCOPE_MODULE),
        field(instant, nvml.NVML_POWER_SCOPE_MODULE),
    ]
