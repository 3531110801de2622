"""The grid of a sweep: every combination that fits, sorted so that clocks change seldom."""

from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freesh_plugin.core.errors import ConfigError
from profiling.sweep.cell import Cell, Taking, Work, grid, within

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


@pytest.mark.parametrize(
    ("takes", "decoded"),
    [
        (Taking(), [(1, 100, 50), (1, 100, 200), (1, 900, 50), (1, 900, 200), (8, 100, 50), (8, 100, 200), (8, 900, 50),
                    (8, 900, 200)]),
        (Taking(tokens=1000), [(1, 100, 50), (1, 100, 200), (1, 900, 50), (8, 100, 50), (8, 100, 200), (8, 900, 50)]),
        (Taking(requests=7), [(1, 100, 50), (1, 100, 200), (1, 900, 50), (1, 900, 200)]),
        (Taking(requests=8, prompt_tokens=899), [(1, 100, 50), (1, 100, 200), (8, 100, 50), (8, 100, 200)]),
    ],
)  # fmt: skip
def test_what_the_endpoint_does_not_take_is_left_out(takes: Taking, decoded: list[tuple[int, int, int]]) -> None:
    cells = within(takes, grid(None, (1, 8), (100, 900), (50, 200)))
    found = [(each.batch, each.prompt_tokens, each.answer_tokens) for each in cells if each.work is Work.DECODE]
    assert found == decoded
    prefilled = {each.prompt_tokens for each in cells if each.work is Work.PREFILL}
    assert prefilled == {prompt for _, prompt, _ in decoded}


def test_an_endpoint_that_takes_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match="700 tokens of prompt and answer"):
        within(Taking(tokens=700), grid(None, (1,), (800,), (400,)))


@given(st.lists(st.integers(200, 2000), min_size=1, max_size=4), numbers, numbers, answers)
def test_each_clock_is_set_once_and_no_cell_stands_twice(
    clocks: list[int], batches: list[int], prompts: list[int], lengths: list[int]
) -> None:
    cells = grid(clocks, batches, prompts, lengths)
    assert len(set(cells)) == len(cells)
    assert [clock for clock, _ in groupby(each.sm_clock_mhz for each in cells)] == sorted(set(clocks), reverse=True)


@pytest.mark.parametrize(
    ("batches", "prompts", "lengths", "what"),
    [
        ((0,), (8,), (4,), "batch"),
        ((1,), (0,), (4,), "prompt tokens"),
        ((1,), (8,), (1,), "answer tokens"),
        ((), (8,), (4,), "batch"),
    ],
)
def test_nonsense_is_refused(
    batches: tuple[int, ...], prompts: tuple[int, ...], lengths: tuple[int, ...], what: str
) -> None:
    with pytest.raises(ConfigError, match=what):
        grid(None, batches, prompts, lengths)
