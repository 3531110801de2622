"""Another boundary shares the same total demand; tables that the planner reads."""

import csv
import re
import shutil
from pathlib import Path

import pytest

from freesh_plugin.adapters.profile_file import read_profile
from freesh_plugin.core.errors import ConfigError, ProfileError, ScenarioError
from profiling.profile.classes import mean_requests, partition_of, read_lengths
from profiling.scenario.boundaries import class_shares, service_levels, shared_demand
from profiling.scenario.replaced_folder import replaced_folder
from profiling.scenario.template import Template
from profiling.scenario.write_scenario import write_scenario

ROOT = Path(__file__).parents[3]
TOKENS = ROOT / "models" / "data" / "tokens"
DATA = ROOT / "freesh_plugin" / "data"
LENGTHS = [(100.0, 50.0, 3.0), (100.0, 500.0, 1.0), (900.0, 50.0, 4.0), (900.0, 500.0, 2.0)]


@pytest.fixture(scope="module")
def template() -> Template:
    return Template.of(TOKENS)


def test_shares_by_hand() -> None:
    assert class_shares(partition_of("512,100"), LENGTHS) == pytest.approx({"SS": 0.3, "SL": 0.1, "LS": 0.4, "LL": 0.2})
    assert class_shares(partition_of("2000,100"), LENGTHS) == pytest.approx({"SS": 0.7, "SL": 0.3, "LS": 0, "LL": 0})


def test_mean_requests_by_hand() -> None:
    (short, long) = mean_requests(partition_of("2000,100"), LENGTHS)
    assert (short.name, long.name) == ("SS", "SL")
    assert (short.prompt_tokens, short.answer_tokens) == pytest.approx((3900 / 7, 50))
    assert (long.prompt_tokens, long.answer_tokens) == pytest.approx((1900 / 3, 500))


@pytest.mark.parametrize("boundary", ["512,444", "300,150", "1,1", "9000,9000"])
def test_the_total_demand_of_each_step_stays(template: Template, boundary: str) -> None:
    rows = shared_demand(template, [partition_of(boundary)], read_lengths(TOKENS / "lengths.csv"))
    for step in range(6):
        total = sum(float(row["demand_rps"]) for row in rows if row["step"] == str(step))
        stated = [row for row in template.rows("demand.csv") if (row["partition"], row["step"]) == ("a", str(step))]
        assert total == pytest.approx(sum(float(row["demand_rps"]) for row in stated), rel=1e-4)


def test_each_partition_gets_the_service_levels_of_its_classes(template: Template) -> None:
    rows = service_levels(template, [partition_of("300,150", "x"), partition_of("9,9", "y")])
    assert [(row["partition"], row["request_class"]) for row in rows] == [
        (name, each) for name in "xy" for each in ("SS", "SL", "LS", "LL")
    ]
    assert {row["ttft_s"] for row in rows if row["request_class"] == "SS"} == {"0.6"}


