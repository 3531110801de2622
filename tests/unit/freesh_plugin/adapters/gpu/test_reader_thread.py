"""The thread that looks at GPUs: what it saw is there at once, and a driver that hangs stops nobody else."""

import threading
import time

import pytest

from freesh_plugin.adapters.clock import SystemClock
from freesh_plugin.adapters.gpu.nvml import NvmlDriver
from freesh_plugin.adapters.gpu.reader_thread import GpuReaderThread, ReadingTimes
from freesh_plugin.core.gpu import GpuError, GpuFailure, GpuReading
from tests.fakes.clock import FakeClock
from tests.fakes.nvml.controller import FakeDriver

QUICK = ReadingTimes(period_s=0.01, deadline_s=1.0)
WAIT_S = 60.0


class OneGpu:
    """Implements `GpuDevice`; each look waits for leave, and may fail."""

    uuid = "GPU-00000001"
    name = "one"

    def __init__(self) -> None:
        self.may_look = threading.Event()
        self.asked = threading.Event()
        self.error: Exception | None = None

    def supported_clocks_mhz(self) -> tuple[int, ...]:
        return (210, 1980)

    def read(self, now_s: float) -> GpuReading:
        self.asked.set()
        assert self.may_look.wait(WAIT_S)
        if self.error is not None:
            raise self.error
        return GpuReading(now_s, 100.0, 5.0, 210)


def wait_for(reader: GpuReaderThread, failure: GpuFailure | None, uuid: str = OneGpu.uuid) -> GpuReading | None:
    end_s = time.monotonic() + WAIT_S
    while time.monotonic() < end_s:
        try:
            reading = reader.latest(uuid)
            if failure is None and reading is not None:
                return reading
        except GpuError as error:
            if error.failure is failure:
                return None
        time.sleep(0.005)
    raise AssertionError(f"never saw {failure}")


def test_before_the_first_look_there_is_nothing() -> None:
    gpu = OneGpu()
    reader = GpuReaderThread([gpu], FakeClock(7.0), QUICK)
    assert reader.latest(gpu.uuid) is None
    assert reader.devices == (gpu,)


def test_a_look_that_hangs_is_an_error_at_once_and_ends_with_an_answer() -> None:
    gpu, clock = OneGpu(), FakeClock(7.0)
    with GpuReaderThread([gpu], clock, QUICK).running() as reader:
        assert gpu.asked.wait(WAIT_S)
        assert reader.latest(gpu.uuid) is None
        clock.now_s += 1.5
        with pytest.raises(GpuError, match=r"no answer for 1\.5 s") as caught:
            reader.latest(gpu.uuid)
        assert caught.value.failure is GpuFailure.TIMED_OUT
        gpu.may_look.set()
        assert wait_for(reader, None) is not None


def test_the_last_look_failed_until_one_does_not() -> None:
    gpu = OneGpu()
    gpu.error = GpuError(gpu.uuid, GpuFailure.LOST, "gone")
    gpu.may_look.set()
    with GpuReaderThread([gpu], SystemClock(), QUICK).running() as reader:
        wait_for(reader, GpuFailure.LOST)
        gpu.error = None
        reading = wait_for(reader, None)
    assert reading is not None
    assert reading.power_w == 100.0


def test_a_fault_that_nobody_thought_of_is_an_error_of_that_gpu_and_the_next_look_comes() -> None:
    gpu = OneGpu()
    gpu.error = ValueError("garbage from the driver")
    gpu.may_look.set()
    with GpuReaderThread([gpu], SystemClock(), QUICK).running() as reader:
        wait_for(reader, GpuFailure.OTHER)
        with pytest.raises(GpuError, match="ValueError: garbage from the driver"):
            reader.latest(gpu.uuid)
        gpu.error = None
        assert wait_for(reader, None) is not None


def test_on_a_driver_that_hangs(fake_driver: FakeDriver) -> None:
    uuid = fake_driver.uuids[0]
    times = ReadingTimes(period_s=0.01, deadline_s=0.2)
    with GpuReaderThread([NvmlDriver().gpu(uuid)], SystemClock(), times).running() as reader:
        assert wait_for(reader, None, uuid) is not None
        fake_driver.fail("nvmlDeviceGetClockInfo", hang_s=3600)
        wait_for(reader, GpuFailure.TIMED_OUT, uuid)
        fake_driver.heal()
        assert wait_for(reader, None, uuid) is not None
