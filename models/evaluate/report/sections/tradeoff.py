"""The paper's figure 3 from our profiles: power against the time a token takes, over the clocks of each GPU type."""

from collections.abc import Sequence

from models.evaluate.report.markup import Markup
from models.evaluate.report.numbers import number, seconds
from models.evaluate.report.results import Results
from models.evaluate.report.section import figure, paragraph
from models.evaluate.report.svg.layout import Slot, slots
from models.evaluate.report.svg.panel import Panel, drawing
from models.evaluate.report.svg.scale import spread_scale
from models.evaluate.report.tradeoff_rows import TradeoffRow

_HEIGHT, _HEAD, _FOOT, _LEFT = 280.0, 34.0, 48.0, 52.0


def tradeoff(results: Results) -> Markup:
    """A curve for each GPU type, the clock of least energy marked."""
    curves = by_type(results.tradeoff)
    if not curves:
        return paragraph("No profile was recorded.")
    first = results.tradeoff[0]
    basis = ", ".join(dict.fromkeys(each.basis for each in results.tradeoff))
    return figure(
        "Power and time a token, clock by clock",
        lambda width: _draw(curves, width),
        f"{first.batch} requests decode together, {first.context_tokens:,} tokens in memory each. Marked: the clock of "
        f"least energy a token. Watts of one GPU. Times and watts are {basis}.",
    )


def by_type(rows: Sequence[TradeoffRow]) -> dict[str, list[TradeoffRow]]:
    """The rows of the first mode of each GPU type, by clock."""
    modes: dict[str, str] = {}
    for row in rows:
        modes.setdefault(row.gpu_type, row.mode)
    return {
        gpu_type: sorted((e for e in rows if e.mode == mode and e.gpu_type == gpu_type), key=lambda e: e.sm_clock_mhz)
        for gpu_type, mode in modes.items()
    }


def _draw(curves: dict[str, list[TradeoffRow]], width: int) -> Markup:
    places, height = slots(width, [_HEIGHT] * len(curves))
    panels = [_curve(place, *curve) for place, curve in zip(places, curves.items(), strict=True)]
    return drawing(width, height, panels, " ".join(_told(*curve) for curve in curves.items()))


def _curve(slot: Slot, gpu_type: str, rows: Sequence[TradeoffRow]) -> Panel:
    x = spread_scale([1000 * e.tbt_s for e in rows], slot.left + _LEFT, slot.right - 14, zero=False)
    y = spread_scale([each.power_w for each in rows], slot.bottom - _FOOT, slot.top + _HEAD)
    panel = Panel(x, y)
    panel.heading(f"{gpu_type} in mode {rows[0].mode}: W a GPU", indent_px=_LEFT)
    panel.y_axis()
    panel.x_axis("ms a token", 5)
    panel.line([(1000 * each.tbt_s, each.power_w) for each in rows], "c-blue")
    for row in rows:
        title = f"{row.sm_clock_mhz} MHz: {seconds(row.tbt_s)} a token, {number(row.power_w, 0, 'W')}"
        if not row.chosen:
            panel.dot(1000 * row.tbt_s, row.power_w, "c-blue", title, 2.5)
    for row in (each for each in rows if each.chosen):
        panel.dot(1000 * row.tbt_s, row.power_w, "c-orange", f"{row.sm_clock_mhz} MHz, least energy", 6.0)
        at, right = x(1000 * row.tbt_s), 1000 * row.tbt_s > (x.low + x.high) / 2
        panel.write(
            at + (-8 if right else 8), y(row.power_w) - 10, f"{row.sm_clock_mhz} MHz", "label strong", _anchor(right)
        )
    return panel


def _anchor(right: bool) -> str:
    """Words of a point in the right half end at it."""
    return "end" if right else "start"


def _told(gpu_type: str, rows: Sequence[TradeoffRow]) -> str:
    first, last = rows[0], rows[-1]
    chosen = ", ".join(f"{each.sm_clock_mhz} MHz" for each in rows if each.chosen) or "none"
    return (
        f"{gpu_type}: from {number(first.power_w, 0, 'W')} and {seconds(first.tbt_s)} at {first.sm_clock_mhz} MHz to "
        f"{number(last.power_w, 0, 'W')} and {seconds(last.tbt_s)} at {last.sm_clock_mhz} MHz, "
        f"least energy at {chosen}."
    )
