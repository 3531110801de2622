"""How far the fleet simulator reaches: requests a run, seconds, memory; simulated, requests and engines synthetic.

Cell `simulator_scale`: .1, .3, 1 and 5 million requests (Poisson, 80 a second; prompts of about 1,000 tokens, answers
of about 200, log-normal; lengths predicted with an error of .5) over 20 instances of assumed H100-like engines at three
locations, two classes, laxity and MIAD. Each size in a process of its own, on one core: an hour and a half for all.

Usage: python -m bench.simulator_scale [REQUESTS ...] ; with sizes given, they are run and shown, not recorded.
"""

import json
import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from math import exp, inf
from time import process_time
from typing import Any

import numpy as np

from bench.record import ROOT, is_current, record
from freesh_plugin.core.length_model import Z90
from freesh_plugin.core.lengths import AnswerLength
from freesh_plugin.core.plan import Slo
from freesh_plugin.core.power_model import PowerModel, ShareModel
from freesh_plugin.core.request import Partition
from freesh_plugin.core.step_model import StepModel
from freesh_plugin.runtime.governor_settings import GovernorSettings
from models.domain.engine import EngineModel
from models.domain.scenario import Location, ServiceLevel
from models.domain.workload import Workload, WorkloadRequest
from models.simulator.fleet import run_fleet
from models.simulator.fleet_model import FleetModel, Scoring
from models.simulator.fleet_target import FleetTarget, FleetView, PoolKey, PoolTarget
from models.simulator.instance_types import InstanceSettings
from models.simulator.signals import Signals

NAME = "simulator_scale"
SIZES = (100_000, 300_000, 1_000_000, 5_000_000)
RATE_RPS = 80.0
LENGTH_ERROR = 0.5
BLOCK = 10_000
MAX_NEW_TOKENS = 4_096
SLO = Slo(latency_s=30.0, ttft_s=2.0, tbt_s=0.1)
PARTITION = Partition("two", ("short", "long"), (), (200,))
INSTANCES = {"a": {"short": 4, "long": 4}, "b": {"short": 3, "long": 3}, "c": {"short": 3, "long": 3}}
ENGINE = EngineModel(
    "TP1", "default", "H100", 1, StepModel(), PowerModel(), ShareModel(), max_batch=160, kv_tokens=400_000,
    chunk_tokens=512, clocks_mhz=tuple(range(345, 1981, 15)),
)  # fmt: skip
CODE = [
    ROOT / "freesh_plugin" / "core",
    ROOT / "freesh_plugin" / "runtime",
    *sorted(
        each
        for prefix in ("fleet", "instance", "energy_books", "tally", "log_histogram", "service_alone", "signals")
        for each in (ROOT / "models" / "simulator").glob(f"{prefix}*.py")
    ),
    ROOT / "bench" / "simulator_scale.py",
]


class Standing:
    """A controller that is never asked."""

    next_s = inf

    def decide(self, now_s: float, view: FleetView) -> FleetTarget | None:
        """Nothing changes."""
        return None


def requests(count: int) -> Iterator[WorkloadRequest]:
    """So many requests, drawn a block at a time."""
    random, now_s = np.random.default_rng(1), 0.0
    for first in range(0, count, BLOCK):
        size = min(BLOCK, count - first)
        times_s = now_s + np.cumsum(random.exponential(1 / RATE_RPS, size))
        prompts = np.clip(np.rint(np.exp(6.6 + 0.8 * random.standard_normal(size))), 1, 16_000)
        answers = np.clip(np.rint(np.exp(5.0 + 0.8 * random.standard_normal(size))), 1, MAX_NEW_TOKENS)
        medians = answers * np.exp(LENGTH_ERROR * random.standard_normal(size))
        clients = random.integers(20, size=size)
        now_s = float(times_s[-1])
        for time_s, prompt, answer, q50, client in zip(
            times_s.tolist(), prompts.tolist(), answers.tolist(), medians.tolist(), clients.tolist(), strict=True
        ):
            estimate = AnswerLength(q50, q50 * exp(Z90 * LENGTH_ERROR))
            yield WorkloadRequest(time_s, int(prompt), int(answer), MAX_NEW_TOKENS, estimate, client=client)


def fleet() -> FleetModel:
    """Three locations, and what they serve all the time."""
    locations = tuple(Location(name, {"H100": sum(of.values())}, pue=1.2) for name, of in INSTANCES.items())
    whole = {each: sum(of[each] for of in INSTANCES.values()) for each in PARTITION.classes}
    start = FleetTarget(
        0.0,
        {
            PoolKey(n, "default", c, "TP1"): PoolTarget(count, SLO)
            for n, of in INSTANCES.items()
            for c, count in of.items()
        },
        {("default", c, "any"): {n: of[c] / whole[c] for n, of in INSTANCES.items()} for c in PARTITION.classes},
        {"default": PARTITION},
    )
    levels = tuple(ServiceLevel("two", each, SLO.latency_s, SLO.ttft_s, SLO.tbt_s) for each in PARTITION.classes)
    return FleetModel(locations, {"TP1": ENGINE}, Scoring(PARTITION, levels), start=start)


def measured(count: int) -> dict[str, Any]:
    """One run in this process."""
    duration_s = 0.0
    for each in requests(count):
        duration_s = each.arrival_s
    workload = Workload("scale", "synthetic", duration_s, lambda: requests(count))
    before_mib, before_s = _peak_mib(), process_time()
    run = run_fleet(fleet(), workload, Standing(), InstanceSettings(governor=GovernorSettings()), Signals())
    scores = run.scores(policy="freesh", hour="synthetic", scenario="none", seed=1)
    return {
        "requests": scores.offered,
        "finished": scores.finished,
        "simulated_s": round(scores.simulated_s),
        "wall_s": round(run.wall_s, 1),
        "cpu_s": round(process_time() - before_s, 1),
        "cpu_ms_per_request": round(1000 * (process_time() - before_s) / scores.offered, 3),
        "peak_rss_mib": round(_peak_mib(), 1),
        "peak_rss_before_mib": round(before_mib, 1),
        "slo_attainment": round(scores.slo_attainment, 4),
        "ttft_p99_s": round(scores.ttft_p99_s, 3),
        "energy_kwh": round(scores.energy_kwh, 3),
        "preemptions_per_request": round(scores.preemptions_per_request, 4),
    }


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def in_a_process(count: int) -> dict[str, Any]:
    """One run in a process of its own."""
    command = [sys.executable, "-m", "bench.simulator_scale", "--here", str(count)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    row: dict[str, Any] = json.loads(done.stdout)
    sys.stdout.write(f"{json.dumps(row)}\n")
    sys.stdout.flush()
    return row


def main(arguments: Sequence[str]) -> None:
    """Measure the sizes that are given, or all of them, and record those."""
    if arguments[:1] == ["--here"]:
        sys.stdout.write(json.dumps(measured(int(arguments[1]))) + "\n")
    elif arguments:
        for each in arguments:
            in_a_process(int(each))
    elif is_current(NAME, [], CODE):
        sys.stdout.write(f"{NAME}: unchanged\n")
    else:
        rows = [in_a_process(each) for each in SIZES]
        results = {"basis": "simulated; requests and engines synthetic", "instances": 20, "rows": rows}
        path = record(NAME, command="python -m bench.simulator_scale", inputs=[], code=CODE, results=results)
        sys.stdout.write(f"{NAME}: {path.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
