"""`python -m models simulate`: rows of the contract, and one sentence for whatever is wrong."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from freesh_plugin.core.errors import FreeshError
from models.__main__ import app
from models.commands.policy_names import complete_policy
from models.evaluate.policies import POLICIES

CONTRACT = {
    "policy", "hour", "scenario", "energy_kwh", "carbon_kg", "carbon_marginal_kg", "cost_usd", "slo_attainment",
    "p99_stall_s", "fairness_jain", "shed", "finished",
}  # fmt: skip


def simulate(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["simulate", *arguments], catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Six minutes of an operator's own requests on the built-in fleet, all of it on."""
    table = tmp_path_factory.mktemp("own") / "requests.csv"
    rows = [f"{2.0 * k:g},{300 + 7 * (k % 90)},{40 + 5 * (k % 120)}" for k in range(180)]
    table.write_text("\n".join(["arrival_s,prompt_tokens,answer_tokens", *rows]) + "\n", encoding="utf-8")
    asked = ("--workload", "csv", "--data", str(table), "--hours", "0.1", "--policy", "reference", "--json")
    found: list[dict[str, Any]] = json.loads(simulate(*asked))
    return found


def test_rows_have_the_columns_of_the_contract(short: list[dict[str, Any]]) -> None:
    (row,) = short
    assert set(row) >= CONTRACT
    assert (row["policy"], row["hour"], row["scenario"]) == ("reference", "hour-1", "own")


def test_every_request_is_accounted_for(short: list[dict[str, Any]]) -> None:
    (row,) = short
    assert row["offered"] == 180
    assert row["finished"] + row["shed"] + row["refused"] == 180
    assert 0 <= row["slo_attainment"] <= 1


def test_what_the_operator_did_not_state_is_null_and_power_is_within_the_fleets(short: list[dict[str, Any]]) -> None:
    (row,) = short
    assert row["carbon_marginal_kg"] is None
    assert row["cost_usd"] is None
    # 24 A100 and 6 H100 draw at least their parked 55 and 70 W and at most their boards' 400 and 700 W, PUE 1.2.
    parked, boards = (1.2 * 0.1 * (24 * a + 6 * h) / 1000 for a, h in ((55, 70), (400, 700)))
    assert parked < row["energy_kwh"] < boards


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--policy", "fresh"), "--policy: 'fresh' is no policy; nearest known name is 'freesh'"),
        (("--hours", "0"), "--hours: 0, must be from 0.1 to 168"),
        (("--hours", "500"), "--hours: 500, must be from 0.1 to 168"),
        (("--scale", "-1"), "--scale: -1, must be above 0"),
        (("--workload", "azure"), "requests of kind 'azure' need the file of the trace"),
        (("--workload", "csv", "--data", "nowhere.csv"), "nowhere.csv"),
        (("--carbon", "carbon.csv"), "--start: needed with --carbon"),
        (("--carbon", "carbon.csv", "--start", "soon"), "--start: 'soon' is not a date"),
        (("--zone", "DE"), "--zone: 1 zones for 3 locations"),
        (("--scenario", "nowhere"), "nowhere"),
        (("--policy", "reference", "-o", "folder"), "'freesh' is not among them"),
    ],
)
def test_bad_input_is_one_sentence(
    arguments: tuple[str, ...], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FreeshError) as refused:
        CliRunner().invoke(app, ["simulate", *arguments], catch_exceptions=False)
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "folder").exists()


def test_the_shell_completes_names_of_policies_and_says_what_they_are() -> None:
    found = complete_policy("freesh")
    assert [name for name, _ in found] == ["freesh_constant_carbon", "freesh", "freesh_perfect"]
    assert dict(found)["freesh"] == POLICIES["freesh"].says
    assert len(complete_policy("")) == len(POLICIES)
