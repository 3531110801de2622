"""GPUs through the real nvidia-ml-py, on the fake driver: what is told, what is not, and which error comes of what."""

import sys
from types import ModuleType

import pytest

from freesh_plugin.adapters.gpu.nvml import NvmlDriver, NvmlGpu, nvml_library
from freesh_plugin.core.errors import ConfigError
from freesh_plugin.core.gpu import ClockReason, GpuDriverError, GpuError, GpuFailure
from tests.fakes.nvml.controller import CLOCKS_MHZ, MIG_ON, MIG_UNSUPPORTED, NO_PERMISSION, UNKNOWN, FakeDriver

_INVALID_ARGUMENT = 2
_FUNCTION_NOT_FOUND, _TIMEOUT, _GPU_IS_LOST, _RESET_REQUIRED = 13, 10, 15, 16


@pytest.fixture
def gpu(fake_driver: FakeDriver) -> NvmlGpu:
    return NvmlDriver().gpu(fake_driver.uuids[1])


def test_gpus_are_found_by_uuid(fake_driver: FakeDriver) -> None:
    driver = NvmlDriver()
    assert driver.uuids() == fake_driver.uuids
    assert driver.version() == "0.fake"
    found = driver.gpu(fake_driver.uuids[1])
    assert (found.uuid, found.name) == (fake_driver.uuids[1], "Fake H100")
    driver.close()


def test_an_unknown_uuid_is_an_error(fake_driver: FakeDriver) -> None:
    with pytest.raises(GpuError, match="GPU-ffffffff"):
        NvmlDriver().gpu("GPU-ffffffff-0000-4000-8000-000000000000")


def test_clocks_are_ascending(gpu: NvmlGpu) -> None:
    assert gpu.supported_clocks_mhz() == CLOCKS_MHZ


def test_a_reading_of_a_busy_gpu(fake_driver: FakeDriver, gpu: NvmlGpu) -> None:
    fake_driver.use(1.0, 1)
    before = gpu.read(5.0)
    fake_driver.pass_time(10.0)
    after = gpu.read(15.0)
    assert before.at_s == 5.0
    assert (before.sm_clock_mhz, before.power_w, before.mig) == (1980, 660.0, False)
    assert before.energy_j is not None
    assert after.energy_j is not None
    assert after.energy_j - before.energy_j == pytest.approx(6600, rel=0.02)


def test_an_idle_gpu_says_so(gpu: NvmlGpu) -> None:
    reading = gpu.read(0.0)
    assert reading.reasons == ClockReason.IDLE
    assert reading.power_w == 70.0


def test_reasons_of_power_and_heat(fake_driver: FakeDriver, gpu: NvmlGpu) -> None:
    fake_driver.use(1.0, 1)
    fake_driver.gpus[1].limit_w = 400.0
    fake_driver.gpus[1].event_reasons = int(ClockReason.HARDWARE_SLOWDOWN)
    capped = gpu.read(0.0)
    fake_driver.gpus[1].thermal_mhz = 600
    hot = gpu.read(0.0)
    assert capped.reasons == ClockReason.POWER_CAP | ClockReason.HARDWARE_SLOWDOWN
    assert capped.power_w is not None
    assert 300 < capped.power_w <= 400
    assert ClockReason.THERMAL in hot.reasons
    assert hot.sm_clock_mhz == 600


@pytest.mark.parametrize("mode", [0, MIG_ON, MIG_UNSUPPORTED])
def test_mig(fake_driver: FakeDriver, gpu: NvmlGpu, mode: int) -> None:
    fake_driver.gpus[1].mig = mode
    assert gpu.read(0.0).mig is (mode == MIG_ON)
    assert gpu.partitioned() is (mode == MIG_ON)


def test_what_is_denied_or_unsupported_is_none(fake_driver: FakeDriver, gpu: NvmlGpu) -> None:
    fake_driver.gpus[1].reads_denied = 1
    reading = gpu.read(1.0)
    assert (reading.power_w, reading.energy_j, reading.sm_clock_mhz, reading.reasons) == (None, None, None, 0)


def test_a_gpu_without_an_energy_counter_still_tells_the_rest(fake_driver: FakeDriver, gpu: NvmlGpu) -> None:
    fake_driver.gpus[1].energy_counter = 0
    reading = gpu.read(1.0)
    assert reading.energy_j is None
    assert reading.power_w == 70.0


@pytest.mark.parametrize("fields", [0b0001, 0b0010, 0b0100, 0b1000, 0b0000])
def test_power_from_whatever_tells_it(fake_driver: FakeDriver, gpu: NvmlGpu, fields: int) -> None:
    """Without any field, the old call; without the old call, whichever field there is."""
    fake_driver.gpus[1].power_fields = fields
    if fields:
        fake_driver.fail("nvmlDeviceGetPowerUsage", _FUNCTION_NOT_FOUND)
    assert gpu.read(0.0).power_w == 70.0
    assert gpu.read(1.0).power_w == 70.0


def test_reasons_by_their_old_name(fake_driver: FakeDriver, gpu: NvmlGpu) -> None:
    """Neither name is known: no reasons, and no error."""
    fake_driver.fail("nvmlDeviceGetCurrentClocksEventReasons", _FUNCTION_NOT_FOUND)
    assert gpu.read(0.0).reasons == 0


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        (_GPU_IS_LOST, GpuFailure.LOST),
        (_RESET_REQUIRED, GpuFailure.LOST),
        (_TIMEOUT, GpuFailure.TIMED_OUT),
        (UNKNOWN, GpuFailure.OTHER),
    ],
)
def test_errors_are_ours_and_keep_their_cause(
    fake_driver: FakeDriver, gpu: NvmlGpu, code: int, failure: GpuFailure
) -> None:
    fake_driver.fail("nvmlDeviceGetClockInfo", code, times=1)
    with pytest.raises(GpuError) as caught:
        gpu.read(0.0)
    assert (caught.value.uuid, caught.value.failure) == (fake_driver.uuids[1], failure)
    assert caught.value.__cause__ is not None
    assert gpu.read(0.0).sm_clock_mhz == 210


