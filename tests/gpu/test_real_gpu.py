"""What FREESH reads of a real NVIDIA GPU, beside what nvidia-smi reads of it. Nothing is set.

Each reading comes from a process of its own, so that a fake driver in this one is never mistaken for a real one. No
package is needed but pytest and nvidia-ml-py: such machines are often reached with what is on them.
"""

import csv
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
NO_GPU = "no NVIDIA GPU is here: nvidia-smi lists none"

pytestmark = pytest.mark.gpu


def smi(query: str) -> list[list[str]]:
    """Rows of what nvidia-smi answers, one a GPU."""
    command = ["nvidia-smi", f"--query-gpu={query}", "--format=csv,noheader,nounits"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return [[cell.strip() for cell in line.split(",")] for line in done.stdout.splitlines() if line.strip()]


@pytest.fixture(scope="module", autouse=True)
def real_gpu() -> None:
    if shutil.which("nvidia-smi") is None:
        pytest.skip(NO_GPU)
    try:
        found = smi("uuid")
    except subprocess.SubprocessError:
        pytest.skip(NO_GPU)
    if not found:
        pytest.skip(NO_GPU)


def program(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """A program of ours, run to its end."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", "")))}
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False)


def ours() -> dict[str, dict[str, Any]]:
    """What we read of each GPU, by UUID."""
    done = program("profiling.gpu_check", "--readings")
    assert done.returncode == 0, done.stderr
    return {gpu["uuid"]: gpu for gpu in json.loads(done.stdout)}


def test_the_same_gpus_by_name() -> None:
    assert {uuid: gpu["name"] for uuid, gpu in ours().items()} == {uuid: name for uuid, name in smi("uuid,name")}


def test_clocks_lie_in_the_list_that_nvidia_smi_gives() -> None:
    command = ["nvidia-smi", "--query-supported-clocks=gr", "--format=csv,noheader,nounits"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    listed = {int(line) for line in done.stdout.split() if line.strip().isdigit()}
    for gpu in ours().values():
        assert {gpu["lowest_clock_mhz"], gpu["highest_clock_mhz"]} <= listed


def test_clock_and_power_between_two_looks_of_nvidia_smi() -> None:
    """Whatever the GPU does, our look lies between its looks before and after, give or take what moves meanwhile."""
    before = {uuid: (float(clock), float(power)) for uuid, clock, power in smi("uuid,clocks.sm,power.draw")}
    seen = ours()
    after = {uuid: (float(clock), float(power)) for uuid, clock, power in smi("uuid,clocks.sm,power.draw")}
    for uuid, gpu in seen.items():
        for value, (low, high), slack in (
            (gpu["sm_clock_mhz"], sorted((before[uuid][0], after[uuid][0])), 100),
            (gpu["power_w"], sorted((before[uuid][1], after[uuid][1])), 15),
        ):
            assert value is not None
            assert low - slack <= value <= high + slack


def test_energy_is_power_over_time() -> None:
    first, began_s = ours(), time.monotonic()
    powers: dict[str, list[float]] = {uuid: [] for uuid in first}
    while time.monotonic() - began_s < 5:
        for uuid, power in smi("uuid,power.draw"):
            powers[uuid].append(float(power))
        time.sleep(0.2)
    second, seconds = ours(), time.monotonic() - began_s
    for uuid, gpu in second.items():
        if gpu["energy_j"] is None:
            continue
        mean_w = (gpu["energy_j"] - first[uuid]["energy_j"]) / seconds
        # The counter is read up to half a second away from the clock on the wall: see the starts of both processes.
        assert min(powers[uuid]) * 0.8 - 10 <= mean_w <= max(powers[uuid]) * 1.2 + 10


def test_reasons_are_those_that_nvidia_smi_sees_active() -> None:
    names = {
        "IDLE": "gpu_idle",
        "POWER_CAP": "sw_power_cap",
        "HARDWARE_SLOWDOWN": "hw_slowdown",
        "THERMAL": "sw_thermal_slowdown",
        "HARDWARE_THERMAL": "hw_thermal_slowdown",
        "POWER_BRAKE": "hw_power_brake_slowdown",
        "SYNC_BOOST": "sync_boost",
    }
    query = ",".join(f"clocks_event_reasons.{name}" for name in names.values())

    def looked() -> dict[str, list[bool]]:
        return {uuid: [cell == "Active" for cell in cells] for uuid, *cells in smi(f"uuid,{query}")}

    before, seen, after = looked(), ours(), looked()
    for uuid, gpu in seen.items():
        for place, reason in enumerate(names):
            if before[uuid][place] == after[uuid][place]:
                assert (reason in gpu["reasons"]) is before[uuid][place], reason


def test_the_command_line_says_the_same() -> None:
    pytest.importorskip("msgspec", reason="the command line's own packages are not installed")
    done = program("freesh_plugin.main", "gpu", "status", "--json")
    assert done.returncode == 0, done.stderr
    told = {gpu["uuid"]: gpu for gpu in json.loads(done.stdout)}
    for uuid, gpu in ours().items():
        for name in ("name", "lowest_clock_mhz", "highest_clock_mhz"):
            assert told[uuid][name] == gpu[name]


def test_the_check_at_rest_finds_all_in_agreement(tmp_path: Path) -> None:
    """Of the first GPU: readings beside nvidia-smi's, and its power without a model."""
    first = next(iter(ours()))
    done = program("profiling.gpu_check", "--no-model", "--idle-s", "3", "--gpu", first, "-o", str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    with (tmp_path / "idle.csv").open(newline="") as file:
        (bare,) = csv.DictReader(file)
    assert (bare["state"], float(bare["power_w"]) > 0) == ("bare", True)
