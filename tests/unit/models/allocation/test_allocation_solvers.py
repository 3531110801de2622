"""Each solver, each ending: GLPK as glpsol and as the program over swiglpk, and HiGHS."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from freesh_plugin.core.errors import AllocationError
from models.allocation.solve.answer import Answer, Ending, Solver
from models.allocation.solve.chain import GLPK_INTEGERS, Chain, solver_chain
from models.allocation.solve.glpk import Glpk, swiglpk_program
from models.allocation.solve.glpk_files import logged_bound, read_solution
from models.allocation.solve.highs import Highs
from models.allocation.solve.matrix import Matrix
from tests.fakes.glpsol_impostors import impostor

INF = float("inf")


def program(
    cost: list[float],
    rows: list[tuple[list[float], float, float]],
    *,
    upper: float = 10.0,
    whole: bool = True,
    offset: float = 0.0,
) -> Matrix:
    """A dense program with columns in [0, upper]."""
    columns = len(cost)
    return Matrix(
        cost=np.array(cost, dtype=float),
        offset=offset,
        lower=np.zeros(columns),
        upper=np.full(columns, upper),
        integer=np.full(columns, whole),
        starts=np.arange(len(rows) + 1) * columns,
        index=np.tile(np.arange(columns), len(rows)),
        value=np.array([each for row, _, _ in rows for each in row], dtype=float),
        row_lower=np.array([low for _, low, _ in rows], dtype=float),
        row_upper=np.array([high for _, _, high in rows], dtype=float),
    )


KNAPSACK = program([2.0, 3.0], [([1.0, 2.0], 3.5, INF)], offset=7.0)
"""min 2a + 3b + 7, a + 2b >= 3.5: b = 2 gives 13; the linear optimum is b = 1.75, 12.25."""
TOO_MUCH = program([1.0, 1.0], [([1.0, 1.0], 21.0, INF)])
"""Two columns of at most 10 cannot add up to 21."""
PARITY = program([1.0, 1.0], [([2.0, 2.0], 3.0, 3.0)])
"""2a + 2b = 3 has no whole solution, though a fractional one."""
ENDLESS = program([-1.0], [([1.0], 0.0, INF)], upper=INF)


def market_split(seed: int = 1, rows: int = 5, columns: int = 40) -> Matrix:
    """Cornuejols and Dawande's market split: tiny, and beyond any branch and bound in seconds; slack has a price."""
    draw = np.random.default_rng(seed)
    weights = draw.integers(0, 100, (rows, columns))
    halves = weights.sum(axis=1) // 2
    entries = [
        (
            [
                *row.astype(float),
                *(1.0 if j == i else 0.0 for j in range(rows)),
                *(-1.0 if j == i else 0.0 for j in range(rows)),
            ],
            float(half),
            float(half),
        )
        for i, (row, half) in enumerate(zip(weights, halves, strict=True))
    ]
    matrix = program([0.0] * columns + [1.0] * (2 * rows), entries, upper=1.0)
    matrix.upper[columns:] = 1e4
    matrix.integer[columns:] = False
    return matrix


GLPKS = [pytest.param(Glpk(swiglpk_program()), id="swiglpk")]
if shutil.which("glpsol"):
    GLPKS.append(pytest.param(Glpk((shutil.which("glpsol") or "",)), id="glpsol"))
SOLVERS = [*GLPKS, pytest.param(Highs(), id="highs")]


