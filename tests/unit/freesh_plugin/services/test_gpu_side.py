"""The router's side of GPUs: found while requests are served, metered, let go; it holds nobody up."""

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from freesh_plugin.adapters.clock import SystemClock
from freesh_plugin.adapters.gpu.simulated import board_path
from freesh_plugin.adapters.gpu.simulated_board import SimulatedBoard
from freesh_plugin.adapters.router_metrics import RouterMetrics
from freesh_plugin.config import PluginConfig
from freesh_plugin.core.errors import ConfigError
from freesh_plugin.core.gpu import GpuFailure
from freesh_plugin.runtime.energy_shares import Joining
from freesh_plugin.services.governor_loop import EngineLoad
from freesh_plugin.services.gpu_side import GpuSide
from freesh_plugin.services.gpus import Gpus, OpenGpus, open_gpus
from tests.fakes.gpus import FakeClocks, FakeGpu


class Side:
    """A side over fakes, and what it counts."""

    def __init__(self, opened: OpenGpus, **settings: str) -> None:
        env = {"HOME": "/nonexistent", "FREESH_GPU": "simulated", "FREESH_LOCATION": "here", **settings}
        self.metrics = RouterMetrics()
        self.gpus = GpuSide(
            PluginConfig.from_env(env), SystemClock(), self.metrics.gpu, lambda: EngineLoad(0, 0), opened
        )

    def energy_j(self, uuid: str) -> float:
        line = f'freesh_energy_joules_total{{gpu="{uuid}",location="here"}} '
        found = [each for each in self.metrics.text().decode().splitlines() if each.startswith(line)]
        return float(found[0].removeprefix(line)) if found else 0.0


