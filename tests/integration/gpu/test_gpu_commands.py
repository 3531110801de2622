"""`freesh gpu …`, as people and scripts call it, on the fake driver."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from freesh_plugin.adapters.gpu.leases import LeaseFolder, LeaseParty
from tests.fakes.nvml.controller import MIG_ON, UNKNOWN, FakeDriver
from tests.fakes.nvml.crashes import processes_of
from tests.fakes.nvml.helpers import FREE, ROOT, leases, own_helper
from tests.fakes.router_process import wait_until


def freesh_gpu(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "freesh_plugin.main", "gpu", *arguments]
    env = {**os.environ, "COLUMNS": "100", **environment}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=120)


def shown(*arguments: str) -> list[dict[str, Any]]:
    done = freesh_gpu("status", "--json", *arguments)
    assert done.stderr == ""
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_status_of_idle_and_busy_and_held(fake_driver: FakeDriver, run_dir: Path) -> None:
    fake_driver.use(1.0, 1)
    with own_helper(run_dir) as clocks:
        clocks.limit_sm_clock_mhz(fake_driver.uuids[1:], 1110)
        idle, busy = shown("--run-dir", str(run_dir))
        people = freesh_gpu("status", "--run-dir", str(run_dir))
    assert (idle["uuid"], idle["sm_clock_mhz"], idle["power_w"]) == (fake_driver.uuids[0], 210, 70.0)
    assert (idle["reasons"], idle["lease"], idle["failure"]) == (["idle"], None, None)
    assert (busy["sm_clock_mhz"], busy["lowest_clock_mhz"], busy["highest_clock_mhz"]) == (1110, 210, 1980)
    assert busy["lease"]["owner_pid"] == os.getpid()
    assert busy["lease"]["left"] is False
    assert people.returncode == 0
    for text in ("Fake H100", *fake_driver.uuids, "1110 MHz", "of 210-1980", f"held by process {os.getpid()} since"):
        assert text in people.stdout


def test_a_lease_without_a_note_is_one_and_its_lock_tells_whether_it_is_held(
    fake_driver: FakeDriver, run_dir: Path
) -> None:
    folder = LeaseFolder(run_dir)
    folder.make()
    elsewhere = LeaseParty(2**22 + 1, 5)  # a process of another container: from here it is not to be seen
    held, left = (folder.take(uuid, elsewhere) for uuid in fake_driver.uuids)
    left.abandon()
    assert [gpu["lease"]["left"] for gpu in shown("--run-dir", str(run_dir))] == [False, True]
    for uuid in fake_driver.uuids:
        (run_dir / f"{uuid}.json").write_bytes(b"")
    first, second = (gpu["lease"] for gpu in shown("--run-dir", str(run_dir)))
    assert (first["left"], first["owner_pid"], second["left"]) == (False, None, True)
    people = freesh_gpu("status", "--run-dir", str(run_dir)).stdout
    assert "held; its lease cannot be read" in people
    assert "left by a helper: freesh gpu reset frees it" in people
    held.end()


def test_status_names_what_it_cannot_tell(fake_driver: FakeDriver, run_dir: Path) -> None:
    fake_driver.gpus[0].lost = 1
    fake_driver.gpus[1].mig, fake_driver.gpus[1].reads_denied = MIG_ON, 1
    people = freesh_gpu("status", "--run-dir", str(run_dir))
    assert people.returncode == 1
    assert "lost: GPU is lost" in people.stdout
    assert "partitioned" in people.stdout
    assert not run_dir.exists()


def test_status_of_a_driver_that_hangs_ends(fake_driver: FakeDriver, run_dir: Path) -> None:
    fake_driver.fail("nvmlDeviceGetClockInfo", hang_s=3600)
    people = freesh_gpu("status", "--run-dir", str(run_dir))
    assert people.returncode == 1
    assert "timed out" in people.stdout


@pytest.mark.parametrize("command", [["status"], ["watch"], ["reset", "GPU-00000000-0000-4000-8000-00000000fa4e"]])
def test_without_a_driver(fake_driver: FakeDriver, run_dir: Path, command: list[str]) -> None:
    fake_driver.state.driver_loaded = 0
    done = freesh_gpu(*command, "--run-dir", str(run_dir))
    assert done.returncode == 2
    assert done.stderr.startswith("freesh: no NVIDIA driver here")
    assert len(done.stderr.splitlines()) == 1


def test_without_the_library(tmp_path: Path) -> None:
    """No libnvidia-ml.so.1 at all, as on a machine without NVIDIA's driver."""
    done = freesh_gpu("status", "--run-dir", str(tmp_path), LD_LIBRARY_PATH=str(tmp_path))
    if done.returncode != 2:
        pytest.skip("this machine has an NVIDIA driver")
    assert "no NVIDIA driver here: NVML Shared Library Not Found" in done.stderr


