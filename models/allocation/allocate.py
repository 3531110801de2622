"""Allocating: one call for either form, in this process or in a worker."""

import dataclasses
from collections.abc import Mapping, Sequence

from freesh_plugin.core.errors import AllocationError
from models.allocation.promises import check_program
from models.allocation.solve.worker import SolveWorker
from models.domain.allocation import AllocationResult, InstanceCount, Outcome
from models.domain.scenario import Objective, Scenario

FORMULATIONS = ("paper", "full")


def allocate(
    scenario: Scenario,
    *,
    formulation: str = "full",
    objective: Objective | None = None,
    solver: str = "auto",
    gap: float = 0.01,
    time_limit_s: float = 60.0,
    worker: SolveWorker | None = None,
) -> AllocationResult:
    """Decide how many instances of each mode serve each class at each location.

    Args:
        scenario: The problem; `scenario.running` is the allocation in force (start costs, stability, hysteresis).
        formulation: `paper`, the published form to the letter, which may be infeasible; or `full`, which always
            gives a plan and says what it sheds.
        objective: What to minimise; the scenario's own when None.
        solver: auto, glpk or highs.
        gap: Relative gap at which to stop; 0 = proven optimal.
        time_limit_s: Wall-clock limit of the solve, seconds.
        worker: A process that solves under a hard limit; None = this process, which waits for any solver.

    Returns:
        The outcome, typed; never none.

    Raises:
        AllocationError: an argument is not known, or the scenario asks for what no allocation can give.
        ScenarioError: carbon, prices or parked watts that the objective needs are missing.
    """
    _check_arguments(formulation, solver, gap, time_limit_s)
    if objective is not None:
        scenario = dataclasses.replace(scenario, objective=objective)
    check_program(scenario, formulation)
    if worker is None:
        from models.allocation.run import run_program  # Pyomo, seconds to import: only where it solves

        return run_program(scenario, formulation=formulation, solver=solver, gap=gap, time_limit_s=time_limit_s)
    result = worker.run_program(scenario, formulation=formulation, solver=solver, gap=gap, time_limit_s=time_limit_s)
    lost = formulation == "full" and result.status is Outcome.NO_INCUMBENT
    return _without_worker(scenario, result) if lost else result


def _without_worker(scenario: Scenario, lost: AllocationResult) -> AllocationResult:
    """A plan made here, because the worker was killed or crashed."""
    from models.allocation.fallback import fall_back  # Pyomo: only where it solves

    return fall_back(scenario, lost.notes)


def evaluate_fixed(
    scenario: Scenario,
    partition: str | Mapping[str, str],
    instances: Sequence[InstanceCount],
    objective: Objective | None = None,
    *,
    worker: SolveWorker | None = None,
) -> AllocationResult:
    """What a given allocation is worth: its best flows, shedding, objective and totals; nothing is decided.

    Args:
        scenario: The problem; starts are charged against `scenario.running`.
        partition: The partition whose classes the instances serve, by model; a name alone is every model's.
        instances: The allocation; it may be wasteful.
        objective: What flows are routed for, and what is counted; the scenario's own when None.
        worker: A process that does it under a hard limit; None = this process.

    Returns:
        Optimal (the flows are) with what it sheds; infeasible, with the constraint named, when it does not fit.

    Raises:
        AllocationError: an instance has no profile in this partition.
        ScenarioError: as `allocate`.
    """
    if objective is not None:
        scenario = dataclasses.replace(scenario, objective=objective)
    check_program(scenario, "full")
    chosen = dict.fromkeys(scenario.models, partition) if isinstance(partition, str) else dict(partition)
    if worker is not None:
        return worker.evaluate(scenario, chosen, instances)
    from models.allocation.fixed import evaluate  # Pyomo: only where it solves

    return evaluate(scenario, chosen, instances)


def _check_arguments(formulation: str, solver: str, gap: float, time_limit_s: float) -> None:
    if formulation not in FORMULATIONS:
        raise AllocationError(f"formulation {formulation!r} is not known; there are {', '.join(FORMULATIONS)}")
    if solver not in ("auto", "glpk", "highs"):
        raise AllocationError(f"solver {solver!r} is not known; there are auto, glpk, highs")
    if not 0 <= gap < 1:
        raise AllocationError(f"gap {gap!r} is outside [0, 1)")
    if not time_limit_s > 0:
        raise AllocationError(f"time limit {time_limit_s!r} s is not above 0 s")
