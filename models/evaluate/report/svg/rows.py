"""Named rows over one axis of values, the name of a row above its mark: for bars, points and ranges."""

from collections.abc import Sequence

from models.evaluate.report.svg.layout import Slot
from models.evaluate.report.svg.panel import Panel
from models.evaluate.report.svg.scale import Scale, spread_scale

_ROW_PX, _MARK_PX, _HEAD_PX, _FOOT_PX, _SIDE_PX = 46.0, 31.0, 30.0, 44.0, 14.0
_LETTER_PX, _ROOM_PX = 7.2, 8.0
"""Width of a letter of a name, at most on average, and what is left free behind the last."""


def rows_height(count: int) -> float:
    """Height of a chart with so many rows, pixels."""
    return _HEAD_PX + count * _ROW_PX + _FOOT_PX


class Rows:
    """A chart of rows; marks are drawn through `panel` at `at(row)`."""

    def __init__(self, slot: Slot, heading: str, label: str, names: Sequence[str], values: Sequence[float]) -> None:
        top = slot.top + _HEAD_PX
        bottom = top + len(names) * _ROW_PX
        x = spread_scale([*values, 0.0], slot.left + _SIDE_PX, slot.right - _SIDE_PX)
        self.panel = Panel(x, Scale(len(names), 0, bottom, top))
        self.panel.heading(heading, indent_px=_SIDE_PX)
        self.panel.x_axis(label, 5, grid=True)
        self.panel.zero()
        for row, name in enumerate(names):
            self._name(slot, top + row * _ROW_PX, name)

    def at(self, row: int) -> float:
        """Middle of a row's mark, pixels."""
        return self.panel.top + row * _ROW_PX + _MARK_PX

    def _name(self, slot: Slot, top: float, name: str) -> None:
        """A row's name on the page's colour, so that no line runs through it."""
        width_px = min(_LETTER_PX * len(name) + _ROOM_PX, slot.width)
        self.panel.cover(slot.left, top, width_px, _MARK_PX - 9)
        self.panel.write(slot.left, top + 17, name, "row")

    def note(self, row: int, text: str) -> None:
        """Words in place of a mark."""
        self.panel.write(self.panel.left, self.at(row) + 4, text, "tick")
