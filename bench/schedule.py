"""Policies of the scheduler in the queue model, on seeds that no setting was chosen on; what each part of LLF brings.

Cells `schedule_*`: every policy under steady load and bursts, for three errors of predicted lengths; under deadlines
that are promises; and LLF without one of its parts at a time.

Usage: python -m bench.schedule [CELL ...]
"""

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from math import inf
from statistics import fmean
from typing import Any

from bench.record import ROOT, is_current, record, seconds
from freesh_plugin.runtime.policy import Policy
from freesh_plugin.runtime.settings import SchedulerSettings
from models.commands.schedule_bench import REPORTED_SEEDS
from models.simulator.queue_bench import QueueRun, paired, run_all, runs
from models.simulator.queue_scores import QueueScores
from models.simulator.queue_workload import Arrivals

RUNTIME = (
    "appraiser", "entry", "fairness", "order", "policy", "rescue", "scheduler", "selection", "settings", "step_choice",
    "waiting_queue",
)  # fmt: skip
CODE = [
    *(ROOT / "freesh_plugin" / "runtime" / f"{name}.py" for name in RUNTIME),
    ROOT / "freesh_plugin" / "core" / "laxity.py",
    ROOT / "freesh_plugin" / "core" / "length_model.py",
    ROOT / "models" / "simulator",
    ROOT / "bench" / "schedule.py",
]
LOADS = (0.7, 0.9, 0.95)
ERRORS = (0.3, 0.5, 0.8)
RESUME_COST_S = 0.1
_LLF = SchedulerSettings()
VARIANTS = {
    "llf": _LLF,
    "no hysteresis": replace(_LLF, hysteresis=1.0),
    "stalls without bound": replace(_LLF, stall_limit_s=inf),
    "nothing for late ones": replace(_LLF, late_value=1e-9),
    "short delay only": replace(_LLF, delay_per_backlog=0.0),
    "long delay only": replace(_LLF, delay_floor_s=1000.0),
    "no fair shares": replace(_LLF, fair_power=0.0),
}
"""LLF whole, and with one part taken out."""


@dataclass(frozen=True)
class Cell:
    """One recorded result: runs by name of what is compared, and the one that the others are compared with."""

    name: str
    by_name: dict[str, list[QueueRun]]
    baseline_of: str


def cells() -> list[Cell]:
    """All cells."""
    found = []
    for error in ERRORS:
        for load in LOADS:
            found.append(_policies(f"schedule_steady_{load:g}_error_{error:g}", Arrivals.STEADY, load, error))
        found.append(_policies(f"schedule_bursts_error_{error:g}", Arrivals.BURSTS, 0.0, error))
    found.append(_policies("schedule_promised_steady_0.9", Arrivals.STEADY, 0.9, 0.5, promised=True))
    found.append(_policies("schedule_promised_bursts", Arrivals.BURSTS, 0.0, 0.5, promised=True))
    found.append(_parts("schedule_parts_steady_0.7", Arrivals.STEADY, 0.7))
    found.append(_parts("schedule_parts_steady_0.95", Arrivals.STEADY, 0.95))
    found.append(_parts("schedule_parts_bursts", Arrivals.BURSTS, 0.0))
    return found


def _policies(name: str, arrivals: Arrivals, load: float, error: float, *, promised: bool = False) -> Cell:
    by_name = {
        policy.value: [
            replace(each, promised=promised)
            for each in runs(arrivals, (load,), REPORTED_SEEDS, error, RESUME_COST_S, (policy,))
        ]
        for policy in Policy
    }
    return Cell(name, by_name, Policy.LLF.value)


def _parts(name: str, arrivals: Arrivals, load: float) -> Cell:
    whole = runs(arrivals, (load,), REPORTED_SEEDS, 0.5, RESUME_COST_S, (Policy.LLF,))
    return Cell(
        name, {part: [replace(each, settings=chosen) for each in whole] for part, chosen in VARIANTS.items()}, "llf"
    )


def summary(by_name: dict[str, list[QueueScores]], baseline_of: str) -> list[dict[str, Any]]:
    """Means over seeds of each, and the paired difference `baseline_of` - it of breach and p99 stall."""
    rows = []
    for name, scores in by_name.items():
        row: dict[str, Any] = {"name": name}
        for field in fields(QueueScores):
            row[field.name] = round(fmean(getattr(each, field.name) for each in scores), 5)
        if name != baseline_of:
            for field_name in ("breach", "p99_stall_s"):
                ours, theirs = ([getattr(e, field_name) for e in each] for each in (by_name[baseline_of], scores))
                found = paired(ours, theirs)
                row[f"{baseline_of}_minus_it_{field_name}"] = {
                    "mean": round(found.mean, 5), "half_width": round(found.half_width, 5), "no_worse": found.no_worse
                }  # fmt: skip
        rows.append(row)
    return rows


def run(cell: Cell) -> None:
    """Run and record a cell, unless it is recorded as it would be now."""
    if is_current(cell.name, [], CODE):
        sys.stdout.write(f"{cell.name}: unchanged\n")
        return
    asked = [each for runs_of in cell.by_name.values() for each in runs_of]
    scores: list[QueueScores] = []
    wall_s = seconds(lambda: scores.extend(run_all(asked)))
    taken = iter(scores)
    by_name = {name: [next(taken) for _ in runs_of] for name, runs_of in cell.by_name.items()}
    results = {
        "seeds": [REPORTED_SEEDS[0], REPORTED_SEEDS[-1]],
        "settings": {k: None if v == inf else v for k, v in asdict(_LLF).items()},
        "wall_s": round(wall_s, 1),
        "rows": summary(by_name, cell.baseline_of),
    }
    path = record(cell.name, command=f"python -m bench.schedule {cell.name}", inputs=[], code=CODE, results=results)
    sys.stdout.write(f"{cell.name}: {path.relative_to(ROOT)}, {wall_s:.0f} s\n")
    sys.stdout.flush()


def main(names: Sequence[str]) -> None:
    """Run the named cells, all by default."""
    for cell in cells():
        if not names or cell.name in names:
            run(cell)


if __name__ == "__main__":
    main(sys.argv[1:])
