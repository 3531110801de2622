"""Saving against how far the grids lie apart, hour by hour: where FREESH pays and where it cannot."""

from collections.abc import Sequence
from dataclasses import dataclass

from models.evaluate.outcome_rows import Estimate
from models.evaluate.report.markup import Child, Markup, tag
from models.evaluate.report.names import PLACE_COLOURS, words
from models.evaluate.report.numbers import NOT_KNOWN, change, change_interval, number, percent
from models.evaluate.report.results import Results
from models.evaluate.report.section import figure, legend, paragraph, stack, table
from models.evaluate.report.spreads import saving, spread
from models.evaluate.report.svg.layout import Slot, slots
from models.evaluate.report.svg.panel import Panel, drawing
from models.evaluate.report.svg.scale import spread_scale

WITHOUT_SIGNAL = "carbon_agnostic_freesh"
"""The same policy without a carbon signal: what differs from it is the signal alone."""
_HEIGHT, _LEFT = 280.0, 46.0


@dataclass(frozen=True)
class _Hour:
    name: str
    scenario: str
    spread: float
    saving: float


def spread_section(results: Results) -> Markup:
    """A point for each hour, against the reference and against FREESH without a carbon signal."""
    others = [each for each in (results.summary.reference, WITHOUT_SIGNAL) if each in results.policies]
    clouds = {_against(results, each): hours for each in others if (hours := _hours(results, each))}
    if not clouds:
        return stack(_kinds(results), paragraph("The carbon intensity of the grids is not known: nothing to draw."))
    colours = dict(zip(results.scenarios, PLACE_COLOURS, strict=False))
    return stack(
        _kinds(results),
        figure(
            "Change of carbon against the spread of the grids",
            lambda width: _draw(clouds, colours, width),
            "A point is an hour; spread is (dirtiest less cleanest) / mean intensity of the grids. Against the "
            "reference, what right-sizing saves is in it; against FREESH without a carbon signal, only what the signal "
            "is worth.",
        ),
        legend([(words(each), colour) for each, colour in colours.items()]),
    )


def _against(results: Results, policy: str) -> str:
    """A policy as it is called behind "against"."""
    return f"the {words(policy)}" if policy == results.summary.reference else words(policy)


def _kinds(results: Results) -> Markup:
    """FREESH against the reference on each kind of grids."""
    rows: list[Sequence[Child]] = []
    for scenario in results.scenarios:
        of = results.comparison(results.summary.freesh, scenario)
        if of is not None:
            carbon = "ambiguous" if of.ambiguous else _ends(of.carbon)
            service = "equal" if of.equal_slo else f"{number(of.attainment_points.mean, 2)} points"
            part = f"of {of.carbon_marginal_hours} hours" if of.carbon_marginal_hours < of.hours else ""
            marginal = _ends(of.carbon_marginal, part)
            rows.append([words(scenario), f"{of.hours}", _ends(of.energy), carbon, marginal, service])
    heads = ("Kind of grids", "Hours", "Energy", "Carbon, average", "Carbon, marginal", "Service")
    return table(f"{words(results.summary.freesh)} against the reference, by kind of grids", heads, rows)


def _ends(estimate: Estimate | None, part: str = "") -> Child:
    if estimate is None:
        return NOT_KNOWN
    return change(estimate.mean), tag("small", " ".join(filter(None, (change_interval(estimate), part))))


def _hours(results: Results, against: str) -> list[_Hour]:
    found = []
    for hour, scenario in dict.fromkeys((each.hour, each.scenario) for each in results.runs):
        apart, saved = spread(results, hour, scenario), saving(results, hour, scenario, against)
        if apart is not None and saved is not None:
            found.append(_Hour(hour, scenario, apart, saved))
    return found


def _draw(clouds: dict[str, list[_Hour]], colours: dict[str, str], width: int) -> Markup:
    places, height = slots(width, [_HEIGHT] * len(clouds))
    panels = [_cloud(place, *cloud, colours) for place, cloud in zip(places, clouds.items(), strict=True)]
    return drawing(width, height, panels, " ".join(_told(*cloud) for cloud in clouds.items()))


def _cloud(slot: Slot, against: str, hours: Sequence[_Hour], colours: dict[str, str]) -> Panel:
    x = spread_scale([100 * each.spread for each in hours], slot.left + _LEFT, slot.right - 14)
    y = spread_scale([100 * each.saving for each in hours], slot.bottom - 48, slot.top + 34)
    panel = Panel(x, y)
    panel.heading(f"Against {against}, %", indent_px=_LEFT)
    panel.y_axis()
    panel.x_axis("spread of the grids, %")
    for each in hours:
        title = f"{words(each.name)}: spread {percent(each.spread, 0)}, carbon {change(each.saving)}"
        panel.dot(100 * each.spread, 100 * each.saving, colours[each.scenario], title)
    return panel


def _told(against: str, hours: Sequence[_Hour]) -> str:
    least, most = min(hours, key=lambda each: each.spread), max(hours, key=lambda each: each.spread)
    return (
        f"Against {against}, {len(hours)} hours. Least spread, {percent(least.spread, 0)}: carbon "
        f"{change(least.saving)}; most spread, {percent(most.spread, 0)}: carbon {change(most.saving)}."
    )
