"""Solving the full form: every choice of partitions, the best, pruned, and held against what runs now."""

import dataclasses
from collections.abc import Sequence

from models.allocation.attempt import Attempt, attempt, candidate_data
from models.allocation.collect import profiled_partitions, program_data
from models.allocation.data import Candidates
from models.allocation.fallback import fall_back
from models.allocation.fleet import Fleet
from models.allocation.guided.attempts import guided_attempts
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

WHOLE_POOLS = 1500
"""Most pools of a program that is built whole; larger ones are guided by their relaxation (docs/adr/0061)."""


def solve_full(
    scenario: Scenario, chain: Chain, *, gap: float, budget: Budget, notes: Sequence[str] = ()
) -> AllocationResult:
    """Solve the full form; there is always a plan.

    Half of the gap is for the search, half for hysteresis: what is kept is then within the gap too.
    """
    half = gap / 2
    stages = Stages(chain, half, budget)
    attempts = _attempts(scenario, stages, chain, gap, budget)
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


def _attempts(scenario: Scenario, stages: Stages, chain: Chain, gap: float, budget: Budget) -> list[Attempt]:
    with budget.building():
        fleet, signals = Fleet.of(scenario), Signals.of(scenario, scenario.objective)
        choices = [candidate_data(scenario, each, fleet, signals) for each in _choices(scenario, fleet, signals)]
    if gap > 0 and max(len(each.pools) for each in choices) > WHOLE_POOLS:
        return guided_attempts(choices, chain, gap, budget)
    return [attempt(each, stages, budget, parts=len(choices) - i) for i, each in enumerate(choices)]


def _choices(scenario: Scenario, fleet: Fleet, signals: Signals) -> list[Candidates]:
    """One model: a program for each of its partitions. Several, which meet in the stock: one program for them all."""
    partitions = profiled_partitions(scenario)
    if len(partitions) == 1:
        return [{model: (name,)} for model, names in partitions.items() for name in names]
    return [{model: _most_served(scenario, model, names, fleet, signals) for model, names in partitions.items()}]


def _most_served(
    scenario: Scenario, model: str, names: Sequence[str], fleet: Fleet, signals: Signals
) -> tuple[str, ...]:
    """The partitions of a model in which least demand has no pool at all: that comes before anything else."""
    if len(names) == 1:
        return tuple(names)
    unserved = {name: round(program_data(scenario, {model: (name,)}, fleet, signals).unserved_rps, 4) for name in names}
    return tuple(name for name in names if unserved[name] == min(unserved.values()))


def _bound(best: Attempt, attempts: Sequence[Attempt]) -> float | None:
    """Bound on the objective over the partitions that shed as little as the best; None while one is undecided."""
    rivals: list[Answer] = []
    for each in attempts:
        if each.outdone:
            rivals.append(each.answer)
        elif each.solution is None and each.answer.ending is not Ending.INFEASIBLE:
            return None
        elif each.solution is not None and each.rank[:-1] == best.rank[:-1]:
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
    reasons = [f"{each.program.data.title}: {each.answer.reason}." for each in attempts]
    result = fall_back(scenario, (*notes, *chain.failures, *reasons))
    return dataclasses.replace(result, build_s=budget.build_s, solve_s=budget.solve_s)


def _unfinished(attempts: Sequence[Attempt]) -> list[str]:
    return [
        f"{each.program.data.title} is left out: {each.answer.reason}."
        for each in attempts
        if each.solution is None and not each.outdone
    ]
