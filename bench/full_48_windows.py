"""The full form on the authors' 48 windows at full demand: what is planned and shed, what pruning and hysteresis keep.

`FREESH_DATA=... python -m bench.full_48_windows`
"""

import dataclasses
import os
import time
from pathlib import Path

from bench.record import ROOT, is_current, record
from models.allocation import SolveWorker
from models.domain.allocation import AllocationResult
from models.domain.scenario import Scenario
from tests.fakes.allocation_checks import now_running
from tests.fakes.authors_instance import WINDOWS, authors_files, authors_scenario


def measure(data: Path, worker: SolveWorker, window: int) -> dict[str, object]:
    """One window: its plan, every instance taken out in turn, and the epoch after it with equal input."""
    scenario = authors_scenario(data, window, 1.0)
    start = time.perf_counter()
    result = worker.allocate(scenario)
    wall_s = time.perf_counter() - start
    again = worker.allocate(now_running(scenario, result))
    return {
        "window": window,
        "status": result.status.value,
        "objective": result.objective,
        "gap": result.gap,
        "partition": next(iter(result.partition.values())),
        "instances": sum(each.count for each in result.instances),
        "shed_rps": result.shed_rps,
        "worst_shed_fraction": max((each.fraction for each in result.shed), default=0.0),
        "needless_instances": needless(scenario, worker, result),
        "next_epoch_is_equal": again.instances == result.instances and again.partition == result.partition,
        "wall_s": round(wall_s, 4),
    }


def needless(scenario: Scenario, worker: SolveWorker, result: AllocationResult) -> int:
    """Pools of which one instance could go without more shed and without a dearer plan; none is right."""
    (partition,) = result.partition.values()
    shed, found = sum(each.shed_rps for each in result.shed), 0
    for pool in result.instances:
        fewer = [
            dataclasses.replace(each, count=each.count - 1) if each == pool else each
            for each in result.instances
            if each != pool or each.count > 1
        ]
        without = worker.evaluate_fixed(scenario, partition, fewer)
        sheds_more = sum(each.shed_rps for each in without.shed) > shed + 1e-6
        dearer = (without.objective or 0.0) > (result.objective or 0.0)
        found += not sheds_more and not dearer
    return found


def main() -> None:
    """Measure all windows."""
    data = Path(os.environ["FREESH_DATA"])
    inputs, code = authors_files(data), [ROOT / "models" / "allocation", Path(__file__)]
    if is_current("full_48_windows", inputs, code):
        return
    with SolveWorker() as worker:
        rows = [measure(data, worker, window) for window in range(WINDOWS)]
    counts = {
        "windows": len(rows),
        "with_a_plan": sum(bool(each["instances"]) for each in rows),
        "that_shed": sum(float(str(each["shed_rps"])) > 0 for each in rows),
        "needless_instances": sum(int(str(each["needless_instances"])) for each in rows),
        "next_epoch_is_equal": sum(bool(each["next_epoch_is_equal"]) for each in rows),
    }
    record(
        "full_48_windows",
        command="FREESH_DATA=<data> python -m bench.full_48_windows",
        inputs=inputs,
        code=code,
        results={"summary": counts, "rows": rows},
    )


if __name__ == "__main__":
    main()
