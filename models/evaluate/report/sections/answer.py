"""The answer: one sentence, the figures behind it, and what kind of figures they are."""

from collections import Counter
from collections.abc import Sequence

from models.evaluate.outcome_rows import Comparison, Estimate, GapClosed
from models.evaluate.report.markup import Markup, tag
from models.evaluate.report.names import words
from models.evaluate.report.numbers import NOT_KNOWN, change, change_interval, number, percent
from models.evaluate.report.results import Results
from models.evaluate.report.section import paragraph, stack
from models.evaluate.report.totals import totals
from models.evaluate.report.verdict import Verdict, carbon_verdict, verdict

_AMBIGUOUS, _NOT_EQUAL = "ambiguous", "does not compare"
_LEVEL = "95\N{NO-BREAK SPACE}%"


def answer(results: Results) -> Markup:
    """The first thing on the page."""
    ours = results.comparison(results.summary.freesh)
    if ours is None:
        return paragraph("No comparison with the reference was made.", class_="answer")
    return stack(paragraph(sentence(results, ours), class_="answer"), _tiles(results, ours), _kind(results))


def sentence(results: Results, ours: Comparison) -> str:
    """The answer in one sentence, with intervals."""
    summary = results.summary
    energy = _said("energy", "used", ours.energy, verdict(ours.energy))
    carbon = _said("carbon", "emitted", ours.carbon, carbon_verdict(ours))
    hours = max(len({(each.hour, each.scenario) for each in results.runs}), 1)
    over = f"over {hours} hours" if hours > 1 else "in one hour"
    over += "" if verdict(ours.energy) is not Verdict.UNTESTED else ", too few for an interval"
    return (
        f"In simulation, {words(summary.freesh)} {energy} and {carbon} than the paper-like reference "
        f"{over}, {_service(results, ours)}."
    )


def _service(results: Results, ours: Comparison) -> str:
    """Whether the change may be compared, in words."""
    if ours.equal_slo:
        return "at equal service by the SLO of each class"
    mine, theirs = (
        totals(policy, [each for each in results.runs if each.policy == policy])
        for policy in (ours.policy, results.summary.reference)
    )
    attained = (
        f"{percent(mine.slo_attainment, 2)} of requests within their SLO against {percent(theirs.slo_attainment, 2)}"
    )
    lost = f", {percent(mine.lost_share, 2)} shed or refused against {percent(theirs.lost_share, 2)}"
    return f"but not at equal service: {attained}{lost if mine.lost_share > theirs.lost_share else ''}"


def _said(what: str, verb: str, estimate: Estimate | None, of: Verdict) -> str:
    """A change in words: "used 30.0 % less energy (28.0 to 32.0)"."""
    if estimate is None or of is Verdict.UNKNOWN:
        return f"{verb} an unknown amount of {what}: more or less is not known"
    if of is Verdict.AMBIGUOUS:
        return f"{verb} {what} of which the average and the marginal ledger disagree whether it is more or less"
    direction = "less" if estimate.mean < 0 else "more"
    size = f"{verb} {percent(abs(estimate.mean))} {direction} {what}"
    if of is Verdict.UNTESTED:
        return size
    low, high = sorted((abs(estimate.low or 0.0), abs(estimate.high or 0.0)))
    if of is Verdict.UNPROVEN:
        return f"{size} ({_LEVEL} interval {change_interval(estimate)}, which proves no difference)"
    return f"{size} ({_LEVEL} interval {number(100 * low)} to {percent(high)})"


def _tiles(results: Results, ours: Comparison) -> Markup:
    mine = totals(ours.policy, [each for each in results.runs if each.policy == ours.policy])
    carbon = _AMBIGUOUS if ours.ambiguous else change(ours.carbon.mean if ours.carbon else None)
    return tag(
        "div",
        _tile("Energy at the wall", change(ours.energy.mean), change_interval(ours.energy)),
        _tile("Carbon, average intensity", carbon, change_interval(ours.carbon) if ours.carbon else ""),
        _tile("Carbon, marginal intensity", *_parts(ours.carbon_marginal, ours.carbon_marginal_hours, ours.hours)),
        _tile("Electricity cost", *_parts(ours.cost, ours.cost_hours, ours.hours)),
        _tile("Requests within their class's SLO", percent(mine.slo_attainment), _points(ours.attainment_points)),
        _tile("Gap to the bound closed", *_gap(results.summary.gaps, ours)),
        class_="tiles",
    )


def _tile(name: str, value: str, interval: str, note: str | None = None) -> Markup:
    quiet = value in (NOT_KNOWN, _AMBIGUOUS, _NOT_EQUAL)
    return tag(
        "div",
        tag("span", name, class_="name"),
        tag("b", value, class_="quiet" if quiet else None),
        tag("span", interval, class_="interval") if interval else "",
        tag("span", note, class_="interval") if note else "",
        class_="tile",
    )


def _parts(estimate: Estimate | None, known: int, hours: int) -> tuple[str, str, str]:
    """A change, its interval, and over how many of the hours it is known."""
    if estimate is None:
        return NOT_KNOWN, "", ""
    return change(estimate.mean), change_interval(estimate), f"over {known} of {hours} hours" if known < hours else ""


def _points(estimate: Estimate) -> str:
    return f"{number(estimate.mean, 2) if estimate.mean < 0 else '+' + number(estimate.mean, 2)} points"


def _gap(gaps: Sequence[GapClosed], ours: Comparison) -> tuple[str, str, str]:
    """η of carbon, its interval and what it is; unequal service closes no gap."""
    what = "carbon, from the strongest baseline"
    if not ours.equal_slo:
        return _NOT_EQUAL, "service is not equal", what
    estimate = next((each.share for each in gaps if each.ledger == "carbon" and not each.outside), None)
    if estimate is None:
        return NOT_KNOWN, "", what
    if estimate.low is None or estimate.high is None:
        return percent(estimate.mean, 0), "", what
    return percent(estimate.mean, 0), f"{number(100 * estimate.low, 0)} to {percent(estimate.high, 0)}", what


def _kind(results: Results) -> Markup:
    return paragraph(
        tag("strong", "Simulated, not metered. "),
        "Requests, queues, batches and clocks are simulated second by second with the scheduler and the governor that "
        "the runtime uses; times of passes and power are models. Changes are against the reference (",
        results.summary.policies.get(results.summary.reference, "").rstrip(".") or "not described",
        "), with paired 95 % intervals over hours and seeds. Hours: ",
        _hours(results),
        ".",
        class_="kind",
    )


def _hours(results: Results) -> str:
    """Which hours, by kind."""
    kinds = Counter(each.scenario for each in results.summary.hours)
    traffic = ", ".join(dict.fromkeys(each.workload.partition(" from ")[0] for each in results.summary.hours))
    return ", ".join(f"{count} {words(kind)}" for kind, count in kinds.items()) + f"; requests: {traffic}"
