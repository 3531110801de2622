"""What FREESH does not gain, how the figures were made, and how far they can be trusted."""

from statistics import fmean

from models.evaluate.outcome_rows import Comparison
from models.evaluate.paired import EQUAL_POINTS
from models.evaluate.report.markup import Markup, tag
from models.evaluate.report.names import PERFECT, words
from models.evaluate.report.numbers import change, change_estimate, number, percent, signed
from models.evaluate.report.results import ALL, Results
from models.evaluate.report.section import items, paragraph, stack, table
from models.evaluate.report.totals import totals
from models.evaluate.report.verdict import Verdict, carbon_verdict, verdict


def no_gain(results: Results) -> Markup:
    """Every comparison and layer that shows no saving, a loss, or nothing that can be proved."""
    found = [
        *_by_grids(results), *_by_hours(results), *_against_baselines(results), *_gap(results), *_layers(results)
    ]  # fmt: skip
    if not found:
        return paragraph("On these hours no comparison and no layer came out against FREESH, or undecided.")
    return items(found)


def _by_grids(results: Results) -> list[str]:
    said = []
    for scenario in results.scenarios:
        compared = results.comparison(results.summary.freesh, scenario)
        if compared is not None:
            said += [f"{words(scenario)}: {each}" for each in _shortcomings(compared)]
    return said


def _shortcomings(compared: Comparison) -> list[str]:
    found = []
    for what, estimate, of in (
        ("energy", compared.energy, verdict(compared.energy)),
        ("carbon", compared.carbon, carbon_verdict(compared)),
        ("cost", compared.cost, verdict(compared.cost)),
    ):
        if of is Verdict.MORE:
            found.append(f"more {what} than the reference, {change_estimate(estimate)}.")
        elif of is Verdict.UNPROVEN:
            found.append(f"no difference in {what} that can be proved, {change_estimate(estimate)}.")
        elif of is Verdict.AMBIGUOUS:
            found.append("average and marginal carbon disagree: no saving of carbon can be claimed.")
    if not compared.equal_slo:
        found.append(f"less service than the reference, {number(compared.attainment_points.mean, 2)} points.")
    return found


def _against_baselines(results: Results) -> list[str]:
    """Baselines that do as well or better, at equal SLO: they had the same hours and the same tuning."""
    ours, said = results.comparison(results.summary.freesh), []
    if ours is None or ours.carbon is None:
        return []
    for policy in results.policies:
        theirs = results.comparison(policy)
        if policy in (results.summary.freesh, results.summary.reference) or policy == PERFECT:
            continue
        if theirs is not None and theirs.carbon and theirs.equal_slo and theirs.carbon.mean <= ours.carbon.mean:
            said.append(
                f"{words(policy)} emits no more: carbon {change(theirs.carbon.mean)} against "
                f"{change(ours.carbon.mean)}, energy {change(theirs.energy.mean)} against {change(ours.energy.mean)}."
            )
    return said


def _by_hours(results: Results) -> list[str]:
    """Hours in which fewer requests kept their SLO than under the reference."""
    kept: dict[str, dict[str, list[float]]] = {}
    for each in results.runs:
        kept.setdefault(each.hour, {}).setdefault(each.policy, []).append(each.slo_attainment)
    ours, reference = results.summary.freesh, results.summary.reference
    points = {
        hour: 100 * (fmean(of[ours]) - fmean(of[reference]))
        for hour, of in kept.items()
        if ours in of and reference in of
    }
    less = [hour for hour, by in points.items() if by < -EQUAL_POINTS]
    if not less or len(points) < 2:
        return []
    worst = min(less, key=lambda hour: points[hour])
    return [
        f"In {len(less)} of {len(points)} hours service is more than {EQUAL_POINTS} points below the reference's, the "
        f"most in {words(worst)}: {number(points[worst], 2)} points."
    ]


def _gap(results: Results) -> list[str]:
    """What cannot be proved against the strongest baseline."""
    closed, said = results.summary.gap_closed, []
    if closed is None:
        return []
    for what, share in (("energy", closed.energy), ("carbon", closed.carbon)):
        if share is not None and share.low is not None and share.low <= 0 < share.mean:
            said.append(f"{words(closed.strongest)}: no difference in {what} that can be proved.")
    return said


def _layers(results: Results) -> list[str]:
    said = []
    for row in results.layers:
        if row.energy_kwh >= 0 and (row.carbon_kg is None or row.carbon_kg >= 0):
            model = f" under power model {row.power_model}" if row.modelled else ""
            text = f"The layer “{row.layer}”{model} saves nothing: {signed(row.energy_kwh, 'kWh')}"
            said.append(text + ("." if row.carbon_kg is None else f", {signed(row.carbon_kg, 'kg CO2e')}."))
    return list(dict.fromkeys(said))


def method(results: Results) -> Markup:
    """What was run and what is modelled."""
    summary = results.summary
    terms = (
        ("Fleet", summary.fleet),
        ("Requests", summary.workload),
        ("Carbon", summary.carbon),
        ("Prices", summary.prices),
        ("Power", summary.power),
    )
    return stack(
        tag("dl", *((tag("dt", name), tag("dd", text or "not known")) for name, text in terms)),
        _hours(results),
        tag("h3", "Limits"),
        items([*_LIMITS, _wall(results), *summary.notes]),
    )


_LIMITS = (
    "Simulated: no GPU was metered. Times of passes and watts come from fitted profiles and an assumed curve of power "
    "over clock; what a real engine does beyond that model is not in it.",
    "All power counts in every policy: GPUs that are parked, hosts where given, loading of models, draining, and PUE.",
    "Average intensity attributes emissions, marginal intensity tells consequences; marginal values are estimates. "
    "Negative marginal values count as 0 here; runs.csv has them signed as well.",
    "Requests that are shed or refused count as missed.",
    "Every policy starts with all GPUs on, pays for its own first change, and sees the same predicted lengths.",
    "Forecasts know only what was published ten minutes before each half hour.",
)


def _hours(results: Results) -> Markup:
    rows = [
        (
            words(each.hour), words(each.scenario), each.starts_at, each.workload, ", ".join(each.grid_zones),
            each.scaling or "as recorded", number(each.dispersion_before), number(each.dispersion_after),
        )
        for each in results.summary.hours
    ]  # fmt: skip
    heads = ("Hour", "Kind", "Starts, UTC", "Requests", "Grids", "Rate", "Unevenness recorded", "as run")
    listed = table(
        "Hours; unevenness: index of dispersion of arrivals at 1 s, 1 = Poisson", heads, rows, texts=range(6)
    )
    return tag("details", tag("summary", "Which hours"), listed)


def _wall(results: Results) -> str:
    """GPU-only beside at-the-wall, as both are published elsewhere."""
    of = totals(results.summary.freesh, [e for e in results.runs if e.policy == results.summary.freesh])
    compared = results.comparison(results.summary.freesh, ALL)
    gpu = change(compared.energy_gpu.mean) if compared else "not known"
    wall = change(compared.energy.mean) if compared else "not known"
    share = percent(of.energy_gpu_kwh / of.energy_kwh if of.energy_kwh else None, 0)
    return f"GPUs alone the change of energy is {gpu}, at the wall {wall}; GPUs are {share} of the energy at the wall."
