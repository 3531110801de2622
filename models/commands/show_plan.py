"""A plan as tables for people: what it saves, its pools and routes, what changes, what it holds back."""

import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from freesh_plugin.core.errors import PlanError
from freesh_plugin.core.plan import Footprint, Plan, PlanMode, PlanPartition, Pool, Transition
from freesh_plugin.core.plan_document import PlanDocument
from freesh_plugin.core.printable import one_line
from freesh_plugin.core.units import JOULES_PER_KWH
from models.commands.explanation_table import explanation_tables

MOST_ROWS = 24
"""Rows of one table; a larger fleet's further rows are counted, not shown."""

_WORDS = {"start": "green", "relabel": "cyan", "drain": "yellow", "stop": "red"}


def show_plan(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Plan, as JSON; - = standard input.")],
) -> None:
    """Show a plan: what it saves, its pools and routes, what changes, why, and what it holds back."""
    try:
        text = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise PlanError(f"cannot read {file}: {error.strerror}") from error
    Console().print(plan_table(PlanDocument.read(text).plan))


def plan_table(plan: Plan) -> RenderableType:
    """The plan for a terminal of 80 columns or more."""
    changes = [_transitions(plan)] if plan.transitions else []
    why = explanation_tables(plan.explanation) if plan.explanation is not None else ()
    tables = (_head(plan), _figures(plan), _pools(plan), _routes(plan), *changes, *why, _reasons(plan))
    return Group(*(Padding(table, (0, 0, 1, 0)) for table in tables))


def _head(plan: Plan) -> Table:
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="dim")
    act = "to act on" if plan.mode is PlanMode.ACT else "for reading only, nobody executes it"
    table.add_row("plan", _text(f"{plan.scenario}, epoch {plan.epoch} revision {plan.revision}", style="bold"))
    table.add_row("mode", f"{plan.mode.value}: {act}")
    table.add_row(
        "valid", f"from {_time(plan.valid_from)} to {_time(plan.stale_after)}, at most to {_time(plan.expires_at)}"
    )
    for model, partition in plan.partition.items():
        of_model = f" of model {model}" if len(plan.partition) > 1 else ""
        table.add_row("partition", _text(f"{partition.name}{of_model}: {_boundaries(partition)}"))
    table.add_row("solver", _text(_solver(plan)))
    if plan.binding:
        table.add_row("binding", _text("; ".join(plan.binding)))
    return table


def _figures(plan: Plan) -> Table:
    table = _table("Predicted (modelled) for the slot")
    table.add_column("policy")
    for header in ("energy kWh", "carbon kg", "cost USD", "saved energy", "saved carbon"):
        table.add_column(header, justify="right")
    ours = plan.predicted
    rows = (
        ("this plan", ours),
        ("every GPU on", plan.baselines.all_on),
        ("least energy", plan.baselines.min_energy),
    )
    for name, each in rows:
        if each is None:
            table.add_row(name, *["not known"] * 3, "", "")
        else:
            saved = (
                ("", "")
                if each is ours
                else (_saved(each.energy_j, ours.energy_j), _saved(each.carbon_g, ours.carbon_g))
            )
            table.add_row(name, *_amounts(each), *saved)
    table.caption = f"carbon: {_carbon_kinds(plan)}; saved = by this plan against that policy"
    table.caption_justify = "left"
    return table


def _amounts(each: Footprint) -> tuple[str, str, str]:
    carbon = "not known" if each.carbon_g is None else f"{each.carbon_g / 1e3:.3f}"
    cost = "not known" if each.cost_usd is None else f"{each.cost_usd:.2f}"
    return f"{each.energy_j / JOULES_PER_KWH:.2f}", carbon, cost


def _saved(reference: float | None, ours: float | None) -> str:
    """Share of the reference that is saved; a reference of nothing or below has none."""
    if reference is None or ours is None or reference <= 0:
        return "-"
    return f"{1 - ours / reference:+.1%}"


def _carbon_kinds(plan: Plan) -> str:
    kinds = sorted({one_line(step.kind) for steps in plan.carbon.values() for step in steps})
    return f"{', '.join(kinds)} intensity" if kinds else "no intensity is known"


def _pools(plan: Plan) -> Table:
    table = _table("Pools")
    for header in ("location", *_model_header(plan), "class", "mode", *_tier_header(plan)):
        table.add_column(header)
    for header in ("instances", "req/s each", "SLO s", "clock MHz"):
        table.add_column(header, justify="right", no_wrap=header == "SLO s")
    for pool in plan.pools[:MOST_ROWS]:
        table.add_row(*_pool(plan, pool))
    return _counted(
        table,
        len(plan.pools),
        "pools",
        "instances: target (where an autoscaler may move one pool); SLO: latency/TTFT/TBT",
    )