async def until(so: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not so():
            await asyncio.sleep(0.01)


def opened(*gpus: FakeGpu, close: Callable[[], None] = lambda: None) -> OpenGpus:
    return lambda config, ranks: Gpus(gpus, None, close)


def test_gpus_are_metered_and_let_go() -> None:
    first, second, closed = FakeGpu("GPU-a"), FakeGpu("GPU-b"), threading.Event()

    async def run() -> None:
        side = Side(opened(first, second, close=closed.set))
        side.gpus.start(2)
        await until(lambda: side.energy_j("GPU-a") > 0 and side.energy_j("GPU-b") > 0)
        energy = side.gpus.energy
        began_s = time.monotonic()
        energy.begin(began_s, [Joining(1, 10, 10, 10)])
        await until(lambda: energy.rate.scale is not None)
        energy.end(time.monotonic())
        taken = energy.close(1)
        assert taken is not None
        assert 0 < taken.energy_j < 2 * 200 * (time.monotonic() - began_s)
        await side.gpus.close()
        assert threading.get_ident() not in first.threads | second.threads

    asyncio.run(run())
    assert closed.is_set()


def test_a_gpu_that_does_not_answer_makes_the_window_longer_and_loses_nothing() -> None:
    first, second = FakeGpu("GPU-a"), FakeGpu("GPU-b")

    async def run() -> None:
        side = Side(opened(first, second))
        side.gpus.start(2)
        await until(lambda: side.energy_j("GPU-b") > 0)
        second.failure = GpuFailure.TIMED_OUT
        await asyncio.sleep(0.6)
        silent_j = side.energy_j("GPU-b")
        second.failure = None
        await until(lambda: side.energy_j("GPU-b") >= silent_j + 50)  # over half a second at 100 W
        books = side.gpus.energy.books
        assert books.measured_j == pytest.approx(side.energy_j("GPU-a") + side.energy_j("GPU-b"))
        await side.gpus.close()

    asyncio.run(run())


def test_where_another_sets_the_clock_it_goes_on_observing(tmp_path: Path) -> None:
    boards = tmp_path / "gpu"
    other = SimulatedBoard(board_path(boards, 0))
    other.limit(1200)

    async def run() -> None:
        side = Side(open_gpus, FREESH_GOVERNOR="miad", FREESH_SIMULATED_GPUS=str(boards))
        side.gpus.start(1)
        await until(lambda: 'governor_mode{mode="observe"} 1' in side.metrics.text().decode())
        text, before_j = side.metrics.text().decode(), side.energy_j("GPU-simulated-0")
        assert 'freesh_governor_ticks_total{reason="held by another"}' in text
        await until(lambda: side.energy_j("GPU-simulated-0") > before_j)
        await side.gpus.close()

    asyncio.run(run())
    assert other.clock_mhz() == 1200


PROFILE = Path(__file__).parents[4] / "freesh_plugin" / "data" / "h100-llama-3-8b-tp1.json"


@pytest.mark.parametrize(("settings", "floor_mhz"), [({}, 990), ({"FREESH_CLOCK_FLOOR_MHZ": "1200"}, 1200)])
def test_the_floor_is_the_profiles_unless_stated(settings: dict[str, str], floor_mhz: int) -> None:
    clocks = FakeClocks()

    def governed(config: PluginConfig, ranks: int) -> Gpus:
        gpu = FakeGpu(clocks=clocks)
        return Gpus((gpu,), clocks, supported_mhz=gpu.supported_clocks_mhz())

    async def run() -> None:
        side = Side(governed, FREESH_GOVERNOR="hysteresis", FREESH_PROFILE=str(PROFILE), **settings)
        side.gpus.start(1)
        await until(lambda: len(clocks.told) > 1)  # the ceiling first, and nothing is late
        await side.gpus.close()

    asyncio.run(run())
    assert clocks.told[:2] == [1980, floor_mhz]


def test_a_profile_that_is_none_keeps_it_from_starting(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"FREESH_PROFILE: .*cannot be read"):
        Side(refuses, FREESH_PROFILE=str(tmp_path / "nowhere.json"))


def refuses(config: PluginConfig, ranks: int) -> Gpus:
    raise ConfigError("there are 8 GPUs for 1 ranks")


def hangs(config: PluginConfig, ranks: int) -> Gpus:
    threading.Event().wait(5)
    return Gpus(())


def breaks(config: PluginConfig, ranks: int) -> Gpus:
    raise ValueError("mmap length is greater than file size")


def test_a_fault_that_nobody_thought_of_is_heard_of(caplog: pytest.LogCaptureFixture) -> None:
    class Blank(FakeGpu):
        @property
        def name(self) -> str:
            raise ZeroDivisionError

        @name.setter
        def name(self, name: str) -> None:
            pass

    async def run(opening: OpenGpus, event: str) -> None:
        side = Side(opening)
        side.gpus.start(1)
        await until(lambda: event in caplog.text)
        await side.gpus.close()

    asyncio.run(run(breaks, "no_gpus"))
    asyncio.run(run(opened(Blank()), "gpus_lost"))
    assert "ValueError: mmap length" in caplog.text
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("opening", [refuses, hangs])
def test_without_gpus_it_ends_as_quietly(opening: OpenGpus) -> None:
    async def run() -> None:
        side = Side(opening)
        side.gpus.start(1)
        await asyncio.sleep(0.05)
        await asyncio.wait_for(side.gpus.close(), 2)
        assert side.gpus.energy.close(1) is None

    asyncio.run(run())


def test_nothing_is_opened_unless_switched_on() -> None:
    async def run() -> None:
        side = Side(refuses, FREESH_GPU="none")
        side.gpus.start(1)
        await side.gpus.close()

    asyncio.run(run())


def test_settings_of_gpus_are_checked() -> None:
    for key, value in {
        "FREESH_GPU": "amd",
        "FREESH_GOVERNOR": "fast",
        "FREESH_GPU_UUIDS": "0,1",
        "FREESH_CLOCK_FLOOR_MHZ": "0",
        "FREESH_TBT_SLO_S": "0",
    }.items():
        with pytest.raises(ConfigError, match=key):
            PluginConfig.from_env({"HOME": "/nonexistent", key: value})
    with pytest.raises(ConfigError, match="named twice"):
        PluginConfig.from_env({"HOME": "/nonexistent", "FREESH_GPU_UUIDS": "GPU-1, GPU-1"})
    config = PluginConfig.from_env({"HOME": "/nonexistent", "FREESH_GPU_UUIDS": "GPU-1, GPU-2"})
    assert (config.gpu_uuids, config.gpu, config.governor) == (("GPU-1", "GPU-2"), "none", "observe")
