"""Our savings beside the published ones: the same two figures, each against its own reference."""

from collections.abc import Sequence

from models.evaluate.outcome_rows import Estimate
from models.evaluate.report.markup import Child, Markup, tag
from models.evaluate.report.names import words
from models.evaluate.report.numbers import NOT_KNOWN, change, change_estimate, change_interval
from models.evaluate.report.published import PUBLISHED
from models.evaluate.report.results import Results
from models.evaluate.report.section import figure, stack, table
from models.evaluate.report.svg.layout import Slot, slots
from models.evaluate.report.svg.panel import Panel, drawing
from models.evaluate.report.svg.rows import Rows, rows_height

_Row = tuple[str, Estimate | None, Estimate | None, str]


def published(results: Results) -> Markup:
    """A picture and a table of both savings."""
    rows = _rows(results)
    cells = [((name, tag("small", what)), _cell(energy), _cell(carbon)) for name, energy, carbon, what in rows]
    return stack(
        figure(
            "Change against each one's own reference",
            lambda width: _draw(rows, width),
            "Whiskers are 95 % intervals; hollow points are published figures, which have none. Workload, fleet, grids "
            "and reference differ: the rows stand beside each other, they do not rank.",
        ),
        table("Both savings", ("Whose", "Energy", "Carbon"), cells, marked=("ours",)),
    )


def _rows(results: Results) -> list[_Row]:
    ours = results.comparison(results.summary.freesh)
    energy = ours.energy if ours else None
    carbon = ours.carbon if ours and not ours.ambiguous else None
    name = f"{words(results.summary.freesh)}, simulated here"
    return [
        (name, energy, carbon, "this report"),
        *((each.name, Estimate(each.energy), Estimate(each.carbon), each.what) for each in PUBLISHED),
    ]


def _cell(estimate: Estimate | None) -> Child:
    if estimate is None:
        return NOT_KNOWN
    return change(estimate.mean), tag("small", change_interval(estimate))


def _draw(rows: Sequence[_Row], width: int) -> Markup:
    places, height = slots(width, [rows_height(len(rows))] * 2)
    panels = [
        _chart(places[0], "Energy", [(row[0], row[1]) for row in rows]),
        _chart(places[1], "Carbon", [(row[0], row[2]) for row in rows]),
    ]
    alt = "; ".join(f"{row[0]}: energy {change_estimate(row[1])}, carbon {change_estimate(row[2])}" for row in rows)
    return drawing(width, height, panels, f"Change against each reference. {alt}.")


def _chart(slot: Slot, what: str, rows: Sequence[tuple[str, Estimate | None]]) -> Panel:
    edges = [edge for _, each in rows if each for edge in (each.mean, each.low, each.high) if edge is not None]
    chart = Rows(slot, what, "change, %", [name for name, _ in rows], [100 * edge for edge in edges])
    for row, (name, estimate) in enumerate(rows):
        if estimate is None:
            chart.note(row, "not known, or the ledgers disagree")
            continue
        if estimate.low is not None and estimate.high is not None:
            chart.panel.whisker(chart.at(row), 100 * estimate.low, 100 * estimate.high, "c-green")
        class_ = "hollow c-ink" if row else "c-green"
        chart.panel.dot_at(100 * estimate.mean, chart.at(row), class_, f"{name}: {change(estimate.mean)}")
    return chart.panel
