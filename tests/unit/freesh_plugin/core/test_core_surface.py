"""Interpolation over batch, tokens and clock: exact where the physics is linear, refused beyond what was measured."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freesh_plugin.core.errors import ProfileError
from freesh_plugin.core.surface import ClockedSurface, Line, Surface

LINE = Line("prefill", (100.0, 200.0, 400.0), (1.0, 3.0, 4.0))


@pytest.mark.parametrize(
    ("tokens", "value"),
    [
        (100, 1.0),
        (150, 2.0),
        (200, 3.0),
        (300, 3.5),
        (400, 4.0),
        (7, 1.0),  # less work takes no longer than the least that was measured
        (440, 4.2),  # 10 % beyond the last: its slope of 1/200 goes on
    ],
)
def test_a_line_is_straight_between_its_points(tokens: float, value: float) -> None:
    assert LINE.at(tokens) == pytest.approx(value)


def test_a_line_ends_ten_percent_beyond_its_last_point() -> None:
    with pytest.raises(ProfileError, match=r"prefill: 441 tokens asked for, measured up to 400, limit 440"):
        LINE.at(441)


def test_a_lone_point_has_no_slope_to_go_on_with() -> None:
    line = Line("prefill", (100.0,), (1.0,))
    assert line.at(100) == line.at(3) == 1.0
    with pytest.raises(ProfileError, match=r"101 tokens asked for, measured up to 100, limit 100"):
        line.at(101)


def linear_s(batch: float, tokens: float) -> float:
    """A step time as the roofline has it: weights, requests, and the KV cache that is read."""
    return 0.02 + 1e-4 * batch + 1e-7 * batch * tokens


def surface(most_tokens: dict[int, int]) -> Surface:
    """Measured at 100, 1,000 and the most tokens of each batch."""
    lines = [
        Line(f"decode at batch {batch}", tokens, tuple(linear_s(batch, each) for each in tokens))
        for batch, most in most_tokens.items()
        if (tokens := (100.0, 1000.0, float(most)))
    ]
    return Surface("decode", tuple(map(float, most_tokens)), tuple(lines))


@given(batch=st.floats(1, 64), tokens=st.floats(100, 4000))
def test_a_whole_grid_is_exact_for_a_linear_step(batch: float, tokens: float) -> None:
    grid = surface({1: 4000, 8: 4000, 64: 4000})
    assert grid.at(batch, tokens) == pytest.approx(linear_s(batch, tokens))


def test_where_a_large_batch_did_not_fit_the_smaller_one_lends_its_longer_contexts() -> None:
    """Batch 64 was measured to 2,000 tokens each, 128,000 in all; batch 16 to 8,000, as many in all.

    Batch 40 lies half way. At 3,000 tokens each it holds 120,000: between 128,000 at batch 64 and 112,000, that is
    7,000 each, at batch 16.
    """
    grid = surface({16: 8000, 64: 2000})
    assert grid.at(40, 3000) == pytest.approx(linear_s(40, 3000))
    assert grid.at(40, 3000) == pytest.approx((linear_s(16, 7000) + linear_s(64, 2000)) / 2)
    with pytest.raises(ProfileError, match=r"decode at batch 16: 12000 tokens asked for, measured up to 8000"):
        grid.at(40, 4000)


@pytest.mark.parametrize(("batch", "value"), [(0.3, linear_s(1, 500)), (68, linear_s(68, 500))])
def test_batches_beyond_the_ends(batch: float, value: float) -> None:
    assert surface({1: 4000, 8: 4000, 64: 4000}).at(batch, 500) == pytest.approx(value)


def test_a_batch_too_large_is_refused() -> None:
    with pytest.raises(ProfileError, match=r"decode: batch 71 asked for, measured up to 64, limit 70\.4"):
        surface({1: 4000, 64: 4000}).at(71, 500)


def test_between_clocks_time_is_straight_and_none_is_the_highest() -> None:
    slow, fast = (Surface("decode", (1.0,), (Line("decode", (100.0,), (each,)),)) for each in (0.06, 0.04))
    clocked = ClockedSurface("decode", (1000.0, 1400.0), (slow, fast))
    assert clocked.at(1, 100) == clocked.at(1, 100, 1400) == 0.04
    assert clocked.at(1, 100, 1000) == 0.06
    assert clocked.at(1, 100, 1300) == pytest.approx(0.045)
    for outside in (999, 1401):
        with pytest.raises(ProfileError, match=rf"{outside} MHz asked for, measured from 1000 to 1400 MHz"):
            clocked.at(1, 100, outside)


def test_a_clock_cannot_be_asked_for_where_none_was_stated() -> None:
    clocked = ClockedSurface("decode", (), (Surface("decode", (1.0,), (LINE,)),))
    assert clocked.at(1, 150) == 2.0
    with pytest.raises(ProfileError, match=r"1000 MHz asked for, no clock was stated when measuring"):
        clocked.at(1, 150, 1000)
