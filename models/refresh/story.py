"""What a run did, as a few lines of text for the log: forecasts, the plan against its baselines, acknowledgements."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from freesh_plugin.core.plan import Footprint, Plan
from freesh_plugin.core.plan_explanation import PlanExplanation
from freesh_plugin.core.units import JOULES_PER_KWH
from models.domain.records import ForecastRecord, PlanRecord
from models.refresh.forecasts import DEMAND_QUANTILE
from models.refresh.push import Acknowledged
from models.refresh.slot import Slot

_MOST_PRICES = 20
"""Prices that a log tells, the largest first."""


def forecast_story(record: ForecastRecord) -> str:
    """One line on the whole, one on each series."""
    if record.kind == "prices":
        return _price_story(record)
    age = "no data" if record.age_s is None else f"newest data {record.age_s / 60:.0f} min old at issue"
    unit, level = ("req/s", DEMAND_QUANTILE) if record.kind == "demand" else ("g/kWh", 0.9)
    rows = [("series", "step", "steps", f"mean {unit}", f"q{level:g} {unit}")]
    for each in record.forecasts:
        high = each.quantile(level)
        rows.append(
            (each.series, f"{each.step_s} s", str(len(each.mean)), f"{each.mean.mean():.3g}", f"{high.mean():.3g}")
        )
    head = f"{record.kind} forecast for {Slot(record.epoch)}: {record.state}, {age}, source {record.source or 'none'}"
    return "\n".join([head, *([f"note: {record.note}"] if record.note else []), *(_aligned(rows) if rows[1:] else ())])


def _price_story(record: ForecastRecord) -> str:
    """One line on the whole, one on each stretch of published or assumed prices."""
    age = "no data" if record.age_s is None else f"read {record.age_s / 60:.0f} min before issue"
    rows: list[tuple[str, ...]] = [("zone", "prices", "from (UTC)", "to (UTC)", "mean USD/MWh")]
    for each in record.forecasts:
        end = each.starts_at + timedelta(seconds=each.step_s * len(each.mean))
        at = (f"{moment:%Y-%m-%d %H:%M}" for moment in (each.starts_at, end))
        rows.append((each.series, each.model, *at, f"{each.mean.mean():.4g}"))
    head = f"prices for {Slot(record.epoch)}: {record.state}, {age}, source {record.source or 'none'}"
    return "\n".join([head, *([f"note: {record.note}"] if record.note else []), *(_aligned(rows) if rows[1:] else ())])


def headline(plan: Plan, *, is_new: bool) -> str:
    """One line on a plan."""
    what = "planned" if is_new else "planned before, equal inputs"
    solver = plan.solver
    gap = "" if solver.gap is None else f", gap {solver.gap:.2%}"
    return (
        f"{Slot(plan.epoch)}: {what}, epoch {plan.epoch} revision {plan.revision} ({plan.mode.value}), "
        f"{solver.status} by {solver.solver or 'nobody'}{gap}, {solver.build_s + solver.solve_s:.1f} s"
    )


def plan_story(plan: Plan, changes: Sequence[str]) -> str:
    """The plan at a glance: figures against the baselines, pools, changes, holds."""
    partition = ", ".join(f"{model}: {each.name}" for model, each in plan.partition.items())
    lines = [headline(plan, is_new=True), f"partition {partition}", "modelled, for the half hour:"]
    lines += _aligned([("", "energy kWh", "carbon kg", "saved"), *_figures(plan)])
    pools = [
        (pool.location, pool.request_class, pool.mode, str(pool.instances.target), f"{pool.capacity_rps:.3g}")
        for pool in plan.pools
    ]
    lines += ["pools:", *_aligned([("location", "class", "mode", "instances", "capacity req/s each"), *pools])]
    lines += ["changes against the plan in force:", *_listed(changes or ["none: the plan in force goes on"])]
    lines += _reasons(plan.explanation)
    lines += ["holds:", *_listed([f"{hold.code}: {hold.reason}" for hold in plan.holds] or ["none"])]
    return "\n".join(lines)


def _reasons(explanation: PlanExplanation | None) -> list[str]:
    """Who serves whom, what binds and what promises cost, a sentence each."""
    if explanation is None:
        return []
    choices = [f"class {each.request_class} of {each.model}: {each.sentence}" for each in explanation.choices]
    prices = [each.sentence for each in explanation.prices[:_MOST_PRICES]]
    left = len(explanation.prices) - len(prices)
    more = [f"and {left} smaller prices"] if left else []
    costs = [each.sentence for each in (*explanation.runners_up, *explanation.promises)]
    sentences = [*choices, *prices, *more, *costs, *explanation.notes]
    return ["why (estimates; costs are modelled):", *_listed(sentences)]


def acknowledgement_story(record: PlanRecord, result: Acknowledged) -> str:
    """Who accepted a plan and who did not."""
    total = len(result.accepted) + len(result.missing)
    head = f"plan {record.epoch}.{record.revision}: {len(result.accepted)} of {total} runtimes acknowledged"
    rows = [(name, "accepted") for name in result.accepted] + [(name, why) for name, why in result.missing.items()]
    return "\n".join([head, *_aligned([("runtime", "answer"), *rows])])


def missing(record: PlanRecord, result: Acknowledged) -> str:
    """Who did not accept a plan, each with the reason, in a sentence."""
    each = "; ".join(f"{name}: {why}" for name, why in result.missing.items())
    total = len(result.accepted) + len(result.missing)
    return f"{len(result.missing)} of {total} runtimes did not accept plan {record.epoch}.{record.revision}: {each}"


def _figures(plan: Plan) -> list[tuple[str, ...]]:
    named = (
        ("this plan", plan.predicted),
        ("all on", plan.baselines.all_on),
        ("least energy", plan.baselines.min_energy),
    )
    return [_figure(name, each, plan.predicted) for name, each in named if each is not None]


def _figure(name: str, each: Footprint, ours: Footprint) -> tuple[str, ...]:
    carbon = "not known" if each.carbon_g is None else f"{each.carbon_g / 1e3:.2f}"
    return (name, f"{each.energy_j / JOULES_PER_KWH:.2f}", carbon, "" if each is ours else saved(each, ours))


def saved(reference: Footprint, ours: Footprint) -> str:
    """What ours saves against a reference, in percent of it: energy, and carbon where both are known and positive."""
    parts = []
    if reference.energy_j > 0:
        parts.append(f"{1 - ours.energy_j / reference.energy_j:.1%} energy")
    if reference.carbon_g is not None and ours.carbon_g is not None and reference.carbon_g > 0:
        parts.append(f"{1 - ours.carbon_g / reference.carbon_g:.1%} carbon")
    return ", ".join(parts)


def _aligned(rows: Iterable[tuple[str, ...]]) -> list[str]:
    table = list(rows)
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    return [
        "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table
    ]


def _listed(lines: Iterable[str]) -> list[str]:
    return [f"  - {line}" for line in lines]
