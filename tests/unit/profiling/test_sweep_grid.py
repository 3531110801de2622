"""The grid of a sweep: every combination that fits, sorted so that clocks change seldom."""

from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freesh_plugin.core.errors import ConfigError
from profiling.sweep.cell import Cell, Work, grid

numbers = st.lists(st.integers(1, 4096), min_size=1, max_size=4)
answers = st.lists(st.integers(2, 4096), min_size=1, max_size=4)


def test_by_hand() -> None:
    cells = grid((1110, 1980), (1, 8), (128,), (64,))
    assert cells == tuple(
        Cell(clock, *rest)
        for clock in (1980, 1110)
        for rest in (
            (Work.IDLE,),
            (Work.PREFILL, 1, 128, 1),
            (Work.DECODE, 1, 128, 64),
            (Work.DECODE, 8, 128, 64),
        )
    )


def test_at_the_clock_found_no_cell_states_one() -> None:
    assert {each.sm_clock_mhz for each in grid(None, (1,), (16, 32), (4,))} == {None}


def test_what_the_endpoint_does_not_take_is_left_out() -> None:
    cells = grid(None, (1,), (100, 900), (50, 200), most_tokens=1000)
    assert [(each.prompt_tokens, each.answer_tokens) for each in cells if each.work is Work.DECODE] == [
        (100, 50),
        (100, 200),
        (900, 50),
    ]


@given(st.lists(st.integers(200, 2000), min_size=1, max_size=4), numbers, numbers, answers)
def test_each_clock_is_set_once_and_no_cell_stands_twice(
    clocks: list[int], batches: list[int], prompts: list[int], lengths: list[int]
) -> None:
    cells = grid(clocks, batches, prompts, lengths)
    assert len(set(cells)) == len(cells)
    assert [clock for clock, _ in groupby(each.sm_clock_mhz for each in cells)] == sorted(set(clocks), reverse=True)


@pytest.mark.parametrize(
    ("batches", "prompts", "lengths", "most", "what"),
    [
        ((0,), (8,), (4,), None, "batch"),
        ((1,), (0,), (4,), None, "prompt tokens"),
        ((1,), (8,), (1,), None, "answer tokens"),
        ((), (8,), (4,), None, "batch"),
        ((1,), (800,), (400,), 700, "700 tokens"),
    ],
)
def test_nonsense_is_refused(
    batches: tuple[int, ...], prompts: tuple[int, ...], lengths: tuple[int, ...], most: int | None, what: str
) -> None:
    with pytest.raises(ConfigError, match=what):
        grid(None, batches, prompts, lengths, most)
