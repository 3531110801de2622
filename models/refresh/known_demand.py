"""Demand as a plan uses it: whole for each model and partition that it is planned in, the rest left out and said."""

from dataclasses import replace

from freesh_plugin.core.plan import Hold
from models.domain.scenario import Demand, Scenario
from models.refresh.forecasts import Used, demand_rows
from models.refresh.holds import sentence

Pair = tuple[str, str]
"""A model and a partition that it is profiled in."""


def with_demand(fleet: Scenario, used: Used) -> tuple[Scenario, list[Hold]]:
    """The fleet with its demand, without the partitions for which demand is not whole: none may look cheap for lack.

    A partition belongs to the models that have profiles in it, and is asked of those alone. A model without any whole
    partition leaves the fleet without demand: planning around it would stop what serves it now.
    """
    rows = demand_rows(used, fleet)
    pairs = list(dict.fromkeys((each.model, each.partition) for each in fleet.profiles))
    whole = {pair for pair in pairs if _is_whole(pair, rows, fleet)}
    without = [model for model in fleet.models if model not in {each for each, _ in whole}]
    if without:
        of = f" of {', '.join(without)}" if len(fleet.models) > 1 else ""
        return replace(fleet, demand=()), [
            Hold("demand_missing", sentence(f"No demand{of} is known for any partition: {used.note}"))
        ]
    holds = [Hold("partition_left_out", _left_out(pair, fleet)) for pair in pairs if pair not in whole]
    if any(each.labels.get("shares") == "assumed" for each in used.forecasts):
        reason = "Traffic is known in total alone: how it divides into classes is assumed, from lengths.csv"
        holds.append(Hold("shares_assumed", sentence(reason)))
    return _of_pairs(replace(fleet, demand=rows), whole), holds


def _of_pairs(fleet: Scenario, pairs: set[Pair]) -> Scenario:
    """The fleet with these pairs of model and partition alone."""
    names = {partition for _, partition in pairs}
    return replace(
        fleet,
        partitions=tuple(each for each in fleet.partitions if each.name in names),
        profiles=tuple(each for each in fleet.profiles if (each.model, each.partition) in pairs),
        slos=tuple(each for each in fleet.slos if (each.model, each.partition) in pairs),
        running=tuple(
            each for each in fleet.running if each.partition is None or (each.model, each.partition) in pairs
        ),
        demand=tuple(each for each in fleet.demand if (each.model, each.partition) in pairs),
    )


def _is_whole(pair: Pair, rows: tuple[Demand, ...], fleet: Scenario) -> bool:
    model, partition = pair
    known = {row.request_class for row in rows if (row.model, row.partition) == pair}
    return model in fleet.models and all(name in known for name in fleet.partition(partition).classes)


def _left_out(pair: Pair, fleet: Scenario) -> str:
    model, partition = pair
    of = f" of {model}" if len(fleet.models) > 1 else ""
    return f"Partition {partition}{of} is left out: no demand is known for all of its classes."
