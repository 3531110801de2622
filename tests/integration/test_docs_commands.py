"""Every command in the README and the guides is run by a test: here, or by the test or script named here."""

import os
import re
import shlex
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from models.evaluate.report.results import write_results
from tests.fakes.made_up_results import made_up_results

ROOT = Path(__file__).parents[2]
DOCUMENTS = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
TRIED_ELSEWHERE = {
    r"make (setup|demo|test|check)\b.*": ".ci/run",
    r"scripts/setup\.sh|\.venv/bin/python scripts/demo\.py": ".ci/run, through make",
    r"freesh (serve --name paris|status)|curl .* http://127\.0\.0\.1:9480/v1/plan": "test_freesh_command.py",
    r"pip install freesh-plugin": "test_wheel.py, from the wheel built here",
    r"(source /usr/src/.venv/bin/activate '&&' )?pip install 'freesh-plugin\[tgi\]'": "test_wheel.py, the same way",
    r"freesh gpu (status|watch|reset)": "test_gpu_commands.py",
    r"freesh serve --engine simulated|curl http://127.0.0.1:3000/.*": "test_wheel.py",
    r"docker build .*planner\.Dockerfile.*|scripts/build_planner\.sh": "test_planner_artefacts.py",
    r"pip install '?dist/.*": "test_planner_artefacts.py",
    r"\.venv/bin/python -m profiling (sweep|fit raw\.csv|show|drift) .*": "test_profiling_sweep.py",
    r"python3 -m profiling\.gpu_check .*": "test_gpu_check.py, on a fake driver",
    r"\.venv/bin/python -m profiling live .*": "test_profiling_live.py; with --prometheus test_live_looks.py",
    r"\.venv/bin/python -m profiling fit --published .*": "test_modelled_published.py",
    r"\.venv/bin/python -m (profiling export-scenario .*|models solve /tmp/mine)": "test_profiling_export.py",
    r"FREESH_DATA=FOLDER .* -m models evaluate -o results": "test_evaluate_command.py, on runs that are kept",
    r"python -m models value DIR .*": "test_tradeoff_commands.py",
}
"""Commands that are run by something else, with what runs them."""
HOURS = [datetime(2026, 2, 1, tzinfo=UTC) + timedelta(hours=hour) for hour in range(24 * 59)]


def fenced_commands(document: Path) -> list[str]:
    """Commands of the document's `sh` blocks, continued lines joined, comments dropped."""
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", document.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [shlex.join(shlex.split(line, comments=True)) for line in lines if line.strip() and line.strip()[0] != "#"]


COMMANDS = sorted({command for document in DOCUMENTS for command in fenced_commands(document)})


def runs_here(command: str) -> bool:
    return command.startswith(".venv/bin/python -m models ") and not command.endswith("/tmp/mine")


@pytest.mark.parametrize("command", [each for each in COMMANDS if not runs_here(each)])
def test_a_command_that_is_not_run_here_is_run_elsewhere(command: str) -> None:
    assert any(re.fullmatch(pattern, command) for pattern in TRIED_ELSEWHERE), command


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the documented commands find what they name."""
    folder = tmp_path_factory.mktemp("docs")
    (folder / "models").symlink_to(ROOT / "models")
    (folder / "plan.json").symlink_to(ROOT / "tests" / "golden" / "plans" / "two_sites.json")
    rows = ["time,zone,carbon_gco2e_per_kwh"]
    rows += [f"{hour:%Y-%m-%dT%H:%MZ},XX,{200 + 80 * ((hour.hour - 14) ** 2) / 196:.1f}" for hour in HOURS]
    (folder / "carbon.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    grids = ["time,zone,carbon_gco2e_per_kwh"]
    grids += [f"{hour:%Y-%m-%dT%H:%MZ},{zone},{level}" for hour in HOURS for zone, level in (("DE", 380), ("SE", 25))]
    (folder / "grids.csv").write_text("\n".join(grids) + "\n", encoding="utf-8")
    (folder / "results").mkdir()
    write_results(folder / "results", made_up_results(hours=1))
    sent = ["arrival_s,prompt_tokens,answer_tokens,client,session"]
    sent += [f"{at},{60 + 37 * at % 1500},{5 + 97 * at % 900},c{at % 5},s{at % 40}" for at in range(400)]
    (folder / "requests.csv").write_text("\n".join(sent) + "\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize("command", [each for each in COMMANDS if runs_here(each)])
def test_the_documented_command_works(command: str, workplace: Path) -> None:
    words = shlex.split(command)[1:]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, *words], cwd=workplace, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
