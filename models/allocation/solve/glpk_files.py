"""GLPK's own text formats: a program written, a solution and a log read."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.allocation.solve.matrix import Floats, Matrix


@dataclass(frozen=True)
class Solution:
    """A solution file: a status letter, one value per column, and the duals of a basic solution.

    Status: o optimal, f feasible, n infeasible, u undefined. Duals are by row and by column; None in a file of a
    mixed-integer program.
    """

    status: str
    values: Floats
    row_duals: Floats | None = None
    reduced_costs: Floats | None = None


def write_program(matrix: Matrix) -> str:
    """The program in the GLPK LP/MIP format: rows and columns by number, so that nothing depends on names."""
    whole = bool(matrix.integer.any())
    rows, columns = len(matrix.row_lower), matrix.columns
    cost = matrix.cost * matrix.cost_scale
    priced = np.flatnonzero(cost).tolist()
    lines = [f"p {'mip' if whole else 'lp'} min {rows} {columns} {len(matrix.value)}"]
    limits = zip(matrix.row_lower.tolist(), matrix.row_upper.tolist(), strict=True)
    lines += [f"i {i} {_bounds(low, high)}" for i, (low, high) in enumerate(limits, 1)]
    limits = zip(matrix.lower.tolist(), matrix.upper.tolist(), strict=True)
    kinds = [("i " if each else "c ") if whole else "" for each in matrix.integer.tolist()]
    typed = zip(kinds, limits, strict=True)
    lines += [f"j {j} {kind}{_bounds(low, high)}" for j, (kind, (low, high)) in enumerate(typed, 1)]
    costs = cost.tolist()
    lines += [f"a 0 {j + 1} {costs[j]!r}" for j in priced]
    at_row = np.repeat(np.arange(1, rows + 1), np.diff(matrix.starts)).tolist()
    entries = zip(at_row, (matrix.index + 1).tolist(), matrix.value.tolist(), strict=True)
    lines += [f"a {i} {j} {value!r}" for i, j, value in entries]
    return "\n".join([*lines, "e o f", ""])


def _bounds(low: float, high: float) -> str:
    if low == high:
        return f"s {low!r}"
    if math.isinf(low):
        return "f" if math.isinf(high) else f"u {high!r}"
    return f"l {low!r}" if math.isinf(high) else f"d {low!r} {high!r}"


def read_solution(text: str, rows: int, columns: int) -> Solution | None:
    """A solution file of `--write`; None when it is not one for so many rows and columns.

    A mixed-integer file has `s mip ROWS COLUMNS STATUS OBJECTIVE` and `j NUMBER VALUE`, a basic one
    `s bas ROWS COLUMNS PRIMAL DUAL OBJECTIVE`, `i NUMBER STATUS VALUE DUAL` and `j NUMBER STATUS VALUE DUAL`.
    """
    lines = [line.split() for line in text.splitlines()]
    try:
        head = next(words for words in lines if words[:1] == ["s"])
        if head[1] == "mip":
            values = _numbered(lines, "j", columns, 2)
            return Solution(head[4], values) if not np.isnan(values).any() else None
        status = "o" if head[4] == head[5] == "f" else head[4]  # feasible on the primal and the dual side
        values, reduced = _numbered(lines, "j", columns, 3), _numbered(lines, "j", columns, 4)
        solution = Solution(status, values, _numbered(lines, "i", rows, 4), reduced)
    except (IndexError, StopIteration, ValueError):
        return None
    return solution if not np.isnan(values).any() else None


def _numbered(lines: Sequence[Sequence[str]], kind: str, count: int, place: int) -> Floats:
    """The word at one place of all lines of a kind, by their number; NaN where there is no such line."""
    values = np.full(count, math.nan)
    for words in lines:
        if words[:1] == [kind]:
            values[int(words[1]) - 1] = float(words[place])
    return values


def logged_bound(log: str) -> float | None:
    """Last proven bound in the log of the branch and bound; None when it is not a number.

    Lines are like `+   123: mip =   1.2e+01 >=   1.1e+01   8.3% (3; 0)`; `tree is empty` = the incumbent is optimal.
    """
    lines = [line for line in log.splitlines() if line.startswith("+") and ">=" in line]
    if not lines:
        return None
    before, _, after = lines[-1].partition(">=")
    text = before.split("=")[-1] if "tree is empty" in after else after.split()[0]
    try:
        bound = float(text)
    except ValueError:
        return None
    return bound if math.isfinite(bound) else None
