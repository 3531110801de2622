"""Makes the fake driver: builds its library, and creates, reads and alters the GPUs that it answers for."""

import ctypes
import fcntl
import mmap
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SOURCES = Path(__file__).parent
_MAGIC = 0x4C4D564E
_MAX_GPUS, _MAX_CLOCKS, _MAX_FAULTS = 8, 160, 16
_EVERY_GPU = 0xFFFFFFFF

STATE_VARIABLE = "FAKE_NVML_STATE"
NO_PERMISSION, UNKNOWN = 4, 999
MIG_ON, MIG_UNSUPPORTED = 1, 2
CLOCKS_MHZ = tuple(range(210, 1981, 15))
"""What every fake GPU supports, ascending; the shape of an H100's list."""


class Gpu(ctypes.Structure):
    """`struct gpu` of state.h."""

    lock_min_mhz: int
    lock_max_mhz: int
    lost: int
    mig: int
    reads_denied: int
    energy_counter: int
    power_fields: int
    thermal_mhz: int
    event_reasons: int
    sets: int
    resets: int
    clock_mhz: int
    clock_count: int
    clocks_mhz: "ctypes.Array[ctypes.c_uint32]"
    memory_mhz: int
    next_clock_mhz: int
    utilisation: float
    next_utilisation: float
    utilisation_at_s: float
    idle_w: float
    memory_w: float
    core_w: float
    limit_w: float
    energy_j: float
    energy_at_s: float
    uuid: bytes
    name: bytes

    _fields_ = (
        ("uuid", ctypes.c_char * 48),
        ("name", ctypes.c_char * 48),
        ("clock_count", ctypes.c_uint32),
        ("clocks_mhz", ctypes.c_uint32 * _MAX_CLOCKS),
        *(
            (name, ctypes.c_uint32)
            for name in (
                "memory_mhz", "mig", "lost", "reads_denied", "energy_counter", "power_fields", "thermal_mhz",
                "event_reasons", "lock_min_mhz", "lock_max_mhz", "sets", "resets", "clock_mhz", "next_clock_mhz",
            )
        ),
        *(
            (name, ctypes.c_double)
            for name in (
                "switch_at_s", "utilisation", "next_utilisation", "utilisation_at_s", "idle_w", "memory_w", "core_w",
                "limit_w", "energy_j", "energy_at_s",
            )
        ),
    )  # fmt: skip


class Fault(ctypes.Structure):
    """`struct fault` of state.h."""

    call: bytes
    gpu: int
    code: int
    every: int
    seen: int
    remaining: int
    after: int
    hang_s: float

    _fields_ = (
        ("call", ctypes.c_char * 56),
        ("gpu", ctypes.c_uint32),
        ("code", ctypes.c_uint32),
        ("every", ctypes.c_uint32),
        ("seen", ctypes.c_uint32),
        ("remaining", ctypes.c_int32),
        ("after", ctypes.c_uint32),
        ("hang_s", ctypes.c_double),
    )


class State(ctypes.Structure):
    """`struct state` of state.h."""

    magic: int
    size: int
    gpu_count: int
    root: int
    driver_loaded: int
    hangs_ended: int
    switch_delay_s: float
    setter_s: float
    time_shift_s: float
    gpus: "ctypes.Array[Gpu]"
    faults: "ctypes.Array[Fault]"

    _fields_ = (
        *(
            (name, ctypes.c_uint32)
            for name in ("magic", "size", "gpu_count", "root", "driver_loaded", "hangs_ended")
        ),
        ("switch_delay_s", ctypes.c_double),
        ("setter_s", ctypes.c_double),
        ("time_shift_s", ctypes.c_double),
        ("gpus", Gpu * _MAX_GPUS),
        ("faults", Fault * _MAX_FAULTS),
    )  # fmt: skip


