"""Scales, ticks and panels."""

from math import isclose

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from models.evaluate.report.svg.layout import slots
from models.evaluate.report.svg.panel import Panel, drawing
from models.evaluate.report.svg.scale import Scale, spread_scale, step_between, tick_text

VALUES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=8)


def test_a_scale_is_linear() -> None:
    scale = Scale(0.0, 10.0, 100.0, 300.0)
    assert [scale(each) for each in (0, 5, 10)] == [100, 200, 300]
    assert scale.ticks(6) == [0, 2, 4, 6, 8, 10]


@pytest.mark.parametrize(
    ("low", "high", "most", "step"),
    [(0, 1, 6, 0.2), (0, 60, 6, 20), (-45, 0, 5, 20), (0, 950, 5, 500), (0, 3e-4, 4, 1e-4)],
)
def test_steps_are_round(low: float, high: float, most: int, step: float) -> None:
    assert step_between(low, high, most) == pytest.approx(step)


@given(VALUES, st.integers(2, 8))
@example([5e-324], 2)
@example([1e-300], 5)
def test_all_values_lie_on_the_scale_and_ticks_are_few(values: list[float], most: int) -> None:
    assume(max(values) - min(values) > 1e-6 or max(values) == min(values))
    scale = spread_scale(values, 0.0, 100.0, most=most)
    hair = 1e-8 * (scale.high - scale.low)
    assert scale.low <= min(values) + hair
    assert scale.high >= max(values) - hair
    assert scale.low <= 0 <= scale.high or isclose(scale.low, 0, abs_tol=1e-9) or isclose(scale.high, 0, abs_tol=1e-9)
    assert len(scale.ticks(most)) <= most + 2


@pytest.mark.parametrize(
    ("value", "step", "text"),
    [
        (0.2, 0.1, "0.2"),
        (-40, 20, "\N{MINUS SIGN}40"),
        (-1e-17, 0.1, "0.0"),
        (2000, 500, "2,000"),
        (0.25, 0.05, "0.25"),
    ],
)
def test_ticks_have_the_decimals_of_their_step(value: float, step: float, text: str) -> None:
    assert tick_text(value, step) == text


def test_charts_lie_side_by_side_or_one_below_another() -> None:
    wide, height = slots(860, [200, 300])
    assert ([each.left for each in wide], [each.top for each in wide], height) == ([0, 444], [0, 0], 300)
    narrow, height = slots(360, [200, 300])
    assert ([each.left for each in narrow], [each.top for each in narrow], height) == ([0, 0], [0, 200], 500)


def test_a_drawing_says_what_it_shows() -> None:
    panel = Panel(Scale(0, 1, 0, 100), Scale(0, 1, 100, 0))
    panel.dot(0.5, 0.5, "c-green", "half")
    text = drawing(100, 100, [panel], "A dot at a half.")
    assert 'role="img"' in text
    assert 'aria-label="A dot at a half."' in text
    assert '<circle cx="50" cy="50" r="4" class="dot c-green"><title>half</title></circle>' in text
