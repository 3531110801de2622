"""What FREESH does not gain, how the figures were made, and how far they can be trusted."""

from models.evaluate.outcome_rows import Comparison
from models.evaluate.report.markup import Child, Markup, tag
from models.evaluate.report.names import PERFECT, words
from models.evaluate.report.numbers import NOT_KNOWN, change, change_estimate, number, percent, signed
from models.evaluate.report.results import ALL, Results
from models.evaluate.report.section import items, paragraph, stack, table
from models.evaluate.report.sections.less_service import of_service
from models.evaluate.report.totals import totals
from models.evaluate.report.verdict import Verdict, carbon_verdict, verdict


def no_gain(results: Results) -> Markup:
    """Every comparison and layer that shows no saving, a loss, or nothing that can be proved."""
    found = [
        *_by_grids(results), *of_service(results), *_against_baselines(results), *_gap(results), *_layers(results)
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
    """Baselines that do as well or better on a ledger, at equal SLO: they had the same hours and the same tuning."""
    ours, said = results.comparison(results.summary.freesh), []
    if ours is None:
        return []
    for policy in results.policies:
        theirs = results.comparison(policy)
        if theirs is None or not theirs.equal_slo or policy in (ours.policy, results.summary.reference, PERFECT):
            continue
        less = ["uses"] if theirs.energy.mean <= ours.energy.mean else []
        less += ["emits"] if theirs.carbon and ours.carbon and theirs.carbon.mean <= ours.carbon.mean else []
        if less:
            said.append(
                f"{words(policy)} {' and '.join(less)} no more: energy {change(theirs.energy.mean)} against "
                f"{change(ours.energy.mean)}, carbon {_carbon(theirs)} against {_carbon(ours)}."
            )
    return said


def _carbon(compared: Comparison) -> str:
    return change(compared.carbon.mean if compared.carbon else None)


def _gap(results: Results) -> list[str]:
    """What cannot be proved against the strongest baselines."""
    return [
        f"{words(each.strongest)}: no difference in {each.ledger} that can be proved."
        for each in results.summary.gaps
        if each.share is not None and each.share.low is not None and each.share.low <= 0 < each.share.mean
    ]


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
    terms: tuple[tuple[str, Child], ...] = (
        ("Fleet", _fleets(summary.fleet)),
        ("Requests", summary.workload),
        ("Carbon", summary.carbon),
        ("Prices", summary.prices),
        ("Power", summary.power),
    )
    return stack(
        tag("dl", *((tag("dt", name), tag("dd", text or NOT_KNOWN)) for name, text in terms)),
        _hours(results),
        tag("h3", "Limits"),
        items([*_LIMITS, _wall(results), *summary.notes]),
    )


def _fleets(text: str) -> Child:
    """A line a location; of several fleets, one list each."""
    fleets = [fleet.split("; ") for fleet in text.split(". ") if fleet]
    return [tag("ul", *(tag("li", place) for place in each)) for each in fleets]


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
