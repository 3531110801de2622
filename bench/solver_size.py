"""How large a full program GLPK is given by `auto`: both solvers on growing random fleets."""

import time
from pathlib import Path

from bench.record import ROOT, is_current, record
from models.allocation.run import run_program
from tests.fakes.fleet_scenarios import random_fleet

SIZES = ((2, 3), (3, 4), (4, 6), (6, 6), (8, 9), (16, 9))
"""(locations, modes): whole columns are locations x modes x 4 classes."""
SEEDS = (0, 1, 2)
LIMIT_S = 30.0


def measure(solver: str, locations: int, modes: int, seed: int) -> dict[str, object]:
    """Seconds and outcome of one program at a gap of 1 %."""
    scenario = random_fleet(seed, locations=locations, modes=modes)
    start = time.perf_counter()
    result = run_program(scenario, formulation="full", solver=solver, gap=0.01, time_limit_s=LIMIT_S)
    return {
        "integers": locations * modes * 4,
        "solver": solver,
        "seed": seed,
        "wall_s": round(time.perf_counter() - start, 3),
        "status": result.status.value,
        "gap": result.gap,
    }


def main() -> None:
    """Measure every size, solver and seed; the first program only warms up."""
    code = [ROOT / "models" / "allocation", Path(__file__)]
    if is_current("solver_size", [], code):
        return
    run_program(random_fleet(0, locations=2, modes=3), formulation="full", solver="auto", gap=0.01, time_limit_s=9)
    rows = [measure(solver, n, m, seed) for n, m in SIZES for solver in ("glpk", "highs") for seed in SEEDS]
    record("solver_size", command="python -m bench.solver_size", inputs=[], code=code, results=rows)


if __name__ == "__main__":
    main()
