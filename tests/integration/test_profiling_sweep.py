"""A sweep of a live, simulated endpoint: gone on with later, clocks given back, energy never made up."""

import csv
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from freesh_plugin.adapters.gpu.simulated import SimulatedGpu, simulated_gpus
from freesh_plugin.adapters.profile_file import read_profile
from freesh_plugin.core.profile import Basis
from tests.fakes.router_process import RouterProcess, router_process, wait_until

ROOT = Path(__file__).parents[2]
MEASURED_AGAIN = 3

QUICK = ("--repetitions", "1", "--least-s", "1.2", "--warm-up", "0")


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RouterProcess]:
    """Router and shards of a simulated model on a simulated GPU that nobody governs."""
    folder = tmp_path_factory.mktemp("endpoint")
    with router_process(folder, settings={"MODEL_ID": "simulated", "FREESH_GPU": "none"}, gpus=True) as running:
        yield running


@pytest.fixture
def gpu(endpoint: RouterProcess) -> SimulatedGpu:
    (only,) = simulated_gpus(endpoint.folder / "gpu")
    return only


def started(*arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "profiling", *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run(*arguments: str) -> tuple[int, str, str]:
    process = started(*arguments)
    out, said = process.communicate(timeout=240)
    return process.returncode, out, said


def clock_mhz(gpu: SimulatedGpu) -> int | None:
    return gpu.read(time.monotonic()).sm_clock_mhz


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_from_sweep_to_profile(endpoint: RouterProcess, gpu: SimulatedGpu, tmp_path: Path) -> None:
    raw, profile = tmp_path / "raw.csv", tmp_path / "p.json"
    sweep = ("sweep", endpoint.url, "-o", str(raw), "--simulated-gpus", str(endpoint.folder / "gpu"), *QUICK)
    grid = ("--batch", "1,4", "--prompts", "256,2048", "--answers", "48", "--clocks")
    status, _, said = run(*sweep, *grid, "1980")
    assert status == 0, said
    assert {each["basis"] for each in rows(raw)} == {"simulated"}
    first = raw.read_text()

    status, out, said = run(*sweep, *grid, "1980,990", "--json")
    assert status == 0, said
    assert raw.read_text().startswith(first)
    new = json.loads(out)
    assert {each["sm_clock_mhz"] for each in new} == {"990"}
    assert {each["sm_clock_read_mhz"] for each in new} == {"990"}
    assert all(float(each["power_w"]) > 0 for each in new)
    assert clock_mhz(gpu) == 1980

    fit = ("fit", str(raw), "--gpu", "H100", "-o", str(profile), "--json")
    for _ in range(MEASURED_AGAIN):  # a processor that is busy with other things makes times that no profile can have
        status, out, said = run(*fit)
        if status == 0 or "which is no more work" not in said:
            break
        raw.unlink()
        assert run(*sweep, *grid, "1980,990")[0] == 0
    assert status == 0, said
    document = read_profile(profile)
    assert (document.basis, document.limits.max_batch) == (Basis.SIMULATED, 4)
    table = document.table()
    assert list(table.sm_clocks_mhz) == [990, 1980]
    assert table.prefill_s(2048, 990) > 1.3 * table.prefill_s(2048, 1980)
    assert table.prefill_power_w(2048, 990) < table.prefill_power_w(2048, 1980)
    status, _, said = run("drift", str(profile), str(raw))
    assert status == 0, said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_clocks_are_given_back_when_it_is_ended(
    endpoint: RouterProcess, gpu: SimulatedGpu, tmp_path: Path, number: signal.Signals
) -> None:
    boards = str(endpoint.folder / "gpu")
    process = started(
        "sweep", endpoint.url, "-o", str(tmp_path / "raw.csv"), "--simulated-gpus", boards, "--clocks", "600",
        "--least-s", "60", "--batch", "1", "--prompts", "64", "--answers", "32",
    )  # fmt: skip
    try:
        wait_until(lambda: clock_mhz(gpu) == 600)
        time.sleep(1.5)  # beyond the try of a clock, in the first cell
        assert clock_mhz(gpu) == 600
        process.send_signal(number)
        _, said = process.communicate(timeout=30)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode != 0
    assert clock_mhz(gpu) == 1980, said


def test_without_a_gpu_times_are_measured_and_energy_is_not_made_up(endpoint: RouterProcess, tmp_path: Path) -> None:
    raw = tmp_path / "raw.csv"
    sweep = ("sweep", endpoint.url, "-o", str(raw), "--gpu", "none", "--batch", "2", "--prompts", "64")
    status, _, said = run(*sweep, "--answers", "24", *QUICK)
    assert status == 0, said
    assert "3 of them have no power" in said
    assert {each["power_w"] for each in rows(raw)} == {each["energy_j"] for each in rows(raw)} == {""}
    assert [bool(each["time_s"]) for each in rows(raw)] == [False, True, True]
    status, _, said = run("fit", str(raw), "--gpu", "H100", "-o", str(tmp_path / "p.json"))
    assert status == 2
    assert "no power" in said
    status, _, said = run(*sweep, "--answers", "24", "--clocks", "1980")
    assert status == 2
    assert "no GPU can be read here" in said


def test_a_table_of_another_run_is_not_mixed(endpoint: RouterProcess, tmp_path: Path) -> None:
    raw = tmp_path / "raw.csv"
    sweep = (
        "sweep",
        endpoint.url,
        "-o",
        str(raw),
        "--gpu",
        "none",
        "--batch",
        "1",
        "--prompts",
        "32",
        "--answers",
        "8",
    )
    assert run(*sweep, *QUICK, "--machine", "one")[0] == 0
    status, _, said = run(*sweep, *QUICK, "--machine", "other")
    assert status == 2
    assert "another run" in said
