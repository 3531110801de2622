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
from freesh_plugin.runtime.energy_counter import EnergyCounters, EnergyWindow
from freesh_plugin.runtime.energy_shares import EnergyShares


class EnergyMeter:
    """Meters the GPUs of one instance. All calls are made in the event loop; none of them asks a GPU anything."""

    def __init__(self, energy: EnergyShares, metrics: GpuMetrics, clock: Clock, location: str | None) -> None:
        """`energy` gets each window; carbon needs a `location`."""
        self._energy = energy
        self._metrics = metrics
        self._clock = clock
        self._location = location
        self._counters = EnergyCounters()
        self._uuids: tuple[str, ...] = ()
        self._fresh: dict[str, GpuReading] = {}
        self.plan: Plan | None = None
        """The plan in force, for its carbon intensity."""

    def watch(self, gpus: Sequence[GpuDevice]) -> list[GpuDevice]:
        """The same GPUs; whatever thread reads them, each reading is taken in by the running event loop."""
        self._uuids, self._fresh = tuple(gpu.uuid for gpu in gpus), {}
        loop = asyncio.get_running_loop()

        def report(uuid: str, reading: GpuReading) -> None:
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self.take, uuid, reading)

        return [_ReportedGpu(gpu, report) for gpu in gpus]

    def take(self, uuid: str, reading: GpuReading) -> None:
        """One GPU was read. A window ends when each has been; one that does not answer makes it longer."""
        self._fresh[uuid] = reading
        self._show(uuid, reading)
        if len(self._fresh) < len(self._uuids):
            return
        readings, self._fresh = [self._fresh[each] for each in self._uuids], {}
        self._end_window(self._counters.take(readings), readings)

    def _end_window(self, window: EnergyWindow, readings: Sequence[GpuReading]) -> None:
        self._energy.intensity = intensity_at(self.plan, self._location, self._clock.utc_s())
        self._energy.measured(window.ended_s, window.total_j)
        clocks_mhz = [each.sm_clock_mhz for each in readings if each.sm_clock_mhz]
        if clocks_mhz:
            self._energy.sm_clock_mhz = min(clocks_mhz)  # the slowest rank holds up the others
        for uuid, energy_j, integrated in zip(self._uuids, window.energy_j, window.integrated, strict=True):
            self._metrics.integrated.labels(uuid).set(integrated)
            self._metrics.energy_j.labels(self._location or "default", uuid).inc(energy_j or 0.0)
        books = self._energy.books
        for each in fields(books):
            self._metrics.books_j.labels(each.name.removesuffix("_j")).set(getattr(books, each.name))

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
