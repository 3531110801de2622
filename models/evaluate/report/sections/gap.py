"""How much of what can be gained at all is gained: the gap between the strongest baseline and a clairvoyant bound."""

from models.evaluate.outcome_rows import Estimate
from models.evaluate.report.markup import Child, Markup, tag
from models.evaluate.report.names import words
from models.evaluate.report.numbers import NOT_KNOWN, number, percent, significant
from models.evaluate.report.results import Results
from models.evaluate.report.section import paragraph, stack, table


def gap(results: Results) -> Markup:
    """Sums of the three, and the share of the gap that is closed."""
    closed = results.summary.gap_closed
    if closed is None:
        return paragraph("There is no bound for these hours, or no baseline at equal SLO.")
    ours = words(results.summary.freesh)
    rows = [
        _row("Energy, kWh", closed.energy_kwh, closed.energy),
        _row("Carbon, kg, average", closed.carbon_kg, closed.carbon),
    ]
    compared = results.comparison(results.summary.freesh)
    return stack(
        paragraph(f"{ours}'s service is not equal to the reference's, so that η is not a gap closed.", class_="kind")
        if compared is None or not compared.equal_slo
        else "",
        paragraph(
            f"The strongest baseline at equal SLO is “{words(closed.strongest)}”. The bound knows all that comes and "
            f"pays for nothing but the work: no policy can be below it. η is what {ours} saves of the way between the "
            "two: 0 % is no better than the baseline, 100 % all that can be had; below 0 % the baseline wins."
        ),
        table("The gap closed", ("Over all hours", words(closed.strongest), ours, "Bound", "Gap closed, η"), rows),
    )


def _row(what: str, sums: tuple[float, ...] | None, share: Estimate | None) -> list[Child]:
    amounts = [significant(each) for each in sums] if sums else [NOT_KNOWN] * 3
    return [what, *amounts, NOT_KNOWN if sums is None else _share(share)]


def _share(share: Estimate | None) -> Child:
    if share is None:
        return "the bound is no better"
    if share.low is None or share.high is None:
        return percent(share.mean, 0)
    return percent(share.mean, 0), tag("small", f"{number(100 * share.low, 0)} to {percent(share.high, 0)}")
