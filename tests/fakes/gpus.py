"""GPUs and a clock setter that do what a test tells them, and remember who called."""

import threading
import time
from collections.abc import Callable

from freesh_plugin.core.gpu import ClockReason, GpuError, GpuFailure, GpuReading


class FakeGpu:
    """Implements `GpuDevice`: 100 W from the start, at the clock that `clocks` holds it at, else at 1,980 MHz."""

    def __init__(self, uuid: str = "GPU-fake-0", clocks: "FakeClocks | None" = None) -> None:
        self.uuid = uuid
        self.name = "fake"
        self.threads: set[int] = set()
        self.failure: GpuFailure | None = None
        self._clocks = clocks
        self._since_s = time.monotonic()

    def supported_clocks_mhz(self) -> tuple[int, ...]:
        self.threads.add(threading.get_ident())
        return tuple(range(210, 1981, 15))

    def read(self, now_s: float) -> GpuReading:
        self.threads.add(threading.get_ident())
        if self.failure is not None:
            raise GpuError(self.uuid, self.failure, "as the test wants it")
        held_mhz = self._clocks.held_mhz if self._clocks else None
        return GpuReading(now_s, 100.0, 100.0 * (now_s - self._since_s), held_mhz or 1980, ClockReason(0))


class FakeClocks:
    """Implements `ClockSetter`; `before` is called ahead of each setting, to fail or to hang."""

    def __init__(self, before: Callable[[], None] = lambda: None) -> None:
        self.told: list[int | None] = []
        self.threads: set[int] = set()
        self._before = before

    @property
    def held_mhz(self) -> int | None:
        """The clock held now."""
        return self.told[-1] if self.told else None

    def limit_sm_clock_mhz(self, uuids: tuple[str, ...], sm_clock_mhz: int) -> None:
        self.threads.add(threading.get_ident())
        self._before()
        self.told.append(sm_clock_mhz)

    def release(self, uuids: tuple[str, ...]) -> None:
        self.threads.add(threading.get_ident())
        self.told.append(None)
