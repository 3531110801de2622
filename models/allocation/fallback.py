"""A plan when no solver gave one: what runs now if it still serves, else one by rule of thumb; never none."""

import dataclasses
from collections.abc import Sequence

from models.allocation.attempt import running_pools
from models.allocation.collect import profiled_partitions, program_data
from models.allocation.data import Candidates, ProgramData
from models.allocation.fleet import Fleet
from models.allocation.greedy import cost_per_request, greedy_counts, route
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
    found: list[tuple[tuple[float, ...], Outcome, ProgramData, Solution]] = []
    for choice in _choices(scenario, fleet, signals):
        data = program_data(scenario, choice, fleet, signals, keep=running_pools(scenario, choice, fleet))
        for outcome, counts in ((Outcome.HELD, running_counts(data)), (Outcome.GREEDY, greedy_counts(data))):
            if counts is None:
                continue
            few, fewer = _in_use(data, counts)
            solution = _routed(few, fewer, budget)
            if solution is not None:
                levels = (round(each, 6) for each in solution.levels)
                rank = (data.unserved_rps, *levels, outcome is Outcome.GREEDY, solution.objective)
                found.append((rank, outcome, few, solution))
    _, outcome, data, solution = min(found, key=lambda each: each[0])
    said = "The plan in force is held" if outcome is Outcome.HELD else "The plan is made by rule of thumb"
    notes = [*reasons, f"{said}: no solver gave one.", *full_notes(scenario)]
    if outcome is Outcome.GREEDY and limited.max_changes_per_location is not None:
        notes.append(f"max_changes_per_location {limited.max_changes_per_location} is not kept by it.")
    return describe(
        data, solution, status=outcome, bound=None, notes=tuple(dict.fromkeys(notes)), solver="none", budget=budget
    )


def _choices(scenario: Scenario, fleet: Fleet, signals: Signals) -> list[Candidates]:
    """One model: each of its partitions. Several: what runs now, and each model's partition of least cost by itself."""
    partitions = profiled_partitions(scenario)
    if len(partitions) == 1:
        return [{model: (name,)} for model, names in partitions.items() for name in names]
    cheapest = {
        model: (min(names, key=lambda name: _cost(scenario, model, name, fleet, signals)),)
        for model, names in partitions.items()
    }
    running = {row.model: (row.partition,) for row in fleet.labels if row.partition in partitions[row.model]}
    return [cheapest, {**cheapest, **running}] if running else [cheapest]


def _cost(scenario: Scenario, model: str, name: str, fleet: Fleet, signals: Signals) -> tuple[float, float]:
    """What nobody may serve, and the cost of the rest where each stream has the pool that is cheapest for it."""
    data = program_data(scenario, {model: (name,)}, fleet, signals)
    least = {stream: min(cost_per_request(data, i) for i in data.arcs[stream]) for stream in data.streams}
    return data.unserved_rps, sum(rate * least.get(stream, 0.0) for (stream, _), rate in data.demand_rps.items())


def _in_use(data: ProgramData, counts: tuple[int, ...]) -> tuple[ProgramData, tuple[int, ...]]:
    """The data of the pools that have instances or run: others route nothing, and large fleets have many."""
    kept = [count > 0 or i in data.standing_labels for i, count in enumerate(counts)]
    few = data.among({pool for pool, there in zip(data.pools, kept, strict=True) if there})
    return few, tuple(count for count, there in zip(counts, kept, strict=True) if there)


def _routed(data: ProgramData, counts: tuple[int, ...], budget: Budget) -> Solution | None:
    """Best flows by linear programs if there is time and a solver, else by rule of thumb; None if it does not fit."""
    program = FullProgram(data)
    answer = Stages(Chain([Highs(), Glpk()]), 0.0, budget).settle(program, counts).answer
    if answer.values is not None:
        return program.solution(answer)
    return None if answer.ending is Ending.INFEASIBLE else route(data, counts)
