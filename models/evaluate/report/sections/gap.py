"""How much of what can be gained at all is gained: the gap between the strongest baseline and a clairvoyant bound."""

from models.evaluate.outcome_rows import Estimate, GapClosed
from models.evaluate.report.markup import Child, Markup, tag
from models.evaluate.report.names import words
from models.evaluate.report.numbers import number, percent, significant
from models.evaluate.report.results import Results
from models.evaluate.report.section import paragraph, stack, table

_LEDGERS = {"energy": "Energy, kWh", "carbon": "Carbon, kg, average"}


def gap(results: Results) -> Markup:
    """Of each ledger the sums of the three, and the share of the gap that is closed."""
    gaps = results.summary.gaps
    if not gaps:
        return paragraph("There is no bound for these hours, or no baseline at equal SLO.")
    ours = words(results.summary.freesh)
    compared = results.comparison(results.summary.freesh)
    return stack(
        paragraph(f"{ours}'s service is not equal to the reference's, so that η is not a gap closed.", class_="kind")
        if compared is None or not compared.equal_slo
        else "",
        paragraph(
            "The strongest baseline is, of each ledger by itself, the one that needs least at equal SLO: among all of "
            f"them, some of which are {ours} with a part left out, and among the others alone. The bound knows all "
            "that comes and pays for nothing but the work: no policy can be below it. "
            f"η is what {ours} saves of the way between the two: 0 % is no better than the baseline, 100 % all that "
            "can be had, below 0 % the baseline wins."
        ),
        table(
            "The gap closed",
            ("Ledger", "Among", "Strongest baseline", "Its sum", ours, "Bound", "Gap closed, η"),
            [_row(each, ours) for each in gaps],
            texts=(0, 1, 2),
        ),
    )


def _row(each: GapClosed, ours: str) -> list[Child]:
    among = f"what is not {ours}" if each.outside else "all baselines"
    amounts = [significant(amount) for amount in each.sums]
    return [_LEDGERS[each.ledger], among, words(each.strongest), *amounts, _share(each.share)]


def _share(share: Estimate | None) -> Child:
    if share is None:
        return "the bound is no better"
    if share.low is None or share.high is None:
        return percent(share.mean, 0)
    return percent(share.mean, 0), tag("small", f"{number(100 * share.low, 0)} to {percent(share.high, 0)}")
