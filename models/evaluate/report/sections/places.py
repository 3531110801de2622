"""The paper's figure 1 from our runs: what each grid emits over an hour, and where the load went."""

from collections.abc import Sequence

from models.evaluate.report.markup import Markup, tag
from models.evaluate.report.names import hour_words, place_colours, words
from models.evaluate.report.numbers import number, percent
from models.evaluate.report.results import Results
from models.evaluate.report.section import figure, legend, paragraph, stack
from models.evaluate.report.sections.over_time import end_s, middle_hour, rows_of
from models.evaluate.report.spreads import spread
from models.evaluate.report.svg.layout import Slot, slots
from models.evaluate.report.svg.panel import Panel, drawing
from models.evaluate.report.svg.scale import Scale, spread_scale
from models.simulator.run_scores import SeriesRow

_HEIGHT, _HEAD, _FOOT, _LEFT = 230.0, 34.0, 46.0, 46.0


def places(results: Results) -> Markup:
    """Intensities above, shares of the served requests below, in the hour whose grids lie farthest apart."""
    hour, scenario = _widest(results)
    rows = rows_of(results, hour, scenario, results.summary.freesh)
    if not rows:
        return paragraph("No series was recorded.")
    colours, last_s = place_colours(results), end_s(results, rows)
    return stack(
        figure(
            f"Grids and load in hour {hour_words(hour, scenario).removeprefix('hour ')}",
            lambda width: _draw(rows, colours, last_s, width),
            (
                f"The middle hour of the kind of grids that lie farthest apart ({words(scenario)}), under "
                f"{words(results.summary.freesh)}. Average intensity; share of requests served, simulated. In the "
                "files: ",
                tag("code", hour),
            ),
        ),
        legend([(f"{place}{_zone(results, hour, number)}", colours[place]) for number, place in enumerate(colours)]),
    )


def _zone(results: Results, hour: str, number: int) -> str:
    """The grid of a location in an hour, in brackets, where it is told."""
    row = next((each for each in results.summary.hours if each.hour == hour), None)
    return f" ({row.grid_zones[number]})" if row is not None and number < len(row.grid_zones) else ""


def _widest(results: Results) -> tuple[str, str]:
    """The middle hour of the kind of grids whose middle hour has the largest spread."""
    hours = [(middle_hour(results, scenario), scenario) for scenario in results.scenarios]
    return max(hours, key=lambda each: spread(results, *each) or 0.0)


def _draw(rows: Sequence[SeriesRow], colours: dict[str, str], last_s: float, width: int) -> Markup:
    known = all(each.carbon_gco2e_per_kwh is not None for each in rows)
    boxes, height = slots(width, [_HEIGHT] * (2 if known else 1))
    edges = [start / 60 for start in dict.fromkeys(each.start_s for each in rows)]
    edges.append(last_s / 60)
    panels = [_intensities(boxes[0], rows, edges, colours)] if known else []
    panels.append(_shares(boxes[-1], rows, edges, colours))
    return drawing(width, height, panels, _alt(rows, colours))


def _panel(slot: Slot, edges: Sequence[float], values: list[float], heading: str) -> Panel:
    x = Scale(0.0, edges[-1], slot.left + _LEFT, slot.right - 10)
    panel = Panel(x, spread_scale(values, slot.bottom - _FOOT, slot.top + _HEAD))
    panel.heading(heading, indent_px=_LEFT)
    panel.y_axis()
    panel.x_axis("minutes")
    return panel


def _intensities(slot: Slot, rows: Sequence[SeriesRow], edges: Sequence[float], colours: dict[str, str]) -> Panel:
    lines = {place: [e.carbon_gco2e_per_kwh or 0.0 for e in rows if e.location == place] for place in colours}
    panel = _panel(slot, edges, [value for line in lines.values() for value in line], "Intensity, gCO2e/kWh")
    for place, line in lines.items():
        if line:
            panel.steps(edges, line, colours[place], place)
    return panel


def _shares(slot: Slot, rows: Sequence[SeriesRow], edges: Sequence[float], colours: dict[str, str]) -> Panel:
    panel = _panel(slot, edges, [0.0, 100.0], "Requests served there, %")
    low = [0.0] * (len(edges) - 1)
    for place, share in _shares_of(rows, list(colours)).items():
        high = [a + 100 * b for a, b in zip(low, share, strict=True)]
        panel.area(edges, low, high, colours[place], place)
        low = high
    return panel


def _shares_of(rows: Sequence[SeriesRow], names: Sequence[str]) -> dict[str, list[float]]:
    rates = {place: [each.served_rps for each in rows if each.location == place] for place in names}
    rates = {place: line for place, line in rates.items() if line}
    totals = [sum(column) for column in zip(*rates.values(), strict=True)]
    return {p: [r / t if t else 0.0 for r, t in zip(line, totals, strict=True)] for p, line in rates.items()}


def _alt(rows: Sequence[SeriesRow], colours: dict[str, str]) -> str:
    told = []
    for place, share in _shares_of(rows, list(colours)).items():
        grams = [each.carbon_gco2e_per_kwh for each in rows if each.location == place]
        known = [each for each in grams if each is not None]
        mean = sum(known) / len(known) if known else None
        told.append(
            f"{place}: {number(mean, 0, 'g/kWh')} on average, {percent(sum(share) / len(share), 0)} of requests"
        )
    return "; ".join(told) + "."
