"""The planning problem of one slot: the fleet with its forecasts and what runs, and what had to be left out."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from freesh_plugin.core.errors import ConfigError
from freesh_plugin.core.plan import CarbonStep, Hold, InputState, PlanInput, PlanMode
from freesh_plugin.core.plan_json import decode_plan
from models.domain.forecast import DataState
from models.domain.records import PlanningStore, PlanRecord
from models.domain.scenario import Objective, Scenario
from models.refresh.forecasts import Used, carbon_outlook, carbon_points, fingerprint, used_forecasts
from models.refresh.holds import sentence
from models.refresh.in_force import plan_in_force, running_by
from models.refresh.known_demand import with_demand
from models.refresh.known_events import with_events
from models.refresh.known_prices import known_prices, with_prices
from models.refresh.slot import Slot

AS_SCENARIO = "scenario"
"""The objective that the fleet's scenario states."""

RUNNING = "running"
"""Name of the input that says what runs: `epoch.revision` of the plan in force, else `fleet` (its `running.csv`)."""


@dataclass(frozen=True)
class PlanOrder:
    """What is asked for: the slot, the objective (`scenario`, `carbon`, `energy` or `cost`), and advise or act."""

    slot: Slot
    mode: PlanMode = PlanMode.ADVISE
    objective: str = AS_SCENARIO


@dataclass(frozen=True)
class Problem:
    """A scenario ready to solve, and what its reader must know.

    `scenario` is None without any demand to plan for; `in_force` is the plan that rules when the slot starts.
    """

    order: PlanOrder
    scenario: Scenario | None
    inputs: tuple[PlanInput, ...]
    holds: tuple[Hold, ...]
    outlook: Mapping[str, tuple[CarbonStep, ...]]
    in_force: PlanRecord | None


def build_problem(order: PlanOrder, fleet: Scenario, store: PlanningStore, now: datetime) -> Problem:
    """Put the fleet, the forecasts of the slot and what runs together.

    Raises:
        ConfigError: an objective that does not exist.
    """
    objective = _objective(order, fleet)
    demand, carbon = (used_forecasts(store, kind, order.slot) for kind in ("demand", "carbon"))
    in_force = plan_in_force(store, fleet, order.slot, order.mode, now)
    holds = [*_stale(demand), *_stale(carbon)]
    fleet, more = with_demand(fleet, demand)
    holds += more
    fleet, more, events = with_events(fleet, store.events(order.slot.epoch))
    holds += more
    fleet, objective, more = _with_carbon(fleet, objective, carbon, order.slot)
    holds += more
    fleet, objective, more, prices = with_prices(fleet, objective, known_prices(store, fleet, order.slot))
    holds += more
    fleet, more = _with_running(fleet, in_force)
    return Problem(
        order,
        replace(fleet, objective=objective) if fleet.demand else None,
        (
            PlanInput("fleet", _fleet_version(fleet), InputState.OK),
            PlanInput("objective", objective.name, InputState.OK),
            demand.as_input(),
            carbon.as_input(),
            *prices,
            *events,
            PlanInput(RUNNING, f"{in_force.epoch}.{in_force.revision}" if in_force else "fleet", InputState.OK),
        ),
        (*holds, *more),
        carbon_outlook(carbon, fleet, order.slot),
        in_force,
    )


def _objective(order: PlanOrder, fleet: Scenario) -> Objective:
    if order.objective == AS_SCENARIO:
        objective = fleet.objective
    elif order.objective in ("carbon", "energy", "cost"):
        objective = Objective.only(order.objective)
    else:
        raise ConfigError(f"objective {order.objective!r} is none of {AS_SCENARIO}, carbon, energy, cost")
    return objective


def _stale(used: Used) -> list[Hold]:
    if used.state is not DataState.STALE:
        return []
    age = f"{used.age_s / 60:.0f} min old" if used.age_s is not None else "of unknown age"
    return [Hold(f"{used.kind}_stale", sentence(f"The {used.kind} forecast rests on data {age}: {used.note}"))]


def _with_carbon(
    fleet: Scenario, objective: Objective, used: Used, slot: Slot
) -> tuple[Scenario, Objective, list[Hold]]:
    """The fleet with its carbon; where it is not known for every location, none is invented: carbon does not count."""
    points = carbon_points(used, fleet, slot)
    known = {each.location for each in points}
    missing = [each.name for each in fleet.locations if each.name not in known]
    if not missing:
        return replace(fleet, carbon=points), objective, []
    fleet = replace(fleet, carbon=())
    if objective.carbon == 0:
        return fleet, objective, []
    rest = replace(objective, carbon=0.0)
    instead = Objective.only("energy") if rest.energy == rest.cost == 0 else rest
    reason = f"No carbon intensity is known for {', '.join(missing)}: the objective is {_terms(instead)} instead"
    hold = Hold("carbon_missing", sentence(f"{reason}; {used.note}" if used.note else reason))
    return fleet, instead, [hold]


def _with_running(fleet: Scenario, in_force: PlanRecord | None) -> tuple[Scenario, list[Hold]]:
    """What runs: the slices of the plan in force, else what the fleet's own `running.csv` says."""
    if in_force is None:
        return fleet, []
    running, lost = running_by(decode_plan(in_force.text), fleet)
    return replace(fleet, running=running), [Hold("fleet_changed", sentence(each)) for each in lost]


def _fleet_version(fleet: Scenario) -> str:
    """Fingerprint of the folder's files, so that an edited fleet makes a new revision."""
    if fleet.folder is None:
        return fingerprint([fleet.name.encode()])
    files = sorted(path for path in Path(fleet.folder).iterdir() if path.suffix in (".yaml", ".csv"))
    return fingerprint(
        part for path in files for part in (path.name.encode(), hashlib.sha256(path.read_bytes()).digest())
    )


def _terms(objective: Objective) -> str:
    return " and ".join(term for term in ("energy", "cost") if getattr(objective, term))
