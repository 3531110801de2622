"""Where FREESH serves less well, by every measure that is kept: what the SLO of a class allows, users may notice."""

from collections.abc import Callable, Mapping
from statistics import fmean

from models.evaluate.paired import EQUAL_POINTS
from models.evaluate.report.names import PERFECT, words
from models.evaluate.report.numbers import brief, number, percent, seconds
from models.evaluate.report.results import Results
from models.evaluate.report.totals import Totals, totals
from models.simulator.run_scores import RunScores
from models.simulator.tally import RELAXED_S, TIGHT_S

_Of = Callable[[RunScores], float]
_TIERS: tuple[tuple[tuple[float, float], Callable[[Totals], float]], ...] = (
    (RELAXED_S, lambda of: of.attainment_relaxed),
    (TIGHT_S, lambda of: of.attainment_tight),
)
_PACE: tuple[tuple[str, _Of], ...] = (
    ("median latency", lambda run: run.latency_p50_s),
    ("95 % latency", lambda run: run.latency_p95_s),
    ("95 % TBT", lambda run: run.tbt_p95_s),
    ("99 % stall", lambda run: run.p99_stall_s),
)
_SLOWER = 1.05
"""Times beyond so much of the reference's are told."""


def of_service(results: Results) -> list[str]:
    """Every way in which the reference, or the best baseline of an hour, serves better; a sentence each."""
    return [*_by_hours(results), *_beside_the_best(results), *_by_tier(results), *_by_pace(results)]


def _by_hours(results: Results) -> list[str]:
    """Hours in which fewer requests kept their SLO than under the reference."""
    ours, reference = results.summary.freesh, results.summary.reference
    kept = _attainment(results)
    points = {hour: 100 * (of[ours] - of[reference]) for hour, of in kept.items() if ours in of and reference in of}
    return _counted(points, "the reference's")


def _beside_the_best(results: Results) -> list[str]:
    """The same beside whichever policy served best in that hour."""
    points = {}
    for hour, of in _attainment(results).items():
        others = [value for policy, value in of.items() if policy not in (results.summary.freesh, PERFECT)]
        if results.summary.freesh in of and len(others) > 1:
            points[hour] = 100 * (of[results.summary.freesh] - max(others))
    return _counted(points, "that of the hour's best baseline")


def _counted(points: Mapping[str, float], whose: str) -> list[str]:
    less = [hour for hour, by in points.items() if by < -EQUAL_POINTS]
    if not less or len(points) < 2:
        return []
    worst = min(less, key=lambda hour: points[hour])
    return [
        f"In {len(less)} of {len(points)} hours service is more than {EQUAL_POINTS} points below {whose}, the most in "
        f"{words(worst)}: {number(points[worst], 2)} points."
    ]


def _attainment(results: Results) -> dict[str, dict[str, float]]:
    """Hour to policy to the share of requests that kept their class's SLO, mean over seeds."""
    kept: dict[str, dict[str, list[float]]] = {}
    for each in results.runs:
        kept.setdefault(each.hour, {}).setdefault(each.policy, []).append(each.slo_attainment)
    return {hour: {policy: fmean(values) for policy, values in of.items()} for hour, of in kept.items()}


def _by_tier(results: Results) -> list[str]:
    """The absolute tiers, which no plan here promises."""
    mine_of, theirs_of = (totals(each[0].policy, each) for each in _both(results))
    return [
        f"By an absolute bound fewer are in time: {percent(mine, 2)} of requests have TTFT within {brief(ttft_s)} and "
        f"TBT within {brief(tbt_s)}, against {percent(theirs, 2)} under the reference: plans promise by class."
        for (ttft_s, tbt_s), of in _TIERS
        if (mine := of(mine_of)) < (theirs := of(theirs_of)) - EQUAL_POINTS / 100
    ]


def _by_pace(results: Results) -> list[str]:
    """How long things take, means over the hours."""
    ours, reference = _both(results)
    slower = [
        f"{what} {seconds(mine)} against {seconds(theirs)}"
        for what, of in _PACE
        if (mine := fmean(map(of, ours))) > _SLOWER * (theirs := fmean(map(of, reference)))
    ]
    return [f"Requests take longer than under the reference, means over hours: {', '.join(slower)}."] if slower else []


def _both(results: Results) -> tuple[list[RunScores], list[RunScores]]:
    """Runs of FREESH and of the reference."""
    mine, theirs = results.summary.freesh, results.summary.reference
    return [each for each in results.runs if each.policy == mine], [e for e in results.runs if e.policy == theirs]
