"""The page: whole, by itself, with every number from its rows."""

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from models.evaluate.outcome_rows import Estimate
from models.evaluate.report.page import page, sections
from models.evaluate.report.results import LAYERS, RUNS, TRADEOFF, Results, read_results, write_results
from models.evaluate.report.sections.answer import answer
from models.evaluate.report.sections.gap import gap
from models.evaluate.report.sections.layers import layers
from models.evaluate.report.sections.limits import no_gain
from models.evaluate.report.sections.policies import policies
from models.evaluate.report.tables import ResultsError
from models.evaluate.report.write import write_report
from tests.fakes.made_up_results import POLICIES, made_up_results

RESULTS = made_up_results(hours=2)
VOID = {"meta", "br", "hr"}


class _Tree(HTMLParser):
    """Checks that elements nest, and collects addresses and text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.ids: list[str] = []
        self.drawings: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        named = dict(attrs)
        self.addresses += [str(named[each]) for each in ("href", "src", "action") if each in named]
        self.ids += [str(named["id"])] if "id" in named else []
        if tag == "svg":
            self.drawings.append(named)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def read(text: str) -> _Tree:
    tree = _Tree()
    tree.feed(text)
    assert tree.open == []
    return tree


def words_of(text: str) -> str:
    """What a reader sees, on one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def ours(results: Results, **changes: object) -> Results:
    """The results with another comparison of FREESH over all hours."""
    rows = [
        replace(each, **changes) if (each.policy, each.scenario) == ("freesh", "all") else each  # type: ignore[arg-type]
        for each in results.summary.comparisons
    ]
    return replace(results, summary=replace(results.summary, comparisons=tuple(rows)))


def test_the_page_asks_for_nothing_else() -> None:
    text = page(RESULTS)
    tree = read(text)
    assert all(each.startswith("#") or "/" not in each for each in tree.addresses)
    assert "http" not in text.replace("http-equiv", "")
    assert "<script" not in text
    assert "url(" not in text
    assert "default-src 'none'" in text


def test_links_lead_to_sections_and_to_the_tables() -> None:
    tree = read(page(RESULTS))
    assert {each[1:] for each in tree.addresses if each.startswith("#")} <= set(tree.ids)
    assert {RUNS, LAYERS, TRADEOFF, "classes.csv", "series.csv", "summary.json"} <= set(tree.addresses)
    assert len(set(tree.ids)) == len(tree.ids)


def test_every_drawing_says_what_it_shows() -> None:
    drawings = read(page(RESULTS)).drawings
    assert len(drawings) >= 16
    assert all(each["role"] == "img" and each["aria-label"] for each in drawings)


def test_the_answer_has_both_savings_with_their_intervals() -> None:
    text = words_of(
        answer(ours(RESULTS, energy=Estimate(-0.3, -0.34, -0.26), carbon=Estimate(-0.4, -0.45, -0.35), equal_slo=True))
    )
    text = text.replace("\N{NO-BREAK SPACE}", " ")
    assert (
        "In simulation, FREESH used 30.0 % less energy (95 % interval 26.0 to 34.0 %) and emitted 40.0 % less carbon "
        "(95 % interval 35.0 to 45.0 %) than the paper-like reference over 6 hours, at equal service "
        "by the SLO of each class."
    ) in text
    assert "Simulated, not metered." in text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"energy": Estimate(0.1, 0.05, 0.15)}, "used 10.0 % more energy"),
        ({"carbon": Estimate(-0.01, -0.05, 0.03)}, "which proves no difference"),
        ({"carbon": None}, "emitted an unknown amount of carbon"),
        ({"ambiguous": True}, "the average and the marginal ledger disagree"),
        ({"energy": Estimate(-0.1)}, "used 10.0 % less energy and"),
        ({"equal_slo": False}, "but not at equal service: 98.4"),
    ],
)
def test_the_answer_claims_no_more_than_the_rows(changes: dict[str, object], said: str) -> None:
    text = words_of(answer(ours(RESULTS, **changes))).replace("\N{NO-BREAK SPACE}", " ")
    assert said in text


def test_an_ambiguous_saving_is_nowhere_called_one() -> None:
    text = words_of(answer(ours(RESULTS, ambiguous=True)))
    assert "less carbon" not in text
    assert "ambiguous" in text


def test_every_policy_has_its_row_and_its_mark() -> None:
    text = words_of(policies(RESULTS))
    for name in ("reference", "best static clock", "DynamoLLM-like", "clairvoyant FREESH"):
        assert name in text
    of = RESULTS.comparison("one_mixed_pool")
    assert of is not None
    rows = policies(_only(RESULTS, "reference", "one_mixed_pool"))
    assert ("lower SLO</span>" in rows.split("caption")[0]) is not of.equal_slo


def _only(results: Results, *names: str) -> Results:
    return replace(results, runs=tuple(each for each in results.runs if each.policy in names))


def test_what_is_not_known_is_said_and_never_zero() -> None:
    unknown = made_up_results(hours=2, carbon=False)
    text = page(unknown)
    read(text)
    assert words_of(policies(unknown)).count("not known") == 3 * len(POLICIES)
    assert "nan" not in words_of(text).lower().split()
    assert "None" not in words_of(text)


def test_a_modelled_layer_is_hatched_and_told_under_each_power_model() -> None:
    text = layers(RESULTS)
    assert "hatched" in text
    assert "clock (modelled)" in text
    assert "its sign is the same in all of them" in words_of(text)


