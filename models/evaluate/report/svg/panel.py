"""One chart: a frame with axes, and the marks in it. Colours and strokes are classes of the page's style sheet."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from models.evaluate.report.markup import Markup, tag
from models.evaluate.report.svg.scale import Scale, tick_text

Point = tuple[float, float]
_LEAST_BAR_PX = 4.0
"""A bar is at least so wide: a small change is seen beside its whisker, and its colour says of which sign it is."""


@dataclass
class Panel:
    """A chart at (left, top) of a drawing; marks are in values of its two scales."""

    x: Scale
    y: Scale
    marks: list[Markup] = field(default_factory=list)

    @property
    def left(self) -> float:
        """Its left edge, pixels."""
        return self.x.start_px

    @property
    def right(self) -> float:
        """Its right edge, pixels."""
        return self.x.end_px

    @property
    def top(self) -> float:
        """Its upper edge, pixels."""
        return min(self.y.start_px, self.y.end_px)

    @property
    def bottom(self) -> float:
        """Its lower edge, pixels."""
        return max(self.y.start_px, self.y.end_px)

    def heading(self, text: str, *, indent_px: float = 0.0) -> None:
        """Words above the chart, at its left edge."""
        self.write(self.left - indent_px, self.top - 16, text, "heading")

    def y_axis(self, most: int = 5, *, text: Callable[[float], str] | None = None) -> None:
        """Horizontal lines with their numbers on the left."""
        ticks = self.y.ticks(most)
        step = ticks[1] - ticks[0] if len(ticks) > 1 else 1.0
        for value in ticks:
            at = self.y(value)
            self._line(self.left, at, self.right, at, "grid")
            self.write(self.left - 7, at + 4, text(value) if text else tick_text(value, step), "tick", "end")

    def x_axis(
        self, label: str, most: int = 6, *, text: Callable[[float], str] | None = None, grid: bool = False
    ) -> None:
        """The lower edge with numbers below it, and what they are."""
        ticks = self.x.ticks(most)
        step = ticks[1] - ticks[0] if len(ticks) > 1 else 1.0
        for value in ticks:
            at = self.x(value)
            self._line(at, self.top if grid else self.bottom, at, self.bottom + (0 if grid else 4), "grid")
            self.write(at, self.bottom + 18, text(value) if text else tick_text(value, step), "tick", "middle")
        self._line(self.left, self.bottom, self.right, self.bottom, "axis")
        self.write((self.left + self.right) / 2, self.bottom + 36, label, "label", "middle")

    def zero(self) -> None:
        """The line of x = 0."""
        self._line(self.x(0.0), self.top, self.x(0.0), self.bottom, "axis")

    def line(self, points: Sequence[Point], class_: str, title: str | None = None) -> None:
        """A line through points."""
        path = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in points)
        self.marks.append(tag("polyline", *_title(title), points=path, class_=f"line {class_}"))

    def steps(self, edges: Sequence[float], values: Sequence[float], class_: str, title: str | None = None) -> None:
        """A value that holds from one edge to the next."""
        points = [point for (a, b), y in zip(pairwise(edges), values, strict=True) for point in ((a, y), (b, y))]
        self.line(points, class_, title)

    def area(
        self, edges: Sequence[float], low: Sequence[float], high: Sequence[float], class_: str, title: str
    ) -> None:
        """What lies between two stepped lines."""
        there = [(x, y) for (a, b), y in zip(pairwise(edges), high, strict=True) for x in (a, b)]
        back = [(x, y) for (a, b), y in zip(pairwise(edges), low, strict=True) for x in (a, b)]
        path = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in (*there, *reversed(back)))
        self.marks.append(tag("polygon", *_title(title), points=path, class_=f"fill {class_}"))

    def bar(self, row_px: float, height_px: float, start: float, end: float, class_: str, title: str = "") -> None:
        """A bar from one value of x to another, centred on a row."""
        left, right = sorted((self.x(start), self.x(end)))
        width = max(right - left, _LEAST_BAR_PX)
        box = {"x": (left + right - width) / 2, "y": row_px - height_px / 2, "width": width, "height": height_px}
        self.marks.append(tag("rect", *_title(title), **box, rx=1.5, class_=f"fill {class_}"))

    def whisker(self, row_px: float, low: float, high: float, class_: str = "c-ink") -> None:
        """A range of x, with ends."""
        left, right = self.x(low), self.x(high)
        self._line(left, row_px, right, row_px, f"whisker {class_}")
        for at in (left, right):
            self._line(at, row_px - 4, at, row_px + 4, f"whisker {class_}")

    def dot(self, x: float, y: float, class_: str, title: str, radius_px: float = 4.0) -> None:
        """A point; `hollow` among its classes leaves it empty."""
        self.dot_at(x, self.y(y), class_, title, radius_px)

    def dot_at(self, x: float, row_px: float, class_: str, title: str, radius_px: float = 5.5) -> None:
        """A point on a row."""
        place = {"cx": self.x(x), "cy": row_px, "r": radius_px}
        self.marks.append(tag("circle", *_title(title), **place, class_=f"dot {class_}"))

    def cover(self, x_px: float, y_px: float, width_px: float, height_px: float) -> None:
        """The page's colour over what was drawn before, as ground for words."""
        box = {"x": x_px, "y": y_px, "width": width_px, "height": height_px}
        self.marks.append(tag("rect", **box, class_="cover"))

    def write(self, x_px: float, y_px: float, text: str, class_: str, anchor: str | None = None) -> None:
        """Words at a place in pixels."""
        self.marks.append(tag("text", text, x=float(x_px), y=float(y_px), class_=class_, text_anchor=anchor))

    def _line(self, x1: float, y1: float, x2: float, y2: float, class_: str) -> None:
        self.marks.append(tag("line", x1=float(x1), y1=float(y1), x2=float(x2), y2=float(y2), class_=class_))


def drawing(width_px: float, height_px: float, panels: Sequence[Panel], alt: str) -> Markup:
    """Charts as one picture with words for those who cannot see it."""
    marks = [mark for panel in panels for mark in panel.marks]
    return tag("svg", *marks, viewBox=f"0 0 {width_px:g} {height_px:g}", role="img", aria_label=alt)


def _title(text: str | None) -> list[Markup]:
    """Words shown when the pointer rests on a mark."""
    return [tag("title", text)] if text else []
