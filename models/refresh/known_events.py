"""Events as a plan uses them: why the slot is planned again, and demand at least as large as what was measured."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from freesh_plugin.core.plan import Hold, InputState, PlanInput
from models.domain.records import EventRecord
from models.domain.scenario import Demand, Scenario
from models.refresh.forecasts import fingerprint
from models.refresh.holds import sentence

EVENTS = "events"
"""Name of the input that says which events a plan knows."""

_LABELS = ("partition", "request_class", "model", "tier")


def events_version(events: Sequence[EventRecord]) -> str:
    """Fingerprint of the causes; what was measured of each stays as it was when it was noticed."""
    return fingerprint(f"{each.kind} {each.subject} {each.measured_rps}".encode() for each in events)


def with_events(fleet: Scenario, events: Sequence[EventRecord]) -> tuple[Scenario, list[Hold], list[PlanInput]]:
    """The fleet with demand raised to what was measured, a hold for each event, and the plan's line on them."""
    if not events:
        return fleet, [], []
    holds = [Hold("replanned", sentence(f"Planned again: {each.reason}")) for each in events]
    note = ", ".join(f"{each.kind} {each.subject}" for each in events)
    return _raised(fleet, events), holds, [PlanInput(EVENTS, events_version(events), InputState.OK, None, note)]


def _raised(fleet: Scenario, events: Sequence[EventRecord]) -> Scenario:
    """Demand of the classes that were above their forecast, raised to what was measured, shared by origin as forecast.

    What was measured counts for the whole slot, as the mean and for capacity: whether it goes on, nobody knows.
    """
    measured = {
        tuple(each.labels[key] for key in _LABELS): each.measured_rps
        for each in events
        if each.measured_rps is not None
    }
    rows: dict[tuple[tuple[str, ...], int], list[Demand]] = defaultdict(list)
    for row in fleet.demand:
        rows[_whose(row), row.step].append(row)
    return replace(
        fleet,
        demand=tuple(
            row if _whose(row) not in measured else _at_least(row, rows[_whose(row), row.step], measured[_whose(row)])
            for row in fleet.demand
        ),
    )


def _whose(row: Demand) -> tuple[str, ...]:
    return (row.partition, row.request_class, row.model, row.tier)


def _at_least(row: Demand, origins: list[Demand], measured_rps: float) -> Demand:
    """The row with its share of what was measured, where that is more."""
    share = 1 / len(origins) if not sum(map(_mean, origins)) else _mean(row) / sum(map(_mean, origins))
    mean_rps = max(_mean(row), measured_rps * share)
    high = sum(each.demand_rps for each in origins)
    capacity_rps = row.demand_rps * max(1.0, measured_rps / high) if high else measured_rps * share
    return replace(row, demand_rps=max(capacity_rps, mean_rps), mean_rps=mean_rps)


def _mean(row: Demand) -> float:
    return row.demand_rps if row.mean_rps is None else row.mean_rps
