"""Another class boundary for a scenario: its service levels, and its demand shared out by the lengths of requests."""

from collections.abc import Sequence
from math import inf

from freesh_plugin.core.errors import ScenarioError
from freesh_plugin.core.request import Partition
from profiling.scenario.template import Rows, Template

Lengths = Sequence[tuple[float, float, float]]


def service_levels(template: Template, partitions: Sequence[Partition]) -> Rows:
    """Rows of `slo.csv`: those of the template's first partition, for each new one.

    Raises:
        ScenarioError: the template has none for a class of that name.
    """
    first = _of_first(template, "slo.csv", ("partition", "request_class"))
    rows = []
    for partition in partitions:
        for name in partition.classes:
            own = [row for row in first if row["request_class"] == name]
            if not own:
                raise ScenarioError(f"slo.csv: the first partition has no row for class {name}")
            rows += [row | {"partition": partition.name} for row in own]
    return rows


def shared_demand(template: Template, partitions: Sequence[Partition], lengths: Lengths) -> Rows:
    """Rows of `demand.csv`: the template's total of each step, times the share of requests that fall into each class.

    Raises:
        ScenarioError: the template has no demand.
    """
    rows = []
    for key, (demand_rps, mean_rps) in _totals(template).items():
        for partition in partitions:
            for name, share in class_shares(partition, lengths).items():
                row = dict(key) | {"partition": partition.name, "request_class": name}
                row["demand_rps"] = f"{demand_rps * share:.6g}"
                if mean_rps:
                    row["mean_rps"] = f"{mean_rps * share:.6g}"
                rows.append(row)
    return rows


def class_shares(partition: Partition, lengths: Lengths) -> dict[str, float]:
    """Share of the requests that fall into each class."""
    total = sum(weight for _, _, weight in lengths)
    shares = dict.fromkeys(partition.classes, 0.0)
    for prompt, answer, weight in lengths:
        shares[partition.classify(prompt, answer)] += weight / total
    return shares


def _totals(template: Template) -> dict[tuple[tuple[str, str], ...], tuple[float, float]]:
    """Demand and mean over all classes by everything else that a row states: step, origin, model, tier."""
    totals: dict[tuple[tuple[str, str], ...], tuple[float, float]] = {}
    for row in _of_first(template, "demand.csv", ("partition", "request_class", "demand_rps")):
        rest = {"partition", "request_class", "demand_rps", "mean_rps"}
        key = tuple((name, value) for name, value in row.items() if name not in rest)
        demand_rps, mean_rps = totals.get(key, (0.0, 0.0))
        totals[key] = demand_rps + _rate(row["demand_rps"]), mean_rps + _rate(row.get("mean_rps") or "0")
    return totals


def _rate(text: str) -> float:
    try:
        rate_rps = float(text)
    except ValueError:
        rate_rps = -inf
    if not 0 <= rate_rps < inf:
        raise ScenarioError(f"demand.csv: {text!r} requests a second, expected a number that is at least 0")
    return rate_rps


def _of_first(template: Template, table: str, needed: Sequence[str]) -> Rows:
    """Rows of the template's first partition."""
    rows = template.rows(table, needed)
    partitions = template.document.get("partitions") or [{}]
    first = [row for row in rows if row["partition"] == partitions[0].get("name")]
    if not first:
        raise ScenarioError(f"{template.folder / table}: no rows of its first partition; a new boundary needs them")
    return first
