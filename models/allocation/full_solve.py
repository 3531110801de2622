"""Solving the full form: every partition, the best of them, pruned, and held against what runs now."""

import dataclasses
from collections.abc import Sequence

from models.allocation.attempt import Attempt, attempt
from models.allocation.data import profiled_partitions
from models.allocation.fallback import fall_back
from models.allocation.fleet import Fleet
from models.allocation.hysteresis import keep_running
from models.allocation.prune import prune
from models.allocation.report import report
from models.allocation.signals import Signals
from models.allocation.solve.answer import Answer, Ending
from models.allocation.solve.budget import Budget
from models.allocation.solve.chain import Chain
from models.allocation.stages import Stages
from models.allocation.verdict import tightest
from models.domain.allocation import AllocationResult
from models.domain.scenario import Scenario


def solve_full(
    scenario: Scenario, chain: Chain, *, gap: float, budget: Budget, notes: Sequence[str] = ()
) -> AllocationResult:
    """Solve the full form; there is always a plan.

    Half of the gap is for the search, half for hysteresis: what is kept is then within the gap too.
    """
    half = gap / 2
    stages = Stages(chain, half, budget)
    attempts = _attempts(scenario, stages, budget)
    solved = [each for each in attempts if each.solution is not None]
    if not solved:
        return _without_solution(scenario, attempts, chain, gap, budget, notes)
    best = min(solved, key=lambda each: each.rank)
    assert best.solution is not None, "the best is solved"
    assert best.levels is not None, "a solution has levels"
    best = dataclasses.replace(best, solution=prune(best.program, best.solution, best.levels, stages))
    chosen = (keep_running(attempts, best, half, stages) if scenario.running else None) or best
    return report(
        chosen, bound=_bound(best, attempts), gap=gap, budget=budget,
        notes=(*notes, *dict.fromkeys((*chain.failures, *_unfinished(attempts), *best.notes, *chosen.notes))),
    )  # fmt: skip


def _attempts(scenario: Scenario, stages: Stages, budget: Budget) -> list[Attempt]:
    with budget.building():
        fleet, signals = Fleet.of(scenario), Signals.of(scenario, scenario.objective)
    names = profiled_partitions(scenario)
    return [
        attempt(scenario, name, fleet, signals, stages, budget, parts=len(names) - i) for i, name in enumerate(names)
    ]


def _bound(best: Attempt, attempts: Sequence[Attempt]) -> float | None:
    """Bound on the objective over the partitions that shed as little as the best; None while one is undecided."""
    rivals: list[Answer] = []
    for each in attempts:
        if each.solution is None and each.answer.ending is not Ending.INFEASIBLE:
            return None
        if each.solution is not None and each.rank[:-1] == best.rank[:-1]:
            rivals.append(each.answer)
    objective = best.solution.objective if best.solution is not None else None
    return tightest(objective, rivals)


def _without_solution(
    scenario: Scenario, attempts: Sequence[Attempt], chain: Chain, gap: float, budget: Budget, notes: Sequence[str]
) -> AllocationResult:
    infeasible = all(each.answer.ending is Ending.INFEASIBLE for each in attempts)
    limit = scenario.max_changes_per_location
    if infeasible and limit is not None:
        free = dataclasses.replace(scenario, max_changes_per_location=None)
        broken = f"max_changes_per_location {limit} is not kept: what must stop or start already exceeds it."
        return solve_full(free, chain, gap=gap, budget=budget, notes=(*notes, broken))
    reasons = [f"Partition {each.program.data.partition}: {each.answer.reason}." for each in attempts]
    result = fall_back(scenario, (*notes, *chain.failures, *reasons))
    return dataclasses.replace(result, build_s=budget.build_s, solve_s=budget.solve_s)


def _unfinished(attempts: Sequence[Attempt]) -> list[str]:
    return [
        f"Partition {each.program.data.partition} is left out: {each.answer.reason}."
        for each in attempts
        if each.solution is None
    ]
