"""Making the plan of a slot: solve, compare with the plan in force, store as the next revision if anything changed."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import msgspec

from freesh_plugin.core.errors import AllocationError, ForecastError, FreeshError
from freesh_plugin.core.plan import SCHEMA_VERSION, Hold, Plan, PlanMode
from freesh_plugin.core.plan_json import decode_plan, encode_plan, seal
from freesh_plugin.core.units import EPOCH_S, PLAN_LIFETIME_S, epoch_start_s
from models.allocation.baselines import baselines
from models.allocation.compare import describe_changes
from models.allocation.to_plan import to_plan
from models.domain.allocation import AllocationResult
from models.domain.explanation import Explanation
from models.domain.records import PlanningStore, PlanRecord
from models.domain.scenario import Scenario
from models.refresh.forecasts import DEMAND_QUANTILE
from models.refresh.holds import sentence
from models.refresh.problem import RUNNING, PlanOrder, Problem, build_problem

log = logging.getLogger(__name__)

Solve = Callable[[Scenario], AllocationResult]
Explain = Callable[[Scenario, AllocationResult], Explanation]

_PROVEN = ("optimal", "feasible")


@dataclass(frozen=True)
class PlanOutcome:
    """The plan of the slot.

    Attributes:
        record: As stored.
        plan: The same, typed.
        is_new: False when equal inputs had been planned before and that plan is given again.
    """

    record: PlanRecord
    plan: Plan
    is_new: bool


def make_plan(
    order: PlanOrder,
    fleet: Scenario,
    store: PlanningStore,
    solve: Solve,
    *,
    now: datetime,
    explain: Explain | None = None,
) -> PlanOutcome:
    """Plan a slot from the forecasts in the store. Equal inputs give the plan that is stored already.

    Without demand, or when no allocation can serve the scenario, the plan that the slot already has stands; else the
    plan in force is issued again for it.

    Args:
        order: What is asked for.
        fleet: The scenario without demand and carbon.
        store: Forecasts in, plan out.
        solve: Solves a whole scenario; raises AllocationError for one that no allocation can serve.
        now: The present, aware UTC: a slot that has begun is planned from what runs in it.
        explain: Says why an allocation that a solver gave is what it is; the plan does not depend on it.

    Raises:
        ConfigError: an objective that does not exist.
        ForecastError: there is no demand to plan for and no plan in force to go on with.
        AllocationError: the program cannot be built and there is no plan in force to go on with.
    """
    problem = build_problem(order, fleet, store, now)
    latest = store.plan(order.slot.epoch)
    before = decode_plan(latest.text) if latest is not None else None
    if latest is not None and before is not None and _same_inputs(before, problem):
        return PlanOutcome(latest, before, is_new=False)
    revision = before.revision + 1 if before is not None else 1
    try:
        plan = _planned(problem, revision, solve, explain)
    except (ForecastError, AllocationError) as error:
        log.warning("%s cannot be planned: %s", order.slot, error)
        if latest is not None and before is not None:
            return PlanOutcome(latest, before, is_new=False)
        plan = _issued_again(problem, revision, error)
    record = PlanRecord(plan.epoch, plan.revision, plan.mode.value, plan.digest, encode_plan(plan), now)
    store.save_plan(record)
    return PlanOutcome(record, plan, is_new=True)


def changes_of(plan: Plan, store: PlanningStore) -> tuple[str, ...]:
    """What a plan changes against the one that was in force when it was made, and why, in sentences; empty if nothing.

    A first plan is compared with nothing running.
    """
    base = next((each.version for each in plan.inputs if each.name == RUNNING), "")
    epoch, _, revision = base.partition(".")
    before = store.plan(int(epoch), int(revision)) if epoch.isdigit() and revision.isdigit() else None
    return tuple(describe_changes(decode_plan(before.text) if before is not None else None, plan))


def _same_inputs(plan: Plan, problem: Problem) -> bool:
    """Whether a plan rests on these very inputs and its solver had its way.

    Ages and notes do not count. Nor does what runs: once the plan is in force, it is what runs.
    """
    asked, used = (
        {each.name: (each.version, each.state) for each in inputs} for inputs in (problem.inputs, plan.inputs)
    )
    for versions in (asked, used):
        versions.pop(RUNNING, None)
    return plan.mode == problem.order.mode and plan.solver.status in _PROVEN and asked == used


def _planned(problem: Problem, revision: int, solve: Solve, explain: Explain | None) -> Plan:
    if problem.scenario is None:
        raise ForecastError(next(each.reason for each in problem.holds if each.code == "demand_missing"))
    result = solve(problem.scenario)
    return to_plan(
        problem.scenario,
        result,
        epoch=problem.order.slot.epoch,
        revision=revision,
        mode=problem.order.mode,
        inputs=problem.inputs,
        holds=problem.holds,
        carbon_outlook=problem.outlook,
        quantile=DEMAND_QUANTILE,
        with_baselines=baselines(problem.scenario, result, solve),
        with_explanation=_explained(problem.scenario, result, explain),
    )


def _explained(scenario: Scenario, result: AllocationResult, explain: Explain | None) -> Explanation | None:
    """None where no solver gave the allocation; a plan goes out even when it cannot be explained."""
    if explain is None or result.status.value not in _PROVEN:
        return None
    try:
        return explain(scenario, result)
    except FreeshError as error:
        log.warning("the plan is not explained: %s", error)
        return None


def _issued_again(problem: Problem, revision: int, why: ForecastError | AllocationError) -> Plan:
    """The plan in force for another slot: pools, routes and SLOs go on; nothing starts, nothing stops.

    Raises:
        ForecastError, AllocationError: `why`, as there is no plan in force.
    """
    if problem.in_force is None:
        raise why
    before = decode_plan(problem.in_force.text)
    start_s = epoch_start_s(problem.order.slot.epoch)
    hold = Hold(
        "plan_issued_again",
        sentence(f"Plan {before.epoch}.{before.revision} goes on, with its own demand and predicted figures: {why}"),
    )
    held = msgspec.structs.replace(before.solver, status="held", objective=None, bound=None, gap=None)
    return seal(
        msgspec.structs.replace(
            before,
            schema_version=SCHEMA_VERSION,
            epoch=problem.order.slot.epoch,
            revision=revision,
            mode=_mode(before, problem.order.mode),
            valid_from=start_s,
            stale_after=start_s + EPOCH_S,
            expires_at=start_s + PLAN_LIFETIME_S,
            transitions=(),
            carbon=dict(problem.outlook),
            solver=held,
            inputs=problem.inputs,
            holds=(*problem.holds, hold),
            explanation=None,  # it was of another slot
        )
    )


def _mode(before: Plan, asked: PlanMode) -> PlanMode:
    """A plan that was for reading only does not become one to act on by being issued again."""
    return PlanMode.ADVISE if PlanMode.ADVISE in (before.mode, asked) else PlanMode.ACT
