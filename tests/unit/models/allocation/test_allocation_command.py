"""`python -m models solve`: its object, its table, its exit status, its one sentence on bad input."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from freesh_plugin.core.errors import ConfigError
from models.__main__ import main
from models.commands.solve import parse_objective
from models.domain.scenario import Objective, Scenario
from models.sources.scenario_folder import write_scenario
from tests.fakes.fleet_scenarios import location, tiny

ROOT = Path(__file__).parents[4]
CONTRACT = ["status", "objective", "bound", "gap", "partition", "instances", "shed_rps", "solver", "build_s", "solve_s"]


def solve(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "models", "solve", str(folder), *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False, env={**os.environ, "COLUMNS": "120"},
    )  # fmt: skip


Here = Callable[..., tuple[int, str, str]]


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Here:
    """Runs the command in this process: exit status, standard output, standard error."""

    def run(folder: Path, *arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["python -m models", "solve", str(folder), *arguments])
        with pytest.raises(SystemExit) as ending:
            main()
        captured = capsys.readouterr()
        return int(ending.value.code or 0), captured.out, captured.err

    return run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tiny(), tmp_path_factory.mktemp("tiny"))


def written(scenario: Scenario, path: Path) -> Path:
    write_scenario(scenario, path)
    return path


def test_the_object_of_the_contract(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "result.json"
    run = solve(folder, "--formulation", "paper", "--gap", "0", "--json", "-o", str(copy))
    assert (run.returncode, run.stderr) == (0, "")
    result = json.loads(run.stdout)
    assert list(result)[: len(CONTRACT)] == CONTRACT
    assert result["status"] == "optimal"
    assert result["objective"] == result["bound"] == 200 * 800 * 300
    assert result["partition"] == "q"
    assert result["instances"] == [
        {"location": "here", "model": "default", "request_class": "R", "mode": "TP2", "count": 2}
    ]
    assert result["shed_rps"] == 0
    assert json.loads(copy.read_text(encoding="utf-8")) == result


def test_full_is_the_default_and_a_table_is_for_people(folder: Path) -> None:
    run = solve(folder)
    assert run.returncode == 0
    for words in ("here", "TP2", "optimal", "objective", "kWh"):
        assert words in run.stdout


def test_full_sheds_rather_than_fails(tmp_path: Path, here: Here) -> None:
    status, said, _ = here(written(tiny(demand_rps=(40.0,)), tmp_path), "--json", "--solver", "highs")
    result = json.loads(said)
    assert status == 0
    assert result["shed_rps"] == pytest.approx(32, abs=1e-3)
    assert result["shed"][0]["fraction"] == pytest.approx(0.8, abs=1e-4)
    assert result["solver"] == "highs"


def test_an_infeasible_paper_form_names_what_binds_and_exits_2(tmp_path: Path) -> None:
    run = solve(written(tiny(demand_rps=(40.0,)), tmp_path), "--formulation", "paper", "--json")
    assert run.returncode == 2
    result = json.loads(run.stdout)
    assert result["status"] == "infeasible"
    assert "need more than the 8 GPUs" in result["binding"][0]


def test_an_infeasible_paper_form_is_shown_to_people_too(tmp_path: Path, here: Here) -> None:
    status, said, _ = here(written(tiny(demand_rps=(40.0,)), tmp_path), "--formulation", "paper")
    assert status == 2
    assert "infeasible" in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--objective", "cost"], "prices.csv"),
        (["--objective", "speed"], "speed"),
        (["--gap", "-1"], "gap -1.0"),
        (["--time-limit", "0"], "time limit 0.0 s"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_2(folder: Path, here: "Here", arguments: list[str], words: str) -> None:
    status, said, complaint = here(folder, *arguments)
    assert (status, said) == (2, "")
    assert len(complaint.strip().splitlines()) == 1
    assert words in complaint
    assert "Traceback" not in complaint


def test_a_folder_that_is_not_there(tmp_path: Path, here: "Here") -> None:
    status, _, complaint = here(tmp_path / "nowhere")
    assert status == 2
    assert "nowhere" in complaint


def test_a_promise_that_cannot_be_kept_is_refused(tmp_path: Path, here: "Here") -> None:
    status, _, complaint = here(written(location(tiny(), "here", power_cap_w=10.0), tmp_path))
    assert status == 2
    assert "power_cap_w 10 W is below" in complaint


@pytest.mark.parametrize(
    ("text", "objective"),
    [
        ("carbon", Objective.only("carbon")),
        ("energy", Objective.only("energy")),
        ("carbon=0.1, cost=1", Objective(carbon=0.1, cost=1.0)),
        ("energy=2", Objective(energy=2.0)),
    ],
)
def test_objectives_are_read(text: str, objective: Objective) -> None:
    assert parse_objective(text) == objective


@pytest.mark.parametrize(
    "text", ["", "power", "carbon=", "carbon=-1", "carbon=nan", "carbon=1,carbon=2", "carbon=0", "cost=inf"]
)
def test_objectives_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--objective"):
        parse_objective(text)
