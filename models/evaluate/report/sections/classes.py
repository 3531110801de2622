"""Service by request class: who keeps the promised times, under each policy."""

from collections.abc import Sequence

from freesh_plugin.core.request import TWO_BY_TWO
from models.evaluate.report.markup import Markup
from models.evaluate.report.names import words
from models.evaluate.report.numbers import percent, seconds
from models.evaluate.report.results import Results
from models.evaluate.report.section import paragraph, stack, table
from models.simulator.run_scores import ClassScores

_Of = tuple[str, str]
"""Request class and tier."""
_SAID = (
    "Classes: the first letter is the prompt, the second the answer, S is short and L is long. TTFT is the time to the "
    "first token, TBT the mean time between the tokens that follow, p95 what 95 % of requests stay within."
)


def classes(results: Results) -> Markup:
    """Attainment by class and policy; quantiles of FREESH and the reference."""
    if not results.classes:
        return paragraph("No class was scored.")
    kinds = sorted(dict.fromkeys((each.request_class, each.tier) for each in results.classes), key=_place)
    return stack(paragraph(_SAID, class_="caption"), _attainment(results, kinds), _quantiles(results, kinds))


def _place(kind: _Of) -> tuple[int, str]:
    """Classes of two by two as they are always told, others after them."""
    return (TWO_BY_TWO.index(kind[0]) if kind[0] in TWO_BY_TWO else len(TWO_BY_TWO)), kind[1]


def _attainment(results: Results, kinds: Sequence[_Of]) -> Markup:
    rows = [
        (words(policy), *(percent(_attained(_rows(results, policy, kind)), 2) for kind in kinds))
        for policy in results.policies
    ]
    marked = ["ours" if each == results.summary.freesh else None for each in results.policies]
    heads = ("Policy", *(_called(results, each) for each in kinds))
    return table("Requests within their class's SLO, all hours", heads, rows, marked=marked)


def _quantiles(results: Results, kinds: Sequence[_Of]) -> Markup:
    shown = [each for each in (results.summary.reference, results.summary.freesh) if each in results.policies]
    rows = [
        (_called(results, kind), words(policy), *_times(_rows(results, policy, kind)))
        for kind in kinds
        for policy in shown
    ]
    heads = ("Class", "Policy", "TTFT p95", "TBT p95", "Latency p95")
    return table("95 % quantiles by class: mean of the hours, weighted by requests", heads, rows, texts=(0, 1))


def _rows(results: Results, policy: str, kind: _Of) -> list[ClassScores]:
    return [each for each in results.classes if each.policy == policy and (each.request_class, each.tier) == kind]


def _called(results: Results, kind: _Of) -> str:
    tiers = {each.tier for each in results.classes}
    return kind[0] if len(tiers) == 1 else f"{kind[0]}, {kind[1]}"


def _attained(rows: Sequence[ClassScores]) -> float | None:
    return _weighted([(each.attainment, each.offered) for each in rows])


def _times(rows: Sequence[ClassScores]) -> tuple[str, str, str]:
    return (
        seconds(_weighted([(each.ttft_p95_s, each.offered) for each in rows])),
        seconds(_weighted([(each.tbt_p95_s, each.offered) for each in rows])),
        seconds(_weighted([(each.latency_p95_s, each.offered) for each in rows])),
    )


def _weighted(values: Sequence[tuple[float, int]]) -> float | None:
    total = sum(weight for _, weight in values)
    return sum(value * weight for value, weight in values if weight) / total if total else None