@pytest.mark.parametrize("solver", SOLVERS)
class TestEndings:
    def test_optimum_by_hand(self, solver: Solver) -> None:
        answer = solver.solve(KNAPSACK, gap=0.0, time_limit_s=10)
        assert answer.ending is Ending.OPTIMAL
        assert answer.values is not None
        assert answer.values.tolist() == [0.0, 2.0]
        assert answer.objective == pytest.approx(13.0)
        assert answer.bound == pytest.approx(13.0)

    def test_linear_optimum_by_hand(self, solver: Solver) -> None:
        matrix = program([2.0, 3.0], [([1.0, 2.0], 3.5, INF)], offset=7.0, whole=False)
        answer = solver.solve(matrix, gap=0.0, time_limit_s=10)
        assert answer.ending is Ending.OPTIMAL
        assert answer.objective == pytest.approx(12.25)
        assert answer.bound == pytest.approx(12.25)

    def test_duals_of_a_linear_program_by_hand(self, solver: Solver) -> None:
        # min 2a + 3b + 7, a + 2b >= 3.5, a + b <= 9, a = 0, b = 1.75. One more asked costs half a b, 1.5; a costs
        # 2 - 1.5 = .5 more than what it saves. In g and in a unit a billion times as small.
        for unit in (1.0, 1e-9):
            rows = [([1.0, 2.0], 3.5, INF), ([1.0, 1.0], -INF, 9.0)]
            answer = solver.solve(program([2.0 * unit, 3.0 * unit], rows, whole=False), gap=0.0, time_limit_s=10)
            assert answer.row_duals is not None
            assert answer.reduced_costs is not None
            assert answer.row_duals.tolist() == pytest.approx([1.5 * unit, 0.0])
            assert answer.reduced_costs.tolist() == pytest.approx([0.5 * unit, 0.0])

    def test_the_dual_of_an_upper_limit_is_negative(self, solver: Solver) -> None:
        # min -2a - b, a + b <= 4, a <= 3: one more in the row earns a b, 1; one more of a earns 1 over a b.
        matrix = program([-2.0, -1.0], [([1.0, 1.0], -INF, 4.0)], upper=3.0, whole=False)
        answer = solver.solve(matrix, gap=0.0, time_limit_s=10)
        assert answer.row_duals is not None
        assert answer.reduced_costs is not None
        assert answer.row_duals.tolist() == pytest.approx([-1.0])
        assert answer.reduced_costs.tolist() == pytest.approx([-1.0, 0.0])

    def test_an_integer_program_has_no_duals(self, solver: Solver) -> None:
        answer = solver.solve(KNAPSACK, gap=0.0, time_limit_s=10)
        assert answer.row_duals is None
        assert answer.reduced_costs is None

    def test_a_program_without_rows(self, solver: Solver) -> None:
        answer = solver.solve(program([2.0, -3.0], [], offset=1.0), gap=0.0, time_limit_s=5)
        assert (answer.ending, answer.objective) == (Ending.OPTIMAL, -29.0)

    def test_tiny_and_huge_costs_are_solved_alike(self, solver: Solver) -> None:
        for unit in (1e-9, 1e12):
            matrix = program([2.0 * unit, 3.0 * unit], [([1.0, 2.0], 3.5, INF)])
            answer = solver.solve(matrix, gap=0.0, time_limit_s=10)
            assert answer.objective == pytest.approx(6.0 * unit)

    @pytest.mark.parametrize("matrix", [TOO_MUCH, PARITY], ids=["linear", "whole"])
    def test_infeasible(self, solver: Solver, matrix: Matrix) -> None:
        answer = solver.solve(matrix, gap=0.0, time_limit_s=10)
        assert answer.ending is Ending.INFEASIBLE
        assert answer.values is None

    def test_infeasible_linear_program(self, solver: Solver) -> None:
        matrix = program([1.0, 1.0], [([1.0, 1.0], 21.0, INF)], whole=False)
        assert solver.solve(matrix, gap=0.0, time_limit_s=10).ending is Ending.INFEASIBLE

    @pytest.mark.parametrize("whole", [True, False])
    def test_unbounded(self, solver: Solver, whole: bool) -> None:
        matrix = program([-1.0], [([1.0], 0.0, INF)], upper=INF, whole=whole)
        assert solver.solve(matrix, gap=0.0, time_limit_s=10).ending is Ending.UNBOUNDED

    def test_time_is_up_with_an_incumbent(self, solver: Solver) -> None:
        matrix = market_split()
        answer = solver.solve(matrix, gap=0.0, time_limit_s=1)
        assert answer.ending is Ending.FEASIBLE
        assert answer.values is not None
        assert answer.objective is not None
        assert answer.bound is not None
        assert 0.0 <= answer.bound < answer.objective
        rows = np.add.reduceat(matrix.value * answer.values[matrix.index], matrix.starts[:-1])
        assert np.allclose(rows, matrix.row_lower, atol=1e-5)

    def test_time_is_up_without_an_incumbent(self, solver: Solver) -> None:
        matrix = market_split(columns=45, rows=6)
        matrix.upper[45:] = 0.0  # no slack: feasible or not, nobody knows in a second
        answer = solver.solve(matrix, gap=0.0, time_limit_s=1)
        assert answer.ending is Ending.NO_INCUMBENT
        assert answer.values is None
        assert answer.reason

    def test_a_wide_gap_is_reported_with_its_bound(self, solver: Solver) -> None:
        answer = solver.solve(market_split(rows=2, columns=12), gap=0.99, time_limit_s=20)
        assert answer.ending is Ending.OPTIMAL
        assert answer.bound is not None
        assert answer.objective is not None
        assert answer.bound <= answer.objective


@pytest.mark.parametrize(
    ("deed", "reason"),
    [
        ("crashes", "status -11"),
        ("refuses", "bad option"),
        ("writes_nothing", "status 0"),
        ("writes_garbage", "not a solution"),
        ("writes_short", "not a solution"),
        ("writes_binary", "not a solution"),
    ],
)
def test_a_broken_glpsol_is_a_failure_with_its_reason(tmp_path: Path, deed: str, reason: str) -> None:
    answer = Glpk(impostor(tmp_path, deed)).solve(KNAPSACK, gap=0.0, time_limit_s=5)
    assert answer.ending is Ending.FAILED
    assert reason in answer.reason


def test_a_glpsol_that_ignores_its_limit_is_killed(tmp_path: Path) -> None:
    answer = Glpk(impostor(tmp_path, "hangs")).solve(KNAPSACK, gap=0.0, time_limit_s=1)
    assert answer.ending is Ending.NO_INCUMBENT
    assert "killed" in answer.reason


