"""Where the change comes from: a waterfall from the reference to FREESH, layer by layer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from models.evaluate.outcome_rows import LayerRow
from models.evaluate.report.markup import Markup
from models.evaluate.report.names import words
from models.evaluate.report.numbers import signed, significant
from models.evaluate.report.results import Results
from models.evaluate.report.section import figure, legend, paragraph, stack, table
from models.evaluate.report.svg.layout import Slot, slots
from models.evaluate.report.svg.panel import Panel, drawing
from models.evaluate.report.svg.rows import Rows, rows_height

_MIDDLE = "mid"
_CAPTION = (
    "Each bar is what a layer changes on top of those above it, over {over}; whiskers are paired 95 % intervals. A "
    "hatched layer rests on an assumed power curve: its whisker is the range over three power models, whose clocks of "
    "least energy lie low, midway and high among the published ones where prompts are computed or batches are large; "
    "small batches decode on least energy at the lowest clock in all three."
)


@dataclass(frozen=True)
class _Step:
    """One bar: its layer, its change, the ends of its whisker, and whether it rests on an assumed curve."""

    layer: str
    change: float
    ends: tuple[float, float] | None
    modelled: bool


def layers(results: Results) -> Markup:
    """The waterfall in energy and in carbon, and its numbers."""
    if not results.layers:
        return paragraph("The layers were not run.")
    counts = sorted({each.hours for each in results.layers})
    if len(counts) > 1:
        few = f"The layers were run over different hours ({counts[0]} to {counts[-1]}): they do not add up."
        return stack(paragraph(few), _table(results.layers))
    whole = len({(each.hour, each.scenario) for each in results.runs})
    over = "all hours" if counts[0] == whole else f"the {counts[0]} of {whole} hours that they were run for"
    return stack(
        figure(
            "From the reference, layer by layer",
            lambda width: _draw(results.layers, width),
            _CAPTION.format(over=over),
        ),
        legend((("less", "c-green"), ("more", "c-orange"), ("modelled", "hatch"))),
        _table(results.layers),
        *(paragraph(sentence) for sentence in _signs(results.layers)),
    )


def _draw(rows: Sequence[LayerRow], width: int) -> Markup:
    first, energy, carbon = rows[0], _steps(rows, _energy), _steps(rows, _carbon)
    charts = [("Energy", "kWh", first.from_energy_kwh, energy)]
    if first.from_carbon_kg is not None and carbon:
        charts.append(("Carbon, average intensity", "kg CO2e", first.from_carbon_kg, carbon))
    places, height = slots(width, [rows_height(len(energy) + 2)] * len(charts))
    panels = [_waterfall(place, *chart) for place, chart in zip(places, charts, strict=True)]
    alt = "; ".join(f"{what}: {_told(unit, start, steps)}" for what, unit, start, steps in charts)
    return drawing(width, height, panels, f"Waterfall from the reference. {alt}.")


def _waterfall(slot: Slot, what: str, unit: str, start: float, steps: Sequence[_Step]) -> Panel:
    ends = list(accumulate((each.change for each in steps), initial=start))
    names = [f"{each.layer}{', modelled' if each.modelled else ''}: {signed(each.change, unit)}" for each in steps]
    whole = [f"reference: {significant(start, unit)}", *names, f"with all layers: {significant(ends[-1], unit)}"]
    chart = Rows(slot, what, unit, whole, ends)
    for row, end in ((0, start), (len(steps) + 1, ends[-1])):
        chart.panel.bar(chart.at(row), 16, 0.0, end, "c-ink", whole[row])
    for row, (step, (before, after)) in enumerate(zip(steps, pairwise(ends), strict=True), start=1):
        class_ = "c-green" if step.change <= 0 else "c-orange"
        chart.panel.bar(chart.at(row), 16, before, after, f"{class_} hatched" if step.modelled else class_, whole[row])
        if step.ends is not None:
            chart.panel.whisker(chart.at(row), before + step.ends[0], before + step.ends[1])
    return chart.panel


_Amount = Callable[[LayerRow], tuple[float | None, float | None, float | None]]


def _energy(row: LayerRow) -> tuple[float | None, float | None, float | None]:
    return row.energy_kwh, row.energy_low_kwh, row.energy_high_kwh


def _carbon(row: LayerRow) -> tuple[float | None, float | None, float | None]:
    return row.carbon_kg, row.carbon_low_kg, row.carbon_high_kg


def _steps(rows: Sequence[LayerRow], of: _Amount) -> list[_Step]:
    """The layers in order; empty where a change is not known."""
    found = []
    for name, several in _by_layer(rows).items():
        row = several.get(_MIDDLE) or next(iter(several.values()))
        change, low, high = of(row)
        if change is None:
            return []
        ends = (low, high) if low is not None and high is not None else None
        if row.modelled:
            changes = [value for each in several.values() if (value := of(each)[0]) is not None]
            ends = (min(changes), max(changes))
        found.append(_Step(name, change, ends, row.modelled))
    return found


def _by_layer(rows: Sequence[LayerRow]) -> dict[str, dict[str, LayerRow]]:
    found: dict[str, dict[str, LayerRow]] = {}
    for row in rows:
        found.setdefault(row.layer, {})[row.power_model] = row
    return found


def _table(rows: Sequence[LayerRow]) -> Markup:
    heads = ("Layer", "From", "To", "Power model", "Energy kWh", "Carbon kg, average", "Carbon kg, marginal")
    shown = [row for row in rows if row.modelled or row.power_model == _MIDDLE] or rows
    cells = [
        (
            f"{each.layer}{' (modelled)' if each.modelled else ''}", _step(each.from_policy), _step(each.to_policy),
            each.power_model, _ranged(*_energy(each)), _ranged(*_carbon(each)), signed(each.carbon_marginal_kg),
        )
        for each in shown
    ]  # fmt: skip
    return table("What each layer changes (95 % interval)", heads, cells, texts=(0, 1, 2, 3))


def _step(policy: str) -> str:
    """A policy on the way."""
    return words(policy.removeprefix("layer_"))


def _ranged(change: float | None, low: float | None, high: float | None) -> str:
    if change is None or low is None or high is None:
        return signed(change)
    return f"{signed(change)} ({signed(min(low, high))} to {signed(max(low, high))})"


def _signs(rows: Sequence[LayerRow]) -> list[str]:
    """Whether each modelled layer has one sign under all power models."""
    said = []
    for name, several in _by_layer(rows).items():
        if not any(each.modelled for each in several.values()):
            continue
        signs = {each.energy_kwh < 0 for each in several.values()}
        models = ", ".join(f"{model} {signed(each.energy_kwh, 'kWh')}" for model, each in several.items())
        told = (
            "its sign is the same in all of them" if len(signs) == 1 else "its sign differs: no saving can be claimed"
        )
        said.append(f"The layer “{name}” under each power model: {models}; {told}.")
    return said


def _told(unit: str, start: float, steps: Sequence[_Step]) -> str:
    return f"reference {significant(start, unit)}, " + ", ".join(f"{s.layer} {signed(s.change, unit)}" for s in steps)
