"""What an evaluation says of itself: comparisons by kind of grids, texts once, prices where known."""

from dataclasses import replace

from models.evaluate.outcome_rows import HourRow
from models.evaluate.summary import Provenance, summary_of
from tests.fakes.made_up_results import SCENARIOS, made_up_results

MADE_UP = made_up_results(hours=2, policies=("reference", "cleanest_autoscaler", "freesh"))
SAYS = {
    "reference": "all on",
    "cleanest_autoscaler": "simple",
    "freesh": "ours",
    "never run": "x",
}
MADE = Provenance("command", "1.2.3", "now", {"a.csv": "00"}, ("a limit",))
HOUR = HourRow("h", "low_spread", "2026-01-01 10:00", "t", ("A", "B"), fleet="two sites", carbon="c", power="p")


def test_every_policy_is_compared_over_all_hours_and_on_each_kind_of_grids() -> None:
    summary = summary_of(MADE_UP.runs, SAYS, [HOUR], MADE)
    found = {(each.policy, each.scenario): each.hours for each in summary.comparisons}
    ran = [name for name in SAYS if name != "never run"]
    assert set(found) == {(name, kind) for name in ran for kind in ("all", *SCENARIOS)}
    assert (found["freesh", "all"], found["freesh", "low_spread"]) == (6, 2)


def test_the_gap_is_told_where_there_is_a_bound_and_else_not() -> None:
    gaps = summary_of(MADE_UP.runs, SAYS, [HOUR], MADE, MADE_UP.bounds).gaps
    assert [(each.ledger, each.outside, each.strongest) for each in gaps] == [
        ("energy", False, "cleanest_autoscaler"), ("carbon", False, "cleanest_autoscaler")
    ]  # fmt: skip
    assert summary_of(MADE_UP.runs, SAYS, [HOUR], MADE).gaps == ()


def test_freesh_with_a_part_left_out_is_a_baseline_but_not_one_of_the_others() -> None:
    policies = ("reference", "cleanest_autoscaler", "freesh_constant_carbon", "freesh")
    found = made_up_results(hours=2, policies=policies)
    runs = [
        replace(each, energy_kwh=1.0, slo_attainment=1.0) if each.policy == "freesh_constant_carbon" else each
        for each in found.runs
    ]
    says = {**SAYS, "freesh_constant_carbon": "one signal"}
    strongest = {
        (each.ledger, each.outside): each.strongest for each in summary_of(runs, says, [HOUR], MADE, found.bounds).gaps
    }
    assert strongest["energy", False] == "freesh_constant_carbon"
    assert strongest["energy", True] == "cleanest_autoscaler"


def test_texts_of_hours_stand_once_and_their_notes_with_the_limits() -> None:
    hours = [HOUR, replace(HOUR, hour="i", notes=("one",)), replace(HOUR, hour="j", carbon="d", notes=("one", "two"))]
    summary = summary_of(MADE_UP.runs, SAYS, hours, MADE)
    assert (summary.fleet, summary.carbon, summary.power) == ("two sites", "c. d", "p")
    assert summary.notes == ("one", "two", "a limit")


def test_prices_are_known_where_every_location_has_one() -> None:
    hours = [replace(HOUR, priced=2), replace(HOUR, hour="i", priced=1)]
    assert summary_of(MADE_UP.runs, SAYS, hours, MADE).prices == (
        "Day-ahead prices, known at all locations in 1 of 2 hours."
    )
    assert summary_of(MADE_UP.runs, SAYS, [HOUR], MADE).prices == "Not known in any hour."