def test_watch_prints_a_line_a_look(fake_driver: FakeDriver, run_dir: Path) -> None:
    done = freesh_gpu("watch", "--json", "--looks", "3", "--period-s", "0.1", "--run-dir", str(run_dir))
    assert done.returncode == 0
    looks = [json.loads(line) for line in done.stdout.splitlines()]
    assert [[gpu["uuid"] for gpu in look] for look in looks] == [list(fake_driver.uuids)] * 3
    people = freesh_gpu("watch", "--looks", "1", "--run-dir", str(run_dir))
    assert people.returncode == 0
    assert fake_driver.uuids[0] in people.stdout


def test_reset_frees_what_a_dead_helper_left(fake_driver: FakeDriver, run_dir: Path) -> None:
    left_by_a_dead_helper(fake_driver, run_dir)
    assert [gpu["lease"]["left"] for gpu in shown("--run-dir", str(run_dir))] == [True, True]
    assert "freesh gpu reset frees it" in freesh_gpu("status", "--run-dir", str(run_dir)).stdout
    done = freesh_gpu("reset", "--run-dir", str(run_dir))
    assert (done.returncode, done.stdout) == (0, "".join(f"{uuid} free\n" for uuid in fake_driver.uuids))
    assert (fake_driver.locks(), leases(run_dir)) == (FREE, [])
    again = freesh_gpu("reset", "--run-dir", str(run_dir))
    assert (again.returncode, again.stdout) == (0, "no clock was left locked\n")


def test_reset_with_nothing_to_do_needs_no_driver(fake_driver: FakeDriver, run_dir: Path) -> None:
    fake_driver.state.driver_loaded = 0
    assert freesh_gpu("reset", "--run-dir", str(run_dir)).returncode == 0


def test_reset_says_what_is_not_free_and_keeps_its_lease(fake_driver: FakeDriver, run_dir: Path) -> None:
    left_by_a_dead_helper(fake_driver, run_dir)
    fake_driver.fail("nvmlDeviceResetGpuLockedClocks", UNKNOWN, gpu=0)
    done = freesh_gpu("reset", "--json", "--run-dir", str(run_dir))
    assert done.returncode == 1
    assert json.loads(done.stdout) == {fake_driver.uuids[0]: "other: Unknown Error", fake_driver.uuids[1]: None}
    assert leases(run_dir) == [fake_driver.uuids[0]]


def test_reset_by_name_frees_what_somebody_else_locked(fake_driver: FakeDriver, run_dir: Path) -> None:
    for gpu in fake_driver.gpus:
        gpu.lock_min_mhz, gpu.lock_max_mhz = 210, 600
    done = freesh_gpu("reset", fake_driver.uuids[0], "--run-dir", str(run_dir))
    assert done.returncode == 0
    assert fake_driver.locks() == [None, (210, 600)]


def test_reset_leaves_what_a_living_helper_holds(fake_driver: FakeDriver, run_dir: Path) -> None:
    with own_helper(run_dir) as clocks:
        clocks.limit_sm_clock_mhz(fake_driver.uuids, 1110)
        by_name = freesh_gpu("reset", fake_driver.uuids[0], "--run-dir", str(run_dir))
        at_large = freesh_gpu("reset", "--run-dir", str(run_dir))
        assert fake_driver.locks() == [(210, 1110)] * 2
    assert by_name.returncode == 1
    assert f"on behalf of process {os.getpid()}" in by_name.stdout
    assert (at_large.returncode, at_large.stdout) == (0, "no clock was left locked\n")


@pytest.mark.parametrize("name", ["0", "GPU-x", "../../etc/passwd"])
def test_reset_of_what_is_no_gpu(fake_driver: FakeDriver, run_dir: Path, name: str) -> None:
    done = freesh_gpu("reset", name, "--run-dir", str(run_dir))
    assert done.returncode == 2
    assert "is not a GPU's UUID" in done.stderr


def left_by_a_dead_helper(driver: FakeDriver, run_dir: Path) -> None:
    """An owner and its helper have been killed together."""
    command = [sys.executable, "-m", "tests.fakes.nvml.owner", str(run_dir), *driver.uuids]
    with subprocess.Popen(command, cwd=ROOT) as owner:
        wait_until(lambda: all(driver.locks()))
        owner.send_signal(signal.SIGSTOP)  # it must not start another helper
        for helper in processes_of(run_dir, "gpu_helper"):
            helper.kill()
        owner.kill()
    wait_until(lambda: not processes_of(run_dir))
