"""Runs of the queue model by policy, load and seed, on all cores; and how policies compare over paired runs."""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from scipy.stats import t as student

from freesh_plugin.runtime.policy import Policy
from freesh_plugin.runtime.settings import SchedulerSettings
from models.simulator.queue_model import simulate
from models.simulator.queue_scores import QueueScores, score
from models.simulator.queue_workload import MEAN_BURST_LOAD, Arrivals, draw_requests

REQUESTS = {Arrivals.STEADY: 1500, Arrivals.BURSTS: 2400}
"""Requests in a run."""


@dataclass(frozen=True, slots=True)
class QueueRun:
    """What is run.

    Attributes:
        arrivals: How requests arrive.
        load: Offered work relative to the workers' capacity; of bursts, the mean.
        length_error: σ of the lognormal error of predicted lengths.
        resume_cost_s: Seconds it costs to resume a preempted request.
        seed: Of the requests; the same for all policies.
        settings: Of the scheduler.
        promised: Whether deadlines are promises: a request is then in breach when it misses its deadline.
    """

    arrivals: Arrivals
    load: float
    length_error: float
    resume_cost_s: float
    seed: int
    settings: SchedulerSettings
    promised: bool = False


@dataclass(frozen=True, slots=True)
class Difference:
    """Mean of paired differences, with half the width of its 95 % interval (Student's t over the seeds)."""

    mean: float
    half_width: float

    @property
    def no_worse(self) -> bool:
        """Whether the interval includes or lies below 0."""
        return self.mean - self.half_width <= 0


def runs(
    arrivals: Arrivals,
    loads: Sequence[float],
    seeds: Sequence[int],
    length_error: float,
    resume_cost_s: float,
    policies: Sequence[Policy] = tuple(Policy),
) -> list[QueueRun]:
    """All runs asked for, by policy, then load, then seed."""
    return [
        QueueRun(arrivals, load, length_error, resume_cost_s, seed, SchedulerSettings(policy=policy))
        for policy in policies
        for load in (loads if arrivals is Arrivals.STEADY else (MEAN_BURST_LOAD,))
        for seed in seeds
    ]


def run_one(asked: QueueRun) -> QueueScores:
    """Scores of one run."""
    count = REQUESTS[asked.arrivals]
    requests = draw_requests(asked.arrivals, asked.load, asked.length_error, count, asked.seed)
    served = simulate(requests, asked.settings, asked.resume_cost_s, promised=asked.promised)
    return score(served, promised=asked.promised)


Asked = TypeVar("Asked")
"""A run that is asked for, of whatever engine."""


def run_all(asked: Sequence[QueueRun], told: Callable[[int], None] | None = None) -> list[QueueScores]:
    """Scores of all runs, in their order; `told` how many are done."""
    return run_each(run_one, asked, told)


def run_each(
    run: Callable[[Asked], QueueScores], asked: Sequence[Asked], told: Callable[[int], None] | None = None
) -> list[QueueScores]:
    """Scores by `run`, a function of some module, of all that is asked, on all cores."""
    scores = []
    for done, each in enumerate(_scores(run, asked), start=1):
        scores.append(each)
        if told is not None:
            told(done)
    return scores


def paired(ours: Sequence[float], theirs: Sequence[float]) -> Difference:
    """Mean of ours - theirs over the same seeds; an interval of one pair is infinitely wide."""
    differences = np.array(ours) - np.array(theirs)
    count = len(differences)
    if count < 2:
        return Difference(float(differences.mean()), float("inf"))
    error = differences.std(ddof=1) / count**0.5
    return Difference(float(differences.mean()), float(student.ppf(0.975, count - 1) * error))


def _scores(run: Callable[[Asked], QueueScores], asked: Sequence[Asked]) -> Iterator[QueueScores]:
    workers = min(os.cpu_count() or 1, len(asked))
    if workers < 2 or len(asked) < _WORTH_PROCESSES:
        yield from map(run, asked)
        return
    # Spawned, not forked: the parent may have threads (a progress bar).
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(run, asked, chunksize=2)


_WORTH_PROCESSES = 8
