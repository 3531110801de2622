"""Policies of the scheduler on one simulated instance with continuous batching, beside the queue model's.

Cells `schedule_batched_*`: every policy under steady load and bursts, on an instance with as many places as the queue
model has workers, and on one with the places of a real one.

Usage: python -m bench.schedule_batched [CELL ...]
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from bench.record import ROOT, is_current, record, seconds
from bench.schedule import RUNTIME, summary
from freesh_plugin.runtime.policy import Policy
from models.commands.schedule_bench import REPORTED_SEEDS
from models.simulator.batched_bench import batched_runs, run_batched
from models.simulator.batched_workload import batched_engine, full_pace
from models.simulator.queue_bench import run_each
from models.simulator.queue_scores import QueueScores
from models.simulator.queue_workload import WORKERS, Arrivals

CODE = [
    *(ROOT / "freesh_plugin" / "runtime" / f"{name}.py" for name in RUNTIME),
    ROOT / "freesh_plugin" / "core" / "laxity.py",
    ROOT / "freesh_plugin" / "core" / "length_model.py",
    ROOT / "freesh_plugin" / "core" / "step_model.py",
    *sorted((ROOT / "models" / "simulator").glob("instance*.py")),
    *(ROOT / "models" / "simulator" / f"{name}.py" for name in ("batched_bench", "batched_workload", "pool_run")),
    *(ROOT / "models" / "simulator" / f"{name}.py" for name in ("queue_scores", "queue_workload")),
    ROOT / "bench" / "schedule_batched.py",
]
ERROR = 0.5
MANY_PLACES = 64
"""Of an instance that is not made for this comparison."""

FEWER_SEEDS = REPORTED_SEEDS[:10]
"""For many places, where a run has three times as many requests."""


@dataclass(frozen=True)
class Cell:
    """One recorded result."""

    name: str
    arrivals: Arrivals
    load: float
    places: int
    seeds: tuple[int, ...]


CELLS = (
    Cell("schedule_batched_steady_0.7", Arrivals.STEADY, 0.7, WORKERS, REPORTED_SEEDS),
    Cell("schedule_batched_steady_0.9", Arrivals.STEADY, 0.9, WORKERS, REPORTED_SEEDS),
    Cell("schedule_batched_steady_0.95", Arrivals.STEADY, 0.95, WORKERS, REPORTED_SEEDS),
    Cell("schedule_batched_bursts", Arrivals.BURSTS, 0.0, WORKERS, REPORTED_SEEDS),
    Cell("schedule_batched_64_places_steady_0.9", Arrivals.STEADY, 0.9, MANY_PLACES, FEWER_SEEDS),
    Cell("schedule_batched_64_places_bursts", Arrivals.BURSTS, 0.0, MANY_PLACES, FEWER_SEEDS),
)


def run(cell: Cell) -> None:
    """Run and record a cell, unless it is recorded as it would be now."""
    if is_current(cell.name, [], CODE):
        sys.stdout.write(f"{cell.name}: unchanged\n")
        return
    by_policy = {
        policy: batched_runs(cell.arrivals, (cell.load,), cell.seeds, ERROR, cell.places, (policy,))
        for policy in Policy
    }
    asked = [each for own in by_policy.values() for each in own]
    scores: list[QueueScores] = []
    wall_s = seconds(lambda: scores.extend(run_each(run_batched, asked)))
    taken = iter(scores)
    by_name = {policy.value: [next(taken) for _ in own] for policy, own in by_policy.items()}
    pace = full_pace(batched_engine(cell.places))
    results = {
        "seeds": [cell.seeds[0], cell.seeds[-1]],
        "places": cell.places,
        "requests": asked[0].count,
        "capacity_rps": round(pace.capacity_rps, 4),
        "full_tbt_ms": round(1000 * pace.tbt_s, 2),
        "wall_s": round(wall_s, 1),
        "rows": summary(by_name, Policy.LLF.value),
    }
    path = record(
        cell.name, command=f"python -m bench.schedule_batched {cell.name}", inputs=[], code=CODE, results=results
    )
    sys.stdout.write(f"{cell.name}: {path.relative_to(ROOT)}, {wall_s:.0f} s\n")
    sys.stdout.flush()


def main(names: Sequence[str]) -> None:
    """Run the named cells, all by default."""
    for cell in CELLS:
        if not names or cell.name in names:
            run(cell)


if __name__ == "__main__":
    main(sys.argv[1:])
