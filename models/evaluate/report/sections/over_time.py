"""One hour of each kind of grids: power and carbon of the fleet, five minutes by five minutes, policy by policy."""

from collections.abc import Sequence
from statistics import median_low

from models.evaluate.report.markup import Markup, tag
from models.evaluate.report.names import PERFECT, colour, hour_words, standing_out, words
from models.evaluate.report.numbers import significant
from models.evaluate.report.results import Results
from models.evaluate.report.section import figure, legend, paragraph, stack
from models.evaluate.report.spreads import saving
from models.evaluate.report.svg.layout import Slot, slots
from models.evaluate.report.svg.panel import Panel, drawing
from models.evaluate.report.svg.scale import Scale, spread_scale
from models.simulator.run_scores import SeriesRow

_HEIGHT, _HEAD, _FOOT, _LEFT = 230.0, 34.0, 46.0, 46.0
SLOT_S = 300.0
"""Length of a row of series.csv; the last of a run may be shorter."""
_SAID = (
    "Of each kind of grids the hour whose saving is the middle one. Power of the whole fleet at the wall; carbon by "
    "average intensity. Simulated."
)


def over_time(results: Results) -> Markup:
    """A figure for each kind of grids."""
    if not results.series:
        return paragraph("No series was recorded.")
    shown = standing_out(results)
    pictures = [_picture(results, scenario, shown) for scenario in results.scenarios]
    others = len(results.policies) - len(shown)
    names = [(words(each), colour(results, each)) for each in shown]
    listed = legend([*names, (f"{others} others", "c-grey")] if others else names)
    return stack(paragraph(_SAID, class_="caption"), listed, *pictures)


def middle_hour(results: Results, scenario: str) -> str:
    """The hour of the middle saving, so that neither the best nor the worst is shown."""
    hours = list(dict.fromkeys(each.hour for each in results.runs if each.scenario == scenario))
    savings = {hour: saving(results, hour, scenario) for hour in hours}
    known = {hour: value for hour, value in savings.items() if value is not None}
    if not known:
        return hours[0]
    middle = median_low(known.values())
    return next(hour for hour, value in known.items() if value == middle)


def rows_of(results: Results, hour: str, scenario: str, policy: str) -> list[SeriesRow]:
    """Series of one run, of the first seed."""
    found = [e for e in results.series if (e.hour, e.scenario, e.policy) == (hour, scenario, policy)]
    return [each for each in found if each.seed == found[0].seed]


def end_s(results: Results, rows: Sequence[SeriesRow]) -> float:
    """When the requests of a run ended: what kept its SLO over goodput, within the last slot; else the slot's end."""
    last = max(each.start_s for each in rows)
    of = (rows[0].policy, rows[0].hour, rows[0].scenario, rows[0].seed)
    run = next((e for e in results.runs if (e.policy, e.hour, e.scenario, e.seed) == of), None)
    length = run.slo_attainment * run.offered / run.goodput_rps if run is not None and run.goodput_rps > 0 else 0.0
    return min(round(length, 3), last + SLOT_S) if length > last else last + SLOT_S


def _picture(results: Results, scenario: str, shown: Sequence[str]) -> Markup:
    hour = middle_hour(results, scenario)
    return figure(
        f"Hour {hour_words(hour, scenario).removeprefix('hour ')}",
        lambda width: _draw(results, hour, scenario, shown, width),
        ("In the files: ", tag("code", hour)),
    )


def _draw(results: Results, hour: str, scenario: str, shown: Sequence[str], width: int) -> Markup:
    order = [each for each in results.policies if each not in shown] + [*shown]
    by_policy = {policy: rows_of(results, hour, scenario, policy) for policy in order}
    power = {policy: _power_kw(rows) for policy, rows in by_policy.items() if rows}
    carbon = {policy: found for policy, rows in by_policy.items() if rows and (found := _carbon_kg_per_h(rows))}
    charts = [("Power, kW", power), ("Carbon, kg CO2e an hour", carbon)]
    charts = [(what, lines) for what, lines in charts if lines]
    places, height = slots(width, [_HEIGHT] * len(charts))
    last_s = max(end_s(results, rows) for rows in by_policy.values() if rows)
    panels = [_chart(results, place, what, lines, last_s) for place, (what, lines) in zip(places, charts, strict=True)]
    means = [f"{words(p)} {significant(sum(power[p].values()) / len(power[p]), 'kW')}" for p in shown if p in power]
    return drawing(width, height, panels, f"Power and carbon over {words(hour)}; mean power: {', '.join(means)}.")


def _power_kw(rows: Sequence[SeriesRow]) -> dict[float, float]:
    found: dict[float, float] = {}
    for row in rows:
        found[row.start_s] = found.get(row.start_s, 0.0) + row.power_w / 1000
    return found


def _carbon_kg_per_h(rows: Sequence[SeriesRow]) -> dict[float, float]:
    found: dict[float, float] = {}
    for row in rows:
        if row.carbon_gco2e_per_kwh is None:
            return {}
        found[row.start_s] = found.get(row.start_s, 0.0) + row.power_w * row.carbon_gco2e_per_kwh / 1e6
    return found


def _chart(results: Results, slot: Slot, what: str, lines: dict[str, dict[float, float]], last_s: float) -> Panel:
    x = Scale(0.0, last_s / 60, slot.left + _LEFT, slot.right - 10)
    y = spread_scale([v for line in lines.values() for v in line.values()], slot.bottom - _FOOT, slot.top + _HEAD)
    panel = Panel(x, y)
    panel.heading(what, indent_px=_LEFT)
    panel.y_axis()
    panel.x_axis("minutes")
    for policy, line in lines.items():
        edges = [start / 60 for start in line] + [min(max(line) + SLOT_S, last_s) / 60]
        panel.steps(edges, list(line.values()), f"{colour(results, policy)} {_weight(results, policy)}", words(policy))
    return panel


def _weight(results: Results, policy: str) -> str:
    return "thin" if colour(results, policy) == "c-grey" else "dashed" if policy == PERFECT else ""
