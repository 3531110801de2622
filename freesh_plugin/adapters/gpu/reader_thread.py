"""A thread that looks at the GPUs again and again, so that nobody else has to wait for a driver."""

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from freesh_plugin.core.gpu import GpuError, GpuFailure, GpuReading
from freesh_plugin.ports import Clock, GpuDevice

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ReadingTimes:
    """Seconds between two looks at a GPU, and seconds after which one counts as hung."""

    period_s: float = 1.0
    deadline_s: float = 1.0


class GpuReaderThread:
    """Looks at each GPU once a period, all in one thread; what it saw last can be had at once, by threads and loops."""

    def __init__(self, devices: Sequence[GpuDevice], clock: Clock, times: ReadingTimes = ReadingTimes()) -> None:
        """`start` starts it."""
        self._devices = tuple(devices)
        self._clock = clock
        self._times = times
        self._latest: dict[str, GpuReading | GpuError] = {}
        self._asking: tuple[str, float] | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gpu-reader", daemon=True)

    @property
    def devices(self) -> tuple[GpuDevice, ...]:
        """What it looks at."""
        return self._devices

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def close(self) -> None:
        """Look no more; one that hangs is left to end with the process."""
        self._ended.set()
        self._thread.join(self._times.deadline_s)

    @contextmanager
    def running(self) -> Iterator["GpuReaderThread"]:
        """Look while the block runs."""
        self.start()
        try:
            yield self
        finally:
            self.close()

    def latest(self, uuid: str) -> GpuReading | None:
        """What was seen last of this GPU, whatever its age (`at_s`); None before the first look. Never waits.

        Raises:
            GpuError: the last look failed; or it hangs now (TIMED_OUT).
        """
        asking = self._asking
        if asking is not None and asking[0] == uuid:
            waited_s = self._clock.monotonic_s() - asking[1]
            if waited_s > self._times.deadline_s:
                raise GpuError(uuid, GpuFailure.TIMED_OUT, f"no answer for {waited_s:.1f} s")
        latest = self._latest.get(uuid)
        if isinstance(latest, GpuError):
            raise GpuError(latest.uuid, latest.failure, latest.reason) from latest
        return latest

    def _run(self) -> None:
        next_s = self._clock.monotonic_s()
        while not self._ended.is_set():
            for device in self._devices:
                self._look(device)
            # After a hang, go on from now: looks that were missed are not made up for.
            next_s = max(next_s + self._times.period_s, self._clock.monotonic_s())
            self._ended.wait(next_s - self._clock.monotonic_s())

    def _look(self, device: GpuDevice) -> None:
        now_s = self._clock.monotonic_s()
        self._asking = (device.uuid, now_s)
        try:
            self._latest[device.uuid] = device.read(now_s)
        except GpuError as error:
            self._note(error)
        except Exception as fault:  # noqa: BLE001  # whatever it is, the next look may do better
            self._note(GpuError(device.uuid, GpuFailure.OTHER, f"{type(fault).__name__}: {fault}"), fault)
        finally:
            self._asking = None

    def _note(self, error: GpuError, fault: Exception | None = None) -> None:
        if not isinstance(self._latest.get(error.uuid), GpuError):
            log.warning("gpu_reading_failed uuid=%s reason=%s", error.uuid, error, exc_info=fault)
        self._latest[error.uuid] = error