def build_library(folder: Path) -> Path:
    """Compile the fake into `folder` as libnvidia-ml.so.1; needs gcc."""
    library = folder / "libnvidia-ml.so.1"
    flags = ["-std=c11", "-D_GNU_SOURCE", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-pthread"]
    sources = [str(source) for source in sorted(_SOURCES.glob("*.c"))]
    command = ["gcc", *flags, f"-Wl,-soname,{library.name}", "-o", str(library), *sources]
    subprocess.run(command, check=True, timeout=120)
    return library


class FakeDriver:
    """The state of all fake GPUs, shared with every process that has loaded the library on it."""

    def __init__(self, path: Path, gpus: int = 2) -> None:
        """Create `gpus` idle, cool, unlocked GPUs named `GPU-00000000-…`."""
        path.write_bytes(bytes(ctypes.sizeof(State)))
        self.path = path
        self._file = path.open("r+b")
        self._map = mmap.mmap(self._file.fileno(), 0)
        self.state = State.from_buffer(self._map)
        self.state.magic, self.state.size = _MAGIC, ctypes.sizeof(State)
        self.state.root = self.state.driver_loaded = 1
        self.state.gpu_count = gpus
        for index in range(gpus):
            _make(self.state.gpus[index], index)

    @property
    def uuids(self) -> tuple[str, ...]:
        """UUIDs of all, in NVML's order."""
        return tuple(gpu.uuid.decode() for gpu in self.gpus)

    @property
    def gpus(self) -> list[Gpu]:
        """All of them, to read and alter."""
        return [self.state.gpus[index] for index in range(self.state.gpu_count)]

    def environment(self, library: Path) -> dict[str, str]:
        """Variables with which a process finds this driver."""
        return {"LD_LIBRARY_PATH": str(library.parent), STATE_VARIABLE: str(self.path)}

    def locks(self) -> list[tuple[int, int] | None]:
        """(least, most) MHz of each GPU's lock."""
        with self.held():
            return [(gpu.lock_min_mhz, gpu.lock_max_mhz) if gpu.lock_max_mhz else None for gpu in self.gpus]

    def use(self, utilisation: float, index: int = 0) -> None:
        """From now on one of them works so hard, 0 to 1."""
        with self.held():
            gpu = self.gpus[index]
            gpu.next_utilisation = utilisation
            gpu.utilisation_at_s = time.monotonic() + self.state.time_shift_s

    def pass_time(self, seconds: float) -> None:
        """Let the GPUs live through so many seconds at once."""
        self.state.time_shift_s += seconds

    def fail(
        self,
        call: str,
        code: int = 0,
        *,
        gpu: int | None = None,
        times: int = -1,
        every: int = 1,
        hang_s: float = 0.0,
        after: bool = False,
    ) -> None:
        """Let each `every`-th call of a function hang, or answer a code, or both; at most `times` times.

        With `after`, the call has its effect before it hangs.
        """
        with self.held():
            slot = next(fault for fault in self.state.faults if not fault.call)
            slot.gpu = _EVERY_GPU if gpu is None else gpu
            slot.code, slot.every, slot.seen, slot.remaining = code, every, 0, times
            slot.after, slot.hang_s = int(after), hang_s
            slot.call = call.encode()

    def heal(self) -> None:
        """Take all faults away, and end the calls that hang."""
        with self.held():
            for fault in self.state.faults:
                fault.call = b""
            self.state.hangs_ended += 1

    def close(self) -> None:
        """Let go of the file."""
        del self.state
        self._map.close()
        self._file.close()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep every process's calls out meanwhile."""
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)


def no_driver(folder: Path) -> dict[str, str]:
    """Variables with which a process finds a library without a driver behind it."""
    return {STATE_VARIABLE: os.devnull, "LD_LIBRARY_PATH": str(folder)}


def _make(gpu: Gpu, index: int) -> None:
    gpu.uuid = f"GPU-{index:08x}-0000-4000-8000-00000000fa4e".encode()
    gpu.name = b"Fake H100"
    gpu.clock_count = len(CLOCKS_MHZ)
    for place, mhz in enumerate(reversed(CLOCKS_MHZ)):
        gpu.clocks_mhz[place] = mhz
    gpu.memory_mhz = 2619
    gpu.energy_counter = 1
    gpu.power_fields = 0b11
    gpu.clock_mhz = gpu.next_clock_mhz = CLOCKS_MHZ[0]
    gpu.idle_w, gpu.memory_w, gpu.core_w, gpu.limit_w = 70.0, 90.0, 500.0, 700.0
    gpu.energy_at_s = time.monotonic()
