"""Large programs of the full form: relaxed, then searched among the pools that their relaxations point to."""

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np

from models.allocation.attempt import Attempt, attempt
from models.allocation.data import Pool, ProgramData
from models.allocation.guided.relaxation import Relaxation
from models.allocation.guided.target import Target, target_of
from models.allocation.program import FullProgram
from models.allocation.solution import Levels
from models.allocation.solve.answer import Answer, Ending, Solver
from models.allocation.solve.budget import Budget
from models.allocation.stages import Staged, Stages
from models.allocation.verdict import proven

_RELAXING = 0.6
"""Share of the time for searches that all relaxations together may take."""
_SPARES = (2, 6, 20)
"""Pools of least reduced cost beside those in use, for each of them, from round to round."""
_SEARCH_GAP = 0.25
"""Share of the gap that a search among few pools is stopped at; the rest is for what its pools cannot do."""
_ENOUGH = 0.75
"""Share of the gap that is good enough not to search among more pools: hysteresis is given some."""
_LEVEL_SLACKS = (0.0, 0.02, 0.1)
"""By how much more, of what is asked, each search may shed that finds nothing at the levels of the relaxation."""


def guided_attempts(choices: Sequence[ProgramData], solver: Solver, gap: float, budget: Budget) -> list[Attempt]:
    """Relax all; search in the order of what they can reach, for as long as one may be better than the best."""
    targets = []
    for i, data in enumerate(choices):
        keep = frozenset(data.pools[i] for i in data.standing_labels)
        targets.append(target_of(Relaxation(data, solver, budget, keep), budget, _RELAXING / (len(choices) - i)))
    targets.sort(key=lambda each: each.rank)
    attempts: list[Attempt] = []
    for i, target in enumerate(targets):
        best = min((each for each in attempts if each.solution is not None), key=lambda each: each.rank, default=None)
        if target.relaxed.answer.values is None:
            attempts.append(Attempt(target.relaxation.program, target.relaxed.answer, None, None))
        elif best is not None and (answer := _outdone(target, best, gap)) is not None:
            attempts.append(Attempt(target.relaxation.program, answer, None, None, outdone=True))
        else:
            attempts.append(_search(target, solver, gap, budget, parts=min(len(targets) - i, 2)))
    return attempts


def _outdone(target: Target, best: Attempt, gap: float) -> Answer | None:
    """What its relaxation says of a target that need not be searched; None if it must be."""
    mine = tuple(round(each, 4) for each in target.rank[:-1])
    theirs = tuple(round(each, 4) for each in best.rank[:-1])
    assert best.solution is not None, "the best has a solution"
    if mine > theirs:
        return Answer(Ending.INFEASIBLE, reason="it must shed more", solver=best.answer.solver)
    if mine == theirs and proven(best.solution.objective, target.relaxed.bound, gap):
        return Answer(Ending.NO_INCUMBENT, bound=target.relaxed.bound, solver=best.answer.solver)
    return None


def _search(target: Target, solver: Solver, gap: float, budget: Budget, parts: int) -> Attempt:
    """The best among few pools, then among more while the gap is not reached and time is left."""
    best: Attempt | None = None
    stages = _GuidedStages(solver, gap, budget, target)
    for spare in _SPARES:
        with budget.building():
            data = target.data.among(_pointed_to(target, spare))
        found = attempt(data, stages, budget, parts)
        if best is None or best.solution is None or (found.solution is not None and found.rank < best.rank):
            best = found
        enough = best.solution is not None and proven(best.solution.objective, best.answer.bound, gap * _ENOUGH)
        if enough or budget.search_s(parts) <= 0 or len(data.pools) == len(target.data.pools):
            break
    assert best is not None, "there is a first round"
    return _slim(best, target, stages, budget)


def _pointed_to(target: Target, spare: int) -> set[Pool]:
    """Pools with instances in the relaxation, those that run, and those of least reduced cost."""
    used, data = target.relaxed.used, target.data
    order = np.argsort(target.relaxation.per_gpu(target.relaxed), kind="stable")
    chosen = used.copy()
    chosen[order[: (1 + spare) * max(int(used.sum()), len(data.streams))]] = True
    chosen[list(data.standing_labels)] = True
    return _of(data, np.flatnonzero(chosen).tolist())


def _slim(found: Attempt, target: Target, stages: Stages, budget: Budget) -> Attempt:
    """The same with a program of the pools in use, and those that run: what is pruned and held against it is small."""
    if found.solution is None or found.levels is None:
        return found
    data = found.program.data
    standing = {target.data.pools[i] for i in target.data.standing_labels}
    kept = {pool for pool, count in zip(data.pools, found.solution.counts, strict=True) if count} | standing
    with budget.building():
        slim = FullProgram(data.among(kept))
    counts = [count for pool, count in zip(data.pools, found.solution.counts, strict=True) if pool in kept]
    answer = stages.within(slim, found.levels, counts)
    if answer.values is None:
        return found
    return dataclasses.replace(found, program=slim, solution=slim.solution(answer))


def _of(data: ProgramData, indices: Iterable[int]) -> set[Pool]:
    return {data.pools[i] for i in indices}


class _GuidedStages(Stages):
    """Stages of a program of few pools, at levels and with a bound that hold for all of them.

    Args:
        solver: Who solves.
        gap: Relative gap that is asked for in the end.
        budget: Time.
        target: What the relaxation can reach.
    """

    def __init__(self, solver: Solver, gap: float, budget: Budget, target: Target) -> None:
        super().__init__(solver, gap * _SEARCH_GAP, budget)
        self._target = target

    def settle(self, program: FullProgram, counts: Sequence[int] | None = None, parts: int = 1) -> Staged:
        """The objective at the levels of the relaxation, or a little above; nothing is proven above them."""
        if counts is not None:
            return super().settle(program, counts, parts)
        target = self._target
        asked = sum(target.data.demand_rps.values())
        answer = Answer(Ending.NO_INCUMBENT, reason="the time is up")
        for slack in _LEVEL_SLACKS:
            levels = Levels(
                target.levels.worst + slack, target.levels.total + slack * asked, target.levels.exposed + slack * asked
            )
            answer = self._solve(program.within(levels), self._gap, parts)
            if answer.values is not None:
                bound = None if slack else target.relaxed.bound
                return Staged(dataclasses.replace(answer, bound=bound), levels, least=not slack)
        return Staged(dataclasses.replace(answer, bound=None), None)
