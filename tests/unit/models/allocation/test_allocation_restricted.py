"""The guided search: within the gap of the optimum, with a bound that holds, also when its first columns cannot do."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.allocation.restricted import search
from models.allocation.solve.answer import Answer, Ending
from models.allocation.solve.highs import Highs
from models.allocation.solve.matrix import Matrix

INF = float("inf")


def covering(seed: int, *, columns: int = 60, rows: int = 4, slots: int = 6, scale: int = 1) -> Matrix:
    """Minimise cost·v: each row at least so much, each slot at most so much; one of each a column."""
    draw = np.random.default_rng(seed)
    row, slot = draw.integers(0, rows, columns), draw.integers(0, slots, columns)
    dense = np.zeros((rows + slots, columns))
    dense[row, np.arange(columns)] = draw.uniform(1, 9, columns)
    dense[rows + slot, np.arange(columns)] = draw.choice([1.0, 2.0, 4.0], columns)
    return Matrix(
        cost=draw.uniform(5, 20, columns),
        offset=3.0,
        lower=np.zeros(columns),
        upper=np.full(columns, 50.0 * scale),
        integer=np.ones(columns, dtype=bool),
        starts=np.arange(rows + slots + 1) * columns,
        index=np.tile(np.arange(columns), rows + slots),
        value=dense.reshape(-1),
        row_lower=np.concatenate([scale * draw.uniform(5, 40, rows), np.full(slots, -INF)]),
        row_upper=np.concatenate([np.full(rows, INF), scale * draw.integers(8, 40, slots).astype(float)]),
    )


def relaxed(matrix: Matrix) -> Answer:
    return Highs().solve(matrix.relaxed(), gap=0.0, time_limit_s=10)


class Counting:
    """HiGHS, and how many columns each program had."""

    name = "highs"

    def __init__(self) -> None:
        self.columns: list[int] = []

    def solve(self, matrix: Matrix, *, gap: float, time_limit_s: float) -> Answer:
        self.columns.append(matrix.columns)
        return Highs().solve(matrix, gap=gap, time_limit_s=time_limit_s)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), gap=st.sampled_from([0.2, 0.03, 0.001]))
def test_within_the_gap_of_the_exact_optimum(seed: int, gap: float) -> None:
    matrix = covering(seed)
    exact = Highs().solve(matrix, gap=0.0, time_limit_s=20)
    relaxation = relaxed(matrix)
    if relaxation.values is None:
        assert exact.ending is Ending.INFEASIBLE
        return
    found = search(matrix, relaxation, Highs(), gap=gap, left_s=lambda: 20.0)
    if exact.objective is None:
        assert found.ending is Ending.INFEASIBLE
        return
    assert found.ending is Ending.OPTIMAL
    assert found.objective is not None
    assert found.bound is not None
    assert found.values is not None
    assert found.bound <= exact.objective * (1 + 1e-9)
    assert exact.objective * (1 - 1e-9) <= found.objective <= exact.objective / (1 - gap) * (1 + 1e-9)
    assert found.objective - found.bound <= gap * found.objective * (1 + 1e-6)
    rows = np.add.reduceat(matrix.value * found.values[matrix.index], matrix.starts[:-1])
    assert (rows >= matrix.row_lower - 1e-6).all()
    assert (rows <= matrix.row_upper + 1e-6).all()


def test_a_wide_gap_needs_a_few_columns_of_many() -> None:
    matrix, solver = covering(1, columns=2000, scale=20), Counting()
    found = search(matrix, relaxed(matrix), solver, gap=0.05, left_s=lambda: 20.0)
    assert found.ending is Ending.OPTIMAL
    assert len(solver.columns) == 1
    assert solver.columns[0] < 100
    assert found.values is not None
    assert len(found.values) == 2000


def test_columns_that_cannot_do_are_joined_by_others() -> None:
    # 3 <= 2a + b <= 3.5 with many like b, dearer: the relaxation takes a = 1.5 alone; whole numbers need a b.
    others = 40
    matrix = Matrix(
        cost=np.array([1.0, *range(10, 10 + others)]),
        offset=0.0,
        lower=np.zeros(others + 1),
        upper=np.full(others + 1, 9.0),
        integer=np.ones(others + 1, dtype=bool),
        starts=np.array([0, others + 1]),
        index=np.arange(others + 1),
        value=np.array([2.0, *[4.0] * (others - 1), 1.0]),
        row_lower=np.array([3.0]),
        row_upper=np.array([3.5]),
    )
    solver = Counting()
    found = search(matrix, relaxed(matrix), solver, gap=0.01, left_s=lambda: 10.0)
    # The only odd column is the dearest of all: a = 1 and that one, 1 + 49.
    assert found.objective == pytest.approx(50.0)
    assert found.ending is Ending.OPTIMAL
    assert found.bound == pytest.approx(50.0)
    assert solver.columns[-1] == others + 1
    assert len(solver.columns) > 1


def test_no_whole_solution_at_all_is_infeasible() -> None:
    parity = Matrix(
        cost=np.ones(2), offset=0.0, lower=np.zeros(2), upper=np.full(2, 9.0), integer=np.ones(2, dtype=bool),
        starts=np.array([0, 2]), index=np.arange(2), value=np.full(2, 2.0),
        row_lower=np.array([3.0]), row_upper=np.array([3.0]),
    )  # fmt: skip
    assert search(parity, relaxed(parity), Highs(), gap=0.01, left_s=lambda: 5.0).ending is Ending.INFEASIBLE


def test_without_time_the_relaxation_still_bounds() -> None:
    matrix = covering(1)
    relaxation = relaxed(matrix)
    found = search(matrix, relaxation, Highs(), gap=0.01, left_s=lambda: 0.0)
    assert (found.ending, found.values, found.bound) == (Ending.NO_INCUMBENT, None, relaxation.bound)
    assert found.reason == "the time is up"


def test_a_solver_that_fails_is_no_answer() -> None:
    class Broken:
        name = "broken"

        def solve(self, matrix: Matrix, *, gap: float, time_limit_s: float) -> Answer:
            return Answer(Ending.FAILED, reason="it is broken", solver="broken")

    matrix = covering(1)
    found = search(matrix, relaxed(matrix), Broken(), gap=0.01, left_s=lambda: 5.0)
    assert found.ending is Ending.NO_INCUMBENT
    assert found.reason == "it is broken"


def test_chosen_columns_alone_keep_rows_costs_and_bounds() -> None:
    matrix = Matrix(
        cost=np.array([1.0, 2.0, 3.0]), offset=7.0, lower=np.array([0.0, 0.0, 1.0]), upper=np.array([4.0, 5.0, 6.0]),
        integer=np.array([True, True, False]), starts=np.array([0, 2, 2, 5]), index=np.array([0, 1, 0, 1, 2]),
        value=np.array([10.0, 20.0, 30.0, 40.0, 50.0]),
        row_lower=np.array([1.0, -INF, 2.0]), row_upper=np.array([INF, 3.0, INF]),
    )  # fmt: skip
    fewer = matrix.among(np.array([True, False, True]))
    assert fewer.cost.tolist() == [1.0, 3.0]
    assert fewer.offset == 7.0
    assert (fewer.lower.tolist(), fewer.upper.tolist()) == ([0.0, 1.0], [4.0, 6.0])
    assert fewer.integer.tolist() == [True, False]
    assert fewer.starts.tolist() == [0, 1, 1, 3]
    assert fewer.index.tolist() == [0, 0, 1]
    assert fewer.value.tolist() == [10.0, 30.0, 50.0]
    assert fewer.row_lower.tolist() == [1.0, -INF, 2.0]
    assert not matrix.relaxed().integer.any()
    assert matrix.integer.any()


def test_rows_are_added_and_those_that_mention_a_column_go() -> None:
    matrix = Matrix(
        cost=np.ones(3), offset=0.0, lower=np.zeros(3), upper=np.full(3, 9.0), integer=np.ones(3, dtype=bool),
        starts=np.array([0, 2, 3]), index=np.array([0, 1, 2]), value=np.array([1.0, 2.0, 3.0]),
        row_lower=np.array([1.0, 2.0]), row_upper=np.array([INF, 5.0]),
    )  # fmt: skip
    more = matrix.with_rows([({0: 4.0, 2: 5.0}, 6.0), ({}, -1.0)])
    assert more.starts.tolist() == [0, 2, 3, 5, 5]
    assert more.index.tolist() == [0, 1, 2, 0, 2]
    assert more.value.tolist() == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert more.row_lower.tolist() == [1.0, 2.0, 6.0, -1.0]
    assert more.row_upper.tolist() == [INF, 5.0, INF, INF]
    fewer = more.without_rows(np.array([False, True, False]))
    assert fewer.starts.tolist() == [0, 1, 3, 3]
    assert fewer.value.tolist() == [3.0, 4.0, 5.0]
    assert fewer.row_lower.tolist() == [2.0, 6.0, -1.0]
    assert fewer.row_upper.tolist() == [5.0, INF, INF]
