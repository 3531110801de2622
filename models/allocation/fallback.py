"""A plan when no solver gave one: what runs now if it still serves, else one by rule of thumb; never none."""

import dataclasses
from collections.abc import Sequence

from models.allocation.attempt import running_pools
from models.allocation.data import ProgramData, profiled_partitions, program_data
from models.allocation.fleet import Fleet
from models.allocation.greedy import greedy_counts, route
from models.allocation.hysteresis import running_counts
from models.allocation.program import FullProgram
from models.allocation.promises import full_notes
from models.allocation.report import describe
from models.allocation.signals import Signals
from models.allocation.solution import Solution
from models.allocation.solve.answer import Ending
from models.allocation.solve.budget import Budget
from models.allocation.solve.chain import Chain
from models.allocation.solve.glpk import Glpk
from models.allocation.solve.highs import Highs
from models.allocation.stages import Stages
from models.domain.allocation import AllocationResult, Outcome
from models.domain.scenario import Scenario

_ROUTING_S = 5.0
"""Time for routing the flows of a plan that is at hand, seconds; after it they are routed by rule of thumb."""


def fall_back(scenario: Scenario, reasons: Sequence[str]) -> AllocationResult:
    """What runs now, if it still fits and sheds no more than a greedy plan would; else the greedy plan.

    Args:
        scenario: The problem.
        reasons: Why there is no solver's plan, in sentences; they become notes.
    """
    limited, scenario = scenario, dataclasses.replace(scenario, max_changes_per_location=None)
    fleet, signals, budget = Fleet.of(scenario), Signals.of(scenario, scenario.objective), Budget(_ROUTING_S)
    candidates: list[tuple[tuple[float, float, float, int, float], Outcome, ProgramData, Solution]] = []
    for name in profiled_partitions(scenario):
        data = program_data(scenario, name, fleet, signals, keep=running_pools(scenario, name, fleet))
        for outcome, counts in ((Outcome.HELD, running_counts(data)), (Outcome.GREEDY, greedy_counts(data))):
            solution = None if counts is None else _routed(data, counts, budget)
            if solution is not None:
                unserved = sum(rate for (stream, _), rate in data.demand_rps.items() if stream in data.unserved)
                worst, total = solution.levels
                rank = (unserved, round(worst, 6), round(total, 6), outcome is Outcome.GREEDY, solution.objective)
                candidates.append((rank, outcome, data, solution))
    _, outcome, data, solution = min(candidates, key=lambda each: each[0])
    said = "The plan in force is held" if outcome is Outcome.HELD else "The plan is made by rule of thumb"
    notes = [*reasons, f"{said}: no solver gave one.", *full_notes(scenario)]
    if outcome is Outcome.GREEDY and limited.max_changes_per_location is not None:
        notes.append(f"max_changes_per_location {limited.max_changes_per_location} is not kept by it.")
    return describe(
        data, solution, status=outcome, bound=None, notes=tuple(dict.fromkeys(notes)), solver="none", budget=budget
    )


def _routed(data: ProgramData, counts: tuple[int, ...], budget: Budget) -> Solution | None:
    """Best flows by linear programs if there is time and a solver, else by rule of thumb; None if it does not fit."""
    program = FullProgram(data)
    answer = Stages(Chain([Highs(), Glpk()]), 0.0, budget).settle(program, counts).answer
    if answer.values is not None:
        return program.solution(answer)
    return None if answer.ending is Ending.INFEASIBLE else route(data, counts)
