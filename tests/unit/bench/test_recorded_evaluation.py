"""The evaluation that is recorded can be read and drawn by this code, and is what README and docs say of it."""

import re
from pathlib import Path

import pytest

from models.evaluate.outcome_rows import Comparison
from models.evaluate.report.page import page
from models.evaluate.report.results import Results, read_results

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def recorded() -> Results:
    return read_results(ROOT / "bench" / "results" / "evaluation")


def text_of(name: str) -> str:
    return " ".join((ROOT / name).read_text(encoding="utf-8").split())


def ours(recorded: Results, kind: str = "all") -> Comparison:
    found = recorded.comparison(recorded.summary.freesh, kind)
    assert found is not None
    return found


def percent(share: float) -> str:
    return f"{100 * abs(share):.1f}"


def test_its_report_is_drawn(recorded: Results) -> None:
    assert "paper-like reference" in page(recorded)


@pytest.mark.parametrize("name", ["README.md", "docs/simulator.md"])
def test_both_savings_are_said_as_recorded(recorded: Results, name: str) -> None:
    of = ours(recorded)
    assert of.carbon is not None
    text = text_of(name)
    for each in (of.energy, of.carbon):
        assert percent(each.mean) in text
        assert each.low is not None
        assert each.high is not None
        assert f"{percent(each.high)} to {percent(each.low)}" in text


def test_every_policy_of_the_table_is_as_recorded(recorded: Results) -> None:
    rows = re.findall(
        r"^\| .+ \| (-[\d.]+|\*\*-[\d.]+\*\*) \| (-[\d.]+|\*\*-[\d.]+\*\*) \| ([\d.]+) \| (lower service)? ?\|$",
        (ROOT / "docs" / "simulator.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    said = {(energy.strip("*-"), carbon.strip("*-"), bool(lower)) for energy, carbon, _, lower in rows}
    compared = [each for name in recorded.policies if (each := recorded.comparison(name)) is not None]
    known = {
        (percent(each.energy.mean), percent(each.carbon.mean), not each.equal_slo)
        for each in compared
        if each.carbon is not None and each.policy != recorded.summary.reference
    }
    assert said == known
