"""`python -m models value` and `pareto` as people run them: JSON, tables of 80 columns, figures, faults in words."""

import dataclasses
import io
import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from freesh_plugin.core.errors import FreeshError
from models.__main__ import app
from models.allocation.pareto import Front, Point
from models.commands.pareto_figure import axis_label, pareto_figure, weights_of
from models.commands.value import _table as table_of
from models.commands.value_figure import value_figure
from models.domain.allocation import AllocationResult, Outcome
from models.domain.scenario import Objective, PricePoint
from models.evaluate.comparison import Row
from models.evaluate.forecast_value import QUESTIONS
from models.sources.scenario_folder import write_scenario
from tests.fakes.evaluated import HISTORY, START, fleet
from tests.fakes.series import as_table

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A scenario folder with prices, and nine days of hourly carbon and ten-minute demand that came true."""
    prices = tuple(
        PricePoint(name, step, usd) for name, usd in (("here", 200.0), ("there", 50.0)) for step in range(6)
    )  # fmt: skip
    write_scenario(dataclasses.replace(fleet(), prices=prices), tmp_path / "fleet")
    rng = np.random.default_rng(1)
    hours = rng.uniform(100, 300, (2, 24 * 9))
    tables = [_table(values, 3_600, "carbon_gco2e_per_kwh", zone) for values, zone in zip(hours, "HT", strict=True)]
    lines = [tables[0], *(each.partition("\n")[2] for each in tables[1:])]
    (tmp_path / "carbon.csv").write_text("".join(lines), encoding="utf-8")
    (tmp_path / "demand.csv").write_text(_table(rng.uniform(1, 3, 144 * 9), 600, "demand_rps"), encoding="utf-8")
    return tmp_path


def _table(values: np.ndarray, step_s: int, column: str, zone: str | None = None) -> str:
    import pandas as pd

    index = pd.date_range(START - HISTORY, periods=len(values), freq=pd.Timedelta(seconds=step_s))
    labels = {} if zone is None else {"zone": zone}
    return str(as_table(pd.Series(values, index=index), column, **labels).to_csv(index=False))


def run(*arguments: object) -> str:
    done = CliRunner().invoke(app, [str(each) for each in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def value_of(folder: Path, *more: object) -> tuple[object, ...]:
    end = f"{START + timedelta(hours=1):%Y-%m-%dT%H:%MZ}"
    return (
        "value", folder / "fleet", "--carbon", folder / "carbon.csv", "--demand", folder / "demand.csv",
        "--start", f"{START:%Y-%m-%dT%H:%MZ}", "--end", end, *more,
    )  # fmt: skip


def test_value_as_json_and_as_a_figure(folder: Path) -> None:
    said = json.loads(run(*value_of(folder, "--json", "--carbon-lag", "1h", "--plot", folder / "value.png")))

    assert (said["modelled"], said["mix_assumed"], said["epochs"], said["scored_s"]) == (True, True, 2, 3_600)
    assert {name: [(row["carbon"], row["demand"]) for row in rows] for name, rows in said["questions"].items()} == {
        name: list(policies) for name, policies in QUESTIONS.items()
    }
    assert all(row["carbon_kg"] > 0 for rows in said["questions"].values() for row in rows)
    assert (folder / "value.png").read_bytes().startswith(PNG)


def test_value_as_a_table_for_80_columns(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")

    said = run(*value_of(folder, "--horizon", "12"))

    assert "carbon varied, demand known" in said
    assert "1 epochs, 1 of 1 h known and booked. Modelled" in said
    assert "(assumed)" in said
    assert all(len(line) <= 80 for line in said.splitlines())
    assert "…" not in said


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (("--horizon", "0"), "--horizon: 0 steps, must be from 1 to 288"),
        (("--horizon", "5"), "1500 s is not"),
        (("--quantile", "1"), r"--quantile: 1.0 is outside \[0.5, 1\)"),
        (("--lead", "soon"), "--lead: 'soon' is not a length of time"),
        (("--carbon-lag", "30h"), "--carbon-lag: 30h is 108000 s, must be from 0 to 86400 s"),
        (("--end", "2024-03-04T11:00Z"), "is not before --end"),
        (("--start", "never"), "--start: 'never' is not a date"),
        (("--plot", "value.pdf"), r"--plot: value.pdf must end in .png"),
        (("--plot", "/nowhere/at/all.png"), "--plot: /nowhere/at is not a folder"),
    ],
)
def test_value_refuses_in_a_sentence(folder: Path, more: tuple[str, str], why: str) -> None:
    with pytest.raises(FreeshError, match=why):
        run(*value_of(folder, *more))


def test_pareto_as_json_and_as_a_figure(folder: Path) -> None:
    said = json.loads(run("pareto", folder / "fleet", "--points", "4", "--json", "--plot", folder / "front.png"))

    points = said["points"]
    assert (said["modelled"], said["x"], said["y"]) == (True, "carbon", "cost")
    assert (points[0]["objective"], points[-1]["objective"]) == ("carbon", "cost")
    assert [each["carbon"] for each in points] == sorted(each["carbon"] for each in points)
    assert [each["cost"] for each in points] == sorted((each["cost"] for each in points), reverse=True)
    assert points[0]["result"]["totals"]["carbon_g"] == pytest.approx(1_000 * points[0]["carbon"])
    assert (folder / "front.png").read_bytes().startswith(PNG)


def test_pareto_as_a_table(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")

    said = run("pareto", folder / "fleet", "--y", "energy")

    assert "carbon against energy, modelled" in said
    assert "…" not in said


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (("--y", "carbon"), "--x and --y are both carbon"),
        (("--points", "1"), "--points: 1, must be from 2 to 100"),
        (("--plot", "front.jpg"), "must end in .png"),
    ],
)
def test_pareto_refuses_in_a_sentence(folder: Path, more: tuple[str, str], why: str) -> None:
    with pytest.raises(FreeshError, match=why):
        run("pareto", folder / "fleet", *more)


def result() -> AllocationResult:
    return AllocationResult(Outcome.OPTIMAL, 0.0, 0.0, 0.0, {}, ())


def test_weights_read_as_a_scenario_states_them() -> None:
    mixed = Objective(carbon=0.1234, cost=1.0, name="weights")

    assert weights_of(Point(mixed, result(), 0, 0)) == "{carbon: 0.1234, cost: 1}"
    assert weights_of(Point(Objective.only("energy"), result(), 0, 0)) == "energy"
    assert axis_label("carbon", "as given") == "carbon, signal's unit x kWh / 1,000 per horizon"


def test_the_front_is_drawn_with_its_knee_units_and_the_word_modelled() -> None:
    mixed = Objective(carbon=0.5, cost=1.0, name="weights")
    points = [Point(objective, result(), x, y) for objective, x, y in (
        (Objective.only("carbon"), 0.0, 10.0), (mixed, 2.0, 3.0), (Objective.only("cost"), 10.0, 0.0),
    )]  # fmt: skip

    (panel,) = pareto_figure(Front("carbon", "cost", tuple(points), 3, 0), "sites", "gco2e_per_kwh").axes

    assert "modelled" in panel.get_title(loc="left")
    assert panel.get_xlabel() == "carbon, kg CO2e per horizon"
    assert panel.get_ylabel() == "electricity cost, USD per horizon"
    knee = panel.get_lines()[-1]
    assert np.asarray(knee.get_xydata()).tolist() == [[2.0, 3.0]]
    assert {each.get_text() for each in panel.texts} == {"carbon", "{carbon: 0.5, cost: 1}", "cost"}


def test_labels_that_would_cover_one_another_are_left_out() -> None:
    objectives = [Objective(carbon=k / 100, cost=1.0, name="weights") for k in range(1, 101)]
    points = [Point(each, result(), k, (100 - k) ** 2) for k, each in enumerate(objectives)]

    (panel,) = pareto_figure(Front("carbon", "cost", tuple(points), 100, 0), "sites", "gco2e_per_kwh").axes

    said = {each.get_text() for each in panel.texts}
    assert 5 <= len(said) <= 24
    assert {weights_of(points[0]), weights_of(points[-1])} <= said


def test_tables_hold_large_numbers_in_80_columns() -> None:
    ends = (-1234.5, 1234.5)
    row = Row("persistence", "perfect", 98765.4, 12345.6, 0.1234, 1.0, 0, 1234.5, ends, 0.0, None, -2.53, False)
    console = Console(width=80, record=True, file=io.StringIO())

    console.print(table_of("carbon", [row]))

    said = console.export_text()
    assert "persistence  98765  12346" in said
    assert "-1234 to 1234" in said
    assert "12.34*" in said
    assert "…" not in said


def test_panels_share_one_scale_and_leave_perfect_out() -> None:
    def row(carbon: str, demand: str, above: float) -> Row:
        return Row(carbon, demand, 1.0, 1.0, 0.01, 1.0, 0, above, (above - 1, above + 1), 0.0, None, None, True)

    rows = {name: [row(*policy, 3.0 * k) for k, policy in enumerate(policies)] for name, policies in QUESTIONS.items()}

    figure = value_figure(rows, "sites (modelled)")
    panels = figure.axes

    assert figure.get_suptitle() == "sites (modelled); perfect foresight: 1.0 kg"
    assert len({panel.get_ylim() for panel in panels}) == 1
    assert len({panel.get_xlim() for panel in panels}) == 1
    assert [len(panel.patches) for panel in panels] == [len(each) - 1 for each in QUESTIONS.values()]
    ends = [
        float(np.max(np.asarray(bar.get_path().transformed(bar.get_patch_transform()).vertices)[:, 0]))
        for bar in panels[0].patches
    ]
    assert ends == [3.0, 6.0, 9.0, 12.0, 15.0]
    assert {panel.get_xlabel() for panel in panels} == {"kg CO2e above perfect foresight"}