def test_tables_hold_every_point_of_every_mode(template: Template, tmp_path: Path) -> None:
    documents = [read_profile(DATA / f"{each}-llama-3-70b-tp4.json") for each in ("a100", "h100")]
    write_scenario(template, documents, tmp_path, [], LENGTHS, {"TP4xA100": 900.0})
    with (tmp_path / "token_profiles.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    count = {name: sum(row["mode"] == name for row in rows) for name in ("TP4xA100", "TP4xA100@900", "TP4xH100")}
    assert count == {
        "TP4xA100": len(documents[0].points),
        "TP4xA100@900": len(documents[0].points),
        "TP4xH100": len(documents[1].points),
    }
    assert not (tmp_path / "profiles.csv").exists()
    assert (tmp_path / "slo.csv").read_text() == (TOKENS / "slo.csv").read_text()
    again = Template.of(tmp_path).document
    assert again["locations"] == template.document["locations"]
    assert again["modes"][1]["sm_clock_ceiling_mhz"] == 900
    assert again["modes"][1]["startup_s"] == 120


def test_what_does_not_go_together_is_refused(template: Template, tmp_path: Path) -> None:
    small, large = (read_profile(DATA / f"a100-llama-3-{each}.json") for each in ("8b-tp1", "70b-tp4"))
    with pytest.raises(ScenarioError, match="profiles of several models"):
        write_scenario(template, [small, large], tmp_path, [], LENGTHS, {})
    with pytest.raises(ScenarioError, match="two profiles of one mode"):
        write_scenario(template, [large, large], tmp_path, [], LENGTHS, {})
    folder = tmp_path / "without"
    shutil.copytree(TOKENS, folder)
    text = (folder / "scenario.yaml").read_text().replace("A100: 16", "L40S: 16")
    (folder / "scenario.yaml").write_text(text)
    with pytest.raises(ScenarioError, match=r"no location of .* has a A100"):
        write_scenario(Template.of(folder), [large], tmp_path / "out", [], LENGTHS, {})
    with pytest.raises(ScenarioError, match=r"scenario\.yaml: cannot be read"):
        Template.of(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        ("128,64,0", "no rows that weigh"),
        ("128,0,1", "line 2: answer_tokens '0', expected a number that is at least 1"),
        ("128,64,1\nnan,64,1", "line 3: prompt_tokens 'nan'"),
        ("128,64,-1\n256,64,1", "line 2: weight '-1'"),
        ("128", "line 2: answer_tokens None"),
        ("", "no rows"),
    ],
)
def test_lengths_that_are_none_are_refused(tmp_path: Path, rows: str, what: str) -> None:
    path = tmp_path / "lengths.csv"
    path.write_text(f"prompt_tokens,answer_tokens,weight\n{rows}\n")
    with pytest.raises(ProfileError, match=re.escape(what)):
        read_lengths(path)
    path.write_text("prompt_tokens\n128\n")
    with pytest.raises(ProfileError, match="no column answer_tokens"):
        read_lengths(path)


def test_a_folder_stays_as_it_was_until_all_of_the_new_one_is_there(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    for name in ("profiles.csv", "slo.csv", "README.md"):
        (folder / name).write_text("old")

    def written(*, fault: bool) -> None:
        with replaced_folder(folder, ("profiles.csv", "power.csv")) as beside:
            (beside / "slo.csv").write_text("new")
            if fault:
                raise ScenarioError(f"{beside / 'slo.csv'}: wrong")

    with pytest.raises(ScenarioError) as told:
        written(fault=True)
    assert str(told.value) == f"{folder / 'slo.csv'}: wrong"
    assert {each.name: each.read_text() for each in folder.iterdir()} == {
        "profiles.csv": "old", "slo.csv": "old", "README.md": "old"
    }  # fmt: skip
    written(fault=False)
    assert {each.name: each.read_text() for each in folder.iterdir()} == {"slo.csv": "new", "README.md": "old"}
    assert [each.name for each in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize(
    ("table", "text", "what"),
    [
        ("demand.csv", "partition,request_class,step\na,SS,0\n", "demand_rps"),
        ("demand.csv", "partition,request_class,step,demand_rps\na,SS,0\n", "line 2"),
        ("demand.csv", "partition,request_class,step,demand_rps\na,SS,0,much\n", "'much' requests a second"),
        ("demand.csv", "partition,request_class,step,demand_rps\nb,SS,0,1\n", "no rows of its first partition"),
        ("slo.csv", "request_class\nSS\n", "partition"),
        ("slo.csv", "partition,request_class\na,SS\n", "no row for class SL"),
    ],
)
def test_a_template_that_is_none_is_refused(tmp_path: Path, table: str, text: str, what: str) -> None:
    folder = tmp_path / "like"
    shutil.copytree(TOKENS, folder)
    (folder / table).write_text(text)
    large = read_profile(DATA / "a100-llama-3-70b-tp4.json")
    (tmp_path / "out").mkdir()
    with pytest.raises(ScenarioError, match=what):
        write_scenario(Template.of(folder), [large], tmp_path / "out", [partition_of("300,150")], LENGTHS, {})


@pytest.mark.parametrize("boundary", ["512", "512,0", "a,b", "1,2,3", ""])
def test_a_boundary_that_is_none_is_refused(boundary: str) -> None:
    with pytest.raises(ConfigError, match="--boundary"):
        partition_of(boundary)
