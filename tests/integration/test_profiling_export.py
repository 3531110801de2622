"""Profiles exported into a scenario for boundaries of its own, derived, stated and solved by the planner."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DATA = ROOT / "freesh_plugin" / "data"


def run(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("boundary", ["512,444", "300,150"])
def test_the_planner_solves_what_was_exported(tmp_path: Path, boundary: str) -> None:
    profiles = [str(DATA / f"{each}-llama-3-70b-tp4.json") for each in ("a100", "h100")]
    export = ("profiling", "export-scenario", *profiles, "--like", "models/data/tokens", "--boundary", boundary)
    told = json.loads(run(*export, "--least-energy-modes", "--state", "-o", str(tmp_path), "--json"))
    assert told["modes"] == ["TP4xA100", "TP4xA100@900", "TP4xH100", "TP4xH100@990"]
    assert {(each["request_class"], each["mode"]) for each in told["capacities"]} == {
        (name, mode) for name in ("SS", "SL", "LS", "LL") for mode in told["modes"]
    }
    stated = json.loads(run("models", "solve", str(tmp_path), "--json"))
    assert stated["status"] in ("optimal", "within_gap")
    assert stated["instances"]
    assert {each["mode"] for each in stated["instances"]} <= set(told["modes"])
    for name in ("profiles.csv", "power.csv"):
        (tmp_path / name).unlink(missing_ok=True)
    derived = json.loads(run("models", "solve", str(tmp_path), "--json"))
    assert derived["objective"] == pytest.approx(stated["objective"], rel=0.02)
