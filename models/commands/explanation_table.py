"""An explanation as tables for people: who serves whom and why, what binds, what each promise costs."""

from collections.abc import Iterable, Iterator

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from freesh_plugin.core.plan_explanation import PlanExplanation, PlanPrice, PlanPromise
from freesh_plugin.core.printable import one_line
from freesh_plugin.core.units import JOULES_PER_KWH
from models.allocation.explain.amounts import amount, plain

MOST_ROWS = 16
"""Rows of one table; what is worth less is counted, not shown."""
_SENTENCE = 2_000
_DEMAND = "demand"
_NAMES = {
    "survive": "survive",
    "protection": "protected tier",
    "residency": "residency",
    "network": "way over the network",
    "slo": "service levels",
    "max_share": "max_share",
    "power_cap": "power cap",
    "change_limit": "change limit",
    "margin": "demand margin",
    "quantile": "quantile of demand",
}
_LIMITS = {"stock": "stock", "power_cap": "power cap", "max_share": "max_share", "change_limit": "change limit"}


def explanation_tables(explanation: PlanExplanation) -> Iterator[RenderableType]:
    """Tables for a terminal of 80 columns or more; nothing in it is trusted."""
    yield _choices(explanation)
    limits = [each for each in explanation.prices if each.constraint != _DEMAND]
    demand = [each for each in explanation.prices if each.constraint == _DEMAND]
    if limits:
        yield _limits(limits)
    if demand:
        yield _demand(demand)
    if explanation.promises:
        yield _promises(explanation)
    told = [*(one_line(each, _SENTENCE) for each in explanation.notes), *_in_words(explanation)]
    if told:
        yield _lines(told)


def _choices(explanation: PlanExplanation) -> RenderableType:
    several = len({each.model for each in explanation.choices}) > 1
    table = _table()
    for header in ("class", *(["model"] if several else [])):
        table.add_column(header, no_wrap=True)
    table.add_column("served by; why", overflow="fold")
    for each in explanation.choices[:MOST_ROWS]:
        names = (each.request_class, *([each.model] if several else []))
        table.add_row(*map(_text, names), _text(each.sentence))
    title = f"Who serves what, and why (least {explanation.objective}, modelled)"
    note = "amounts: per 1000 requests in a fully loaded instance, above its parked GPUs"
    return _titled(title, table, _left_out(len(explanation.choices), "classes"), note)


def _limits(prices: list[PlanPrice]) -> RenderableType:
    table = _table()
    table.add_column("limit")
    table.add_column("of", overflow="fold")
    for header in ("now", "one more saves", "1% more saves"):
        table.add_column(header, justify="right", no_wrap=True)
    for each in prices[:MOST_ROWS]:
        worth = _worth(each.per_unit, each.value_unit), _worth(each.per_unit * each.limit / 100, each.value_unit)
        table.add_row(_LIMITS.get(each.constraint, ""), _text(each.subject), _now(each), *worth)
    title = "What binds: one more of it saves, an epoch, at most (estimate: duals without whole numbers)"
    note = "a GPU also draws its parked watts, which are not taken off"
    return _titled(title, table, _left_out(len(prices), "limits"), note)


def _demand(prices: list[PlanPrice]) -> RenderableType:
    table = _table()
    table.add_column("class", overflow="fold")
    for header in ("req/s now", "an epoch"):
        table.add_column(header, justify="right", no_wrap=True)
    for each in prices[:MOST_ROWS]:
        table.add_row(_text(each.subject), plain(each.limit), _worth(each.per_unit, each.value_unit, shed="more shed"))
    title = "One more req/s of a class, in every step, takes at least (estimate: duals)"
    return _titled(title, table, _left_out(len(prices), "classes"))


