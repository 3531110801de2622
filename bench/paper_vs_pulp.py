"""Build and solve of the published form on the authors' 48 windows: this planner in a warm worker, and PuLP with CBC.

`FREESH_DATA=... python -m bench.paper_vs_pulp`. Both solve the same aggregated program, one a partition, to a proven
optimum. Ours is timed twice: what it reports as build and solve, and the caller's wall clock with the worker's pipe.
PuLP's time is building its program from numbers already looked up, writing it, CBC, and reading the answer.
"""

import os
import statistics
import time
from pathlib import Path

import pulp

from bench.record import ROOT, is_current, record
from models.allocation import SolveWorker
from models.domain.scenario import Scenario
from tests.fakes.allocation_oracle import cbc_path, paper_columns, peaks
from tests.fakes.authors_instance import WINDOWS, authors_files, authors_scenario

SOLVERS = ("glpk", "highs", "auto")
BETAS = (2.0, 1.0)
LIMIT = 1.5
"""Largest ratio of medians that is aimed at."""


def by_pulp(scenario: Scenario, partition: str) -> tuple[float, float | None]:
    """Seconds, and the optimum or None, of one partition."""
    columns, wanted = list(paper_columns(scenario, partition)), peaks(scenario, partition)
    stock = {(each.name, kind): total for each in scenario.locations for kind, total in each.gpus.items()}
    start = time.perf_counter()
    program = pulp.LpProblem("paper", pulp.LpMinimize)
    x = [program.add_variable(f"x{i}", lowBound=0, cat="Integer") for i in range(len(columns))]
    program += pulp.lpSum(cost * v for (_, _, _, cost), v in zip(columns, x, strict=True))
    for name, rate in wanted.items():
        able = [(p.capacity_rps, v) for (_, p, _, _), v in zip(columns, x, strict=True) if p.request_class == name]
        program += pulp.lpSum(capacity * v for capacity, v in able) >= rate
    for (location, kind), total in stock.items():
        takers = [(g[kind], v) for (n, _, g, _), v in zip(columns, x, strict=True) if n == location and kind in g]
        program += pulp.lpSum(gpus * v for gpus, v in takers) <= total
    program.solve(pulp.COIN_CMD(path=cbc_path(), msg=False, gapRel=0.0, threads=1))
    optimal = pulp.LpStatus[program.status] == "Optimal"
    objective = float(pulp.value(program.objective)) if optimal else None
    return time.perf_counter() - start, objective


def measure(data: Path, worker: SolveWorker, window: int, beta: float) -> dict[str, object]:
    """One window by all."""
    scenario = authors_scenario(data, window, beta)
    answers = [by_pulp(scenario, q) for q in "ab"]
    known = [objective for _, objective in answers if objective is not None]
    row: dict[str, object] = {
        "window": window, "beta": beta, "optimum": min(known, default=None),
        "pulp_cbc_s": sum(seconds for seconds, _ in answers),
    }  # fmt: skip
    for solver in SOLVERS:
        start = time.perf_counter()
        result = worker.allocate(scenario, formulation="paper", solver=solver, gap=0.0)
        row[f"{solver}_wall_s"] = time.perf_counter() - start
        row[f"{solver}_s"] = result.build_s + result.solve_s
        row[f"{solver}_agrees"] = agrees(result.objective, min(known, default=None))
    return row


def agrees(objective: float | None, expected: float | None) -> bool:
    """Both infeasible, or equal to 1e-6."""
    if objective is None or expected is None:
        return objective is expected
    return abs(objective - expected) <= 1e-6 * abs(expected)


def summary(rows: list[dict[str, object]]) -> dict[str, object]:
    """Medians over windows and betas, their ratios to PuLP's, and whether all optima agree."""

    def median(key: str, chosen: list[dict[str, object]]) -> float:
        return statistics.median(float(str(each[key])) for each in chosen)

    found: dict[str, object] = {}
    for label, chosen in [("all", rows), *((f"beta {b:g}", [r for r in rows if r["beta"] == b]) for b in BETAS)]:
        pulp_s = median("pulp_cbc_s", chosen)
        found[label] = {
            "windows": len(chosen),
            "infeasible": sum(each["optimum"] is None for each in chosen),
            "pulp_cbc_median_s": pulp_s,
            **{
                solver: {
                    "median_s": median(f"{solver}_s", chosen),
                    "median_wall_s": median(f"{solver}_wall_s", chosen),
                    "ratio": median(f"{solver}_s", chosen) / pulp_s,
                    "wall_ratio": median(f"{solver}_wall_s", chosen) / pulp_s,
                    "agrees_everywhere": all(each[f"{solver}_agrees"] for each in chosen),
                }
                for solver in SOLVERS
            },
            "limit": LIMIT,
        }
    return found


def main() -> None:
    """Measure all 48 windows at both loads, after one that warms both up."""
    data = Path(os.environ["FREESH_DATA"])
    inputs, code = authors_files(data), [ROOT / "models" / "allocation", Path(__file__)]
    if is_current("paper_vs_pulp", inputs, code):
        return
    with SolveWorker() as worker:
        measure(data, worker, 0, BETAS[0])
        rows = [measure(data, worker, window, beta) for beta in BETAS for window in range(WINDOWS)]
    record(
        "paper_vs_pulp",
        command="FREESH_DATA=<data> python -m bench.paper_vs_pulp",
        inputs=inputs,
        code=code,
        results={"pulp": pulp.__version__, "summary": summary(rows), "rows": rows},
    )


if __name__ == "__main__":
    main()
