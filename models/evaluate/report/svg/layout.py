"""Where the charts of a picture lie: side by side, or one below another where it is narrow."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

NARROW_PX = 520
"""Below this width, charts are stacked and labels shortened."""


@dataclass(frozen=True)
class Slot:
    """The place of one chart with its labels, pixels."""

    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Its right edge."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.top + self.height


def is_narrow(width_px: float) -> bool:
    """Whether charts are stacked at this width."""
    return width_px < NARROW_PX


def slots(width_px: float, heights_px: Sequence[float], gap_px: float = 28.0) -> tuple[list[Slot], float]:
    """Places of charts of these heights, and the height of the whole picture."""
    if is_narrow(width_px):
        tops = [0.0, *accumulate(heights_px)]
        return [Slot(0.0, top, width_px, height) for top, height in zip(tops, heights_px, strict=False)], tops[-1]
    each_px = (width_px - gap_px * (len(heights_px) - 1)) / len(heights_px)
    found = [Slot(index * (each_px + gap_px), 0.0, each_px, height) for index, height in enumerate(heights_px)]
    return found, max(heights_px)
