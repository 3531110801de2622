"""The full program of one partition, compiled: solved under shedding levels, or with its instances held fixed."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyomo.environ as pyo

from models.allocation.constraints import add_constraints
from models.allocation.data import ProgramData
from models.allocation.objective import add_objective
from models.allocation.pack_cut import PackCut, add_cuts
from models.allocation.solve.answer import Answer, Values
from models.allocation.solve.matrix import Columns, Matrix, compile_model
from models.allocation.variables import add_variables

ROUNDING = 1e-9
"""Flows and shedding below this, in req/s, are rounding."""


class Levels(NamedTuple):
    """Shedding that is allowed: the largest weighted fraction, and the total in req/s summed over steps."""

    worst: float
    total: float


NONE_SHED = Levels(0.0, 0.0)


@dataclass(frozen=True)
class Solution:
    """Values of the variables of one partition's program.

    Attributes:
        counts: x, one per pool of the data.
        flows: f by (stream, pool, step), req/s.
        shed: By (stream, step), req/s.
        staying: Instances per pool that serve on while others start.
        started: up by place.
        objective: In the objective's unit.
        levels: Shedding reached.
    """

    counts: tuple[int, ...]
    flows: Mapping[tuple[int, int, int], float]
    shed: Mapping[tuple[int, int], float]
    staying: Mapping[int, int]
    started: Mapping[int, int]
    objective: float
    levels: Levels


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

    def solution(self, answer: Answer) -> Solution:
        """The variables' values of an answer that has some; flows and shedding that are rounding are left out."""
        assert answer.values is not None, "only an answer with values has a solution"
        read = _Reader(self._columns, answer.values)
        model = self._model
        changes = self.data.fleet.running_known
        shed = {key: rate for key, each in model.shed.items() if (rate := read(each)) > ROUNDING}
        return Solution(
            counts=tuple(round(read(each)) for each in model.x.values()),
            flows={key: rate for key, each in model.f.items() if (rate := read(each)) > ROUNDING},
            shed=shed,
            staying={i: round(read(each)) for i, each in model.staying.items()} if changes else {},
            started={h: round(read(each)) for h, each in model.up.items()} if changes else {},
            objective=self.matrix.objective(answer.values),
            levels=reached(self.data, shed),
        )

    def _bound(self, bounds: dict[int, tuple[float, float]], variable: object, low: float, high: float) -> None:
        column = self._columns.of(variable)
        if column is not None:
            bounds[column] = (low, high)

    def _minimising(self, matrix: Matrix, variable: object) -> Matrix:
        column = self._columns.of(variable)
        if column is None:
            return dataclasses.replace(matrix, cost=np.zeros_like(matrix.cost), offset=0.0)
        return matrix.minimising(column)


def reached(data: ProgramData, shed: Mapping[tuple[int, int], float]) -> Levels:
    """The levels that some shedding, by (stream, step), amounts to."""
    prices = {each.name: each.shed_price for each in data.scenario.tiers}
    fractions = (
        prices[data.streams[s].tier] * rate / data.demand_rps[data.streams[s], t] for (s, t), rate in shed.items()
    )
    return Levels(max(fractions, default=0.0), sum(shed.values()))


class _Reader:
    """Values by variable; 0 for one that no row and no cost mentions."""

    def __init__(self, columns: Columns, values: Values) -> None:
        self._columns = columns
        self._values = values

    def __call__(self, variable: object) -> float:
        column = self._columns.of(variable)
        return 0.0 if column is None else float(self._values[column])
