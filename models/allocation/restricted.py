"""Large integer programs by their linear relaxation: its support and its cheapest columns, then more of them."""

import dataclasses
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from models.allocation.solve.answer import Answer, Ending, Solver
from models.allocation.solve.matrix import Matrix
from models.allocation.verdict import proven

_SPARE_PER_ROW = 3
"""Columns of least reduced cost that are taken beside the support, for each row of the program."""
_WIDEN = 4
"""How many times as many there are in the next round."""
_SUPPORT = 1e-9
"""Values up to this are none."""


def search(matrix: Matrix, relaxation: Answer, solver: Solver, *, gap: float, left_s: Callable[[], float]) -> Answer:
    """Values within the gap of the relaxation's bound, from restricted integer programs, widened while needed.

    A column of reduced cost d is in no solution better than the relaxation's objective + d: those of least d come
    first. The last round has all columns, so that what it says of infeasibility or of a bound is of the program.

    Args:
        matrix: The whole program.
        relaxation: Its linear relaxation's optimum, with reduced costs.
        solver: Who searches.
        gap: Relative gap to the relaxation's bound, or to a better one, at which to stop.
        left_s: Seconds that are left, asked anew before each round.

    Returns:
        The best found, with the best bound proven; optimal only within the gap.
    """
    assert relaxation.values is not None, "an optimum has values"
    best = Answer(Ending.NO_INCUMBENT, bound=relaxation.bound, reason="the time is up", solver=solver.name)
    # Without reduced costs nothing says which columns are worth having: then all.
    reduced = relaxation.reduced_costs
    order = np.argsort(matrix.cost if reduced is None else reduced, kind="stable")
    support = (np.abs(relaxation.values) > _SUPPORT) | (matrix.lower > 0) | ~matrix.integer
    spare, asked = _SPARE_PER_ROW * len(matrix.row_lower) if reduced is not None else matrix.columns, gap / 2
    while (seconds := left_s()) > 0:
        chosen = support.copy()
        chosen[order[:spare]] = True
        whole = bool(chosen.all())
        round_s = seconds if whole else seconds / 2
        answer = solver.solve(matrix.among(chosen), gap=gap if whole else asked, time_limit_s=round_s)
        best = _better(best, _spread(answer, chosen), whole=whole)
        if whole or _reached(best, gap):
            break
        spare, asked = spare * _WIDEN, asked / 2
    return dataclasses.replace(best, ending=Ending.OPTIMAL) if _reached(best, gap) else best


def _spread(answer: Answer, chosen: npt.NDArray[np.bool_]) -> Answer:
    """The answer with values of all columns, 0 for those that were not there."""
    if answer.values is None:
        return answer
    values = np.zeros(len(chosen))
    values[chosen] = answer.values
    return dataclasses.replace(answer, values=values)


def _better(best: Answer, answer: Answer, *, whole: bool) -> Answer:
    """The better values, with the larger bound; a restricted program's bound and infeasibility are its own."""
    bound = best.bound
    if whole:
        bound = max((each for each in (best.bound, answer.bound) if each is not None), default=None)
        if best.values is None and answer.ending is Ending.INFEASIBLE:
            return answer
    if answer.values is None:
        return dataclasses.replace(best, bound=bound, reason=answer.reason if whole else best.reason)
    assert answer.objective is not None, "values have an objective"
    if best.objective is not None and best.objective <= answer.objective:
        return dataclasses.replace(best, bound=bound)
    bound = None if bound is None else min(bound, answer.objective)  # the relaxation's is rounded, too
    return dataclasses.replace(answer, ending=Ending.FEASIBLE, bound=bound)


def _reached(answer: Answer, gap: float) -> bool:
    return answer.objective is not None and proven(answer.objective, answer.bound, gap)
