"""A program as arrays: what every solver is handed, compiled once from the Pyomo model and cheap to vary."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyomo.environ as pyo
from pyomo.repn.plugins.standard_form import LinearStandardFormCompiler

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_LARGEST_COST = 1e4
"""Costs are scaled to this largest size: solvers' absolute tolerances (1e-6 to 1e-9) then fit any unit."""


@dataclass(frozen=True)
class Matrix:
    """min cost·v + offset, row_lower <= A·v <= row_upper, lower <= v <= upper, v whole where integer.

    Attributes:
        cost: One per column, in the objective's own unit.
        offset: Constant part of the objective.
        lower, upper: Bounds of the columns; infinite where there is none.
        integer: Which columns are whole numbers.
        starts, index, value: A by rows: row i has value[starts[i]:starts[i+1]] at columns index[...].
        row_lower, row_upper: Bounds of the rows; infinite where there is none.
    """

    cost: Floats
    offset: float
    lower: Floats
    upper: Floats
    integer: npt.NDArray[np.bool_]
    starts: Ints
    index: Ints
    value: Floats
    row_lower: Floats
    row_upper: Floats

    @property
    def columns(self) -> int:
        """Number of columns."""
        return len(self.cost)

    @property
    def integers(self) -> int:
        """Number of whole columns."""
        return int(np.count_nonzero(self.integer))

    @property
    def cost_scale(self) -> float:
        """What costs are multiplied with before a solver sees them."""
        largest = float(np.abs(self.cost).max(initial=0.0))
        return _LARGEST_COST / largest if largest > 0 else 1.0

    def objective(self, values: Floats) -> float:
        """Objective of the values, in its own unit."""
        return float(self.cost @ values) + self.offset

    def with_bounds(self, bounds: Mapping[int, tuple[float, float]]) -> "Matrix":
        """The same program with other bounds on some columns; one that is fixed need not be searched for."""
        lower, upper = self.lower.copy(), self.upper.copy()
        for column, (low, high) in bounds.items():
            lower[column], upper[column] = low, high
        return dataclasses.replace(self, lower=lower, upper=upper, integer=self.integer & (lower < upper))

    def relaxed(self) -> "Matrix":
        """The same program without whole numbers: its optimum bounds the program's own from below."""
        return dataclasses.replace(self, integer=np.zeros_like(self.integer))

    def among(self, chosen: npt.NDArray[np.bool_]) -> "Matrix":
        """The program of the chosen columns alone; the others, whose bounds must allow it, are 0."""
        kept = chosen[self.index]
        taken = np.concatenate(([0], np.cumsum(kept)))  # entries kept before each one
        return dataclasses.replace(
            self,
            cost=self.cost[chosen],
            lower=self.lower[chosen],
            upper=self.upper[chosen],
            integer=self.integer[chosen],
            starts=taken[self.starts],
            index=(np.cumsum(chosen) - 1)[self.index[kept]],
            value=self.value[kept],
        )

    def with_rows(self, rows: Sequence[tuple[Mapping[int, float], float]]) -> "Matrix":
        """The same program with more rows: coefficients by column, and what they must come to at least."""
        sizes = [len(terms) for terms, _ in rows]
        least = np.array([each for _, each in rows], dtype=float)
        return dataclasses.replace(
            self,
            starts=np.concatenate((self.starts, self.starts[-1] + np.cumsum(sizes, dtype=np.int64))),
            index=np.concatenate((self.index, np.array([j for terms, _ in rows for j in terms], dtype=np.int64))),
            value=np.concatenate((self.value, np.array([each for terms, _ in rows for each in terms.values()]))),
            row_lower=np.concatenate((self.row_lower, least)),
            row_upper=np.concatenate((self.row_upper, np.full(len(rows), np.inf))),
        )

    def without_rows(self, columns: npt.NDArray[np.bool_]) -> "Matrix":
        """The same program without the rows that mention any of these columns."""
        at_row = np.repeat(np.arange(len(self.row_lower)), np.diff(self.starts))
        kept = np.bincount(at_row[columns[self.index]], minlength=len(self.row_lower)) == 0
        entries = kept[at_row]
        return dataclasses.replace(
            self,
            starts=np.concatenate(([0], np.cumsum(np.diff(self.starts)[kept]))),
            index=self.index[entries],
            value=self.value[entries],
            row_lower=self.row_lower[kept],
            row_upper=self.row_upper[kept],
        )

    def minimising(self, column: int) -> "Matrix":
        """The same program, with one column as its objective."""
        cost = np.zeros_like(self.cost)
        cost[column] = 1.0
        return dataclasses.replace(self, cost=cost, offset=0.0)


class Columns:
    """Where the variables and constraints of a Pyomo model lie among the columns and rows of its matrix."""

    def __init__(self, variables: Sequence[object], constraints: Sequence[object] = ()) -> None:
        self._at = {id(each): i for i, each in enumerate(variables)}
        self._rows = {id(each): i for i, each in enumerate(constraints)}

    def of(self, variable: object) -> int | None:
        """Column of a variable; None when no row or cost mentions it."""
        return self._at.get(id(variable))

    def row(self, constraint: object) -> int | None:
        """Row of a constraint; None when it holds whatever the values."""
        return self._rows.get(id(constraint))


def compile_model(model: pyo.ConcreteModel) -> tuple[Matrix, Columns]:
    """Arrays of a linear Pyomo model with one active objective, which is minimised."""
    form = LinearStandardFormCompiler().write(model, mixed_form=True, set_sense=pyo.minimize)
    by_row = form.A.tocsr()
    rhs = np.asarray(form.rhs, dtype=float)
    kinds = np.array([row.bound_type for row in form.rows], dtype=int)
    bounds = [each.bounds for each in form.columns]
    matrix = Matrix(
        cost=np.asarray(form.c.toarray(), dtype=float).reshape(-1),
        offset=float(form.c_offset[0]),
        lower=np.array([-np.inf if low is None else low for low, _ in bounds], dtype=float),
        upper=np.array([np.inf if high is None else high for _, high in bounds], dtype=float),
        integer=np.array([each.is_integer() for each in form.columns], dtype=bool),
        starts=by_row.indptr.astype(np.int64),
        index=by_row.indices.astype(np.int64),
        value=by_row.data.astype(float),
        row_lower=np.where(kinds <= 0, rhs, -np.inf),
        row_upper=np.where(kinds >= 0, rhs, np.inf),
    )
    return matrix, Columns(form.columns, [row.constraint for row in form.rows])