def test_a_lost_gpu_is_lost(fake_driver: FakeDriver, gpu: NvmlGpu) -> None:
    fake_driver.gpus[1].lost = 1
    with pytest.raises(GpuError, match="lost"):
        gpu.read(0.0)
    with pytest.raises(GpuError, match="lost"):
        gpu.supported_clocks_mhz()


def test_a_lock_outlives_this_driver_and_reset_ends_it(fake_driver: FakeDriver, gpu: NvmlGpu) -> None:
    gpu.lock(210, 1110)
    fake_driver.use(1.0, 1)
    assert gpu.read(0.0).sm_clock_mhz == 1110
    assert fake_driver.locks() == [None, (210, 1110)]
    gpu.reset()
    assert fake_driver.locks() == [None, None]


@pytest.mark.parametrize("range_mhz", [(1110, 210), (0, 1110), (210, 3000)])
def test_a_lock_that_cannot_be(gpu: NvmlGpu, fake_driver: FakeDriver, range_mhz: tuple[int, int]) -> None:
    with pytest.raises(GpuError, match="Invalid"):
        gpu.lock(*range_mhz)
    assert fake_driver.locks() == [None, None]


def test_setting_needs_root(fake_driver: FakeDriver, gpu: NvmlGpu) -> None:
    fake_driver.state.root = 0
    with pytest.raises(GpuError) as locking:
        gpu.lock(210, 1110)
    with pytest.raises(GpuError) as resetting:
        gpu.reset()
    assert (locking.value.failure, resetting.value.failure) == (GpuFailure.NO_PERMISSION,) * 2


def test_a_clock_takes_time_to_follow_its_lock(fake_driver: FakeDriver, gpu: NvmlGpu) -> None:
    fake_driver.use(1.0, 1)
    gpu.read(0.0)
    fake_driver.state.switch_delay_s = 100.0
    gpu.lock(210, 1110)
    assert gpu.read(0.0).sm_clock_mhz == 1980
    fake_driver.pass_time(101.0)
    assert gpu.read(0.0).sm_clock_mhz == 1110


def test_without_a_driver(fake_driver: FakeDriver) -> None:
    fake_driver.state.driver_loaded = 0
    with pytest.raises(GpuDriverError, match="no NVIDIA driver here"):
        NvmlDriver()


def test_a_driver_that_fails_as_a_whole(fake_driver: FakeDriver) -> None:
    driver = NvmlDriver()
    driver.close()
    with pytest.raises(GpuDriverError, match="fails"):
        driver.uuids()


def test_a_gpu_that_does_not_tell_its_uuid_hides_no_other(fake_driver: FakeDriver) -> None:
    fake_driver.gpus[0].lost = 1
    lost, there = NvmlDriver().listed()
    assert isinstance(lost, GpuError)
    assert (lost.uuid, lost.failure) == ("of index 0", GpuFailure.LOST)
    assert NvmlDriver().uuids() == (there,) == fake_driver.uuids[1:]


def test_another_package_of_that_name_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    other = ModuleType("pynvml")
    other.__file__ = "/somewhere/pynvml.py"
    monkeypatch.setitem(sys.modules, "pynvml", other)
    with pytest.raises(ConfigError, match=r"/somewhere/pynvml\.py is not nvidia-ml-py"):
        nvml_library()


def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    with pytest.raises(ConfigError, match=r"freesh-plugin\[nvml\]"):
        nvml_library()


def test_no_permission_for_one_number_does_not_hide_the_others(fake_driver: FakeDriver, gpu: NvmlGpu) -> None:
    fake_driver.fail("nvmlDeviceGetTotalEnergyConsumption", NO_PERMISSION)
    reading = gpu.read(0.0)
    assert (reading.energy_j, reading.sm_clock_mhz) == (None, 210)


@pytest.mark.parametrize(
    "call",
    [
        "nvmlDeviceGetTotalEnergyConsumption",
        "nvmlDeviceGetFieldValues",
        "nvmlDeviceGetPowerUsage",
        "nvmlDeviceGetCurrentClocksEventReasons",
        "nvmlDeviceGetMigMode",
    ],
)
@pytest.mark.parametrize("code", [UNKNOWN, _INVALID_ARGUMENT])
def test_one_number_that_fails_oddly_does_not_hide_the_others(
    fake_driver: FakeDriver, gpu: NvmlGpu, call: str, code: int
) -> None:
    fake_driver.fail(call, code)
    assert gpu.read(0.0).sm_clock_mhz == 210


def test_whether_a_gpu_is_partitioned_must_be_known_before_its_clock_is_set(
    fake_driver: FakeDriver, gpu: NvmlGpu
) -> None:
    fake_driver.fail("nvmlDeviceGetMigMode", UNKNOWN)
    with pytest.raises(GpuError, match="Unknown"):
        gpu.partitioned()


def test_a_gpu_without_memory_clocks_has_no_clocks(gpu: NvmlGpu, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvml_library(), "nvmlDeviceGetSupportedMemoryClocks", lambda handle: [])
    assert gpu.supported_clocks_mhz() == ()
