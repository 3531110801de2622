"""`python -m models explain` and `show-plan`: object, tables, exit status, one sentence on bad input."""

import json
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from freesh_plugin.core.plan_explanation import PlanExplanation, PlanPrice, PlanPromise
from freesh_plugin.core.plan_json import decode_plan, encode_plan, seal
from models.__main__ import main
from models.commands.explanation_table import MOST_ROWS, explanation_tables
from models.domain.scenario import Survive
from models.sources.scenario_folder import write_scenario
from tests.fakes.fleet_scenarios import location, tiny

GOLDEN = Path(__file__).parents[3] / "golden" / "plans" / "two_sites.json"
Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs a command in this process: exit status, standard output, standard error."""
    monkeypatch.setenv("COLUMNS", "100")

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["python -m models", *arguments])
        with pytest.raises(SystemExit) as ending:
            main()
        captured = capsys.readouterr()
        return int(ending.value.code or 0), captured.out, captured.err

    return run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("explained")
    write_scenario(location(tiny(demand_rps=(6.0,), survive=Survive.LOCATION), "here", max_share=0.9), path)
    return path


def test_the_object_holds_the_result_and_its_explanation(command: Command, folder: Path) -> None:
    status, out, err = command("explain", str(folder), "--json", "--gap", "0", "--time-limit", "20")
    assert (status, err) == (0, "")
    told = json.loads(out)
    assert told["modelled"] is True
    assert told["result"]["status"] == "optimal"
    # 6 req/s on 4 GPUs a side: a loss of either leaves 2 req/s unserved at best.
    assert {each["lost"]: each["short_rps"] for each in told["result"]["exposed"]} == {
        "here": pytest.approx(2.0, rel=1e-3),
        "there": pytest.approx(2.0, rel=1e-3),
    }
    explanation = told["explanation"]
    assert (explanation["objective"], explanation["unit"]) == ("carbon", "gCO2e")
    assert {each["promise"] for each in explanation["promises"]} == {"survive", "max_share", "slo"}
    stock = [each for each in explanation["prices"] if each["constraint"] == "stock"]
    assert stock
    assert all(each["per_percent"] == pytest.approx(each["per_unit"] * 0.04) for each in stock)


def test_the_tables_for_people(command: Command, folder: Path) -> None:
    status, out, err = command("explain", str(folder), "--gap", "0", "--objective", "energy")
    assert (status, err) == (0, "")
    for words in (
        "exposed     without here",
        "Who serves what, and why (least energy, modelled)",
        "What each promise costs an epoch (modelled): solved again without it",
        "service levels",
    ):
        assert words in out
    assert max(map(len, out.splitlines())) <= 100


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--objective", "wind"), "error: --objective: 'wind' is neither one of carbon, energy, cost"),
        (("--objective", "cost"), "error: prices.csv is needed for the objective"),
        (("--gap", "2"), "error: gap 2.0 is outside [0, 1)"),
    ],
)
def test_bad_input_is_one_sentence(command: Command, folder: Path, arguments: tuple[str, ...], words: str) -> None:
    status, out, err = command("explain", str(folder), *arguments)
    assert (status, out) == (2, "")
    assert err.startswith(words)


def explanation(**changes: object) -> PlanExplanation:
    prices = (
        PlanPrice("stock", "H100 at \x1b[31mparis", "GPU", 8.0, 12.3, "gCO2e", "one more."),
        PlanPrice("demand", "class SL", "req/s", 5.0, 3.21, "gCO2e", "one more."),
        PlanPrice("demand", "class LL", "req/s", 5.0, 1.0, "req/s", "one more."),
    )
    promises = (
        PlanPromise("survive", "", "s", 20.0, 19.0, 22.0, 3.6e6, 20.0, 0.25, 0.0, 0.0),
        PlanPromise("residency", "paris", "s", 0.0, 0.0, 4.0, 0.0, 0.0, None, 0.0, 0.0),
        PlanPromise("margin", "", "the margin of 1.1: cost not known, no time was left"),
        PlanPromise("max_share", "oslo", "without it more is served", None, shed_rps=3.0, without_shed_rps=0.0),
    )
    whole = PlanExplanation("carbon", "gCO2e", prices, promises, notes=("A note.",))
    return msgspec.structs.replace(whole, **changes)


def shown(told: PlanExplanation, width: int = 100) -> str:
    console = Console(width=width, file=StringIO(), record=True)
    for table in explanation_tables(told):
        console.print(table)
    return console.export_text()


def line(text: str, start: str) -> str:
    (found,) = [" ".join(each.split()) for each in text.splitlines() if " ".join(each.split()).startswith(start)]
    return found


@pytest.mark.parametrize("width", [80, 100])
def test_prices_and_costs_are_told_with_their_units(width: int) -> None:
    text = shown(explanation(), width)
    assert "…" not in text
    assert "\x1b" not in text
    assert "8 GPU 12.3 gCO2e 0.984 gCO2e" in line(text, "stock H100 at ")
    assert line(text, "class SL") == "class SL 5 3.21 gCO2e"
    assert line(text, "class LL") == "class LL 5 1 req/s more shed"
    assert "- not solved without in the time given: the margin of 1.1" in text
    assert "- without it more is served" in text
    assert "- A note." in text


def test_costs_show_what_is_proven_of_them() -> None:
    text = shown(explanation())
    assert line(text, "survive") == "survive all 20 gCO2e 19 to 22 +1 kWh, +0.25 USD nothing"
    assert line(text, "residency") == "residency paris 0 gCO2e 0 to 4 - nothing"
    assert line(text, "demand margin") == "demand margin all not reached - - -"
    assert line(text, "max_share") == "max_share oslo see below - - 0"


def test_what_is_worth_less_is_counted() -> None:
    many = tuple(PlanPrice("stock", f"G{i} at n", "GPU", 1.0, 1.0, "J", "s") for i in range(MOST_ROWS + 3))
    assert "and 3 more limits" in shown(explanation(prices=many))


def test_a_plan_shows_why_it_is_what_it_is(command: Command, tmp_path: Path) -> None:
    plan = decode_plan(GOLDEN.read_bytes())
    file = tmp_path / "plan.json"
    file.write_bytes(encode_plan(seal(msgspec.structs.replace(plan, explanation=explanation()))))
    status, out, err = command("show-plan", str(file))
    assert (status, err) == (0, "")
    assert "What binds" in out
    assert "two-sites, epoch 1000000 revision 1" in out


@pytest.mark.parametrize("name", ["two_sites.json", "two_sites_1_0.json"])
def test_a_plan_without_an_explanation_is_shown(command: Command, name: str) -> None:
    status, out, _ = command("show-plan", str(GOLDEN.with_name(name)))
    assert status == 0
    assert "What binds" not in out


def test_what_is_no_plan_is_one_sentence(command: Command, tmp_path: Path) -> None:
    status, _, err = command("show-plan", str(tmp_path / "none.json"))
    assert (status, err.count("\n")) == (2, 1)
    assert "cannot read" in err
    (tmp_path / "bad.json").write_text("{}", encoding="utf-8")
    status, _, err = command("show-plan", str(tmp_path / "bad.json"))
    assert (status, err.count("\n")) == (2, 1)
