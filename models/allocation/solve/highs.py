"""HiGHS, in this process."""

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np

from models.allocation.solve.answer import Answer, Ending, answer_with
from models.allocation.solve.matrix import Floats, Matrix

if TYPE_CHECKING:
    import highspy

_TIME_IS_UP = ("kTimeLimit", "kIterationLimit", "kInterrupt", "kSolutionLimit")
_FEASIBLE = 2  # kSolutionStatusFeasible


class Highs:
    """HiGHS through highspy. It has been seen to ignore its time limit: a worker process adds a hard one."""

    name = "highs"

    def solve(self, matrix: Matrix, *, gap: float, time_limit_s: float) -> Answer:
        """As `Solver.solve`."""
        try:
            import highspy  # half a second, and optional: GLPK can do without it
        except ImportError:
            return Answer(Ending.FAILED, reason="highspy is not installed", solver=self.name)
        highs = highspy.Highs()  # type: ignore[no-untyped-call]  # highspy types its methods alone
        for option, value in _options(gap, time_limit_s).items():
            highs.setOptionValue(option, value)
        if highs.passModel(_program(matrix)) == highspy.HighsStatus.kError:
            return Answer(Ending.FAILED, reason="HiGHS refused the program", solver=self.name)
        highs.run()
        if highs.getModelStatus().name == "kUnboundedOrInfeasible":
            highs.setOptionValue("presolve", "off")  # the search itself tells the two apart
            highs.run()
        return _answer(matrix, highs)


def _answer(matrix: Matrix, highs: "highspy.Highs") -> Answer:
    status, name = highs.getModelStatus().name, Highs.name
    if status in ("kOptimal", "kModelEmpty"):
        answer = answer_with(matrix, Ending.OPTIMAL, _values(highs), _bound(matrix, highs), name)
        return answer if matrix.integer.any() else _with_duals(matrix, answer, highs)
    if status in _TIME_IS_UP:
        # The value of an unfinished linear program bounds nothing.
        bound = _bound(matrix, highs) if matrix.integer.any() else None
        if highs.getInfo().primal_solution_status == _FEASIBLE:
            return answer_with(matrix, Ending.FEASIBLE, _values(highs), bound, name)
        return Answer(Ending.NO_INCUMBENT, bound=bound, reason="HiGHS found nothing in time", solver=name)
    if status == "kInfeasible":
        return Answer(Ending.INFEASIBLE, reason="no values meet all constraints", solver=name)
    if status == "kUnbounded":
        return Answer(Ending.UNBOUNDED, reason="the objective falls without end", solver=name)
    return Answer(Ending.FAILED, reason=f"HiGHS ended with status {status}", solver=name)


def _values(highs: "highspy.Highs") -> Floats:
    return np.asarray(highs.getSolution().col_value, dtype=float)


def _with_duals(matrix: Matrix, answer: Answer, highs: "highspy.Highs") -> Answer:
    solution = highs.getSolution()
    if not solution.dual_valid:
        return answer
    return dataclasses.replace(
        answer,
        row_duals=np.asarray(solution.row_dual, dtype=float) / matrix.cost_scale,
        reduced_costs=np.asarray(solution.col_dual, dtype=float) / matrix.cost_scale,
    )


def _bound(matrix: Matrix, highs: "highspy.Highs") -> float | None:
    info = highs.getInfo()
    dual = info.mip_dual_bound if matrix.integer.any() else info.objective_function_value
    return dual / matrix.cost_scale + matrix.offset if math.isfinite(dual) else None


def _options(gap: float, time_limit_s: float) -> dict[str, bool | int | float]:
    return {
        "output_flag": False,
        "threads": 1,  # a plan must not depend on how many cores are free
        "random_seed": 0,
        "mip_rel_gap": gap,
        "mip_abs_gap": 1e-6 if gap else 1e-9,
        "time_limit": max(time_limit_s, 0.01),
    }


def _program(matrix: Matrix) -> "highspy.HighsLp":
    import highspy  # there, or `solve` had failed

    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = matrix.columns, len(matrix.row_lower)
    lp.col_cost_ = matrix.cost * matrix.cost_scale
    lp.col_lower_, lp.col_upper_ = matrix.lower, matrix.upper
    lp.row_lower_, lp.row_upper_ = matrix.row_lower, matrix.row_upper
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_ = matrix.starts.astype(np.int32)
    lp.a_matrix_.index_ = matrix.index.astype(np.int32)
    lp.a_matrix_.value_ = matrix.value
    if matrix.integer.any():
        kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
        lp.integrality_ = [kinds[int(whole)] for whole in matrix.integer]
    return lp
