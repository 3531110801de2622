"""What was proven over several programs of which one is chosen: the bound, the gap, the verdict."""

from collections.abc import Sequence

from models.allocation.solve.answer import Answer, Ending

_ROUNDING = 1e-9
"""Relative difference of bound and objective that is rounding."""


def tightest(objective: float | None, answers: Sequence[Answer]) -> float | None:
    """Lower bound on the best over all programs: the least of their bounds; None while one has none.

    An infeasible program bounds nothing, for nothing is lost by it.
    """
    open_ones = [each for each in answers if each.ending is not Ending.INFEASIBLE]
    bounds = [each.bound for each in open_ones if each.bound is not None]
    if not open_ones or len(bounds) < len(open_ones):
        return None
    least = min(bounds)
    if objective is not None and objective - least <= _ROUNDING * abs(objective):
        return objective
    return least


def relative_gap(objective: float | None, bound: float | None) -> float | None:
    """(objective - bound) / |objective|; None when either is missing, or nothing is left to divide by."""
    if objective is None or bound is None:
        return None
    if objective == bound:
        return 0.0
    return (objective - bound) / abs(objective) if objective else None


def proven(objective: float, bound: float | None, gap: float) -> bool:
    """Whether the bound proves the objective within the gap that was asked for."""
    reached = relative_gap(objective, bound)
    return reached is not None and reached <= gap + _ROUNDING
