"""Every policy on the same hours: energy, both ledgers of carbon, cost, service, and what may be compared."""

from models.evaluate.outcome_rows import Comparison, Estimate
from models.evaluate.report.markup import Child, Markup, tag
from models.evaluate.report.names import words
from models.evaluate.report.numbers import NOT_KNOWN, change, number, percent, seconds, significant
from models.evaluate.report.results import Results
from models.evaluate.report.section import paragraph, stack, table
from models.evaluate.report.totals import Totals, totals

_HEADS = (
    "Policy", "Energy kWh", "Change", "Carbon kg, average", "Change", "Carbon kg, marginal", "Change", "Cost USD",
    "Within SLO", "p99 stall", "Fairness", "Shed, refused", "Starts", "Compares?",
)  # fmt: skip


def policies(results: Results) -> Markup:
    """The table, what its marks mean, and what each policy is."""
    rows = [_row(results, policy) for policy in results.policies]
    hours = len({(each.hour, each.scenario) for each in results.runs})
    marked = ["ours" if each == results.summary.freesh else None for each in results.policies]
    return stack(
        table(f"Totals over {hours} hours, mean of seeds; changes against the reference", _HEADS, rows, marked=marked),
        paragraph(
            tag("span", "equal SLO", class_="mark good"),
            " attainment within 0.2 points of the reference's or above it, and no more shed or refused. ",
            tag("span", "lower SLO", class_="mark bad"),
            " serves less well: its energy and carbon do not compare. ",
            tag("span", "ambiguous", class_="mark unsure"),
            " average and marginal carbon differ in sign: never a saving. Fairness is Jain's index of the clients' "
            "mean slowdowns, 1 = equal. p99 stall: 99 % of requests never wait longer for a token; it and fairness are "
            "means over hours.",
            class_="caption",
        ),
        _described(results),
    )


def _row(results: Results, policy: str) -> list[Child]:
    of = totals(policy, [each for each in results.runs if each.policy == policy])
    compared = results.comparison(policy)
    is_reference = policy == results.summary.reference
    return [
        words(policy),
        *_amounts(of, None if is_reference else compared),
        *_service(of),
        _mark(compared, is_reference),
    ]


def _amounts(of: Totals, compared: Comparison | None) -> list[str]:
    def against(estimate: Estimate | None) -> str:
        return change(estimate.mean) if estimate else NOT_KNOWN

    changes = ("", "", "")
    if compared is not None:
        changes = (against(compared.energy), against(compared.carbon), against(compared.carbon_marginal))
    return [
        significant(of.energy_kwh), changes[0],
        significant(of.carbon_kg), changes[1],
        significant(of.carbon_marginal_kg), changes[2],
        significant(of.cost_usd),
    ]  # fmt: skip


def _service(of: Totals) -> list[str]:
    return [
        percent(of.slo_attainment, 2),
        seconds(of.p99_stall_s),
        number(of.fairness_jain, 3),
        percent(of.lost_share, 2),
        number(of.starts, 0),
    ]


def _mark(compared: Comparison | None, is_reference: bool) -> Child:
    if is_reference:
        return "the reference"
    if compared is None:
        return "not compared"
    equal = tag("span", "equal SLO", class_="mark good") if compared.equal_slo else _LOWER
    return (equal, " ", tag("span", "ambiguous", class_="mark unsure")) if compared.ambiguous else equal


_LOWER = tag("span", "lower SLO", class_="mark bad")


def _described(results: Results) -> Markup:
    terms = [
        (tag("dt", words(name)), tag("dd", results.summary.policies[name])) for name in results.policies
    ]  # fmt: skip
    return tag("details", tag("summary", "What each policy is"), tag("dl", *terms))
