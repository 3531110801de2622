"""How long the scheduler takes to decide, with 1,000 requests waiting and a full batch, beside the calibration line.

Cell `schedule_decision`: a saturated engine of 64 or 128 places, 30 ms a step; a request arrives whenever one ends, so
that 1,000 wait. Times are processor microseconds of every `decide`, and of those alone that changed something.

Usage: python -m bench.schedule_decision
"""

import random
import sys
import time
from dataclasses import dataclass, field

from bench.record import ROOT, calibration_us, is_current, record
from bench.schedule import CODE
from freesh_plugin.core.lengths import AnswerLength
from freesh_plugin.runtime.job import Job
from freesh_plugin.runtime.pace import MeasuredPace
from freesh_plugin.runtime.policy import Policy
from freesh_plugin.runtime.scheduler import Scheduler
from freesh_plugin.runtime.settings import SchedulerSettings
from freesh_plugin.runtime.step_decision import StepLimits
from freesh_plugin.runtime.unlimited_memory import UnlimitedMemory

NAME = "schedule_decision"
WAITING, STEPS, WARM_UP, STEP_S = 1000, 2500, 500, 0.03
PLACES = (64, 128)
LIMIT_P50_US = 300.0


@dataclass
class Saturated:
    """An engine that never runs out of requests."""

    policy: Policy
    places: int
    now_s: float = 0.0
    tokens: dict[int, int] = field(default_factory=dict)
    lengths: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._random = random.Random(1)
        self._scheduler = Scheduler(SchedulerSettings(policy=self.policy), MeasuredPace(), UnlimitedMemory())
        self._limits = StepLimits(self.places, 4096)

    def times_us(self) -> tuple[list[float], list[float]]:
        """Times of all decisions after the warm-up, and of those that changed something."""
        every, fresh = [], []
        for step in range(WARM_UP + STEPS):
            while self._scheduler.waiting + self._scheduler.running < WAITING + self.places:
                self._arrive()
            start_ns = time.thread_time_ns()
            decision = self._scheduler.decide(self._limits, self.now_s)
            taken_us = (time.thread_time_ns() - start_ns) / 1e3
            if step >= WARM_UP:
                every.append(taken_us)
                if decision.changes:
                    fresh.append(taken_us)
            self._compute((*decision.keep, *decision.resume, *decision.admit))
            self.now_s += STEP_S
        return every, fresh

    def _arrive(self) -> None:
        number, predicted = len(self.lengths), self._random.lognormvariate(5, 0.8)
        self.lengths[number] = max(1, round(predicted * self._random.lognormvariate(0, 0.5)))
        self.tokens[number] = 0
        deadline_s = self.now_s + (predicted * STEP_S + 0.1) * (1.4 + 5 * self._random.random())
        answer = AnswerLength(predicted, predicted * 1.9)
        stretch = 1.4 if number % 2 else None
        self._scheduler.arrive(
            Job(number, self.now_s, deadline_s, 200, 4096, answer, f"client {number % 20}", stretch=stretch), self.now_s
        )

    def _compute(self, running: tuple[int, ...]) -> None:
        for request_id in running:
            self.tokens[request_id] += 1
        ended = [each for each in running if self.tokens[each] >= self.lengths[each]]
        self._scheduler.progress_all([(each, self.tokens[each]) for each in running])
        for request_id in ended:
            self._scheduler.leave(request_id)


def quantiles(times_us: list[float]) -> dict[str, float]:
    """p50 and p99."""
    ordered = sorted(times_us)
    return {"p50": round(ordered[len(ordered) // 2], 1), "p99": round(ordered[int(len(ordered) * 0.99)], 1)}


def row(policy: Policy, places: int) -> dict[str, object]:
    """One policy at one batch size."""
    every, fresh = Saturated(policy, places).times_us()
    return {
        "policy": policy.value,
        "places": places,
        "decide_us": quantiles(every),
        "changing_us": quantiles(fresh),
        "changing_share": round(len(fresh) / len(every), 3),
        "sort_1000_floats_us": calibration_us(),
    }


def main() -> None:
    """Measure and record."""
    code = [*CODE, ROOT / "bench" / "schedule_decision.py"]
    if is_current(NAME, [], code):
        sys.stdout.write(f"{NAME}: unchanged\n")
        return
    rows = [row(policy, places) for places in PLACES for policy in Policy]
    results = {"waiting": WAITING, "steps": STEPS, "limit_p50_us": LIMIT_P50_US, "rows": rows}
    path = record(NAME, command=f"python -m bench.{NAME}", inputs=[], code=code, results=results)
    sys.stdout.write(f"{NAME}: {path.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
