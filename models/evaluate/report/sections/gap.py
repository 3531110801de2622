"""How much of what can be gained at all is gained: the gap between the strongest baseline and a clairvoyant bound."""

from collections.abc import Callable

from models.evaluate.outcome_rows import Estimate, GapClosed
from models.evaluate.report.markup import Child, Markup, tag
from models.evaluate.report.names import words
from models.evaluate.report.numbers import NOT_KNOWN, percent, significant
from models.evaluate.report.results import Results
from models.evaluate.report.section import paragraph, stack, table
from models.evaluate.report.totals import Totals, totals


def gap(results: Results) -> Markup:
    """Totals of the three, and the share of the gap that is closed."""
    closed = results.summary.gap_closed
    if closed is None:
        return paragraph("No baseline at equal SLO and no bound were run.")
    rows = [
        _row(results, closed, "Energy, kWh", lambda of: of.energy_kwh, closed.energy),
        _row(results, closed, "Carbon, kg, average", lambda of: of.carbon_kg, closed.carbon),
    ]
    names = (words(closed.strongest), words(results.summary.freesh), words(closed.bound))
    return stack(
        paragraph(
            f"The strongest baseline at equal SLO is “{names[0]}”; “{names[2]}” knows all that comes. η is what "
            f"{names[1]} saves of the way between the two: 0 % is no better than the baseline, 100 % all that can be "
            "had; below 0 % the baseline wins."
        ),
        table("The gap closed", ("Over all hours", *names, "Gap closed, η"), rows),
    )


def _row(
    results: Results, closed: GapClosed, what: str, of: Callable[[Totals], float | None], share: Estimate | None
) -> list[Child]:
    cells: list[Child] = [what]
    for policy in (closed.strongest, results.summary.freesh, closed.bound):
        runs = [each for each in results.runs if each.policy == policy]
        cells.append(significant(of(totals(policy, runs))) if runs else NOT_KNOWN)
    return [*cells, _share(share)]


def _share(share: Estimate | None) -> Child:
    if share is None:
        return "the bound is no better"
    if share.low is None or share.high is None:
        return percent(share.mean, 0)
    return percent(share.mean, 0), tag("small", f"{100 * share.low:.0f} to {percent(share.high, 0)}")
