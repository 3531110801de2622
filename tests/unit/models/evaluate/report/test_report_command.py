"""The command in lines, and seeds in ranges."""

import shlex
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.evaluate.report.sections.provenance import broken, provenance, ranges
from tests.fakes.made_up_results import made_up_results

RESULTS = made_up_results(hours=1)
LONG = "python -m models evaluate -o results" + "".join(f" --hour low-spread-report-{k}" for k in range(20))


def test_a_broken_command_is_the_same_command() -> None:
    lines = broken(LONG)
    assert max(map(len, lines)) <= 96
    assert shlex.split("\n".join(lines).replace("\\\n", "")) == shlex.split(LONG)
    assert all(line.strip().startswith("--hour low") for line in lines[1:])


def test_a_long_command_is_folded_and_a_short_one_is_not() -> None:
    short, long = (
        provenance(replace(RESULTS, summary=replace(RESULTS.summary, command=each))) for each in ("python x", LONG)
    )
    assert "<summary>The command</summary>" in long
    assert "<summary>The command</summary>" not in short
    assert "python x" in short


@pytest.mark.parametrize(
    ("numbers", "text"),
    [((1,), "1"), ((1, 2), "1, 2"), ((1000, 1001, 1002, 2000, 4000, 4001, 4002), "1000 to 1002, 2000, 4000 to 4002")],
)
def test_numbers_that_follow_each_other_are_a_range(numbers: tuple[int, ...], text: str) -> None:
    assert ranges(numbers) == text


@given(st.lists(st.integers(0, 40), unique=True).map(sorted))
def test_ranges_hold_every_number_and_no_other(numbers: list[int]) -> None:
    found: list[int] = []
    for part in filter(None, ranges(numbers).split(", ")):
        first, _, last = part.partition(" to ")
        found += range(int(first), int(last or first) + 1)
    assert found == numbers
