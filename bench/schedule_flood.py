"""What one client that floods costs the others: 19 clients ask for half of the capacity, another one for 0.8 of it.

Cell `schedule_flood`: 1,500 requests, ten seeds; breach and p99 stall of the others and of the flooder, by policy, and
for LLF without fair shares.

Usage: python -m bench.schedule_flood
"""

import sys
from dataclasses import replace
from statistics import fmean

import numpy as np

from bench.record import ROOT, is_current, record
from bench.schedule import CODE
from freesh_plugin.runtime.policy import Policy
from freesh_plugin.runtime.settings import SchedulerSettings
from models.simulator.queue_model import Served, simulate
from models.simulator.queue_scores import score
from models.simulator.queue_workload import CLIENTS, Arrivals, QueueRequest, draw_requests

NAME = "schedule_flood"
OTHERS_LOAD, FLOODER_LOAD = 0.5, 0.8
REQUESTS, SEEDS = 1500, range(100, 110)
LENGTH_ERROR, RESUME_COST_S = 0.5, 0.1
CHOSEN = {policy.value: SchedulerSettings(policy=policy) for policy in Policy} | {
    "llf, no fair shares": SchedulerSettings(fair_power=0.0)
}


def flood(seed: int) -> list[QueueRequest]:
    """Requests of both; client 0 floods."""
    load = OTHERS_LOAD + FLOODER_LOAD
    drawn = draw_requests(Arrivals.STEADY, load, LENGTH_ERROR, REQUESTS, seed)
    rng = np.random.default_rng([seed, 1])
    floods = rng.random(REQUESTS) < FLOODER_LOAD / load
    others = rng.integers(1, CLIENTS, size=REQUESTS)
    return [replace(each, client=0 if f else int(o)) for each, f, o in zip(drawn, floods, others, strict=True)]


def row(chosen: SchedulerSettings) -> dict[str, float]:
    """Means over the seeds."""
    runs = [simulate(flood(seed), chosen, RESUME_COST_S) for seed in SEEDS]
    found = {}
    for name, mine in (
        ("others", lambda each: each.request.client > 0),
        ("flooder", lambda each: not each.request.client),
    ):
        parts: list[list[Served]] = [[each for each in run if mine(each)] for run in runs]
        scores = [score(part) for part in parts]
        found[f"{name}_breach"] = round(fmean(each.breach for each in scores), 4)
        found[f"{name}_p99_stall_s"] = round(fmean(each.p99_stall_s for each in scores), 2)
        found[f"{name}_mean_latency_s"] = round(fmean(each.mean_latency_s for each in scores), 2)
    return found


def main() -> None:
    """Measure and record."""
    code = [*CODE, ROOT / "bench" / "schedule_flood.py"]
    if is_current(NAME, [], code):
        sys.stdout.write(f"{NAME}: unchanged\n")
        return
    results = {"seeds": [SEEDS[0], SEEDS[-1]], "rows": [{"name": name} | row(each) for name, each in CHOSEN.items()]}
    path = record(NAME, command="python -m bench.schedule_flood", inputs=[], code=code, results=results)
    sys.stdout.write(f"{NAME}: {path.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
