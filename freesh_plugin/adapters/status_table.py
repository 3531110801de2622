"""A runtime's status as tables for people."""

from collections.abc import Iterator
from datetime import UTC, datetime

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from freesh_plugin.core.plan_status import PlanState, PlanSummary, RuntimeStatus
from freesh_plugin.core.printable import one_line

_COLOURS = {
    PlanState.NONE: "yellow",
    PlanState.FRESH: "green",
    PlanState.STALE: "yellow",
    PlanState.EXPIRED: "red",
}

_MEANINGS = {
    PlanState.NONE: "no plan is in force",
    PlanState.FRESH: "in force",
    PlanState.STALE: "wholly in force, a newer plan is due",
    PlanState.EXPIRED: "last good routes and service levels go on",
}


def show_status(status: RuntimeStatus, console: Console) -> None:
    """Print a status; in the pools, `band` is where an autoscaler may move and `req/s` is capacity."""
    console.print(_tables(status))


def _tables(status: RuntimeStatus) -> RenderableType:
    parts: list[RenderableType] = [_head(status)]
    if status.pools:
        parts.append(_pools(status))
    if status.holds:
        parts.append(_listed("Holds", ((hold.code, hold.reason) for hold in status.holds)))
    if status.refusals_total:
        counts = [(str(verdict), str(count)) for verdict, count in sorted(status.refusals_total.items())]
        parts.append(_listed("Refusals since start", [*counts, ("last", status.last_refusal)]))
    return Group(*parts)


def _head(status: RuntimeStatus) -> Table:
    table = Table(show_header=False, box=None)
    table.add_row("runtime", _text(f"{status.name} (freesh {status.version})"))
    state = Text.assemble((str(status.state), _COLOURS[status.state]), f", {_MEANINGS[status.state]}")
    table.add_row("state", state)
    plan = status.plan
    if plan is not None:
        table.add_row("plan", _text(f"epoch {plan.epoch} revision {plan.revision} of scenario {plan.scenario}"))
        table.add_row("mode", str(plan.mode) if status.acting else f"{plan.mode} (shown, not acted on)")
        table.add_row("age", f"{_span(status.age_s or 0)} since {_time(plan.valid_from)}")
        table.add_row("stale after", _time(plan.stale_after))
        table.add_row("expires at", _time(plan.expires_at))
        table.add_row("digest", _text(plan.digest.removeprefix("sha256:")[:12]))
    for waiting in status.waiting:
        table.add_row("waiting", _waiting(waiting, status.utc_s))
    return table


def _pools(status: RuntimeStatus) -> Table:
    table = Table(title="Pools", title_justify="left")
    for header in ("location", "model", "class", "mode", "tier"):
        table.add_column(header)
    for header in ("instances", "band", "req/s"):
        table.add_column(header, justify="right", no_wrap=True)
    for pool in status.pools:
        band = pool.instances
        names = (pool.location, pool.model, pool.request_class, pool.mode, pool.tier)
        counts = (band.target, f"{band.min}-{band.max}", f"{pool.capacity_rps:.3g}")
        table.add_row(*map(_text, names), *map(str, counts))
    return table


def _listed(title: str, rows: Iterator[tuple[str, str]] | list[tuple[str, str]]) -> Table:
    table = Table(title=title, title_justify="left", show_header=False)
    for row in rows:
        table.add_row(*map(_text, row))
    return table


def _waiting(plan: PlanSummary, now_s: float) -> str:
    begins = f"in {_span(plan.valid_from - now_s)}, at {_time(plan.valid_from)}"
    return f"epoch {plan.epoch} revision {plan.revision} ({plan.mode}) {begins}"


def _text(value: str) -> Text:
    """As it is: names come over the network, and must be neither markup nor escape sequences."""
    return Text(one_line(value))


def _time(utc_s: float) -> str:
    return datetime.fromtimestamp(utc_s, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _span(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"
