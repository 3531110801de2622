"""From values to pixels, and the round numbers that an axis is marked with."""

from dataclasses import dataclass
from math import ceil, floor, log10


@dataclass(frozen=True)
class Scale:
    """A linear scale: `low` lies at `start_px`, `high` at `end_px`."""

    low: float
    high: float
    start_px: float
    end_px: float

    def __call__(self, value: float) -> float:
        """Pixels of a value."""
        return self.start_px + (value - self.low) / (self.high - self.low) * (self.end_px - self.start_px)

    def ticks(self, most: int) -> list[float]:
        """Round numbers within the scale, at most so many."""
        step = step_between(self.low, self.high, most)
        first, last = ceil(self.low / step - _NEARLY), floor(self.high / step + _NEARLY)
        return [index * step for index in range(first, last + 1)]


def spread_scale(values: list[float], start_px: float, end_px: float, *, zero: bool = True, most: int = 5) -> Scale:
    """A scale whose ends are round numbers around all values, and around 0 if asked; one value alone gets room."""
    low, high = min(values), max(values)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    if high - low <= max(abs(high) * _NEARLY, _NOTHING):
        room = abs(high) / 2 if abs(high) > _NOTHING else 0.5
        low, high = low - room, high + room
    step = step_between(low, high, most)
    return Scale(floor(low / step + _NEARLY) * step, ceil(high / step - _NEARLY) * step, start_px, end_px)


def step_between(low: float, high: float, most: int) -> float:
    """The smallest of 1, 2, 5 x 10^n that goes into the range at most `most` - 1 times."""
    least = (high - low) / max(most - 1, 1)
    power = 10.0 ** floor(log10(least))
    return next(factor * power for factor in (1.0, 2.0, 5.0, 10.0) if factor * power >= least * (1 - _NEARLY))


def tick_text(value: float, step: float) -> str:
    """A tick's number with as many decimals as its step needs."""
    decimals = max(0, -floor(log10(step) + _NEARLY))
    text = f"{value:,.{decimals}f}"
    return text.replace("-", "\N{MINUS SIGN}") if float(text.replace(",", "")) else text.lstrip("-")


_NEARLY = 1e-9
_NOTHING = 1e-12
