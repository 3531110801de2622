"""The governor's loop: what it tells and has set, in which thread, and what is left when anything in it fails."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise

import pytest
from prometheus_client import CollectorRegistry

from freesh_plugin.adapters.clock import SystemClock
from freesh_plugin.adapters.gpu.reader_thread import GpuReaderThread, ReadingTimes
from freesh_plugin.adapters.gpu_metrics import GpuMetrics
from freesh_plugin.core.generation import Token, TokensEvent
from freesh_plugin.core.gpu import GpuError, GpuFailure
from freesh_plugin.core.plan import ClockBounds, Slo
from freesh_plugin.runtime.governor import Governor
from freesh_plugin.runtime.governor_settings import GovernorMode, GovernorSettings
from freesh_plugin.runtime.governor_signals import AnswerDue, ClockDecision, Dues, GovernorSignals
from freesh_plugin.runtime.token_times import TokenTimes
from freesh_plugin.services.governor_loop import EngineLoad, GovernorLoop
from tests.fakes.gpus import FakeClocks, FakeGpu

TICK_S = 0.02
SETTINGS = GovernorSettings(
    tick_s=TICK_S, window_s=0.2, idle_s=0.1, overrun_s=5.0, stale_ticks=200, dwell_ticks=0, floor_mhz=1110
)
SLO = Slo(latency_s=0.0, ttft_s=1.0, tbt_s=0.1)


class Governed:
    """A loop over fakes; `load` is what the engine does."""

    def __init__(
        self, clocks: FakeClocks, governor: Governor | None = None, mode: GovernorMode = GovernorMode.MIAD
    ) -> None:
        self.clocks = clocks
        self.gpu = FakeGpu(clocks=clocks)
        self.times = TokenTimes()
        self.load = EngineLoad(0, 0)
        self.registry = CollectorRegistry()
        settings = GovernorSettings(**{**{name: getattr(SETTINGS, name) for name in SETTINGS.__slots__}, "mode": mode})
        self.reader = GpuReaderThread([self.gpu], SystemClock(), ReadingTimes(0.01, 1.0))
        self.loop = GovernorLoop(
            governor or Governor(settings, self.gpu.supported_clocks_mhz()),
            self.reader,
            clocks,
            lambda: self.load,
            self.times,
            SystemClock(),
            GpuMetrics(self.registry),
            TICK_S,
            hung_s=0.2,
        )
        self.gpu.threads.clear()
        self.loop.adopt(SLO, ClockBounds())

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)

    @contextmanager
    def running(self) -> Iterator["asyncio.Task[None]"]:
        with self.reader.running():
            task = asyncio.create_task(self.loop.run())
            yield task
            task.cancel()


async def until(so: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not so():
            await asyncio.sleep(0.01)


def test_the_clock_is_at_the_floor_when_idle_and_goes_up_under_load() -> None:
    async def run() -> None:
        governed = Governed(FakeClocks())
        with governed.running():
            await until(lambda: governed.clocks.held_mhz == 1110)
            assert governed.value("freesh_governor_mode", mode="miad") == 1
            governed.load = EngineLoad(1, 0)
            governed.times.arrived(1, 0.0)
            for number in range(200):
                governed.times.told([TokensEvent(1, [Token(1, "a", 0.0)])], number * 0.3)
            await until(lambda: governed.clocks.held_mhz == 1980)
            await until(lambda: governed.value("freesh_governor_target_mhz") == 1980)
            governed.load = EngineLoad(0, 0)
            governed.times.rest()
            await until(lambda: governed.clocks.held_mhz == 1110)
            await governed.loop.release()
        assert governed.clocks.held_mhz is None

    asyncio.run(run())


def test_answers_that_are_due_take_the_clock_up() -> None:
    async def run() -> None:
        governed = Governed(FakeClocks())
        with governed.running():
            await until(lambda: governed.clocks.held_mhz == 1110)
            governed.load = EngineLoad(1, 0, Dues((AnswerDue(age_s=20.0, left_s=10.0, tokens=400.0),)))
            governed.times.arrived(1, 0.0)
            for number in range(200):
                governed.times.told([TokensEvent(1, [Token(1, "a", 0.0)])], number * 0.03)
            await until(lambda: 1605 in governed.clocks.told)  # 12 s to go in 10: 1,110 · 1.2²
            await governed.loop.release()

    asyncio.run(run())


def test_no_gpu_is_asked_or_told_anything_on_the_event_loop() -> None:
    async def run() -> None:
        governed = Governed(FakeClocks())
        with governed.running():
            await until(lambda: governed.clocks.held_mhz == 1110)
            await governed.loop.release()
        assert governed.gpu.threads
        assert threading.get_ident() not in governed.gpu.threads | governed.clocks.threads

    asyncio.run(run())


def test_a_clock_is_set_when_the_target_changes_and_never_else() -> None:
    async def run() -> None:
        governed = Governed(FakeClocks())
        with governed.running():
            await until(lambda: (governed.value("freesh_governor_ticks_total", reason="idle") or 0) > 10)
        told = governed.clocks.told
        assert all(earlier != later for earlier, later in pairwise(told))

    asyncio.run(run())


def test_who_only_observes_sets_nothing() -> None:
    async def run() -> None:
        governed = Governed(FakeClocks(), mode=GovernorMode.OBSERVE)
        with governed.running():
            await until(lambda: (governed.value("freesh_governor_ticks_total", reason="observing") or 0) > 5)
            assert governed.value("freesh_governor_mode", mode="observe") == 1
            await governed.loop.release()
        assert governed.clocks.told == []

    asyncio.run(run())


def test_without_permission_it_observes() -> None:
    def refuse() -> None:
        raise GpuError("GPU-fake-0", GpuFailure.NO_PERMISSION, "not root")

    async def run() -> None:
        governed = Governed(FakeClocks(before=refuse))
        with governed.running() as task:
            await until(lambda: governed.value("freesh_governor_mode", mode="observe") == 1)
            assert not task.done()
        assert [each for each in governed.clocks.told if each is not None] == []

    asyncio.run(run())


class Broken(Governor):
    """Works for some ticks, then does what the test wants."""

    def __init__(self, then: Callable[[], None]) -> None:
        super().__init__(SETTINGS, tuple(range(210, 1981, 15)))
        self._then = then
        self._left = 8

    def tick(self, now_s: float, signals: GovernorSignals) -> ClockDecision:
        self._left -= 1
        if self._left < 0:
            self._then()
        return super().tick(now_s, signals)


def raises() -> None:
    raise ZeroDivisionError


WOKE = threading.Event()


def hangs() -> None:
    threading.Event().wait(0.6)
    WOKE.set()


@pytest.mark.parametrize("fault", [raises, hangs])
def test_a_governor_that_fails_gives_the_clocks_back_and_is_heard_of(
    fault: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        governed = Governed(FakeClocks(), Broken(fault))
        with governed.running() as task:
            await asyncio.wait_for(task, 20)
            if fault is hangs:
                await until(WOKE.is_set)
                await asyncio.sleep(0.05)  # what it decides now must not be done
        assert [each for each in governed.clocks.told if each is not None], "it had set a clock before"
        assert governed.clocks.held_mhz is None
        assert governed.value("freesh_governor_mode", mode="lost") == 1
        assert governed.value("freesh_governor_alarms_total", reason="governor lost") == 1

    asyncio.run(run())
    assert "governor_lost" in caplog.text


def test_a_gpu_that_is_lost_raises_an_alarm() -> None:
    async def run() -> None:
        governed = Governed(FakeClocks())
        with governed.running():
            await until(lambda: governed.clocks.held_mhz is not None)
            governed.gpu.failure = GpuFailure.LOST
            await until(lambda: (governed.value("freesh_governor_alarms_total", reason="gpu lost") or 0) == 1)
            assert governed.value("freesh_governor_mode", mode="observe") == 1

    asyncio.run(run())