def test_a_modelled_layer_of_two_signs_claims_nothing() -> None:
    rows = [
        replace(each, energy_kwh=1.0) if (each.modelled and each.power_model == "high") else each
        for each in RESULTS.layers
    ]
    text = words_of(layers(replace(RESULTS, layers=tuple(rows))))
    assert "its sign differs: no saving can be claimed" in text


def test_what_is_not_gained_is_listed() -> None:
    worse = ours(RESULTS, carbon=Estimate(-0.2, -0.22, -0.18))
    assert "cleanest autoscaler emits no more" in words_of(no_gain(worse))
    hungry = words_of(no_gain(ours(RESULTS, energy=Estimate(0.2, 0.1, 0.3))))
    assert "cleanest autoscaler uses no more" in hungry
    lost = [
        replace(each, energy=Estimate(0.01, -0.02, 0.04), equal_slo=False)
        if (each.policy, each.scenario) == ("freesh", "low_spread")
        else each
        for each in RESULTS.summary.comparisons
    ]
    text = words_of(no_gain(replace(RESULTS, summary=replace(RESULTS.summary, comparisons=tuple(lost)))))
    assert "low spread: no difference in energy that can be proved" in text
    assert "less service than the reference" in text


def test_the_gap_closed_is_told_with_the_baseline_by_name() -> None:
    text = words_of(gap(RESULTS)).replace("\N{NO-BREAK SPACE}", " ")
    assert "cleanest autoscaler" in text
    assert "71 % 60 to 80 %" in text


def test_unequal_service_closes_no_gap() -> None:
    unequal = ours(RESULTS, equal_slo=False)
    assert "does not compare" in words_of(answer(unequal))
    assert "η is not a gap closed" in words_of(gap(unequal))
    assert "η is not a gap closed" not in words_of(gap(ours(RESULTS, equal_slo=True)))


@pytest.mark.parametrize(
    "without",
    [
        lambda r: replace(r, layers=()),
        lambda r: replace(r, tradeoff=()),
        lambda r: replace(r, series=()),
        lambda r: replace(r, classes=()),
        lambda r: replace(r, summary=replace(r.summary, gaps=(), comparisons=(), hours=(), inputs={})),
        lambda r: _only(r, "reference", "freesh"),
    ],
)
def test_whatever_was_not_run_the_page_is_whole(without: Callable[[Results], Results]) -> None:
    read(page(without(RESULTS)))


def test_no_figure_of_the_page_is_stated_in_its_code() -> None:
    """Other rows, other numbers: between two made-up evaluations no percentage of the answer stays."""
    first, second = (words_of(answer(made_up_results(seed, hours=2))) for seed in (1, 2))
    numbers = [set(re.findall(r"\d+\.\d+", text)) for text in (first, second)]
    assert numbers[0]
    assert len(numbers[0] & numbers[1]) <= 1 + len({"0.00", "98.5"} & numbers[0])


def test_sections_come_in_the_order_in_which_they_are_read() -> None:
    anchors = [each.anchor for each in sections(RESULTS)]
    assert anchors[:4] == ["published", "gap", "policies", "layers"]
    assert anchors[-2:] == ["method", "provenance"]


def test_a_folder_is_read_back_and_its_page_written(tmp_path: Path) -> None:
    write_results(tmp_path, RESULTS)
    assert read_results(tmp_path) == RESULTS
    path = write_report(tmp_path)
    assert path == tmp_path / "report.html"
    assert path.read_text(encoding="utf-8") == page(RESULTS)


def test_a_folder_that_is_wrong_is_named(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match=r"runs\.csv"):
        write_report(tmp_path)
    write_results(tmp_path, replace(RESULTS, runs=()))
    with pytest.raises(ResultsError, match="no run"):
        write_report(tmp_path)
    write_results(tmp_path, _only(RESULTS, "reference", "freesh_perfect"))
    with pytest.raises(ResultsError, match="no run of policy 'freesh'"):
        write_report(tmp_path)
    few = replace(RESULTS.summary, policies={"reference": "r", "freesh": "f"})
    write_results(tmp_path, replace(RESULTS, summary=few))
    with pytest.raises(ResultsError, match=r"summary\.json: policies: best_static_clock, .* not among them"):
        write_report(tmp_path)


def test_a_gap_that_may_be_none_is_not_proved() -> None:
    energy, carbon, *_ = RESULTS.summary.gaps
    gaps = (replace(energy, share=Estimate(0.5, 0.4, 0.6)), replace(carbon, share=Estimate(0.03, -0.01, 0.08)))
    text = words_of(no_gain(replace(RESULTS, summary=replace(RESULTS.summary, gaps=gaps))))
    assert f"{carbon.strongest.replace('_', ' ')}: no difference in carbon that can be proved" in text
    assert "no difference in energy that can be proved" not in text


def test_layers_say_over_which_hours_they_are() -> None:
    assert "over all hours" in words_of(layers(RESULTS))
    few = [replace(each, hours=2) for each in RESULTS.layers]
    assert "over the 2 of 6 hours that they were run for" in words_of(layers(replace(RESULTS, layers=tuple(few))))
    mixed = (replace(RESULTS.layers[0], hours=2), *RESULTS.layers[1:])
    text = layers(replace(RESULTS, layers=mixed))
    assert "they do not add up" in text
    assert "<svg" not in text


def test_the_waterfall_begins_with_the_reference_over_the_hours_of_the_layers() -> None:
    rows = tuple(replace(each, hours=2, from_energy_kwh=321.0) for each in RESULTS.layers)
    assert "reference: 321" in words_of(layers(replace(RESULTS, layers=rows))).replace("\N{NO-BREAK SPACE}", " ")
