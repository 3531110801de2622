"""Every policy on the same hours: energy, both ledgers of carbon, cost, service, and what may be compared."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from models.evaluate.outcome_rows import Comparison, Estimate
from models.evaluate.report.markup import Child, Markup, tag
from models.evaluate.report.names import words
from models.evaluate.report.numbers import NOT_KNOWN, brief, change, number, percent, seconds, significant
from models.evaluate.report.results import Results
from models.evaluate.report.section import paragraph, stack, table
from models.evaluate.report.totals import Totals, totals
from models.simulator.tally import RELAXED_S, TIGHT_S


def _bound(ttft_s: float, tbt_s: float) -> str:
    """Absolute times of a request, broken between the two alone."""
    return ", ".join(
        f"{name} ≤ {brief(time_s)}".replace(" ", "\N{NO-BREAK SPACE}")
        for name, time_s in (("TTFT", ttft_s), ("TBT", tbt_s))
    )


_SERVICE = (
    "Within SLO", _bound(*RELAXED_S), _bound(*TIGHT_S), "p99 stall", "Fairness", "Shed or refused", "Starts"
)  # fmt: skip
_EQUAL, _LOWER = tag("span", "equal SLO", class_="mark good"), tag("span", "lower SLO", class_="mark bad")
_AMBIGUOUS = tag("span", "ambiguous", class_="mark unsure")


@dataclass(frozen=True)
class _Amount:
    """A column of sums: what it is called, its unit, its sum, and its change with the hours where that is known."""

    name: str
    unit: str
    total: Callable[[Totals], float | None]
    change: Callable[[Comparison], tuple[Estimate | None, int]]


_AMOUNTS = (
    _Amount("Energy", "kWh", lambda of: of.energy_kwh, lambda to: (to.energy, to.hours)),
    _Amount("Carbon, average", "kg", lambda of: of.carbon_kg, lambda to: (to.carbon, to.hours)),
    _Amount(
        "Carbon, marginal", "kg", lambda of: of.carbon_marginal_kg,
        lambda to: (to.carbon_marginal, to.carbon_marginal_hours),
    ),
    _Amount("Cost", "USD", lambda of: of.cost_usd, lambda to: (to.cost, to.cost_hours)),
)  # fmt: skip


def policies(results: Results) -> Markup:
    """The table, what its marks mean, and what each policy is."""
    of = [totals(policy, [e for e in results.runs if e.policy == policy]) for policy in results.policies]
    hours = max(each.hours for each in of)
    amounts = [_column(results, of, amount) for amount in _AMOUNTS]
    names = [_name(results, each.policy) for each in of]
    rows: list[list[Child]] = [
        [name, *cells, *_service(each)]
        for name, each, *cells in zip(names, of, *(cells for _, cells in amounts), strict=True)
    ]
    heads = ["Policy", *(head for head, _ in amounts), *_SERVICE]
    marked = ["ours" if each.policy == results.summary.freesh else None for each in of]
    caption = (
        f"Totals over {hours} hour{'s' if hours > 1 else ''}, mean of seeds; below, the change against the reference"
    )
    return stack(table(caption, heads, rows, marked=marked), _marks(), _described(results))


def _column(results: Results, of: Sequence[Totals], amount: _Amount) -> tuple[Child, list[Child]]:
    """Head and cells: sums with their changes if every sum is known, else changes over the hours where it is known."""
    compared = [results.comparison(each.policy) for each in of]
    told = [amount.change(each) if each else (None, 0) for each in compared]
    if all(amount.total(each) is not None for each in of):
        cells = [_sum(results, each, amount, estimate) for each, (estimate, _) in zip(of, told, strict=True)]
        return (amount.name, tag("small", amount.unit)), cells
    spans = [f"{known} of {each.hours} hours" if each else "" for each, (_, known) in zip(compared, told, strict=True)]
    alike = {span for span, (estimate, _) in zip(spans, told, strict=True) if estimate}
    note = f"change over {alike.pop()}" if len(alike) == 1 else "change"
    below = [""] * len(spans) if note != "change" else spans
    return (amount.name, tag("small", note)), [
        _change(estimate, span) for (estimate, _), span in zip(told, below, strict=True)
    ]


def _sum(results: Results, of: Totals, amount: _Amount, estimate: Estimate | None) -> Child:
    """A sum over all hours, below it its change."""
    total = significant(amount.total(of))
    if estimate is None or of.policy == results.summary.reference:
        return total
    return total, tag("small", change(estimate.mean))


def _change(estimate: Estimate | None, span: str) -> Child:
    """A change alone: a sum over other hours than its neighbours' would seem to compare with them."""
    if estimate is None:
        return NOT_KNOWN
    return change(estimate.mean), tag("small", span) if span else ""


def _name(results: Results, policy: str) -> Child:
    """A policy with its marks."""
    compared = results.comparison(policy) if policy != results.summary.reference else None
    return (words(policy), tag("br"), _mark(compared))


def _service(of: Totals) -> list[str]:
    return [
        percent(of.slo_attainment, 2),
        percent(of.attainment_relaxed, 2),
        percent(of.attainment_tight, 2),
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
        "Within SLO: the times promised to the request's own class. TTFT: time to the first token, TBT: mean time "
        "between the tokens that follow; their columns hold every request to the same times, a relaxed and a tight "
        "pair. Fairness is Jain's index of the clients' mean slowdowns, 1 = equal. p99 stall: 99 % of requests never "
        "wait longer for a token; it and fairness are means over hours.",
        class_="caption",
    )


def _described(results: Results) -> Markup:
    terms = [
        (tag("dt", words(name), tag("small", tag("code", name))), tag("dd", results.summary.policies[name]))
        for name in results.policies
    ]
    return tag("details", tag("summary", "What each policy is"), tag("dl", *terms))
