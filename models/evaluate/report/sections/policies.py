"""Every policy on the same hours: energy, both ledgers of carbon, cost, service, and what may be compared."""

from models.evaluate.outcome_rows import Comparison, Estimate
from models.evaluate.report.markup import Child, Markup, tag
from models.evaluate.report.names import words
from models.evaluate.report.numbers import change, number, percent, seconds, significant
from models.evaluate.report.results import Results
from models.evaluate.report.section import paragraph, stack, table
from models.evaluate.report.totals import Totals, totals

_HEADS = (
    "Policy", "Energy kWh", "Carbon kg, average", "Carbon kg, marginal", "Cost USD", "Within SLO", "p99 stall",
    "Fairness", "Shed or refused", "Starts",
)  # fmt: skip
_EQUAL, _LOWER = tag("span", "equal SLO", class_="mark good"), tag("span", "lower SLO", class_="mark bad")
_AMBIGUOUS = tag("span", "ambiguous", class_="mark unsure")


def policies(results: Results) -> Markup:
    """The table, what its marks mean, and what each policy is."""
    rows = [_row(results, policy) for policy in results.policies]
    hours = len({(each.hour, each.scenario) for each in results.runs})
    marked = ["ours" if each == results.summary.freesh else None for each in results.policies]
    caption = (
        f"Totals over {hours} hour{'s' if hours > 1 else ''}, mean of seeds; below, the change against the reference"
    )
    return stack(table(caption, _HEADS, rows, marked=marked), _marks(), _described(results))


def _row(results: Results, policy: str) -> list[Child]:
    of = totals(policy, [each for each in results.runs if each.policy == policy])
    compared = results.comparison(policy) if policy != results.summary.reference else None
    return [(words(policy), tag("br"), _mark(compared)), *_amounts(of, compared), *_service(of)]


def _amounts(of: Totals, compared: Comparison | None) -> list[Child]:
    def cell(amount: float | None, estimate: Estimate | None) -> Child:
        if amount is None or estimate is None:
            return significant(amount)
        return significant(amount), tag("small", change(estimate.mean))

    return [
        cell(of.energy_kwh, compared.energy if compared else None),
        cell(of.carbon_kg, compared.carbon if compared else None),
        cell(of.carbon_marginal_kg, compared.carbon_marginal if compared else None),
        cell(of.cost_usd, compared.cost if compared else None),
    ]


def _service(of: Totals) -> list[str]:
    return [
        percent(of.slo_attainment, 2),
        seconds(of.p99_stall_s),
        number(of.fairness_jain, 3),
        percent(of.lost_share, 2),
        number(of.starts, 0),
    ]


def _mark(compared: Comparison | None) -> Child:
    if compared is None:
        return ""
    return (_EQUAL if compared.equal_slo else _LOWER, _AMBIGUOUS if compared.ambiguous else "")


def _marks() -> Markup:
    return paragraph(
        (_EQUAL, " attainment within 0.2 points of the reference's or above it, and no more shed or refused. "),
        (_LOWER, " serves less well: its energy and carbon do not compare. "),
        (_AMBIGUOUS, " average and marginal carbon differ in sign: never a saving. "),
        "Fairness is Jain's index of the clients' mean slowdowns, 1 = equal. p99 stall: 99 % of requests never wait "
        "longer for a token; it and fairness are means over hours.",
        class_="caption",
    )


def _described(results: Results) -> Markup:
    terms = [(tag("dt", words(name)), tag("dd", results.summary.policies[name])) for name in results.policies]
    return tag("details", tag("summary", "What each policy is"), tag("dl", *terms))
