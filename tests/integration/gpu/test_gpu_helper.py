"""The helper process, as a child, through the real nvidia-ml-py on the fake driver."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from freesh_plugin.adapters.gpu.helper_client import HelperClient, Patience
from freesh_plugin.adapters.gpu.helper_link import Link
from freesh_plugin.core.gpu import GpuError, GpuFailure
from freesh_plugin.services.gpu_helper import NOT_FREED, HelperSettings, run_helper
from tests.fakes.nvml.controller import MIG_ON, UNKNOWN, FakeDriver
from tests.fakes.nvml.crashes import processes_of
from tests.fakes.nvml.helpers import FREE, ROOT, leases, own_helper
from tests.fakes.router_process import wait_until

RESET = "nvmlDeviceResetGpuLockedClocks"
QUICK = Patience(retry_s=0.1)


def test_a_child_sets_and_frees(fake_driver: FakeDriver, run_dir: Path) -> None:
    with own_helper(run_dir) as clocks:
        clocks.open()
        clocks.limit_sm_clock_mhz(fake_driver.uuids, 1110)
        assert fake_driver.locks() == [(210, 1110)] * 2
        assert leases(run_dir) == sorted(fake_driver.uuids)
        clocks.release(fake_driver.uuids[:1])
        assert fake_driver.locks() == [None, (210, 1110)]
    assert (fake_driver.locks(), leases(run_dir)) == (FREE, [])
    assert processes_of(run_dir) == []


def test_a_closed_setter_is_closed(fake_driver: FakeDriver, run_dir: Path) -> None:
    with own_helper(run_dir) as clocks:
        pass
    with pytest.raises(GpuError, match="closed"):
        clocks.limit_sm_clock_mhz(fake_driver.uuids, 1110)


def test_pinned(fake_driver: FakeDriver, run_dir: Path) -> None:
    with own_helper(run_dir, pin=True) as clocks:
        clocks.limit_sm_clock_mhz(fake_driver.uuids, 1110)
        assert fake_driver.locks() == [(1110, 1110)] * 2


def test_a_refusal_is_an_error_and_the_helper_goes_on(fake_driver: FakeDriver, run_dir: Path) -> None:
    with own_helper(run_dir) as clocks:
        with pytest.raises(GpuError, match="1111 MHz is not supported"):
            clocks.limit_sm_clock_mhz(fake_driver.uuids, 1111)
        fake_driver.state.root = 0
        with pytest.raises(GpuError) as caught:
            clocks.limit_sm_clock_mhz(fake_driver.uuids, 1110)
        assert caught.value.failure is GpuFailure.NO_PERMISSION
        fake_driver.state.root = 1
        clocks.limit_sm_clock_mhz(fake_driver.uuids, 1110)
        assert fake_driver.locks() == [(210, 1110)] * 2


def test_a_partitioned_gpu_is_refused_unless_its_owner_is_the_sole_tenant(
    fake_driver: FakeDriver, run_dir: Path
) -> None:
    fake_driver.gpus[0].mig = fake_driver.gpus[1].mig = MIG_ON
    with own_helper(run_dir) as clocks:
        with pytest.raises(GpuError, match="tenant") as caught:
            clocks.limit_sm_clock_mhz(fake_driver.uuids, 1110)
        assert caught.value.failure is GpuFailure.NOT_SUPPORTED
        assert fake_driver.locks() == FREE
    with own_helper(run_dir, sole_tenant=True) as clocks:
        clocks.limit_sm_clock_mhz(fake_driver.uuids, 1110)
        assert fake_driver.locks() == [(210, 1110)] * 2
        (helper,) = processes_of(run_dir)
        helper.kill()
        wait_until(lambda: fake_driver.locks() == FREE)
        with pytest.raises(GpuError, match="given back"):
            clocks.limit_sm_clock_mhz(fake_driver.uuids, 1110)
        clocks.limit_sm_clock_mhz(fake_driver.uuids, 990)  # by the one that replaced it
        assert fake_driver.locks() == [(210, 990)] * 2
    assert fake_driver.locks() == FREE


def test_without_a_driver_a_child_says_why_and_is_gone(fake_driver: FakeDriver, run_dir: Path) -> None:
    fake_driver.state.driver_loaded = 0
    with own_helper(run_dir) as clocks, pytest.raises(GpuError, match="no NVIDIA driver here"):
        clocks.open()
    assert processes_of(run_dir) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_run_folder_that_is_not_ours(fake_driver: FakeDriver, run_dir: Path) -> None:
    run_dir.mkdir()
    os.chown(run_dir, 12_345, -1)
    with own_helper(run_dir) as clocks, pytest.raises(GpuError, match="other users"):
        clocks.open()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_helper_that_is_told_to_end_frees_first(
    fake_driver: FakeDriver, run_dir: Path, number: signal.Signals
) -> None:
    with own_helper(run_dir) as clocks:
        clocks.limit_sm_clock_mhz(fake_driver.uuids, 1110)
        (helper,) = processes_of(run_dir)
        helper.send_signal(number)
        wait_until(lambda: fake_driver.locks() == FREE and leases(run_dir) == [])
        with pytest.raises(GpuError) as caught:
            clocks.limit_sm_clock_mhz(fake_driver.uuids, 1110)
        assert caught.value.failure is GpuFailure.HELPER_GONE
        clocks.limit_sm_clock_mhz(fake_driver.uuids, 1110)
        assert fake_driver.locks() == [(210, 1110)] * 2


def test_a_helper_that_is_killed_is_replaced_though_nobody_calls(fake_driver: FakeDriver, run_dir: Path) -> None:
    with own_helper(run_dir) as clocks:
        clocks.limit_sm_clock_mhz(fake_driver.uuids, 1110)
        (helper,) = processes_of(run_dir)
        helper.kill()
        wait_until(lambda: fake_driver.locks() == FREE and leases(run_dir) == [])
        with pytest.raises(GpuError) as caught:
            clocks.limit_sm_clock_mhz(fake_driver.uuids, 1110)
        assert caught.value.failure is GpuFailure.HELPER_GONE
        clocks.limit_sm_clock_mhz(fake_driver.uuids, 1605)
        assert fake_driver.locks() == [(210, 1605)] * 2


def test_a_loss_is_told_by_the_call_that_meets_it_and_not_after_the_next_success(
    fake_driver: FakeDriver, run_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[bool] = []

    def ended_after_the_first_look(link: Link) -> bool:
        looks.append(looked(link))
        if len(looks) == 1:
            (helper,) = processes_of(run_dir, "gpu_helper")
            helper.terminate()
            wait_until(lambda: looked(link))
        return looks[-1]

    looked = Link.ended.fget  # type: ignore[attr-defined]
    with own_helper(run_dir) as clocks:
        clocks.open()
        monkeypatch.setattr(Link, "ended", property(ended_after_the_first_look))
        with pytest.raises(GpuError) as caught:
            clocks.limit_sm_clock_mhz(fake_driver.uuids, 1110)
        assert caught.value.failure is GpuFailure.HELPER_GONE
        for sm_clock_mhz in (1110, 1605):
            clocks.limit_sm_clock_mhz(fake_driver.uuids, sm_clock_mhz)
        assert fake_driver.locks() == [(210, 1605)] * 2


def test_a_clock_that_cannot_be_freed_keeps_its_helper(fake_driver: FakeDriver, run_dir: Path) -> None:
    with own_helper(run_dir, patience=Patience(end_s=0.2)) as clocks:
        clocks.limit_sm_clock_mhz(fake_driver.uuids, 1110)
        fake_driver.gpus[0].lost = 1
    wait_until(lambda: fake_driver.locks() == [(210, 1110), None])
    assert leases(run_dir) == [fake_driver.uuids[0]]
    fake_driver.gpus[0].lost = 0
    wait_until(lambda: processes_of(run_dir) == [])
    assert (fake_driver.locks(), leases(run_dir)) == (FREE, [])


def test_a_helper_that_is_ended_leaves_its_lease_to_the_next(fake_driver: FakeDriver, run_dir: Path) -> None:
    with own_helper(run_dir, patience=Patience(end_s=0.2)) as clocks:
        clocks.limit_sm_clock_mhz(fake_driver.uuids, 1110)
        fake_driver.gpus[0].lost = 1
    (helper,) = processes_of(run_dir)
    helper.terminate()
    wait_until(lambda: processes_of(run_dir) == [])
    assert (fake_driver.locks(), leases(run_dir)) == ([(210, 1110), None], [fake_driver.uuids[0]])
    fake_driver.gpus[0].lost = 0
    with own_helper(run_dir) as clocks:
        clocks.open()
        assert (fake_driver.locks(), leases(run_dir)) == (FREE, [])


def test_a_clock_that_is_not_freed_for_two_seconds_is_freed_before_the_end(
    fake_driver: FakeDriver, run_dir: Path
) -> None:
    with own_helper(run_dir) as clocks:
        clocks.limit_sm_clock_mhz(fake_driver.uuids, 1110)
        fake_driver.fail(RESET, UNKNOWN, gpu=0, times=20)
    assert (fake_driver.locks(), leases(run_dir)) == (FREE, [])


def test_a_child_without_an_owner_has_patience_and_no_more(fake_driver: FakeDriver, run_dir: Path) -> None:
    ours, theirs = socket.socketpair()
    clocks = HelperClient(lambda: Link(ours))
    fake_driver.fail(RESET, UNKNOWN)
    settings = HelperSettings(run_dir, theirs.detach(), stay_s=0.3)

    def hold_and_go() -> None:
        clocks.limit_sm_clock_mhz(fake_driver.uuids, 1110)
        clocks.close()

    asking = threading.Thread(target=hold_and_go)
    asking.start()
    assert run_helper(settings) == NOT_FREED
    asking.join()
    assert leases(run_dir) == sorted(fake_driver.uuids)


def test_helpers_are_started_until_one_is_ready_though_nobody_calls(fake_driver: FakeDriver, run_dir: Path) -> None:
    """The helper is killed while new processes get no driver."""
    with own_helper(run_dir, patience=QUICK) as clocks:
        clocks.limit_sm_clock_mhz(fake_driver.uuids, 1110)
        fake_driver.state.driver_loaded = 0
        kill_helper(run_dir)
        with pytest.raises(GpuError) as caught:
            clocks.release(fake_driver.uuids)
        assert "no NVIDIA driver" in caught.value.reason
        assert fake_driver.locks() == [(210, 1110)] * 2
        fake_driver.state.driver_loaded = 1
        wait_until(lambda: fake_driver.locks() == FREE and leases(run_dir) == [])
        kill_helper(run_dir)  # the one that came after holds nothing, but may have
        wait_until(lambda: bool(processes_of(run_dir)))
        clocks.release(fake_driver.uuids)


def test_clocks_are_released_though_the_helper_goes_while_it_is_asked(fake_driver: FakeDriver, run_dir: Path) -> None:
    with own_helper(run_dir) as clocks:
        clocks.limit_sm_clock_mhz(fake_driver.uuids, 1110)
        with killed_while_it_is_asked(run_dir):
            clocks.release(fake_driver.uuids)
        assert (fake_driver.locks(), leases(run_dir)) == (FREE, [])


def test_a_release_that_reaches_no_helper_tries_once(fake_driver: FakeDriver) -> None:
    tries: list[int] = []

    def nobody() -> Link:
        tries.append(1)
        raise ConnectionRefusedError

    with pytest.raises(GpuError) as caught:
        HelperClient(nobody).release(fake_driver.uuids)
    assert (caught.value.failure, len(tries)) == (GpuFailure.HELPER_GONE, 1)


def test_a_setter_that_is_closed_waits_for_the_helper_it_gave_up_and_frees(
    fake_driver: FakeDriver, run_dir: Path
) -> None:
    with own_helper(run_dir, patience=Patience(answer_s=1.0, retry_s=30)) as clocks:
        clocks.limit_sm_clock_mhz(fake_driver.uuids, 1110)
        with killed_while_it_is_asked(run_dir, after_s=2.0):
            with pytest.raises(GpuError) as caught:
                clocks.limit_sm_clock_mhz(fake_driver.uuids, 1605)
            assert caught.value.failure is GpuFailure.TIMED_OUT
            clocks.close()
        assert (fake_driver.locks(), leases(run_dir)) == (FREE, [])


def test_a_helper_that_was_given_up_is_not_forgotten_when_another_is_there(
    fake_driver: FakeDriver, run_dir: Path
) -> None:
    with own_helper(run_dir, patience=Patience(answer_s=1.0, former_s=0.1, retry_s=30)) as clocks:
        clocks.limit_sm_clock_mhz(fake_driver.uuids, 1110)
        with killed_while_it_is_asked(run_dir, after_s=3.0):
            with pytest.raises(GpuError):
                clocks.limit_sm_clock_mhz(fake_driver.uuids, 1605)
            clocks.open()  # another helper, beside the one that lives on and holds the leases
        clocks.close()
        assert (fake_driver.locks(), leases(run_dir)) == (FREE, [])


def test_a_setter_that_is_closed_starts_another_helper_to_free(fake_driver: FakeDriver, run_dir: Path) -> None:
    with own_helper(run_dir, patience=Patience(retry_s=30)) as clocks:
        clocks.limit_sm_clock_mhz(fake_driver.uuids, 1110)
        fake_driver.state.driver_loaded = 0
        kill_helper(run_dir)
        with pytest.raises(GpuError):
            clocks.release(fake_driver.uuids)
        fake_driver.state.driver_loaded = 1
        assert fake_driver.locks() == [(210, 1110)] * 2
    assert (fake_driver.locks(), leases(run_dir)) == (FREE, [])


def test_a_setter_that_is_closed_gives_up_in_time(fake_driver: FakeDriver, run_dir: Path) -> None:
    with own_helper(run_dir, patience=Patience(end_s=0.2, retry_s=0.1)) as clocks:
        clocks.limit_sm_clock_mhz(fake_driver.uuids, 1110)
        fake_driver.state.driver_loaded = 0
        kill_helper(run_dir)
    assert leases(run_dir) == sorted(fake_driver.uuids)


def test_nobody_who_reads_its_log_is_needed(fake_driver: FakeDriver, run_dir: Path) -> None:
    reading, writing = os.pipe()
    command = [sys.executable, "-m", "tests.fakes.nvml.owner", str(run_dir), *fake_driver.uuids]
    with subprocess.Popen(command, cwd=ROOT, stderr=writing) as owner:
        wait_until(lambda: all(fake_driver.locks()))
        fill(writing)
        owner.kill()
    wait_until(lambda: fake_driver.locks() == FREE and processes_of(run_dir) == [])
    os.close(writing)
    os.close(reading)


def fill(pipe: int) -> None:
    """Write until nothing more goes in."""
    os.set_blocking(pipe, False)
    for size in (4096, 1):
        with suppress(BlockingIOError):
            while True:
                os.write(pipe, b"x" * size)
    os.set_blocking(pipe, True)


@contextmanager
def killed_while_it_is_asked(run_dir: Path, after_s: float = 1.0) -> Iterator[None]:
    """It stops, so that it takes questions and answers none, and is killed some time later."""
    (helper,) = processes_of(run_dir)
    helper.suspend()
    killing = threading.Timer(after_s, helper.kill)
    killing.start()
    yield
    killing.join()


def kill_helper(run_dir: Path) -> None:
    (helper,) = processes_of(run_dir)
    helper.kill()
    wait_until(lambda: helper not in processes_of(run_dir))