def _pool(plan: Plan, pool: Pool) -> Iterator[Text]:
    names = [pool.location, *([pool.model] if _model_header(plan) else []), pool.request_class, pool.mode]
    names += [pool.tier] if _tier_header(plan) else []
    band, slo, ceiling = pool.instances, pool.slo, pool.sm_clock_mhz.ceiling
    numbers = (
        f"{band.target} ({band.min}-{band.max})",
        f"{pool.capacity_rps:.3g}",
        f"{slo.latency_s:.3g}/{slo.ttft_s:.3g}/{slo.tbt_s:.3g}",
        "free" if ceiling is None else f"<= {ceiling}",
    )
    return (_text(each) for each in (*names, *numbers))


def _routes(plan: Plan) -> Table:
    table = _table("Routes")
    for header in ("class", *_model_header(plan), "from", "to"):
        table.add_column(header)
    for route in plan.routes[:MOST_ROWS]:
        shares = ", ".join(f"{name} {weight:.1%}" for name, weight in route.weights.items())
        names = (route.request_class, *([route.model] if _model_header(plan) else []), route.origin)
        table.add_row(*map(_text, names), _text(shares) if shares else Text("nowhere", style="yellow"))
    return _counted(table, len(plan.routes), "routes")


def _transitions(plan: Plan) -> Table:
    table = _table("Changes in order; equal numbers may go at once")
    table.add_column("#", justify="right")
    table.add_column("action")
    table.add_column("what")
    table.add_column("where")
    table.add_column("dip", justify="right")
    for each in plan.transitions[:MOST_ROWS]:
        when = f" in {each.at_s / 60:g} min" if each.at_s else ""
        action = Text(f"{each.action.value}{when}", style=_WORDS[each.action.value])
        dip = f"{each.dip_rps:.3g} req/s" if each.dip_rps else ""
        table.add_row(str(each.order + 1), action, _text(_what(each)), _text(f"{each.location}/{each.machine}"), dip)
    return _counted(table, len(plan.transitions), "changes")


def _what(each: Transition) -> str:
    was = "" if each.from_class is None else f", was {each.from_mode} for {each.from_class}"
    return f"{each.instances} x {each.mode} for {each.request_class}{was}"


def _reasons(plan: Plan) -> Table:
    """Shedding that is permitted, and holds."""
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    shed = [f"tier {tier} up to {share:.1%}" for tier, share in plan.shed_allowed.items() if share]
    table.add_row("shed", _text(f"{', '.join(shed)}, only when overload is measured" if shed else "nothing"))
    for hold in plan.holds:
        table.add_row("hold", Text.assemble((one_line(hold.code), "yellow"), ": ", one_line(hold.reason, 2_000)))
    if not plan.holds:
        table.add_row("hold", "nothing was held back")
    return table


def _boundaries(partition: PlanPartition) -> str:
    sides = (("prompt", partition.prompt_tokens), ("answer", partition.answer_tokens))
    return ", ".join(f"{what} {_cut(cut)}" for what, cut in sides)


def _cut(boundaries: Sequence[int] | None) -> str:
    if boundaries is None:
        return "boundary unknown"
    return f"cut at {'/'.join(map(str, boundaries))} tokens" if boundaries else "not cut"


def _solver(plan: Plan) -> str:
    solver = plan.solver
    gap = "nothing proven" if solver.gap is None else f"proven at most {solver.gap:.2%} from the best"
    return f"{solver.status} by {solver.solver or 'no solver'}, {gap}, {solver.build_s + solver.solve_s:.1f} s"


def _model_header(plan: Plan) -> tuple[str, ...]:
    return ("model",) if len(plan.partition) > 1 else ()


def _tier_header(plan: Plan) -> tuple[str, ...]:
    return ("tier",) if len(plan.shed_allowed) > 1 else ()


def _table(title: str) -> Table:
    return Table(
        title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, show_edge=False, pad_edge=False
    )


def _counted(table: Table, rows: int, what: str, note: str = "") -> Table:
    more = f"and {rows - MOST_ROWS} more {what}" if rows > MOST_ROWS else ""
    table.caption, table.caption_justify = "; ".join(each for each in (more, note) if each) or None, "left"
    return table


def _time(utc_s: int) -> str:
    return datetime.fromtimestamp(utc_s, tz=UTC).strftime("%Y-%m-%d %H:%M UTC")


def _text(text: str, style: str = "") -> Text:
    return Text(one_line(text), style=style)
