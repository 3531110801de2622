"""The chain of solvers: which one is asked first, and who follows when one fails."""

from collections.abc import Sequence

import numpy as np

from freesh_plugin.core.errors import AllocationError
from models.allocation.solve.answer import Answer, Ending, Solver
from models.allocation.solve.glpk import Glpk, glpk_program
from models.allocation.solve.highs import Highs
from models.allocation.solve.matrix import Matrix

SOLVERS = ("auto", "glpk", "highs")
GLPK_INTEGERS = 60
"""Most whole columns that `auto` gives to GLPK (docs/adr/0010, bench/results/solver_size.json)."""


class Chain:
    """Solvers asked in turn until one gives more than a failure. It keeps what failed, in sentences.

    Args:
        solvers: In order of preference.
    """

    name = "auto"

    def __init__(self, solvers: Sequence[Solver]) -> None:
        self._solvers = solvers
        self.failures: list[str] = []

    def solve(self, matrix: Matrix, *, gap: float, time_limit_s: float) -> Answer:
        """As `Solver.solve`; a failure is the last solver's."""
        if matrix.columns == 0:
            return _empty(matrix)
        answer = Answer(Ending.FAILED, reason="no solver is installed")
        for solver in self._order(matrix):
            answer = solver.solve(matrix, gap=gap, time_limit_s=time_limit_s)
            if answer.ending is not Ending.FAILED:
                return answer
            self.failures.append(f"{solver.name}: {answer.reason}")
        return answer

    def _order(self, matrix: Matrix) -> Sequence[Solver]:
        """Small integer programs as given; large ones, and linear ones, from the end, where HiGHS is.

        A linear program of this house is solved in HiGHS before a GLPK process has started.
        """
        return self._solvers if 0 < matrix.integers <= GLPK_INTEGERS else self._solvers[::-1]


def solver_chain(name: str) -> Chain:
    """The chain behind a `--solver` argument.

    Raises:
        AllocationError: the name is not known.
    """
    if name not in SOLVERS:
        raise AllocationError(f"solver {name!r} is not known; there are {', '.join(SOLVERS)}")
    if name == "glpk":
        return Chain([Glpk()])
    if name == "highs" or glpk_program() is None:
        return Chain([Highs()])
    return Chain([Glpk(), Highs()])


def _empty(matrix: Matrix) -> Answer:
    """A program without columns: its rows hold, or they do not."""
    if bool(np.all(matrix.row_lower <= 0)) and bool(np.all(matrix.row_upper >= 0)):
        none = np.zeros(0)
        free = np.zeros(len(matrix.row_lower))
        return Answer(Ending.OPTIMAL, none, matrix.offset, matrix.offset, "", "none needed", free, none)
    return Answer(Ending.INFEASIBLE, reason="no values meet all constraints", solver="none needed")