def test_a_glpsol_that_does_not_start_is_a_failure() -> None:
    answer = Glpk(("/nonexistent/glpsol",)).solve(KNAPSACK, gap=0.0, time_limit_s=1)
    assert answer.ending is Ending.FAILED
    assert "did not start" in answer.reason


def test_glpk_that_is_not_there_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.allocation.solve.glpk.glpk_program", lambda: None)
    answer = solver_chain("glpk").solve(KNAPSACK, gap=0.0, time_limit_s=1)
    assert answer.ending is Ending.FAILED
    assert "swiglpk is not installed" in answer.reason


def test_highs_that_is_not_there_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "highspy", None)
    answer = Highs().solve(KNAPSACK, gap=0.0, time_limit_s=1)
    assert answer.ending is Ending.FAILED
    assert "highspy is not installed" in answer.reason


class TestChain:
    def test_the_next_solver_follows_a_failure_which_is_remembered(self, tmp_path: Path) -> None:
        chain = Chain([Glpk(impostor(tmp_path, "crashes")), Highs()])
        answer = chain.solve(KNAPSACK, gap=0.0, time_limit_s=5)
        assert answer.solver == "highs"
        assert answer.objective == pytest.approx(13.0)
        assert chain.failures
        assert "glpk" in chain.failures[0]

    def test_infeasible_is_an_answer_and_not_asked_again(self) -> None:
        class Never:
            name = "never"

            def solve(self, matrix: Matrix, *, gap: float, time_limit_s: float) -> Answer:
                raise AssertionError("asked")

        assert Chain([Highs(), Never()]).solve(TOO_MUCH, gap=0, time_limit_s=1).ending is Ending.INFEASIBLE

    def test_auto_gives_small_programs_to_glpk_and_large_ones_to_highs(self) -> None:
        chain = solver_chain("auto")
        wide = GLPK_INTEGERS + 1
        large = program([1.0] * wide, [([1.0] * wide, 3.0, INF)])
        assert chain.solve(KNAPSACK, gap=0.0, time_limit_s=5).solver == "glpk"
        assert chain.solve(large, gap=0.0, time_limit_s=5).solver == "highs"

    def test_a_program_without_columns_needs_no_solver(self) -> None:
        empty = program([], [], offset=5.0)
        answer = Chain([]).solve(empty, gap=0.0, time_limit_s=1)
        assert (answer.ending, answer.objective, answer.bound) == (Ending.OPTIMAL, 5.0, 5.0)

    def test_an_unknown_solver_is_refused(self) -> None:
        with pytest.raises(AllocationError, match=r"cplex.*auto, glpk, highs"):
            solver_chain("cplex")


def test_glpsol_is_preferred_and_swiglpk_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    from models.allocation.solve.glpk import glpk_program

    monkeypatch.setattr(shutil, "which", lambda name: f"/opt/{name}")
    assert glpk_program() == ("/opt/glpsol",)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert glpk_program() == swiglpk_program()


def test_swiglpk_never_enters_this_process() -> None:
    Glpk(swiglpk_program()).solve(KNAPSACK, gap=0.0, time_limit_s=5)
    assert "swiglpk" not in sys.modules


@pytest.mark.parametrize(
    ("log", "bound"),
    [
        ("+   123: mip =   1.2e+01 >=   1.1e+01   8.3% (3; 0)", 11.0),
        ("+     1: mip =     not found yet >=   2.5e+00        (1; 0)", 2.5),
        ("+     1: mip =     not found yet >=              -inf        (1; 0)", None),
        ("+     1: mip =   6.000000000e+00 >=     tree is empty   0.0% (0; 1)", 6.0),
        ("+ 9: mip = 5.0 >= 4.0 1% (1; 1)\n+ 10: mip = 5.0 >= 4.5 1% (1; 1)\nTIME LIMIT EXCEEDED", 4.5),
        ("nothing here", None),
    ],
)
def test_the_bound_is_read_from_the_log(log: str, bound: float | None) -> None:
    assert logged_bound(log) == bound


def test_solution_files_of_both_kinds_are_read() -> None:
    mip = read_solution("c x\ns mip 1 2 f 6\ni 1 4\nj 1 0\nj 2 2\ne o f", 1, 2)
    assert mip is not None
    assert (mip.status, mip.values.tolist()) == ("f", [0.0, 2.0])
    basic = read_solution("s bas 1 2 f f 5.25\ni 1 l 3.5 1.5\nj 1 l 0 0.5\nj 2 b 1.75 0\ne o f", 1, 2)
    assert basic is not None
    assert (basic.status, basic.values.tolist()) == ("o", [0.0, 1.75])
    assert basic.row_duals is not None
    assert basic.reduced_costs is not None
    assert (basic.row_duals.tolist(), basic.reduced_costs.tolist()) == ([1.5], [0.5, 0.0])
