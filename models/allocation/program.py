"""The full program of one partition, compiled: solved under shedding levels, or with its instances held fixed."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pyomo.environ as pyo

from models.allocation.constraints import add_constraints
from models.allocation.data import ProgramData
from models.allocation.objective import add_objective
from models.allocation.pack_cut import PackCut, add_cuts
from models.allocation.solution import ROUNDING, Levels, Solution, reached, served_in_full
from models.allocation.solve.answer import Answer, Values
from models.allocation.solve.matrix import Columns, Matrix, compile_model
from models.allocation.totals import priced
from models.allocation.variables import add_variables


class FullProgram:
    """One partition's program.

    Args:
        data: What it is built from.
        cuts: Packings that are known to fail.

    Attributes:
        data: As given.
        matrix: The whole program; shedding is free in it.
    """

    def __init__(self, data: ProgramData, cuts: Sequence[PackCut] = ()) -> None:
        self.data = data
        self._model = pyo.ConcreteModel()
        add_variables(self._model, data)
        add_constraints(self._model, data)
        add_cuts(self._model, data, cuts)
        add_objective(self._model, data)
        self.matrix, self._columns = compile_model(self._model)

    def within(self, levels: Levels | None, counts: Sequence[int] | None = None) -> Matrix:
        """The program with shedding up to these levels (None: any), and instances fixed where counts are given."""
        bounds: dict[int, tuple[float, float]] = {}
        if levels is not None:
            for variable, level in ((self._model.worst, levels.worst), (self._model.total, levels.total)):
                self._bound(bounds, variable, 0.0, level)
        for i, count in enumerate(counts or ()):
            self._bound(bounds, self._model.x[i], count, count)
        return self.matrix.with_bounds(bounds)

    def least_worst(self, matrix: Matrix) -> Matrix:
        """The same, minimising the largest weighted shed fraction."""
        return self._minimising(matrix, self._model.worst)

    def least_total(self, matrix: Matrix) -> Matrix:
        """The same, minimising the total that is shed."""
        return self._minimising(matrix, self._model.total)

    def counts(self, answer: Answer) -> tuple[int, ...]:
        """Instances by pool of an answer that has values, made whole."""
        assert answer.values is not None, "only an answer with values has counts"
        read = _Reader(self._columns, answer.values)
        return tuple(round(read(each)) for each in self._model.x.values())

    def solution(self, answer: Answer) -> Solution:
        """The variables' values of an answer that has some; flows and shedding that are rounding are left out."""
        assert answer.values is not None, "only an answer with values has a solution"
        read = _Reader(self._columns, answer.values)
        model = self._model
        changes = self.data.fleet.running_known
        counts = self.counts(answer)
        staying = {i: round(read(each)) for i, each in model.staying.items()} if changes else {}
        started = {h: round(read(each)) for h, each in model.up.items()} if changes else {}
        flows = {key: rate for key, each in model.f.items() if (rate := read(each)) > ROUNDING}
        shed = {key: rate for key, each in model.shed.items() if (rate := read(each)) > ROUNDING}
        starting = {i: round(read(each)) for i, each in model.starting.items()} if changes else {}
        bare = Solution(counts, flows, shed, starting, staying, started, 0.0, reached(self.data, shed))
        solution = served_in_full(self.data, bare)
        return dataclasses.replace(solution, objective=priced(self.data, solution))

    def _bound(self, bounds: dict[int, tuple[float, float]], variable: object, low: float, high: float) -> None:
        column = self._columns.of(variable)
        if column is not None:
            bounds[column] = (low, high)

    def _minimising(self, matrix: Matrix, variable: object) -> Matrix:
        column = self._columns.of(variable)
        if column is None:
            return dataclasses.replace(matrix, cost=np.zeros_like(matrix.cost), offset=0.0)
        return matrix.minimising(column)


class _Reader:
    """Values by variable; 0 for one that no row and no cost mentions."""

    def __init__(self, columns: Columns, values: Values) -> None:
        self._columns = columns
        self._values = values

    def __call__(self, variable: object) -> float:
        column = self._columns.of(variable)
        return 0.0 if column is None else float(self._values[column])
