"""`python -m models capacity`: its rows, its table and its one sentence on bad input."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from models.__main__ import main
from tests.fakes.scenario_files import edit, write_files
from tests.fakes.token_files import state_profiles, write_token_files

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command in this process: exit status, standard output, standard error."""

    def command(folder: Path, *arguments: str) -> tuple[int, str, str]:
        monkeypatch.setenv("COLUMNS", "120")
        monkeypatch.setattr(sys, "argv", ["python -m models", "capacity", str(folder), *arguments])
        with pytest.raises(SystemExit) as ending:
            main()
        out, err = capsys.readouterr()
        return int(ending.value.code or 0), out, err

    return command


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_token_files(tmp_path / "tokens")


def test_rows_are_the_profiles_and_why(folder: Path, run: Run) -> None:
    status, out, _ = run(folder, "--json")
    rows = json.loads(out)
    assert status == 0
    assert len(rows) == 12
    first = rows[0]
    assert (first["model"], first["partition"], first["request_class"], first["mode"]) == (
        "default", "a", "SS", "TP2xA100",
    )  # fmt: skip
    assert all(row["modelled"] is True and row["quantile"] == 0.95 for row in rows)
    assert {row["basis"] for row in rows} == {"measured", "modelled"}
    assert {row["binds"] for row in rows} <= {
        "KV memory", "max batch", "measured range", "TTFT", "TBT", "latency", "saturation",
    }  # fmt: skip
    assert all(0 < row["mean_batch"] <= row["places"] <= 16 for row in rows)
    assert first["power_levels"][-1] == [1.0, first["full_power_w"]]


def test_the_table_names_the_bound_and_says_that_it_is_modelled(folder: Path, run: Run) -> None:
    text = (folder / "slo.csv").read_text().replace("a,LS,40,0.3,", "a,LS,40,0.08,")
    (folder / "slo.csv").write_text(text)
    status, out, _ = run(folder)
    assert status == 0
    assert "model default, partition a (modelled)" in out
    assert "model small, partition a (modelled)" in out
    never = [line.split() for line in out.splitlines() if "cannot" in line and line.startswith("LS")]
    assert [(each[1], each[-1]) for each in never] == [("TP2xA100", "TTFT"), ("TP2xA100", "TTFT")]
    assert "whose points are measured, modelled" in out
    assert "95% of the requests" in " ".join(out.split())


def test_stated_rows_are_counted_and_not_shown_as_derived(folder: Path, run: Run) -> None:
    state_profiles(folder, "default,SS,TP2xA100,123,700")
    _, out, _ = run(folder)
    assert "Stated in profiles.csv, and not derived: 1." in " ".join(out.split())
    assert "123" not in out


def test_a_folder_without_token_profiles_is_one_sentence(tmp_path: Path, run: Run) -> None:
    status, out, err = run(write_files(tmp_path / "plain"))
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert "nothing is derived: there is no token_profiles.csv" in err


def test_a_fault_is_one_sentence(folder: Path, run: Run) -> None:
    edit(folder, "lengths.csv", "1500,600,1,default", "9000,600,1,default")
    status, _, err = run(folder)
    assert status == 2
    assert "9000 tokens asked for, measured up to 4000" in err
