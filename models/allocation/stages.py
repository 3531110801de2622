"""The stages of one program: shed and expose nothing if possible, else as little as is fair, then the objective."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from models.allocation.program import FullProgram
from models.allocation.solution import NONE_SHED, Levels
from models.allocation.solve.answer import Answer, Ending, Solver, answer_with
from models.allocation.solve.budget import Budget
from models.allocation.solve.matrix import Matrix
from models.domain.scenario import Survive

SHED_GAP = 1e-4
"""Relative gap of the two shedding stages."""
_SLACKS = (1e-5, 1e-4)
"""By how much, relatively, the level of one stage is loosened for the next: solvers round, GLPK the most."""


class Staged(NamedTuple):
    """The last stage's answer, the levels of shedding it was held to, and whether less shedding was ruled out.

    Levels are None without values.
    """

    answer: Answer
    levels: Levels | None
    least: bool = True


class Stages:
    """Runs stages with one solver, one gap and one budget.

    Args:
        solver: Who solves.
        gap: Relative gap of the last stage.
        budget: Time for all of them.
    """

    def __init__(self, solver: Solver, gap: float, budget: Budget) -> None:
        self._solver = solver
        self._gap = gap
        self._budget = budget

    def settle(self, program: FullProgram, counts: Sequence[int] | None = None, parts: int = 1) -> Staged:
        """Solve a program, or, with counts, find the best flows of a given allocation.

        Args:
            program: What is decided.
            counts: Instances by pool, held fixed; None = they are decided.
            parts: Programs that share the time left, this one included.
        """
        # Half of its share, so that shedding can still be decided if this finds nothing.
        answer = self._solve(program.within(NONE_SHED, counts), self._gap, 2 * parts)
        if answer.ending in (Ending.INFEASIBLE, Ending.NO_INCUMBENT):
            return self._exposing(program, counts, parts) or self._shedding(program, counts, parts)
        return Staged(answer, None if answer.values is None else NONE_SHED)

    def within(self, program: FullProgram, levels: Levels, counts: Sequence[int]) -> Answer:
        """The best flows of a given allocation under given levels."""
        return self._solve(program.within(levels, counts), self._gap, 1)

    def _exposing(self, program: FullProgram, counts: Sequence[int] | None, parts: int) -> Staged | None:
        """Shed nothing, and leave as little as possible unserved after a loss; None where that does not do."""
        if program.data.scenario.survive is Survive.NONE:
            return None
        return self._least_exposed(program, Levels(0.0, 0.0, math.inf), counts, parts, _SLACKS[-1])

    def _shedding(self, program: FullProgram, counts: Sequence[int] | None, parts: int) -> Staged:
        """First the largest weighted fraction, then the total, then, with both held, the objective."""
        free = program.within(None, counts)
        worst = self._solve(program.least_worst(free), SHED_GAP, 3 * parts)
        least_worst = self._met(program, worst, None, program.least_worst)
        if least_worst is None:
            return Staged(worst, None)
        best, levels = worst, Levels(_loose(least_worst, _SLACKS[-1]), math.inf, math.inf)
        for slack in _SLACKS:
            fair = Levels(_loose(least_worst, slack), math.inf, math.inf)
            total = self._solve(program.least_total(program.within(fair, counts)), SHED_GAP, 2 * parts)
            least_total = self._met(program, total, fair, program.least_total)
            if least_total is None:
                continue
            served = max(sum(program.data.demand_rps.values()) - least_total, 0.0)
            # Of the smaller of the two: where nearly all is shed, a share of that is more than all that is served.
            best, levels = total, Levels(fair.worst, least_total + slack * (1 + min(least_total, served)), math.inf)
            staged = self._least_exposed(program, levels, counts, parts, slack)
            if staged is not None:
                return staged._replace(least=staged.least and worst.ending is total.ending is Ending.OPTIMAL)
        return Staged(_priced(free, best), levels, least=False)

    def _least_exposed(
        self, program: FullProgram, levels: Levels, counts: Sequence[int] | None, parts: int, slack: float
    ) -> Staged | None:
        """Within the levels, what losses leave unserved as small as possible, then the objective."""
        least = True
        if program.data.scenario.survive is not Survive.NONE:
            exposed = self._solve(program.least_exposed(program.within(levels, counts)), SHED_GAP, 2 * parts)
            reached = self._met(program, exposed, levels, program.least_exposed)
            if reached is None:
                return None
            least, levels = exposed.ending is Ending.OPTIMAL, levels._replace(exposed=_loose(reached, slack))
        answer = self._solve(program.within(levels, counts), self._gap, parts)
        return None if answer.values is None else Staged(answer, levels, least)

    def _met(
        self, program: FullProgram, answer: Answer, levels: Levels | None, minimising: Callable[[Matrix], Matrix]
    ) -> float | None:
        """The level that an answer's instances do reach, by a linear program; None when it has none.

        A search holds whole numbers whole to a tolerance only, and so reaches levels that no allocation does.
        """
        if answer.values is None:
            return None
        fixed = program.within(levels, program.counts(answer))
        exact = self._solve(minimising(fixed), 0.0, 1)
        return exact.objective if exact.objective is not None else answer.objective

    def _solve(self, matrix: Matrix, gap: float, parts: int) -> Answer:
        search = bool(matrix.integer.any())
        left_s = self._budget.search_s(parts) if search else self._budget.routing_s()
        if left_s <= 0:
            return Answer(Ending.NO_INCUMBENT, reason="the time is up", solver=self._solver.name)
        with self._budget.solving():
            return self._solver.solve(matrix, gap=gap, time_limit_s=left_s)


def _loose(level: float, slack: float) -> float:
    return level * (1 + slack) + slack


def _priced(matrix: Matrix, answer: Answer) -> Answer:
    """The values of a stage that minimised something else, at the objective's price: nothing is proven of them."""
    assert answer.values is not None, "a stage with an objective has values"
    return answer_with(matrix, Ending.FEASIBLE, answer.values, None, answer.solver)
