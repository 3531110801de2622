"""The plan as a table: figures with percentages, everything visible at 80 columns, nothing trusted."""

from io import StringIO
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from freesh_plugin.core.plan import Baselines, Footprint, Hold, Plan, PlanMode
from freesh_plugin.core.plan_json import decode_plan
from models.commands.show_plan import MOST_ROWS, plan_table

GOLDEN = Path(__file__).parents[3] / "golden" / "plans" / "two_sites.json"


def plan(**changes: object) -> Plan:
    return msgspec.structs.replace(decode_plan(GOLDEN.read_bytes()), **changes)


def shown(shown_plan: Plan, width: int = 100) -> str:
    console = Console(width=width, file=StringIO(), record=True)
    console.print(plan_table(shown_plan))
    return console.export_text()


def line(text: str, *starts: str) -> str:
    """The one line whose cells begin so, blanks joined."""
    (found,) = [each for each in map(str.split, text.splitlines()) if each[: len(starts)] == list(starts)]
    return " ".join(found)


def test_energy_and_carbon_stand_against_the_baselines_labelled_as_modelled() -> None:
    # 1 - 1545 / 1965 kJ and 1 - 30.0417 / 42.8869 g; least energy takes 1302 kJ and 33.4167 g.
    text = shown(plan())
    assert "Predicted (modelled) for the slot" in text
    assert line(text, "this", "plan") == "this plan 0.43 0.030 0.04"
    assert line(text, "every", "GPU", "on") == "every GPU on 0.55 0.043 0.05 +21.4% +30.0%"
    assert line(text, "least", "energy") == "least energy 0.36 0.033 0.03 -18.7% +10.1%"


def test_what_is_not_known_says_so() -> None:
    text = shown(plan(predicted=Footprint(3.6e6), baselines=Baselines(all_on=Footprint(7.2e6, -5.0))))
    assert line(text, "this", "plan") == "this plan 1.00 not known not known"
    assert line(text, "every", "GPU", "on") == "every GPU on 2.00 -0.005 not known +50.0% -"
    assert line(text, "least", "energy") == "least energy not known not known not known"


@pytest.mark.parametrize("width", [80, 100])
def test_nothing_is_cut_off(width: int) -> None:
    text = shown(plan(), width)
    assert "…" not in text
    assert line(text, "south", "S") == "south S TP4 1 (1-1) 5 10/0.5/0.1 <= 1410"
    assert line(text, "S", "eu") == "S eu south 100.0%"
    assert line(text, "S", "us") == "S us nowhere"
    assert line(text, "2", "drain") == "2 drain 2 x TP2 for S south/s1 4 req/s"
    assert line(text, "1", "relabel") == "1 relabel 1 x TP2 for L, was TP2 for S north/n2 1 req/s"


def test_mode_shedding_and_holds_are_in_words() -> None:
    reason = "No prices are known, so cost is left out of the objective. " * 8
    advice = plan(mode=PlanMode.ADVISE, shed_allowed={"default": 0.125}, holds=(Hold("no_price", reason.strip()),))
    text = " ".join(shown(advice).split())
    assert "mode advise: for reading only, nobody executes it" in text
    assert "shed tier default up to 12.5%, only when overload is measured" in text
    assert f"hold no_price: {reason.strip()}" in text
    assert "hold nothing was held back" in " ".join(shown(plan()).split())


def test_names_are_text_not_markup_and_escapes_are_shown() -> None:
    text = shown(plan(scenario="[red]x[/red]\x1b[2J"))
    assert "[red]x[/red]\\x1b[2J" in text


def test_a_large_fleet_is_counted_not_poured_out() -> None:
    pool = plan().pools[0]
    many = tuple(msgspec.structs.replace(pool, location=f"site{i:03}") for i in range(MOST_ROWS + 7))
    text = shown(plan(pools=many))
    assert f"site{MOST_ROWS - 1:03}" in text
    assert f"site{MOST_ROWS:03}" not in text
    assert "and 7 more pools" in text


def test_models_and_tiers_are_named_where_there_are_several() -> None:
    two = plan(
        partition={**plan().partition, "small": plan().partition["default"]},
        shed_allowed={"default": 0.0, "batch": 0.2},
    )
    text = shown(two, 120)
    assert "partition  a of model small" in text
    assert line(text, "south", "default", "S") == "south default S TP4 default 1 (1-1) 5 10/0.5/0.1 <= 1410"
