"""The paper's figure 2 from our runs: what pools for classes gain in utilisation over one mixed pool."""

from collections.abc import Sequence

from models.evaluate.report.markup import Markup
from models.evaluate.report.names import words
from models.evaluate.report.numbers import number, percent, significant
from models.evaluate.report.results import Results
from models.evaluate.report.section import figure, paragraph
from models.evaluate.report.svg.layout import Slot, slots
from models.evaluate.report.svg.panel import Panel, drawing
from models.evaluate.report.svg.rows import Rows, rows_height
from models.evaluate.report.totals import totals

MIXED = "one_mixed_pool"
"""Name of the policy without classes."""


def partition(results: Results) -> Markup:
    """Utilisation, GPU-hours and energy a request, with and without classes."""
    shown = [each for each in (results.summary.reference, MIXED, results.summary.freesh) if each in results.policies]
    if MIXED not in shown or not results.series:
        return paragraph("A run with one mixed pool is needed for this, and there is none.")
    return figure(
        "Instances at work, and GPUs that hold a model",
        lambda width: _draw(results, shown, width),
        "First: mean share of the time in which an instance computes, over all instances and hours. Second: GPUs "
        "that hold a model, times hours. Both follow from all that a policy does; the layers tell the partition apart.",
    )


def _draw(results: Results, shown: Sequence[str], width: int) -> Markup:
    busy = {policy: busy_share(results, policy) for policy in shown}
    of = {policy: totals(policy, [each for each in results.runs if each.policy == policy]) for policy in shown}
    hours = {policy: each.gpu_hours for policy, each in of.items()}
    places, height = slots(width, [rows_height(len(shown))] * 2)
    panels = [
        _bars(results, places[0], "Time at work", "%", {policy: 100 * share for policy, share in busy.items()}),
        _bars(results, places[1], "GPU-hours", "GPU-hours", hours),
    ]
    told = [f"{words(p)}: {percent(busy[p], 0)} at work, {significant(hours[p], 'GPU-hours')}" for p in shown]
    return drawing(width, height, panels, "; ".join(told) + ".")


def busy_share(results: Results, policy: str) -> float:
    """Mean share of the time at work, each instance counted alike."""
    rows = [each for each in results.series if each.policy == policy]
    instances = sum(each.instances for each in rows)
    return sum(each.busy_share * each.instances for each in rows) / instances if instances else 0.0


def _bars(results: Results, slot: Slot, heading: str, unit: str, values: dict[str, float]) -> Panel:
    names = [f"{words(policy)}: {number(value, 1, unit)}" for policy, value in values.items()]
    chart = Rows(slot, heading, unit, names, list(values.values()))
    for row, (policy, value) in enumerate(values.items()):
        class_ = "c-green" if policy == results.summary.freesh else "c-ink"
        chart.panel.bar(chart.at(row), 16, 0.0, value, class_, names[row])
    return chart.panel
