"""`python -m models simulate`: rows of the contract, and one sentence for whatever is wrong."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from freesh_plugin.core.errors import ConfigError, FreeshError
from models.__main__ import app
from models.commands.policy_names import complete_policy
from models.commands.simulated_hours import Asked, hours_asked
from models.evaluate.own_hour import OwnTraffic
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
        (("--workload", "csv", "--data", "."), ".: cannot be read: Is a directory"),
        (("--rate", "0"), "--rate: 0, must be above 0"),
        (("--seed", "-1"), "--seed: -1, must be at least 0"),
        (("--skip", "-5", "--workload", "csv"), "--skip: -5 s, must be at least 0"),
        (("--length-error", "1e9"), "--length-error: 1e+09, must be from 0 to 5"),
        (("--start", "9999-12-31T23:00"), "--start: 9999-12-31T23:00, must be from 1970-01-01 to 2199-12-31"),
        (("--start", "2026-03-02T13:54"), "must be at whole 10 minutes"),
        (("--data", "requests.csv"), "--data: has no effect, for requests are made unless --workload names"),
        (("--skip", "60"), "--skip: has no effect"),
        (("--scale-method", "copies"), "--scale-method: has no effect"),
        (("--lengths", "lengths.csv"), "--lengths: has no effect, for it is for --workload servegen alone"),
        (("--series", "m-small"), "--series: has no effect"),
        (("--rate", "2", "--scale", "2"), "--scale: has no effect, for --rate is"),
        (("--rate", "1e-7"), "0 requests to plan by, in 0 windows of 60 s, at least 2 are needed"),
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


def test_carbon_that_ends_before_the_last_hour_does_is_refused_before_the_first_is_run(tmp_path: Path) -> None:
    rows = [f"2026-03-02T{hour:02d}:00Z,{zone},{100 + hour}" for zone in "abc" for hour in range(14)]
    carbon = tmp_path / "carbon.csv"
    carbon.write_text("\n".join(["time,zone,carbon_gco2e_per_kwh", *rows]) + "\n", encoding="utf-8")
    asked = Asked(OwnTraffic(), 2.0, datetime(2026, 3, 2, 13, tzinfo=UTC), carbon=carbon)
    with pytest.raises(ConfigError, match=r"'a' at 2026-03-02T14:00Z: the table has .* to 2026-03-02T14:00Z"):
        next(hours_asked(asked))
    assert next(hours_asked(replace(asked, hours=1.0))).carbon.keys() == set("abc")


def test_the_shell_completes_names_of_policies_and_says_what_they_are() -> None:
    found = complete_policy("freesh")
    assert [name for name, _ in found] == ["freesh_constant_carbon", "freesh", "freesh_perfect"]
    assert dict(found)["freesh"] == POLICIES["freesh"].says
    assert len(complete_policy("")) == len(POLICIES)
