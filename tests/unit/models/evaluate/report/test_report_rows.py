"""Rows of bars: names on clear ground, and no bar too thin to be seen."""

import re

import pytest

from models.evaluate.report.svg.layout import Slot
from models.evaluate.report.svg.panel import Panel
from models.evaluate.report.svg.rows import Rows
from models.evaluate.report.svg.scale import Scale


def bar(start: float, end: float) -> tuple[float, float]:
    """Left edge and width of a bar on a scale of a pixel a unit."""
    panel = Panel(Scale(0, 100, 0, 100), Scale(1, 0, 20, 0))
    panel.bar(10, 16, start, end, "c-green")
    left, width = (re.search(rf'{name}="([\d.]+)"', panel.marks[0]) for name in (" x", "width"))
    assert left
    assert width
    return float(left[1]), float(width[1])


@pytest.mark.parametrize(("start", "end"), [(50, 50), (50, 50.001), (50.001, 50)])
def test_a_bar_of_next_to_nothing_is_seen_where_it_is(start: float, end: float) -> None:
    left, width = bar(start, end)
    assert width >= 3
    assert left + width / 2 == pytest.approx(50, abs=0.01)


def test_a_bar_that_is_wide_enough_is_as_wide_as_its_value() -> None:
    assert bar(20, 60) == (20, 40)


@pytest.mark.parametrize("values", [[30.0, 80.0], [-60.0, -20.0]])
def test_names_lie_on_clear_ground_over_all_lines(values: list[float]) -> None:
    marks = Rows(Slot(0, 0, 400, 200), "Energy", "kWh", ["reference: 80 kWh", "FREESH: 30 kWh"], values).panel.marks
    lines = [k for k, mark in enumerate(marks) if mark.startswith("<line")]
    covers = [k for k, mark in enumerate(marks) if 'class="cover"' in mark]
    names = [k for k, mark in enumerate(marks) if 'class="row"' in mark]
    assert len(covers) == len(names) == 2
    assert max(lines) < min(covers)
    assert all(cover < name for cover, name in zip(covers, names, strict=True))
