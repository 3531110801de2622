"""`python -m models backtest` as people run it: rows as JSON, a table, and exit status 2 with one sentence."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.fakes.series import as_table, hourly_carbon, ten_minute_demand

ROW = {"series", "horizon", "model", "mape", "wape", "pinball95", "coverage95"}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "models", "backtest", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def rows(*arguments: str) -> list[dict[str, Any]]:
    done = run(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    parsed: list[dict[str, Any]] = json.loads(done.stdout)
    return parsed


@pytest.fixture
def carbon_file(tmp_path: Path) -> str:
    path = tmp_path / "carbon.csv"
    as_table(hourly_carbon(60), "carbon_gco2e_per_kwh", zone="DE").to_csv(path, index=False)
    return str(path)


def test_carbon_rows(carbon_file: str) -> None:
    said = rows("carbon", "--data", carbon_file, "--start", "2024-02-20", "--end", "2024-02-26")

    assert [set(row) for row in said] == [ROW] * 72
    assert {row["model"] for row in said} == {"freesh", "persistence", "seasonal_naive"}
    assert sorted({row["horizon"] for row in said}) == list(range(1, 25))
    assert {row["series"] for row in said} == {"DE"}
    series = hourly_carbon(60).to_numpy().reshape(60, 24)
    expected = 100 * np.abs((series[50:57, 4] - series[49:56, 4]) / series[50:57, 4]).mean()
    fifth = next(row for row in said if row["horizon"] == 5 and row["model"] == "persistence")
    assert fifth["mape"] == pytest.approx(expected)
    assert all(0 <= row["coverage95"] <= 1 for row in said)


def test_issues_within_the_day_have_the_last_value_beside_them(carbon_file: str) -> None:
    said = rows(
        "carbon", "--data", carbon_file, "--start", "2024-02-20", "--end", "2024-02-21T11:00",
        "--horizon", "2", "--every", "6h", "--publication-lag", "2h",
    )  # fmt: skip

    assert {(row["horizon"], row["model"]) for row in said} == {
        (horizon, model)
        for horizon in (1, 2)
        for model in ("freesh", "persistence", "seasonal_naive", "last_value")
    }  # fmt: skip
    series = hourly_carbon(60).to_numpy()
    issues = 24 * 50 + 6 * np.arange(6)
    expected = 100 * np.abs((series[issues] - series[issues - 3]) / series[issues]).mean()
    first = next(row for row in said if row["horizon"] == 1 and row["model"] == "last_value")
    assert first["mape"] == pytest.approx(expected)


def test_demand_rows_and_notes(tmp_path: Path) -> None:
    history = ten_minute_demand(9)
    history.iloc[200:210] = np.nan
    path = tmp_path / "demand.parquet"
    as_table(history, "demand_rps", series="m").to_parquet(path)
    arguments = ("demand", "--data", str(path), "--start", "2024-01-08", "--end", "2024-01-08T12:00", "--horizon", "2")

    done = run(*arguments, "--lead", "30min", "--json")

    said = json.loads(done.stdout)
    assert {(row["horizon"], row["model"]) for row in said} == {
        (horizon, model)
        for horizon in (1, 2)
        for model in ("freesh", "persistence", "last_30min", "seasonal_naive")
    }  # fmt: skip
    assert done.stderr == "note: series m: 10 of 1296 rows of 600 s are missing\n"


def test_people_get_a_table(carbon_file: str) -> None:
    done = run("carbon", "--data", carbon_file, "--start", "2024-02-20", "--end", "2024-02-21")

    assert done.returncode == 0
    assert "seasonal_naive" in done.stdout
    assert "MAPE %" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--start", "2024-01-03", "--end", "2024-01-09"), "2.0 days of history before 2024-01-03, at least 8 needed"),
        (("--start", "2024-02-21", "--end", "2024-02-20"), "is after end"),
        (("--start", "yesterday", "--end", "2024-02-20"), "--start: 'yesterday' is not a date"),
        (("--start", "2024-02-20", "--end", "2024-02-30"), "--end: '2024-02-30' is not a date"),
        (("--start", "2024-02-20", "--end", "2024-02-21", "--horizon", "0"), "--horizon: 0, must be from 1 to 168"),
        (("--start", "2024-02-20", "--end", "2024-02-21", "--lead", "soon"), "--lead: 'soon' is not a length of time"),
        (("--start", "2024-02-20", "--end", "2024-02-21", "--every", "5h"), "issues every 18000 s: must divide a day"),
        (("--start", "2024-02-20", "--end", "2024-02-21", "--step", "7min"), "step 420 s: must divide an hour"),
        (
            ("--start", "2024-02-20", "--end", "2024-02-21", "--step", "5min"),
            "rows of 3600 s do not make rows of 300 s",
        ),
        (
            ("--start", "2024-02-20", "--end", "2024-02-21", "--publication-lag", "x"),
            "--publication-lag: 'x' is not a length of time",
        ),
        (("--start", "2030-01-01", "--end", "2030-01-02"), "no whole target between"),
    ],
)
def test_bad_requests_end_with_one_sentence_and_status_2(
    carbon_file: str, arguments: tuple[str, ...], sentence: str
) -> None:
    done = run("carbon", "--data", carbon_file, *arguments)

    assert done.returncode == 2
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_a_file_of_another_kind_ends_with_one_sentence_and_status_2(carbon_file: str) -> None:
    done = run("demand", "--data", carbon_file, "--start", "2024-02-20", "--end", "2024-02-21")

    assert done.returncode == 2
    assert "column 'demand_rps' is missing" in done.stderr
    assert done.stderr.count("\n") == 1
