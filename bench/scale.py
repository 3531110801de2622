"""Large synthetic fleets: seconds, gap and memory from scenario to plan, and what each solver alone does by size.

`python -m bench.scale [--quick]`; `python -m bench.scale --cell NAME` runs one cell here and writes its row. Each cell
is a process of its own, so that its peak memory is its own; imports are not in its seconds.
"""

import argparse
import dataclasses
import importlib
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.record import ROOT, is_current, record
from bench.seeded_fleet import Size, seeded_fleet
from models.allocation import allocate

SEED = 1
GAP = 0.01
ALONE_LIMIT_S = 60.0


@dataclass(frozen=True)
class Cell:
    """One plan: its form, its fleet, its time limit (the aim), seconds."""

    form: str
    size: Size
    limit_s: float


@dataclass(frozen=True)
class Alone:
    """One partition's program, whole, for one solver alone."""

    form: str
    size: Size
    solver: str


_LARGE = Size(100, modes=48, gpu_types=8)
PLANS = {
    "paper_30x16x24": Cell("paper", Size(30), 10.0),
    "paper_100x16x48": Cell("paper", _LARGE, 30.0),
    "full_30x16x24": Cell("full", Size(30), 60.0),
    "full_100x16x48": Cell("full", _LARGE, 600.0),
    "full_20_models_x6x4x24": Cell("full", Size(6, classes=4, models=20, stock=4), 60.0),
    "full_20_models_x6x4x24_quarter_stock": Cell("full", Size(6, classes=4, models=20), 60.0),
    "full_30x16x24_overload": Cell("full", Size(30, load=1.5), 60.0),
    "full_30x16x24_30_origins": Cell("full", Size(30, origins=30), 600.0),
}
SOLVERS = {
    f"{solver}_{form}_{n}x{classes}x{modes}": Alone(
        form, Size(n, classes=classes, modes=modes, gpu_types=modes // 4, partitions=1), solver
    )
    for form, sizes in (
        ("paper", ((3, 4, 8), (6, 4, 12), (6, 16, 24), (30, 16, 24))),
        ("full", ((2, 4, 4), (3, 4, 8), (6, 4, 12), (6, 16, 24))),
    )
    for n, classes, modes in sizes
    for solver in ("glpk", "highs")
}
QUICK = ("paper_30x16x24", "full_30x16x24", "glpk_paper_6x4x12", "glpk_full_3x4x8")


def plan(cell: Cell) -> dict[str, object]:
    """From a scenario in memory to the plan."""
    scenario = seeded_fleet(SEED, cell.size)
    start = time.perf_counter()
    result = allocate(scenario, formulation=cell.form, gap=GAP, time_limit_s=cell.limit_s)
    wall_s = time.perf_counter() - start
    return {
        "aim_s": cell.limit_s,
        "wall_s": round(wall_s, 2),
        "build_s": round(result.build_s, 2),
        "solve_s": round(result.solve_s, 2),
        "status": result.status.value,
        "gap": result.gap,
        "objective": result.objective,
        "instances": sum(each.count for each in result.instances),
        "shed_rps": result.shed_rps,
        "worst_shed_fraction": max((each.fraction for each in result.shed), default=0.0),
        "solver": result.solver,
        "notes": list(result.notes),
    }


def alone(cell: Alone) -> dict[str, object]:
    """One whole program of one partition, to 1 % or for a minute."""
    from models.allocation.attempt import candidate_data
    from models.allocation.fleet import Fleet
    from models.allocation.paper import paper_programs, undominated
    from models.allocation.paper_model import build_paper
    from models.allocation.program import FullProgram
    from models.allocation.signals import Signals
    from models.allocation.solution import NONE_SHED
    from models.allocation.solve.chain import solver_chain
    from models.allocation.solve.matrix import compile_model

    scenario = seeded_fleet(SEED, cell.size)
    if cell.form == "paper":
        matrix, _ = compile_model(build_paper(undominated(paper_programs(scenario, scenario.objective)[0])))
    else:
        signals = Signals.of(scenario, scenario.objective)
        data = candidate_data(scenario, {scenario.models[0]: ("q0",)}, Fleet.of(scenario), signals)
        matrix = FullProgram(data).within(NONE_SHED)
    start = time.perf_counter()
    answer = solver_chain(cell.solver).solve(matrix, gap=GAP, time_limit_s=ALONE_LIMIT_S)
    known = answer.objective is not None and answer.bound is not None
    return {
        "solver": cell.solver,
        "whole_columns": matrix.integers,
        "columns": matrix.columns,
        "rows": len(matrix.row_lower),
        "wall_s": round(time.perf_counter() - start, 2),
        "ending": answer.ending.value,
        "gap": ((answer.objective or 0.0) - (answer.bound or 0.0)) / abs(answer.objective or 1.0) if known else None,
    }


def run_here(name: str) -> dict[str, object]:
    """One cell in this process, with its peak memory."""
    for module in ("highspy", "models.allocation.run", "pyomo.repn.plugins.standard_form"):
        importlib.import_module(module)
    found = PLANS.get(name) or SOLVERS[name]
    row = plan(found) if isinstance(found, Cell) else alone(found)
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    size: Mapping[str, object] = dataclasses.asdict(found.size)
    used_s = time.process_time()
    return {
        "cell": name,
        "form": found.form,
        "size": size,
        **row,
        "cpu_s": round(used_s, 2),
        "peak_mib": round(peak_mib),
    }


def run_apart(name: str) -> dict[str, object]:
    """One cell in a process of its own, and how busy the machine was."""
    busy = os.getloadavg()[0]
    command = [sys.executable, "-m", "bench.scale", "--cell", name]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT)
    row: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return {**row, "load_average_before": round(busy, 2), "cores": os.cpu_count()}


def main() -> int:
    """All cells, or a quick few; what has not changed since it was recorded is skipped."""
    parser = argparse.ArgumentParser(prog="bench.scale", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few cells, recorded apart")
    parser.add_argument("--cell", choices=(*PLANS, *SOLVERS), help="one cell, in this process")
    options = parser.parse_args()
    if options.cell:
        sys.stdout.write(json.dumps(run_here(options.cell)) + "\n")
        return 0
    code = [ROOT / "models" / "allocation", ROOT / "bench" / "seeded_fleet.py", ROOT / "bench" / "seeded_hardware.py"]
    cells = {"scale_quick": QUICK} if options.quick else {"scale_plans": tuple(PLANS), "scale_solvers": tuple(SOLVERS)}
    for result, names in cells.items():
        if not is_current(result, [], [*code, Path(__file__)]):
            rows = [run_apart(name) for name in names]
            command = "python -m bench.scale" + (" --quick" if options.quick else "")
            record(result, command=command, inputs=[], code=[*code, Path(__file__)], results=rows)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
