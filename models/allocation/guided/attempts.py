"""Large programs of the full form: relaxed, then searched among the pools that their relaxations point to."""

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np

from models.allocation.attempt import Attempt, attempt
from models.allocation.data import Pool, ProgramData
from models.allocation.guided.relaxation import Relaxation
from models.allocation.guided.target import Target, least_objective, least_shedding
from models.allocation.program import FullProgram
from models.allocation.solution import Levels
from models.allocation.solve.answer import Answer, Ending, Solver
from models.allocation.solve.budget import Budget
from models.allocation.stages import Staged, Stages
from models.allocation.verdict import proven

_SHEDDING, _RELAXING = 0.3, 0.5
"""Shares of the time left for searches that finding the least shedding, and the least objectives, may take."""
_SPARES = (1, 6)
"""Pools of least reduced cost beside those in use, for each of them, from round to round."""
_SEARCH_GAP = 0.4
"""Share of the gap that a search among few pools is stopped at; the rest is for what its pools cannot do."""
_ENOUGH = 0.75
"""Share of the gap that is good enough not to search among more pools: hysteresis is given some."""
_LEVEL_SLACKS = (0.0, 0.02, 0.1)
"""By how much more, of what is asked, each search may shed that finds nothing at the levels of the relaxation."""


def guided_attempts(choices: Sequence[ProgramData], solver: Solver, gap: float, budget: Budget) -> list[Attempt]:
    """Relax all; search in the order of what they can reach, for as long as one may be better than the best."""
    targets = []
    for i, data in enumerate(choices):
        relaxation = Relaxation(data, solver, budget, frozenset(data.pools[j] for j in data.standing_labels))
        targets.append(least_shedding(relaxation, budget, _SHEDDING / (len(choices) - i)))
    targets.sort(key=lambda each: each.shedding)
    first = [each for each in targets if each.shedding == targets[0].shedding]
    relaxed = [least_objective(each, budget, _RELAXING / (len(first) - i)) for i, each in enumerate(first)]
    relaxed.sort(key=lambda each: each.bound)
    attempts: list[Attempt] = []
    for i, target in enumerate((*relaxed, *targets[len(first) :])):
        best = min((each for each in attempts if each.solution is not None), key=lambda each: each.rank, default=None)
        answer = None if best is None else _outdone(target, best, gap)
        if answer is not None:
            attempts.append(Attempt(target.relaxation.program, answer, None, None, outdone=True))
        elif target.infeasible:
            attempts.append(Attempt(target.relaxation.program, target.relaxed.answer, None, None))
        else:
            whole = target if i < len(first) else least_objective(target, budget, _RELAXING)
            attempts.append(_search(whole, solver, gap, budget, parts=min(len(targets) - i, 2)))
    return attempts


def _outdone(target: Target, best: Attempt, gap: float) -> Answer | None:
    """What its relaxation says of a target that need not be searched; None if it must be."""
    assert best.solution is not None, "the best has a solution"
    if target.shedding > best.rank[:2]:
        return Answer(Ending.INFEASIBLE, reason="it must shed more", solver=best.answer.solver)
    alike = tuple(target.levels[1:]) == (0.0, 0.0) == best.rank[2:4]
    if alike and proven(best.solution.objective, target.relaxed.bound, gap):
        return Answer(Ending.NO_INCUMBENT, bound=target.relaxed.bound, solver=best.answer.solver)
    return None


def _search(target: Target, solver: Solver, gap: float, budget: Budget, parts: int) -> Attempt:
    """The best among few pools, then among more while the gap is not reached and time is left."""
    best: Attempt | None = None
    known = target.relaxed.answer.values is not None
    stages = _GuidedStages(solver, gap, budget, target) if known else Stages(solver, gap / 2, budget)
    for spare in _SPARES if known else (0,):
        with budget.building():
            data = target.data.among(_pointed_to(target, spare))
        found = attempt(data, stages, budget, parts)
        if best is None or best.solution is None or (found.solution is not None and found.rank < best.rank):
            best = found
        if _unproven(best, gap) and known and not target.relaxed.finished:
            target = least_objective(target, budget, _RELAXING)  # it goes on where it stopped
            best, stages = _rebound(best, target), _GuidedStages(solver, gap, budget, target)
        if not _unproven(best, gap) or budget.search_s(parts) <= 0 or len(data.pools) == len(target.data.pools):
            break
    assert best is not None, "there is a first round"
    if not known:  # what was proven was so among the pools that were built
        best = dataclasses.replace(best, answer=dataclasses.replace(best.answer, bound=None), least=False)
    return _slim(best, target, stages, budget)


def _unproven(found: Attempt, gap: float) -> bool:
    """Whether it is not yet near enough to its bound to search no more."""
    return found.solution is None or not proven(found.solution.objective, found.answer.bound, gap * _ENOUGH)


def _rebound(found: Attempt, target: Target) -> Attempt:
    """The same with the bound that the relaxation has now, where it held to the relaxation's levels."""
    if found.answer.bound is None or target.relaxed.bound is None or found.levels != target.levels:
        return found
    bound = max(found.answer.bound, target.relaxed.bound)
    return dataclasses.replace(found, answer=dataclasses.replace(found.answer, bound=bound))


def _pointed_to(target: Target, spare: int) -> set[Pool]:
    """Pools with instances in the relaxation, those that run, and those of least reduced cost; else all built."""
    used, data = target.relaxed.used, target.data
    if target.relaxed.answer.values is None:
        return _of(data, np.flatnonzero(target.relaxation.built).tolist())
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
        self._asked = gap

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
            answer = self._at(program, levels, parts)
            if answer.values is not None:
                bound = None if slack else target.relaxed.bound
                return Staged(dataclasses.replace(answer, bound=bound), levels, least=target.least and not slack)
        return Staged(dataclasses.replace(answer, bound=None), None)

    def _at(self, program: FullProgram, levels: Levels, parts: int) -> Answer:
        """The better of two: instances from the program without flows, and, if they are not near, the search itself.

        Searching without flows takes a tenth of the time, and mostly ends as near to the bound.
        """
        aggregate = self._solve(program.aggregated(program.within(levels)), self._gap, 3 * parts)
        routed = aggregate if aggregate.values is None else self.within(program, levels, program.counts(aggregate))
        if routed.objective is not None and proven(routed.objective, self._target.relaxed.bound, self._asked * _ENOUGH):
            return routed
        whole = self._solve(program.covered(program.within(levels)), self._gap, 2 * parts)
        if whole.objective is None or (routed.objective is not None and routed.objective <= whole.objective):
            return routed if routed.values is not None else whole
        return whole