def _promises(explanation: PlanExplanation) -> RenderableType:
    shown = explanation.promises[:MOST_ROWS]
    own = {"gCO2e": "kgCO2e", "J": "kWh", "USD": "USD"}.get(explanation.unit, "")
    table = _table()
    table.add_column("promise", no_wrap=True)
    table.add_column("of", overflow="fold", min_width=9)
    table.add_column("cost", justify="right", no_wrap=True)
    table.add_column("proven", justify="right")
    table.add_column("and", overflow="fold", min_width=12)
    sheds = any(_shed(each) not in ("-", "nothing") for each in shown)
    if sheds:
        table.add_column("shed without", justify="right", no_wrap=True)
    for each in shown:
        table.add_row(
            _NAMES.get(each.promise, ""), _text(each.subject or "all"), _cost(each, explanation.unit),
            _proven(each, explanation.unit), _beside(each, own), *([_shed(each)] if sheds else []),
        )  # fmt: skip
    title = "What each promise costs an epoch (modelled): solved again without it"
    note = "proven: what the cost lies between; and: between the two allocations found"
    return _titled(title, table, _left_out(len(explanation.promises), "promises"), note)


def _cost(each: PlanPromise, unit: str) -> str:
    """A cost is never shown below zero where that is only the solver's gap."""
    if each.cost is None:
        return "see below" if each.without_shed_rps is not None else "not reached"
    return amount(max(each.cost, 0.0), unit) if each.cost > 0 or each.at_least is not None else amount(each.cost, unit)


def _proven(each: PlanPromise, unit: str) -> str:
    """The bounds of the cost, in its unit unless they are told in another size of it."""
    if each.at_least is None or each.at_most is None:
        return "-"
    low, high = amount(each.at_least, unit), amount(each.at_most, unit)
    sizes = {text.partition(" ")[2] for text in (low, high, amount(each.cost or 0.0, unit)) if text[:2] != "0 "}
    if len(sizes) <= 1:
        low, high = (text.partition(" ")[0] for text in (low, high))
    return high if low == high else f"{low} to {high}"


def _difference(each: PlanPromise) -> tuple[str, str, str]:
    kwh = "-" if each.energy_j is None else _signed(each.energy_j / JOULES_PER_KWH)
    carbon = "-" if each.carbon_g is None else _signed(each.carbon_g / 1e3)
    return kwh, carbon, "-" if each.cost_usd is None else _signed(each.cost_usd)


def _beside(each: PlanPromise, own: str) -> str:
    """What else the promise takes, but for the unit that its cost is in."""
    told = zip(_difference(each), ("kWh", "kgCO2e", "USD"), strict=True)
    return ", ".join(f"{amount} {unit}" for amount, unit in told if unit != own and amount not in ("-", "0")) or "-"


def _signed(value: float) -> str:
    return "0" if abs(value) < 5e-7 else f"{value:+.3g}"


def _shed(each: PlanPromise) -> str:
    if each.without_shed_rps is None:
        return "-"
    without = plain(each.without_shed_rps)
    return without if each.without_shed_rps or each.shed_rps else "nothing"


def _in_words(explanation: PlanExplanation) -> Iterator[str]:
    """Runners-up, and promises whose cost is no number; those that were not reached in one line."""
    wordy = [*explanation.runners_up, *(each for each in explanation.promises if each.cost is None)]
    yield from (one_line(each.sentence, _SENTENCE) for each in wordy if each.without_shed_rps is not None)
    unreached = [
        one_line(each.sentence.partition(": cost not known")[0]) for each in wordy if each.without_shed_rps is None
    ]
    if unreached:
        yield f"not solved without in the time given: {'; '.join(unreached)}"


def _now(each: PlanPrice) -> str:
    unit = {"point": "% of demand", "change": "changes"}.get(each.unit, each.unit)
    return f"{plain(each.limit)} {one_line(unit)}"


def _worth(value: float, unit: str, shed: str = "served") -> str:
    return f"{plain(value)} req/s {shed}" if unit == "req/s" else amount(value, one_line(unit))


def _lines(lines: Iterable[str]) -> Table:
    table = Table(show_header=False, box=None, padding=(0, 1, 0, 0))
    table.add_column()
    table.add_column(overflow="fold")
    for line in lines:
        table.add_row("-", Text(line))
    return table


def _left_out(rows: int, what: str) -> str | None:
    return f"and {rows - MOST_ROWS} more {what}" if rows > MOST_ROWS else None


def _table() -> Table:
    return Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)


def _titled(title: str, table: Table, *notes: str | None) -> RenderableType:
    """Title and notes as lines of their own: a narrow table would wrap them."""
    said = "; ".join(filter(None, notes))
    return Group(Text(title, style="bold"), table, *([Text(said, style="dim italic")] if said else []))


def _text(text: str) -> Text:
    return Text(one_line(text, _SENTENCE))
