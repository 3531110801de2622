"""The full program, compiled: solved under levels of shedding and exposure, or with its instances held fixed."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import pyomo.environ as pyo

from models.allocation.constraints import add_constraints
from models.allocation.cover import cover_rows, load_cost
from models.allocation.data import Pool, ProgramData
from models.allocation.objective import add_objective
from models.allocation.pack_cut import PackCut, add_cuts
from models.allocation.solution import ROUNDING, Levels, Solution, reached, served_in_full
from models.allocation.solve.answer import Answer, Values
from models.allocation.solve.matrix import Columns, Matrix, compile_model
from models.allocation.totals import priced
from models.allocation.variables import add_variables, linear


class FullProgram:
    """The program of some candidate partitions.

    Args:
        data: What it is built from.
        cuts: Packings that are known to fail.
        held: Instances by pool (at whatever load) that are given, not decided; None = all are decided.

    Attributes:
        data: As given.
        matrix: The whole program; shedding is free in it.
    """

    def __init__(self, data: ProgramData, cuts: Sequence[PackCut] = (), held: Mapping[Pool, int] | None = None) -> None:
        self.data = data
        self._model = pyo.ConcreteModel()
        add_variables(self._model, data)
        add_constraints(self._model, data)
        add_cuts(self._model, data, cuts)
        add_objective(self._model, data)
        if held is not None:
            _hold(self._model, data, held)
        self.matrix, self._columns = compile_model(self._model)

    def row(self, *key: object) -> int | None:
        """Row of the matrix of a constraint, by its family and what it is the row of; None when there is none."""
        return self._columns.row(self._model.rows[key]) if key in self._model.rows else None

    def within(self, levels: Levels | None, counts: Sequence[int] | None = None) -> Matrix:
        """The program within these levels (None: any), and instances fixed where counts are given."""
        bounds: dict[int, tuple[float, float]] = {}
        if levels is not None:
            for variable, level in zip(
                (self._model.worst, self._model.total, self._model.exposed), levels, strict=True
            ):
                self._bound(bounds, variable, 0.0, level)
        for i, count in enumerate(counts or ()):
            self._bound(bounds, self._model.x[i], count, count)
        return self.matrix.with_bounds(bounds)

    def covered(self, matrix: Matrix) -> Matrix:
        """The same with rows of cover: redundant, but from them alone a search sees what whole instances must come to.

        It ends in a half to a tenth of the time; a relaxation is better off without.
        """
        return matrix.with_rows(list(cover_rows(self._model, self.data, self._columns.of)))

    def aggregated(self, matrix: Matrix) -> Matrix:
        """The same without flows: instances cover the demand of each class, whoever serves whom; x keeps its column.

        Rows with flows in them give way to rows of cover. An instance costs what it does at its class's load. It is
        small, and where all pools of a class may serve all of its streams, its instances serve the program, too.
        """
        flows = np.zeros(matrix.columns, dtype=bool)
        flows[[column for each in self._model.f.values() if (column := self._columns.of(each)) is not None]] = True
        held = matrix.with_bounds(dict.fromkeys(np.flatnonzero(flows).tolist(), (0.0, 0.0)))
        bare = held.without_rows(flows).with_rows(list(cover_rows(self._model, self.data, self._columns.of)))
        cost = bare.cost.copy()
        for i, each in self._model.x.items():
            if (column := self._columns.of(each)) is not None:
                cost[column] += load_cost(self.data, i)
        return dataclasses.replace(bare, cost=cost)

    def least_worst(self, matrix: Matrix) -> Matrix:
        """The same, minimising the largest weighted shed fraction."""
        return self._minimising(matrix, self._model.worst)

    def least_total(self, matrix: Matrix) -> Matrix:
        """The same, minimising the total that is shed."""
        return self._minimising(matrix, self._model.total)

    def least_exposed(self, matrix: Matrix) -> Matrix:
        """The same, minimising what losses would leave unserved."""
        return self._minimising(matrix, self._model.exposed)

    def counts(self, answer: Answer) -> tuple[int, ...]:
        """Instances by pool of an answer that has values, made whole."""
        assert answer.values is not None, "only an answer with values has counts"
        read = _Reader(self._columns, answer.values)
        return tuple(round(read(each)) for each in self._model.x.values())

    def instances(self, answer: Answer) -> Values:
        """Instances by pool of an answer that has values, as they are: fractions in a relaxation."""
        assert answer.values is not None, "only an answer with values has instances"
        read = _Reader(self._columns, answer.values)
        return np.array([read(each) for each in self._model.x.values()])

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
        short = {j: rate for j, each in model.short.items() if (rate := read(each)) > ROUNDING}
        levels = reached(self.data, shed, sum(short.values()))
        bare = Solution(counts, flows, shed, starting, staying, started, 0.0, levels, self._partition(read), short)
        solution = served_in_full(self.data, bare)
        return dataclasses.replace(solution, objective=priced(self.data, solution))

    def _partition(self, read: "_Reader") -> dict[str, str]:
        """The partition of each model: its only candidate, or the one that was chosen."""
        return {
            name: max(names, key=lambda q: read(self._model.y[name, q])) if len(names) > 1 else names[0]
            for name, names in self.data.candidates.items()
        }

    def _bound(self, bounds: dict[int, tuple[float, float]], variable: object, low: float, high: float) -> None:
        column = self._columns.of(variable)
        if column is not None:
            bounds[column] = (low, high)

    def _minimising(self, matrix: Matrix, variable: object) -> Matrix:
        column = self._columns.of(variable)
        if column is None:
            return dataclasses.replace(matrix, cost=np.zeros_like(matrix.cost), offset=0.0)
        return matrix.minimising(column)


def _hold(model: pyo.ConcreteModel, data: ProgramData, held: Mapping[Pool, int]) -> None:
    """Σ_load x = held, instances, for every pool whatever load it is used up to."""
    pools: dict[Pool, list[int]] = {}
    for i, pool in enumerate(data.pools):
        pools.setdefault(pool._replace(load=1.0), []).append(i)
    for pool, indices in pools.items():
        model.rows["held", pool] = linear([(1.0, model.x[i]) for i in indices]) == held.get(pool, 0)


class _Reader:
    """Values by variable; 0 for one that no row and no cost mentions."""

    def __init__(self, columns: Columns, values: Values) -> None:
        self._columns = columns
        self._values = values

    def __call__(self, variable: object) -> float:
        column = self._columns.of(variable)
        return 0.0 if column is None else float(self._values[column])
