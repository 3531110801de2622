"""What the metrics say of the counters when a GPU does not answer, or its counter makes no sense."""

import asyncio
from collections.abc import Callable

import pytest
from prometheus_client import CollectorRegistry

from freesh_plugin.adapters.gpu_metrics import GpuMetrics
from freesh_plugin.core.gpu import GpuReading
from freesh_plugin.runtime.energy_shares import EnergyShares, Joining
from freesh_plugin.runtime.energy_weights import ASSUMED_WEIGHTS
from freesh_plugin.services.energy_meter import EnergyMeter
from tests.fakes.clock import FakeClock
from tests.fakes.gpus import FakeGpu

PERIOD_S, POWER_W = 0.25, 100.0


class Metered:
    """Two GPUs of 100 W, read as the test wants it."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.energy = EnergyShares(ASSUMED_WEIGHTS)
        self.meter = EnergyMeter(self.energy, GpuMetrics(self.registry), FakeClock(0.0), "here")
        self.meter.watch([FakeGpu("a"), FakeGpu("b")])

    def read(self, first: int, last: int, *uuids: str) -> None:
        """Looks number `first` to before `last`, a period apart."""
        for look in range(first, last):
            for uuid in uuids:
                at_s = look * PERIOD_S
                self.meter.take(uuid, GpuReading(at_s, POWER_W, POWER_W * at_s, 1980))

    def energy_j(self, uuid: str) -> float:
        return self.registry.get_sample_value("freesh_energy_joules_total", {"location": "here", "gpu": uuid}) or 0.0


def metered(test: Callable[[Metered], None]) -> None:
    async def run() -> None:
        test(Metered())

    asyncio.run(run())


def test_a_gpu_that_is_lost_keeps_no_others_energy_from_being_counted() -> None:
    def test(gpus: Metered) -> None:
        gpus.read(0, 5, "a", "b")
        assert (gpus.energy_j("a"), gpus.energy_j("b")) == (100.0, 100.0)
        gpus.read(5, 405, "a")
        assert gpus.energy_j("a") == pytest.approx(404 * PERIOD_S * POWER_W)
        assert gpus.energy_j("b") == 100.0
        gpus.read(405, 406, "a", "b")
        total_j = 405 * PERIOD_S * POWER_W
        assert [gpus.energy_j("a"), gpus.energy_j("b")] == pytest.approx([total_j, total_j])
        assert gpus.energy.books.measured_j == pytest.approx(2 * total_j)

    metered(test)


def test_a_counter_that_makes_no_sense_is_told_to_nobody() -> None:
    def test(gpus: Metered) -> None:
        gpus.read(0, 5, "a", "b")
        gpus.energy.begin(1.1, [Joining(1, 10, 10, 10)])
        gpus.energy.end(1.2)
        gpus.read(5, 6, "a")
        gpus.meter.take("b", GpuReading(1.25, POWER_W, 2.0**64 / 1000, 1980))
        assert gpus.energy.close(1) is None
        assert gpus.energy_j("b") == 100.0
        gpus.read(6, 9, "a", "b")
        assert gpus.energy_j("b") == pytest.approx(150.0)

    metered(test)
