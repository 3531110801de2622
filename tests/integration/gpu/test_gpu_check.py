"""The check of a machine's GPU, dry: on the fake driver, beside a stand-in of nvidia-smi, with a model that is none."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from freesh_plugin.adapters.gpu.nvml import NvmlDriver
from profiling.fit.fit_rows import fit_rows
from profiling.gpu_check.beside_smi import beside_smi, disagreeing
from profiling.gpu_check.check import GpuCheck
from profiling.gpu_check.model_cells import Care
from profiling.sweep.raw_table import read_rows
from profiling.sweep.run_facts import RunFacts
from tests.fakes.fake_llm import FakeLlm
from tests.fakes.nvml.controller import FakeDriver

ROOT = Path(__file__).parents[3]
NVML = ROOT / "tests" / "fakes" / "nvml"
FACTS = RunFacts("simulated", "bench-1", "fake H100", 1, "none", "", "")
QUICK = Care(1.05, 1.05, 1.05, prompts=(128, 1024), batches=(1, 16), contexts=(256,), steps=100)


@pytest.fixture
def smi(fake_driver: FakeDriver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeDriver:
    """The stand-in on the path, run by this interpreter, which has nvidia-ml-py."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "nvidia-smi").symlink_to(NVML / "nvidia-smi")
    (tmp_path / "bin" / "python3").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(ROOT), *sys.path)))
    return fake_driver


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_whole_check_writes_what_a_profile_is_fitted_to(smi: FakeDriver, tmp_path: Path) -> None:
    driver, llm, out = NvmlDriver(), FakeLlm(smi), tmp_path / "out"
    check = GpuCheck(driver.gpu(smi.uuids[0]), llm, FACTS, out, care=QUICK)
    check.run()
    driver.close()
    assert check.problems == []
    assert llm.started == ["import", "weights"]
    assert [row["stage"] for row in table(out / "model_start.csv")] == ["import", "weights"]
    bare, loaded = table(out / "idle.csv")
    assert (bare["state"], loaded["state"]) == ("bare", "loaded")
    assert float(bare["power_w"]) > 0
    readings = table(out / "readings.csv")
    assert {row["state"] for row in readings} == {"at rest", "under load"}
    assert {row["agrees"] for row in readings if row["state"] == "at rest"} == {"True"}
    rows = read_rows(out / "raw.csv")
    assert len(rows) == 5
    assert all(row.taken.power_w for row in rows)
    document = fit_rows(rows, "TP1xfake", "fake")
    assert document.model == "fake"
    assert document.table().decode_step_s(16, 306) == pytest.approx(0.0125, rel=0.4)


def test_what_fails_or_is_too_late_leaves_the_rest(fake_driver: FakeDriver, tmp_path: Path) -> None:
    """No nvidia-smi, a batch that does not fit, and then no time at all."""
    driver = NvmlDriver()
    gpu = driver.gpu(fake_driver.uuids[0])
    check = GpuCheck(gpu, FakeLlm(fake_driver, fails_at=16), FACTS, tmp_path / "a", care=QUICK)
    check.run()
    assert [each.partition(":")[0] for each in check.problems] == [
        "readings",
        "readings under load",
        "decode batch 16, 256 tokens",
    ]
    assert len(read_rows(tmp_path / "a" / "raw.csv")) == 4
    check = GpuCheck(gpu, FakeLlm(fake_driver), FACTS, tmp_path / "b", seconds=0.0, care=QUICK)
    check.run()
    driver.close()
    assert [each for each in check.problems if each.startswith("time is over")]
    assert not (tmp_path / "b" / "raw.csv").exists()
    assert (tmp_path / "b" / "idle.csv").exists()


def test_what_does_not_agree_is_said(smi: FakeDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    driver = NvmlDriver()
    gpu = driver.gpu(smi.uuids[0])
    monkeypatch.setattr("profiling.gpu_check.beside_smi._POWER_SLACK_W", -1000.0)
    said = disagreeing(list(beside_smi(gpu, energy_s=1.1)))
    driver.close()
    assert [each.partition(":")[0] for each in said] == ["power_w", "mean_power_by_energy_w"]


def test_the_program_without_a_model(smi: FakeDriver, tmp_path: Path) -> None:
    def run(*options: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "profiling.gpu_check", "-o", str(tmp_path / "out"), *options]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)

    assert "2 GPUs are here, name one" in run("--no-model").stderr
    readings = json.loads(run("--readings").stdout)
    assert [each["uuid"] for each in readings] == list(smi.uuids)
    assert all(each["energy_j"] is not None and each["power_w"] > 0 for each in readings)
    smi.state.driver_loaded = 0
    assert run("--no-model").returncode == 2


@pytest.mark.slow
def test_the_tests_of_a_real_gpu_would_run(smi: FakeDriver) -> None:
    """On the fake driver, where they need not skip."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "tests/gpu", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout
    assert "skipped" not in done.stdout
    assert smi.locks() == [None, None]


def test_it_needs_nothing_but_python_and_the_driver() -> None:
    """On machines reached with what is on them: none of the project's own packages is imported."""
    blocked = ["msgspec", "typer", "rich", "httpx", "numpy", "scipy", "prometheus_client", "sortedcontainers"]
    code = f"import sys; sys.modules.update(dict.fromkeys({blocked})); import profiling.gpu_check.__main__"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
