"""Pruning: no instance stays that neither the peak nor the objective needs, so that a gap hides no waste."""

from collections.abc import Sequence

from models.allocation.program import FullProgram
from models.allocation.solution import Levels, Solution
from models.allocation.stages import Stages

_ROUNDING = 1e-9
"""Relative rise of the objective that is rounding."""


def prune(program: FullProgram, solution: Solution, levels: Levels, stages: Stages) -> Solution:
    """Take instances out one by one, dearest first, while shedding stays within its levels and nothing gets dearer.

    Afterwards, taking out any one instance breaks capacity at the peak step or raises the objective.
    """
    changed = True
    while changed:
        changed = False
        for i in _dearest_first(program, solution.counts):
            fewer = [count - (j == i) for j, count in enumerate(solution.counts)]
            answer = stages.within(program, levels, fewer)
            if answer.values is None:
                continue
            candidate = program.solution(answer)
            if candidate.objective <= _no_more_than(solution.objective):
                solution, changed = candidate, True
                break
    return solution


def _no_more_than(objective: float) -> float:
    return objective + _ROUNDING * abs(objective)


def _dearest_first(program: FullProgram, counts: Sequence[int]) -> list[int]:
    data = program.data
    used = [i for i, count in enumerate(counts) if count]
    return sorted(used, key=lambda i: (-data.power[i].idle_extra_w, data.pools[i]))
