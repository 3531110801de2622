"""The command line: bad input ends with one sentence and status 2; figures and tables of the project's profiles."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from profiling.__main__ import main
from profiling.sweep.raw_table import append_row
from tests.fakes.sweep_rows import make_rows

DATA = Path(__file__).parents[3] / "freesh_plugin" / "data"
H100 = str(DATA / "h100-llama-3-70b-tp4.json")

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the program in this process: exit status, standard output, standard error."""

    def with_arguments(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["profiling", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return with_arguments


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("fit",), "either a raw table or --published"),
        (("fit", "a.csv"), "--output or --export"),
        (("fit", "a.csv", "-o", "p.json"), "--gpu"),
        (("fit", "nowhere.csv", "-o", "p.json", "--gpu", "H100"), "cannot be read"),
        (("fit", "--published", "nowhere", "-o", "x"), "not the public profiles"),
        (("fit", "--published", "nowhere", "-o", "x", "--instance", "A100"), "GPU:LLM:GPUS"),
        (("fit", "--published", "nowhere", "-o", "x", "--power-model", "top"), "none of low, mid, high"),
        (("show", "nowhere.json"), "cannot be read"),
        (("show", H100, "--plot", "x.svg"), "must end in .png"),
        (("show", H100, H100, "--plot", "x.png"), "draws one profile"),
        (("show", H100, "--boundary", "512,256"), "go together"),
        (("drift", H100, "nowhere.csv"), "cannot be read"),
        (("sweep", "http://127.0.0.1:9", "-o", "x.csv", "--gpu", "none"), "127.0.0.1:9/info"),
        (("sweep", "http://127.0.0.1:9", "-o", "x.csv", "--simulated-gpus", "/nowhere"), "no simulated shard"),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(run: Run, arguments: tuple[str, ...], what: str) -> None:
    status, out, said = run(*arguments)
    assert (status, out) == (2, ""), said
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    assert what in said


def test_show_draws_and_tells(run: Run, tmp_path: Path) -> None:
    status, out, said = run("show", H100, "--json", "--plot", f"{tmp_path}/a.png", "--trade-off", f"{tmp_path}/b.png")
    assert status == 0, said
    (told,) = json.loads(out)
    assert "modelled" in told["label"]
    for name in {row["request_class"] for row in told["classes"]}:
        rows = [row for row in told["classes"] if row["request_class"] == name]
        best = [row for row in rows if row["best"]]
        assert len(best) == 1
        assert best[0]["energy_j"] == min(row["energy_j"] for row in rows)
    for name in ("a", "b"):
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_fit_and_drift_of_a_table(run: Run, tmp_path: Path) -> None:
    raw, profile = tmp_path / "raw.csv", tmp_path / "p.json"
    for row in make_rows():
        append_row(raw, row)
    status, out, said = run("fit", str(raw), "--gpu", "H100", "-o", str(profile), "--json")
    assert status == 0, said
    (told,) = json.loads(out)
    assert any("28 measured cells" in each for each in told["said"])
    status, out, said = run("drift", str(profile), str(raw), "--json")
    assert status == 0, said
    assert json.loads(out)["recalibrate"] is False
    status, out, said = run("drift", H100, str(raw))
    assert status == 1, said
    assert "calibrate anew" in out


def test_a_table_without_energy_makes_no_profile(run: Run, tmp_path: Path) -> None:
    raw, profile = tmp_path / "raw.csv", tmp_path / "p.json"
    for row in make_rows(powered=False):
        append_row(raw, row)
    status, _, said = run("fit", str(raw), "--gpu", "H100", "-o", str(profile))
    assert status == 2
    assert "4 of 4 prefill cells have no power" in said
    assert not profile.exists()
