"""Takes in what the GPUs' counters say, and hands it to the shares of the requests and to the metrics."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import fields

from freesh_plugin.adapters.gpu_metrics import GpuMetrics
from freesh_plugin.core.gpu import GpuReading
from freesh_plugin.core.plan import Plan
from freesh_plugin.ports import Clock, GpuDevice
from freesh_plugin.runtime.energy_carbon import intensity_at
from freesh_plugin.runtime.energy_counter import EnergyCounter
from freesh_plugin.runtime.energy_shares import EnergyShares
from freesh_plugin.runtime.energy_window import EnergyWindow

_LONGEST_WAIT_S = 2.0
"""A GPU that does not answer for longer keeps no other's energy out of the metrics; nobody is told shares by then."""


class EnergyMeter:
    """Meters the GPUs of one instance. All calls are made in the event loop; none of them asks a GPU anything."""

    def __init__(self, energy: EnergyShares, metrics: GpuMetrics, clock: Clock, location: str | None) -> None:
        """`energy` gets each window; carbon needs a `location`."""
        self._energy = energy
        self._metrics = metrics
        self._clock = clock
        self._location = location
        self._counters: dict[str, EnergyCounter] = {}
        self._untold_j: dict[str, float] = {}
        self._window = EnergyWindow(0)
        self.plan: Plan | None = None
        """The plan in force, for its carbon intensity."""

    def watch(self, gpus: Sequence[GpuDevice]) -> list[GpuDevice]:
        """The same GPUs; whatever thread reads them, each reading is taken in by the running event loop."""
        self._counters = {gpu.uuid: EnergyCounter() for gpu in gpus}
        self._untold_j = dict.fromkeys(self._counters, 0.0)
        self._window = EnergyWindow(len(gpus))
        loop = asyncio.get_running_loop()

        def report(uuid: str, reading: GpuReading) -> None:
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self.take, uuid, reading)

        return [_ReportedGpu(gpu, report) for gpu in gpus]

    def take(self, uuid: str, reading: GpuReading) -> None:
        """One GPU was read. A window ends when each has been; one that does not answer makes it longer."""
        step = self._counters[uuid].take(reading)
        self._window.add(uuid, reading, step.energy_j)
        self._untold_j[uuid] += step.energy_j or 0.0
        self._metrics.integrated.labels(uuid).set(step.integrated)
        self._show(uuid, reading)
        if self._window.is_whole:
            window, self._window = self._window, EnergyWindow(len(self._counters))
            self._end(window)
        elif self._window.waits_s > _LONGEST_WAIT_S:
            self._tell(uuid)

    def _end(self, window: EnergyWindow) -> None:
        self._energy.intensity = intensity_at(self.plan, self._location, self._clock.utc_s())
        self._energy.measured(window.ended_s, window.total_j)
        clocks_mhz = [each.sm_clock_mhz for each in window.readings.values() if each.sm_clock_mhz]
        if clocks_mhz:
            self._energy.sm_clock_mhz = min(clocks_mhz)  # the slowest rank holds up the others
        for uuid in self._counters:
            self._tell(uuid)
        books = self._energy.books
        for each in fields(books):
            self._metrics.books_j.labels(each.name.removesuffix("_j")).set(getattr(books, each.name))

    def _tell(self, uuid: str) -> None:
        energy_j, self._untold_j[uuid] = self._untold_j[uuid], 0.0
        self._metrics.energy_j.labels(self._location or "default", uuid).inc(energy_j)

    def _show(self, uuid: str, reading: GpuReading) -> None:
        if reading.sm_clock_mhz is not None:
            self._metrics.sm_clock_mhz.labels(uuid).set(reading.sm_clock_mhz)
        if reading.power_w is not None:
            self._metrics.power_w.labels(uuid).set(reading.power_w)


class _ReportedGpu:
    """Implements `GpuDevice` by another one, and reports what is read."""

    def __init__(self, gpu: GpuDevice, report: Callable[[str, GpuReading], None]) -> None:
        self._gpu = gpu
        self._report = report

    @property
    def uuid(self) -> str:
        return self._gpu.uuid

    @property
    def name(self) -> str:
        return self._gpu.name

    def supported_clocks_mhz(self) -> tuple[int, ...]:
        return self._gpu.supported_clocks_mhz()

    def read(self, now_s: float) -> GpuReading:
        reading = self._gpu.read(now_s)
        self._report(self.uuid, reading)
        return reading
