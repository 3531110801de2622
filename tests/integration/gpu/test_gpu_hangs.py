"""Calls of the driver that hang: whoever asked is told, fresh processes free, and one hung GPU holds no other."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from freesh_plugin.adapters.gpu.helper_client import HelperClient, Patience, service_helper
from freesh_plugin.core.gpu import GpuError, GpuFailure
from tests.fakes.nvml.controller import FakeDriver
from tests.fakes.nvml.crashes import processes_of
from tests.fakes.nvml.helpers import FREE, ROOT, leases, own_helper, service
from tests.fakes.router_process import wait_until

SET, RESET = "nvmlDeviceSetGpuLockedClocks", "nvmlDeviceResetGpuLockedClocks"
BRIEF = Patience(former_s=0.1, end_s=0.2)


def test_a_call_that_hangs_is_told_and_another_process_frees(fake_driver: FakeDriver, run_dir: Path) -> None:
    with own_helper(run_dir) as clocks:
        clocks.limit_sm_clock_mhz(fake_driver.uuids, 1110)
        fake_driver.fail(SET, hang_s=3600, gpu=1, times=1, after=True)
        with pytest.raises(GpuError) as caught:
            clocks.limit_sm_clock_mhz(fake_driver.uuids, 1605)
        assert caught.value.failure is GpuFailure.TIMED_OUT
        wait_until(lambda: fake_driver.locks() == FREE and leases(run_dir) == [])


def test_one_gpu_that_hangs_holds_no_other_and_is_freed_once_it_answers(fake_driver: FakeDriver, run_dir: Path) -> None:
    with own_helper(run_dir, patience=BRIEF) as clocks:
        clocks.limit_sm_clock_mhz(fake_driver.uuids, 1110)
        fake_driver.fail(RESET, hang_s=3600, gpu=0)
    wait_until(lambda: fake_driver.locks() == [(210, 1110), None] and leases(run_dir) == [fake_driver.uuids[0]])
    with own_helper(run_dir) as clocks:
        clocks.limit_sm_clock_mhz(fake_driver.uuids[1:], 1605)
        with pytest.raises(GpuError) as caught:
            clocks.limit_sm_clock_mhz(fake_driver.uuids, 1605)
        assert caught.value.failure is GpuFailure.HELD
    fake_driver.heal()
    wait_until(lambda: processes_of(run_dir) == [])
    assert (fake_driver.locks(), leases(run_dir)) == (FREE, [])


def test_a_helper_that_waits_for_the_driver_ends_when_told_and_leaves_the_leases(
    fake_driver: FakeDriver, run_dir: Path
) -> None:
    with own_helper(run_dir, patience=BRIEF) as clocks:
        clocks.limit_sm_clock_mhz(fake_driver.uuids, 1110)
        fake_driver.fail(SET, hang_s=3600)
        fake_driver.fail(RESET, hang_s=3600)
        with pytest.raises(GpuError):
            clocks.limit_sm_clock_mhz(fake_driver.uuids, 1605)
    for helper in processes_of(run_dir):
        helper.terminate()
    wait_until(lambda: processes_of(run_dir) == [])
    assert leases(run_dir) == sorted(fake_driver.uuids)
    fake_driver.heal()
    with own_helper(run_dir) as clocks:
        clocks.open()
        assert (fake_driver.locks(), leases(run_dir)) == (FREE, [])


def test_reset_frees_the_gpus_that_answer(fake_driver: FakeDriver, run_dir: Path) -> None:
    for gpu in fake_driver.gpus:
        gpu.lock_min_mhz, gpu.lock_max_mhz = 210, 600
    fake_driver.fail(RESET, hang_s=3600, gpu=0)
    command = [sys.executable, "-m", "freesh_plugin.main", "gpu", "reset", "--json", "--run-dir", str(run_dir)]
    done = subprocess.run([*command, *fake_driver.uuids], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert json.loads(done.stdout) == {
        fake_driver.uuids[0]: "timed out: no answer within 0.75 s",
        fake_driver.uuids[1]: None,
    }
    assert fake_driver.locks() == [(210, 600), None]


def test_a_service_that_hangs_makes_room_for_the_next_and_leaves_it_its_socket(
    fake_driver: FakeDriver, run_dir: Path
) -> None:
    with service(run_dir) as first:
        clocks = HelperClient(service_helper(run_dir / "gpu.sock"))
        clocks.limit_sm_clock_mhz(fake_driver.uuids, 1110)
        fake_driver.fail(SET, times=1, hang_s=3600, after=True)
        fake_driver.fail("nvmlDeviceGetName", times=2, hang_s=3600)  # in the processes that free
        with pytest.raises(GpuError):
            clocks.limit_sm_clock_mhz(fake_driver.uuids, 1605)
        wait_until(lambda: fake_driver.state.faults[1].remaining == 0)
        with service(run_dir) as second:
            assert first.wait() == 3
            assert (run_dir / "gpu.sock").exists()
            assert second.poll() is None
            wait_until(lambda: fake_driver.locks() == FREE and leases(run_dir) == [])
        clocks.close()
