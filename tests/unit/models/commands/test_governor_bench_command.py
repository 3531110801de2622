"""`python -m models governor-bench`: rows, seeds, tables, bad input."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from freesh_plugin.core.errors import ScenarioError
from models.__main__ import app

ROW = {
    "policy", "load", "seed", "energy_j", "ttft_violation", "tbt_violation", "changes_per_min", "recovery_ticks",
}  # fmt: skip


def rows(*arguments: str) -> list[dict[str, Any]]:
    done = CliRunner().invoke(app, ["governor-bench", "--json", *arguments], catch_exceptions=False)
    assert done.exit_code == 0
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_rows_have_the_columns_of_the_contract_for_every_load_and_seed() -> None:
    found = rows("--policy", "miad", "--seed", "3")
    assert [set(row) for row in found] == [ROW] * 5
    assert [row["load"] for row in found] == ["low", "medium", "high", "step", "bursts"]
    assert all(row["policy"] == "miad" and row["seed"] == 3 for row in found)
    assert all(row["energy_j"] > 50_000 and 0 <= row["ttft_violation"] < 0.2 for row in found)


@pytest.mark.parametrize("seeds", [("--seed", "4", "--seed", "5"), ("--seed", "4", "5"), ("--seed", "4-5")])
def test_seeds_may_be_repeated_listed_or_a_range(seeds: tuple[str, ...]) -> None:
    assert [row["seed"] for row in rows(*seeds, "--policy", "static-1980", "--load", "low")] == [4, 5]


def test_a_run_is_the_same_when_it_is_run_again() -> None:
    asked = ("--seed", "6", "--policy", "miad", "--load", "bursts")
    assert rows(*asked) == rows(*asked)


def test_the_power_model_changes_energy_alone_at_one_clock() -> None:
    low, high = (
        rows("--policy", "static-1500", "--load", "high", "--seed", "7", "--power-model", each)[0]
        for each in ("low", "high")
    )
    assert low["energy_j"] > high["energy_j"]
    assert low["ttft_violation"] == high["ttft_violation"]


def test_people_get_a_table_for_each_load_and_one_of_means() -> None:
    asked = ["governor-bench", "--seed", "8-9", "--policy", "miad", "--policy", "hysteresis"]
    shown = CliRunner().invoke(app, asked, catch_exceptions=False).stdout
    for load in ("low", "medium", "high", "step", "bursts"):
        assert f"load {load}, 2 runs of 10 min, simulated" in shown
    assert "mean over loads" in shown
    assert "static-1980" in shown
    assert "…" not in shown


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--policy", "fast"), "policy 'fast' is none of miad"),
        (("--policy", "static-7"), "not a clock of the list"),
        (("--seed", "x"), "--seed: 'x' is not a number"),
    ],
)
def test_bad_input_is_told_in_a_sentence(arguments: tuple[str, ...], reason: str) -> None:
    with pytest.raises(ScenarioError, match=reason):
        CliRunner().invoke(app, ["governor-bench", *arguments], catch_exceptions=False)
