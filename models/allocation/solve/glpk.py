"""GLPK, as a program of its own: `glpsol` on PATH, else our small one over the swiglpk wheel."""

import dataclasses
import importlib.util
import math
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from models.allocation.solve.answer import Answer, Ending, answer_with
from models.allocation.solve.glpk_files import Solution, logged_bound, read_solution, write_program
from models.allocation.solve.matrix import Matrix

_GRACE_S = 2.0
"""glpsol counts whole seconds and looks at the clock between nodes: what it may overrun before it is killed."""
_INFEASIBLE = ("NO PRIMAL FEASIBLE SOLUTION", "NO INTEGER FEASIBLE SOLUTION")
_UNBOUNDED = ("NO DUAL FEASIBLE SOLUTION", "HAS UNBOUNDED")
_TIME_IS_UP = "TIME LIMIT EXCEEDED"


def glpk_program() -> tuple[str, ...] | None:
    """Command that starts GLPK here; None when there is neither glpsol nor swiglpk."""
    glpsol = shutil.which("glpsol")
    if glpsol is not None:
        return (glpsol,)
    if importlib.util.find_spec("swiglpk") is not None:
        return swiglpk_program()
    return None


def swiglpk_program() -> tuple[str, ...]:
    """Command of our own glpsol over swiglpk. -I: nothing of the caller's environment, a fast start."""
    return (sys.executable, "-I", str(Path(__file__).with_name("glpsol_program.py")))


class Glpk:
    """GLPK behind files. Its bound is in the log alone; status letters and log together tell endings apart.

    Args:
        command: How it is started; found by `glpk_program` when None.
    """

    name = "glpk"

    def __init__(self, command: Sequence[str] | None = None) -> None:
        self._command = command

    def solve(self, matrix: Matrix, *, gap: float, time_limit_s: float) -> Answer:
        """As `Solver.solve`. The limit is rounded up to whole seconds, which is what glpsol counts in."""
        command = self._command or glpk_program()
        if command is None:
            return self._failed("glpsol is not on PATH and swiglpk is not installed")
        with tempfile.TemporaryDirectory(prefix="freesh-glpk-") as folder:
            program, solution = Path(folder, "program.glp"), Path(folder, "solution.txt")
            program.write_text(write_program(matrix), encoding="ascii")
            seconds = max(1, math.ceil(time_limit_s))
            options = ["--glp", str(program), "--write", str(solution), "--tmlim", str(seconds)]
            if matrix.integer.any():
                options += ["--mipgap", repr(gap), "--cuts"]
            try:
                run = subprocess.run(
                    [*command, *options],
                    capture_output=True, text=True, errors="replace", timeout=seconds + _GRACE_S, check=False,
                )  # fmt: skip
            except subprocess.TimeoutExpired:
                reason = f"GLPK was killed {_GRACE_S:g} s past its limit of {seconds} s"
                return Answer(Ending.NO_INCUMBENT, reason=reason, solver=self.name)
            except OSError as error:
                return self._failed(f"GLPK did not start: {error}")
            if run.returncode != 0 or not solution.is_file():
                return self._failed(f"GLPK ended with status {run.returncode}: {_last_line(run.stdout + run.stderr)}")
            return self._answer(matrix, solution.read_text(encoding="ascii", errors="replace"), run.stdout)

    def _answer(self, matrix: Matrix, text: str, log: str) -> Answer:
        solution = read_solution(text, len(matrix.row_lower), matrix.columns)
        if solution is None:
            return self._failed("GLPK wrote something that is not a solution")
        late = _TIME_IS_UP in log
        bound = self._bound(matrix, log)
        if solution.status == "o":  # nothing is left to search
            answer = answer_with(matrix, Ending.OPTIMAL, solution.values, matrix.objective(solution.values), self.name)
            return _with_duals(matrix, answer, solution)
        if solution.status == "f":  # without a time-out, the gap was reached
            ending = Ending.FEASIBLE if late else Ending.OPTIMAL
            return answer_with(matrix, ending, solution.values, bound, self.name)
        if any(phrase in log for phrase in _INFEASIBLE) or (solution.status == "n" and not late):
            return Answer(Ending.INFEASIBLE, reason="no values meet all constraints", solver=self.name)
        if any(phrase in log for phrase in _UNBOUNDED):
            return Answer(Ending.UNBOUNDED, reason="the objective falls without end", solver=self.name)
        if late:
            return Answer(Ending.NO_INCUMBENT, bound=bound, reason="GLPK found nothing in time", solver=self.name)
        return self._failed(f"GLPK gave no answer: {_last_line(log)}")

    def _bound(self, matrix: Matrix, log: str) -> float | None:
        logged = logged_bound(log)
        return None if logged is None else logged / matrix.cost_scale + matrix.offset

    def _failed(self, reason: str) -> Answer:
        return Answer(Ending.FAILED, reason=reason, solver=self.name)


def _with_duals(matrix: Matrix, answer: Answer, solution: Solution) -> Answer:
    if solution.row_duals is None or solution.reduced_costs is None:
        return answer
    return dataclasses.replace(
        answer,
        row_duals=solution.row_duals / matrix.cost_scale,
        reduced_costs=solution.reduced_costs / matrix.cost_scale,
    )


def _last_line(log: str) -> str:
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
