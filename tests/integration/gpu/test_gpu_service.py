"""The helper process, as a service, through the real nvidia-ml-py on the fake driver."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from freesh_plugin.adapters.gpu.helper_client import HelperClient, service_helper
from freesh_plugin.adapters.gpu.helper_frames import Limit, frame
from freesh_plugin.core.gpu import GpuError, GpuFailure
from tests.fakes.nvml.controller import FakeDriver
from tests.fakes.nvml.helpers import FREE, ROOT, leases, own_helper, service
from tests.fakes.router_process import wait_until


def test_two_owners_of_a_service(fake_driver: FakeDriver, run_dir: Path) -> None:
    with service(run_dir) as process:
        first, second = (HelperClient(service_helper(run_dir / "gpu.sock")) for _ in range(2))
        first.limit_sm_clock_mhz(fake_driver.uuids[:1], 1110)
        second.limit_sm_clock_mhz(fake_driver.uuids[1:], 1605)
        with pytest.raises(GpuError, match=f"held for process {os.getpid()}"):
            second.limit_sm_clock_mhz(fake_driver.uuids, 1605)
        assert fake_driver.locks() == [(210, 1110), (210, 1605)]
        first.close()
        wait_until(lambda: fake_driver.locks() == [None, (210, 1605)])
        process.terminate()
        assert process.wait() == 0
        assert (fake_driver.locks(), leases(run_dir)) == (FREE, [])
        with pytest.raises(GpuError) as caught:
            second.release(fake_driver.uuids)
        assert caught.value.failure is GpuFailure.HELPER_GONE
        second.close()
    assert not (run_dir / "gpu.sock").exists()


def test_a_service_that_was_killed_starts_anew_and_frees(fake_driver: FakeDriver, run_dir: Path) -> None:
    clocks = HelperClient(service_helper(run_dir / "gpu.sock"))
    with service(run_dir) as process:
        clocks.limit_sm_clock_mhz(fake_driver.uuids, 1110)
        process.kill()
        process.wait()
    assert fake_driver.locks() == [(210, 1110)] * 2
    with service(run_dir):
        wait_until(lambda: fake_driver.locks() == FREE and leases(run_dir) == [])
        with pytest.raises(GpuError) as caught:
            clocks.limit_sm_clock_mhz(fake_driver.uuids, 1110)
        assert caught.value.failure is GpuFailure.HELPER_GONE
        clocks.limit_sm_clock_mhz(fake_driver.uuids, 1110)
        assert fake_driver.locks() == [(210, 1110)] * 2
        clocks.close()
        wait_until(lambda: fake_driver.locks() == FREE)


def test_a_service_that_is_not_there(fake_driver: FakeDriver, run_dir: Path) -> None:
    with pytest.raises(GpuError) as caught:
        HelperClient(service_helper(run_dir / "gpu.sock")).open()
    assert caught.value.failure is GpuFailure.HELPER_GONE


def test_a_second_service_does_not_push_the_first_away(fake_driver: FakeDriver, run_dir: Path) -> None:
    with service(run_dir), service(run_dir) as second:
        assert second.wait() == 2
        clocks = HelperClient(service_helper(run_dir / "gpu.sock"))
        clocks.limit_sm_clock_mhz(fake_driver.uuids, 1110)
        clocks.close()


def test_a_child_may_not_take_what_a_service_holds(fake_driver: FakeDriver, run_dir: Path) -> None:
    with service(run_dir):
        theirs = HelperClient(service_helper(run_dir / "gpu.sock"))
        theirs.limit_sm_clock_mhz(fake_driver.uuids[:1], 1110)
        with own_helper(run_dir) as ours:
            with pytest.raises(GpuError, match="held by process"):
                ours.limit_sm_clock_mhz(fake_driver.uuids, 1605)
            assert fake_driver.locks() == [(210, 1110), None]
            ours.limit_sm_clock_mhz(fake_driver.uuids[1:], 1605)
        assert fake_driver.locks() == [(210, 1110), None]
        theirs.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_only_who_may_is_served(fake_driver: FakeDriver, run_dir: Path) -> None:
    with tempfile.TemporaryDirectory() as public:
        Path(public).chmod(0o755)
        with service(Path(public), "--allow-user", "54321", "--allow-group", "777"):
            clocks = [HelperClient(service_helper(Path(public) / "gpu.sock")) for _ in range(5)]
            with somebody_else(12_345, 12_345), pytest.raises(GpuError, match="user 12345 may not") as caught:
                clocks[0].open()
            assert caught.value.failure is GpuFailure.NO_PERMISSION
            for each, identity in zip(
                clocks[1:], [(54_321, 12_345), (12_345, 777), (12_345, 12_345, 778, 777), (0, 0)], strict=True
            ):
                with somebody_else(*identity):
                    each.open()
            for each in clocks:
                each.close()


@contextmanager
def somebody_else(user: int, group: int, *further_groups: int) -> Iterator[None]:
    """Be another user, as the kernel tells it to whom one connects to."""
    groups = os.getgroups()
    os.setgroups(further_groups)
    os.setegid(group)
    os.seteuid(user)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


@pytest.mark.parametrize(
    "noise",
    [b"\xff" * 64, b"\x02\x00\x00\x00{}", b"GET / HTTP/1.1\r\n\r\n", frame(Limit(("GPU-ffffffff",), 1110))[:20]],
)
def test_noise_ends_or_stalls_its_own_connection_only(fake_driver: FakeDriver, run_dir: Path, noise: bytes) -> None:
    with service(run_dir):
        clocks = HelperClient(service_helper(run_dir / "gpu.sock"))
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as noisy:
            noisy.connect(str(run_dir / "gpu.sock"))
            noisy.sendall(noise)
            clocks.limit_sm_clock_mhz(fake_driver.uuids, 1110)
        assert fake_driver.locks() == [(210, 1110)] * 2
        clocks.close()
        wait_until(lambda: fake_driver.locks() == FREE)


def test_an_owner_that_reads_no_answers_is_cut(fake_driver: FakeDriver, run_dir: Path) -> None:
    with service(run_dir):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as deaf:
            deaf.connect(str(run_dir / "gpu.sock"))
            deaf.settimeout(30)
            with pytest.raises(OSError, match=r"Broken pipe|reset"):
                _flood(deaf, frame(Limit(fake_driver.uuids, 1111)))
        clocks = HelperClient(service_helper(run_dir / "gpu.sock"))
        clocks.limit_sm_clock_mhz(fake_driver.uuids, 1110)
        clocks.close()


def _flood(deaf: socket.socket, message: bytes) -> None:
    for _ in range(100_000):
        deaf.sendall(message)
        time.sleep(0)


def test_a_service_needs_a_driver(fake_driver: FakeDriver, run_dir: Path) -> None:
    fake_driver.state.driver_loaded = 0
    command = [sys.executable, "-m", "freesh_plugin.main", "gpu-helper", "--run-dir", str(run_dir)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "no NVIDIA driver here" in done.stderr
    assert not (run_dir / "gpu.sock").exists()
