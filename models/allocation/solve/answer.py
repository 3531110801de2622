"""What a solver says of one program: a typed answer with its values, its proven bound, or why there is none."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np
import numpy.typing as npt

from models.allocation.solve.matrix import Matrix

Values = npt.NDArray[np.float64]


class Ending(StrEnum):
    """How a solver's run ended."""

    OPTIMAL = "optimal"
    """Proven within the gap that was asked for."""
    FEASIBLE = "feasible"
    """Values, but time ran out before the gap was proven."""
    INFEASIBLE = "infeasible"
    UNBOUNDED = "unbounded"
    NO_INCUMBENT = "no_incumbent"
    """Time ran out before any values were found."""
    FAILED = "failed"
    """The solver is missing, crashed, or wrote something that is not an answer."""


@dataclass(frozen=True)
class Answer:
    """One solver's answer, in the units of the program's own objective.

    Attributes:
        ending: How the run ended.
        values: One per column of the matrix; None unless optimal or feasible.
        objective: Of the values.
        bound: Proven lower bound on the best objective; None when nothing was proven.
        reason: Why there are no values, in a sentence.
        solver: Which one answered.
        row_duals: Of a linear program at its optimum: by how much the objective changes when a row's active bound
            rises by one. At least 0 where a lower bound is active, at most 0 where an upper one is, 0 where none is.
        reduced_costs: Of the same, one per column: cost less Σ row dual x coefficient.
    """

    ending: Ending
    values: Values | None = None
    objective: float | None = None
    bound: float | None = None
    reason: str = ""
    solver: str = ""
    row_duals: Values | None = None
    reduced_costs: Values | None = None


class Solver(Protocol):
    """A solver of mixed-integer programs, behind one call that always answers."""

    @property
    def name(self) -> str:
        """Short name, as it appears in results."""
        ...

    def solve(self, matrix: Matrix, *, gap: float, time_limit_s: float) -> Answer:
        """Minimise.

        Args:
            matrix: The program.
            gap: Relative gap at which to stop; 0 asks for a proven optimum.
            time_limit_s: Wall-clock limit, seconds.
        """
        ...


def answer_with(matrix: Matrix, ending: Ending, values: Values, bound: float | None, solver: str) -> Answer:
    """An answer whose objective is recomputed from the values, whole numbers made whole.

    Args:
        matrix: The program that was solved.
        ending: Optimal or feasible.
        values: As the solver gave them.
        bound: In the program's own units; cut off at the objective, which solvers overshoot by rounding.
        solver: Which one answered.
    """
    exact = np.where(matrix.integer, np.rint(values), values)
    objective = matrix.objective(exact)
    return Answer(ending, exact, objective, None if bound is None else min(bound, objective), "", solver)
