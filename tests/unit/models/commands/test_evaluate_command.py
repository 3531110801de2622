"""`python -m models evaluate`: what is kept is not run again; the report, and its redrawing."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from freesh_plugin.core.errors import FreeshError
from models.__main__ import app
from models.commands.evaluate import HOURS, jobs_of, wanted_of
from models.evaluate.hours import demo_hour
from models.evaluate.policies import POLICIES as ALL
from models.evaluate.policies import STEPS
from models.evaluate.report.results import write_results
from models.evaluate.run_files import KeptHour, KeptRun
from tests.fakes.made_up_results import made_up_results

POLICIES = ("reference", "freesh")
CHOSEN = [each for name in POLICIES for each in ("--policy", name)]
MADE_UP = made_up_results(hours=1, policies=POLICIES)


def evaluate(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["evaluate", *arguments], catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


@pytest.fixture
def done(tmp_path: Path) -> Path:
    """A folder in which all runs of the demo's hour are kept already, with made-up rows."""
    (job,) = jobs_of(tmp_path, [demo_hour()], wanted_of(POLICIES, layers=False), None)
    row = replace(MADE_UP.summary.hours[0], hour="demo", scenario="demo")
    bound = replace(MADE_UP.bounds[0], hour="demo", scenario="demo")
    job.files.keep_hour(KeptHour(job.files.made_from, row, MADE_UP.tradeoff, bound))
    for run in MADE_UP.runs[: len(POLICIES)]:
        scores = replace(run, hour="demo", scenario="demo", seed=0)
        job.files.keep(KeptRun(job.files.made_from, "mid", scores, (), ()))
    return tmp_path


def test_runs_that_are_kept_are_not_done_again(done: Path) -> None:
    before = {each.name: each.stat().st_mtime_ns for each in (done / "runs").iterdir()}
    rows = json.loads(evaluate("-o", str(done), "--hour", "demo", *CHOSEN, "--json"))
    assert [(row["policy"], row["energy_kwh"]) for row in rows] == [
        (run.policy, run.energy_kwh) for run in MADE_UP.runs[: len(POLICIES)]
    ]
    assert before == {each.name: each.stat().st_mtime_ns for each in (done / "runs").iterdir()}


def test_tables_and_report_lie_in_the_folder(done: Path) -> None:
    shown = evaluate("-o", str(done), "--hour", "demo", *CHOSEN)
    assert "report:" in shown
    names = {each.name for each in done.iterdir() if each.is_file()}
    assert names == {
        "runs.csv", "classes.csv", "series.csv", "layers.csv", "bounds.csv", "tradeoff.csv", "summary.json",
        "report.html",
    }  # fmt: skip


def test_a_report_is_drawn_again_from_its_folder_alone(tmp_path: Path) -> None:
    write_results(tmp_path, MADE_UP)
    evaluate("--report-only", str(tmp_path))
    first = (tmp_path / "report.html").read_text(encoding="utf-8")
    (tmp_path / "report.html").unlink()
    evaluate("--report-only", str(tmp_path))
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == first


def test_layers_are_run_with_all_policies_and_the_modelled_one_under_three_power_models() -> None:
    wanted = wanted_of(tuple(ALL), layers=True)
    assert {each.policy for each in wanted} == {*ALL, *STEPS}
    assert {each.power_model for each in wanted if each.policy == "freesh"} == {"low", "mid", "high"}
    assert {each.power_model for each in wanted if each.policy == "reference"} == {"mid"}
    assert len(wanted) == len(set(wanted))


def test_layers_are_told_apart_with_two_policies_too(done: Path) -> None:
    (job,) = jobs_of(done, [demo_hour()], wanted_of(POLICIES, layers=True), None)
    for wanted in job.wanted:
        scores = replace(MADE_UP.runs[0], hour="demo", scenario="demo", seed=0, policy=wanted.policy)
        job.files.keep(KeptRun(job.files.made_from, wanted.power_model, scores, (), ()))
    evaluate("-o", str(done), "--hour", "demo", *CHOSEN)
    assert "clock" not in (done / "layers.csv").read_text(encoding="utf-8")
    evaluate("-o", str(done), "--hour", "demo", *CHOSEN, "--layers")
    assert "clock" in (done / "layers.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "-o DIR: needed"),
        (("--report-only", "nowhere"), "cannot read nowhere: no such folder"),
        (("-o", "folder", "--hour", "dmo"), "of 31 hours; nearest known name is 'demo'"),
        (("-o", "folder", "--hour", "zzz"), "'low-spread-report-2' and 29 more"),
        (("-o", "folder", "--hour", "demo", "--jobs", "-3"), "--jobs: -3 hours at once, must be at least 1"),
        (("-o", "folder", "--hour", "demo", "--jobs", "0"), "--jobs: 0 hours at once, must be at least 1"),
        (("-o", "folder", "--hour", "demo", "--hours", "none.csv"), "none.csv: cannot be read"),
        (("-o", "folder", "--hour", "low-spread-report-1"), "FREESH_DATA names their folder"),
        (("-o", "folder", "--hours", "none.csv"), "none.csv: cannot be read"),
        (("-o", "folder", "--policy", "freesh"), "'reference' is not among them"),
    ],
)
def test_bad_input_is_one_sentence(
    arguments: tuple[str, ...], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FREESH_DATA", raising=False)
    with pytest.raises(FreeshError) as refused:
        CliRunner().invoke(app, ["evaluate", *arguments], catch_exceptions=False)
    assert sentence in str(refused.value)
    assert "[Errno" not in str(refused.value)


def test_a_list_without_hours_to_report_says_so(tmp_path: Path) -> None:
    header, *rows = [each for each in HOURS.read_text(encoding="utf-8").splitlines() if not each.startswith("#")]
    tuning = [each for each in rows if each.split(",")[2] == "tune"]
    (tmp_path / "tune.csv").write_text("\n".join((header, *tuning)) + "\n", encoding="utf-8")
    with pytest.raises(FreeshError, match=r"none of the 6 hours of .* has the role report"):
        evaluate("-o", str(tmp_path), "--hours", str(tmp_path / "tune.csv"))
