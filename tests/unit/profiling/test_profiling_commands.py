"""The command line: bad input ends with one sentence and status 2; figures and tables of the project's profiles."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from profiling.__main__ import main
from profiling.live.live_table import append_live
from profiling.sweep.raw_table import append_row, read_rows
from tests.fakes.live_rows import Steady
from tests.fakes.plain_endpoint import plain_endpoint
from tests.fakes.plans import sample_text
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
        (("drift", H100, "nowhere.csv", "--location", "loc1"), "go with a table of `profiling live`"),
        (("live",), "either URLs of routers or --prometheus"),
        (("live", "http://127.0.0.1:9", "-o", "x.csv"), "none of http://127.0.0.1:9 answers"),
        (("sweep", "http://127.0.0.1:9", "-o", "x.csv", "--gpu", "none"), "127.0.0.1:9/info"),
        (("sweep", "http://127.0.0.1:9", "-o", "x.csv", "--simulated-gpus", "/nowhere"), "no simulated shard"),
        (("sweep", "http://a:b", "-o", "x.csv", "--gpu", "none"), "is no URL"),
        (("sweep", "http://127.0.0.1:9", "-o", "x.csv", "--token-env", "NOT_SET_HERE"), "NOT_SET_HERE is not set"),
    ],
)
def test_bad_input_is_one_sentence_and_status_2(run: Run, arguments: tuple[str, ...], what: str) -> None:
    status, out, said = run(*arguments)
    assert (status, out) == (2, ""), said
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    assert what in said


NOT_TGI = "is this TGI's HTTP API?"


@pytest.mark.parametrize(
    ("answers", "what"),
    [
        ({"events": []}, f"an answer without a token; {NOT_TGI}"),
        ({"events": ["{not json"]}, "not an event of TGI's: '{not json'"),
        ({"events": ['["a list"]']}, "not an event of TGI's"),
        ({"events": ['{"details": 5}']}, "not an event of TGI's"),
        ({"events": ['{"error": "out of memory"}']}, "out of memory"),
        ({"spans": {"tokens": []}}, "no start and stop of each token"),
        ({"spans": [{"start": None, "stop": 1}]}, "no start and stop of each token"),
        ({"info": {"max_total_tokens": 20}}, "at most 20 tokens of prompt and answer together"),
    ],
)
def test_an_endpoint_that_answers_amiss_ends_a_sweep_with_one_sentence(
    run: Run, tmp_path: Path, answers: dict[str, Any], what: str
) -> None:
    with plain_endpoint(**answers) as url:
        status, out, said = run(
            "sweep", url, "-o", str(tmp_path / "raw.csv"), "--gpu", "none", "--prompts", "32", "--batch", "1",
            "--answers", "8", "--least-s", "0.1", "--json",
        )  # fmt: skip
    assert (status, out) == (2, "")
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    assert what in said


def test_a_batch_that_the_endpoint_does_not_take_is_left_out_and_said(run: Run, tmp_path: Path) -> None:
    raw = tmp_path / "raw.csv"
    with plain_endpoint({"max_concurrent_requests": 4}) as url:
        status, _, said = run(
            "sweep", url, "-o", str(raw), "--gpu", "none", "--prompts", "16", "--batch", "1,8", "--answers", "2",
            "--least-s", "0.1", "--repetitions", "1", "--warm-up", "0",
        )  # fmt: skip
    assert status == 0, said
    assert "1 cells left out: the endpoint takes at most 4 requests at once" in said
    assert {row.cell.batch for row in read_rows(raw)} == {0, 1}


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


def test_drift_of_a_live_fleet_against_its_profile_and_plan(run: Run, tmp_path: Path) -> None:
    raw, profile, plan = tmp_path / "raw.csv", tmp_path / "p.json", tmp_path / "plan.json"
    for row in make_rows():
        append_row(raw, row)
    names = ("--gpu", "A100", "--mode", "TP2xA100")
    assert run("fit", str(raw), *names, "-o", str(profile), "--json")[0] == 0
    plan.write_bytes(sample_text())

    well, ill = tmp_path / "well.csv", tmp_path / "ill.csv"
    append_live(well, Steady().rows())
    append_live(ill, [*Steady().rows(), *Steady(router="http://r2", location="loc2", slower=1.4).rows()])
    status, out, said = run("drift", str(profile), str(well), "--plan", str(plan), "--json")
    assert status == 0, said
    told = json.loads(out)
    assert (told["recalibrate"], told["commands"]) == (False, [])
    assert [(each["location"], each["class"], each["planned_rps"]) for each in told["pools"]] == [("loc1", "SS", 5.0)]
    (fleet,) = [each for each in told["verdicts"] if each["where"] == "fleet"]
    assert (fleet["off"], fleet["why"]) == (None, "1 routers were looked at, the plan has 2 instances")

    status, out, said = run("drift", str(profile), str(ill))
    assert status == 1, said
    assert "loc2, default: capacity" in out
    sweep, fit, _ = (line.split() for line in out.splitlines() if line.startswith("  python"))
    assert (sweep[sweep.index("--batch") + 1], sweep[sweep.index("--clocks") + 1]) == ("1,8,32", "1110,1980")
    assert fit[fit.index("--mode") + 1] == "TP2xA100"
    assert run("drift", str(profile), str(ill), "--location", "loc1")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("--location", "loc9"), "none of loc9 is in the table; it has loc1"),
        (("--plan", "nowhere.json"), "nowhere.json: cannot be read"),
        (("--plan", H100), "--plan: "),
    ],
)
def test_bad_input_of_live_drift(run: Run, tmp_path: Path, arguments: tuple[str, str], what: str) -> None:
    append_live(tmp_path / "live.csv", Steady().rows())
    status, _, said = run("drift", H100, str(tmp_path / "live.csv"), *arguments)
    assert status == 2
    assert what in said


def test_a_table_without_energy_makes_no_profile(run: Run, tmp_path: Path) -> None:
    raw, profile = tmp_path / "raw.csv", tmp_path / "p.json"
    for row in make_rows(powered=False):
        append_row(raw, row)
    status, _, said = run("fit", str(raw), "--gpu", "H100", "-o", str(profile))
    assert status == 2
    assert "4 of 4 prefill cells have no power" in said
    assert not profile.exists()
