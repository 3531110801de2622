"""Live drift of a router that serves a simulated model on a simulated GPU: near its own profile, far from another."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from freesh_plugin.core.step_model import StepModel
from profiling.fit.fit_rows import fit_rows
from profiling.live.live_table import read_live
from profiling.profile.document import write_profile
from tests.fakes.router_process import RouterProcess, router_process
from tests.fakes.sweep_rows import make_rows

ROOT = Path(__file__).parents[2]
OBSERVED = {"MODEL_ID": "simulated", "FREESH_GOVERNOR": "observe", "FREESH_LOCATION": "here"}
SPEED = 0.25
"""Slow, so that a busy machine adds little to a pass."""


def slower(factor: float) -> StepModel:
    """The simulated shards' model, with every pass so many times as long."""
    return StepModel(9 * factor, 9 * factor, 200_000, 2.5 * factor, 0.045 * factor, 13 / factor)


def ask(running: RouterProcess, number: int) -> None:
    prompt = " ".join(f"word{number}-{k}" for k in range(60))
    body = {"inputs": prompt, "parameters": {"max_new_tokens": 20}}
    assert httpx.post(f"{running.url}/generate", json=body, timeout=60).status_code == 200


def run(*arguments: str) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "profiling", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout, done.stderr


def off(profile: Path, table: Path) -> dict[str, float]:
    _, out, said = run("drift", str(profile), str(table), "--json")
    assert out, said
    return {each["quantity"]: each["off"] for each in json.loads(out)["verdicts"]}


def test_a_live_router_against_its_own_profile_and_a_wrong_one(tmp_path: Path) -> None:
    table, own, wrong = tmp_path / "live.csv", tmp_path / "own.json", tmp_path / "wrong.json"
    write_profile(fit_rows(make_rows(slower(1 / SPEED)), "TP1", "H100"), own)
    write_profile(fit_rows(make_rows(slower(0.5 / SPEED)), "TP1", "H100"), wrong)
    with router_process(tmp_path, settings=OBSERVED, speed=SPEED, gpus=True) as running:
        looks = ("live", running.url, "-o", str(table), "--for-s", "1", "--every-s", "1")
        assert run(*looks)[0] == 0
        with ThreadPoolExecutor(8) as clients:
            list(clients.map(lambda number: ask(running, number), range(32)))
        status, out, said = run(*looks)
        assert (status, out) == (0, f"2 rows of 1 routers in {table}\n"), said
    assert {row.location for row in read_live(table)} == {"here"}
    # A busy machine makes passes longer than the simulated GPU does: only so near.
    found = off(own, table)
    assert -0.5 < found["capacity"] < 0.2
    assert -0.3 < found["energy"] < 0.5
    assert off(wrong, table)["capacity"] < found["capacity"] - 0.2
    assert run("drift", str(wrong), str(table))[0] == 1
