"""Partitions and cells: short is below a boundary, long is at it or above; labels go there and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freesh_plugin.core.errors import ScenarioError
from freesh_plugin.core.request import (
    TWO_BY_TWO,
    CellGrid,
    Partition,
    cell_label,
    cell_labels,
    interval,
    parse_cell_label,
)

TWO = Partition("a", TWO_BY_TWO, (1000,), (444,))


@pytest.mark.parametrize(
    ("prompt", "answer", "expected"),
    [
        (999, 443, "SS"),
        (999, 444, "SL"),
        (1000, 443, "LS"),
        (1000, 444, "LL"),
        (0, 0, "SS"),
        (10**9, 10**9, "LL"),
        (999.9, 443.9, "SS"),
    ],
)
def test_short_is_below_the_boundary_and_long_is_at_it(prompt: float, answer: float, expected: str) -> None:
    assert TWO.classify(prompt, answer) == expected


def test_other_grids_name_their_classes_row_by_row() -> None:
    grid = Partition("g", ("a", "b", "c", "d", "e", "f"), (100,), (10, 20))
    assert [grid.classify(p, a) for p in (1, 100) for a in (1, 10, 20)] == ["a", "b", "c", "d", "e", "f"]


def test_a_side_without_boundaries_has_one_cell() -> None:
    assert Partition("g", ("S", "L"), (), (444,)).classify(10**6, 444) == "L"


@pytest.mark.parametrize("missing", [{"prompt_tokens": None}, {"answer_tokens": None}])
def test_an_unknown_boundary_classifies_nothing(missing: dict[str, None]) -> None:
    partition = Partition("u", TWO_BY_TWO, **{"prompt_tokens": (1000,), "answer_tokens": (444,), **missing})
    assert not partition.bounded
    with pytest.raises(ScenarioError, match="partition 'u' has an unknown boundary"):
        partition.classify(1, 1)


def test_labels_are_half_open_and_the_last_is_open_ended() -> None:
    assert cell_labels((444,)) == ("0-444", "444-inf")
    assert cell_labels((100, 444)) == ("0-100", "100-444", "444-inf")
    assert cell_labels(()) == ("0-inf",)


@pytest.mark.parametrize(
    "label", ["", "444", "444-", "-444", "444-100", "444-444", "a-b", "nan-1", "0-nan", "0-444-900"]
)
def test_what_is_no_label_is_refused(label: str) -> None:
    with pytest.raises(ScenarioError, match="is not of the form lo-hi or lo-inf"):
        parse_cell_label(label)


boundaries = st.lists(st.integers(1, 10**6), unique=True, max_size=5).map(lambda each: tuple(sorted(each)))


@given(boundaries, st.integers(0, 2 * 10**6))
def test_a_number_of_tokens_lies_in_the_cell_whose_label_it_gets(cut: tuple[int, ...], tokens: int) -> None:
    low, high = parse_cell_label(cell_label(cut, interval(cut, tokens)))
    assert low <= tokens < high


@given(st.lists(st.tuples(boundaries, boundaries), max_size=4), st.integers(0, 2 * 10**6), st.integers(0, 2 * 10**6))
def test_a_cell_of_the_refinement_lies_in_one_class_of_every_partition(
    cuts: list[tuple[tuple[int, ...], tuple[int, ...]]], prompt: int, answer: int
) -> None:
    partitions = [
        Partition(str(i), tuple(f"{i}.{k}" for k in range((len(p) + 1) * (len(a) + 1))), p, a)
        for i, (p, a) in enumerate(cuts)
    ]
    grid = CellGrid.refining(partitions)
    corner_prompt, _ = parse_cell_label(cell_label(grid.prompt_tokens, interval(grid.prompt_tokens, prompt)))
    corner_answer, _ = parse_cell_label(cell_label(grid.answer_tokens, interval(grid.answer_tokens, answer)))
    for each in partitions:
        assert each.classify(prompt, answer) == each.classify(corner_prompt, corner_answer)


def test_unknown_boundaries_refine_nothing() -> None:
    assert CellGrid.refining([Partition("u", TWO_BY_TWO, None, (444,)), TWO]) == CellGrid((1000,), (444,))
