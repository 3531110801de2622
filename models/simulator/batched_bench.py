"""Runs of the scheduler's bench on an instance with continuous batching, scored as those of the queue model."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from freesh_plugin.runtime.policy import Policy
from freesh_plugin.runtime.settings import SchedulerSettings
from models.simulator.batched_workload import FullPace, batched_engine, draw_batched, full_pace
from models.simulator.instance_types import InstanceSettings, Outcome
from models.simulator.pool_run import Pool, serve_pool
from models.simulator.queue_bench import REQUESTS
from models.simulator.queue_scores import BREACH_STRETCH, Fate, QueueScores, score_fates
from models.simulator.queue_workload import DEADLINE_STRETCH, MEAN_BURST_LOAD, WORKERS, Arrivals


@dataclass(frozen=True, slots=True)
class BatchedRun:
    """What is run.

    Attributes:
        arrivals: How requests arrive.
        load: Share of the capacity (`full_pace`); of bursts, the mean.
        length_error: σ of the lognormal error of predicted lengths.
        seed: Of the requests; the same for all policies.
        settings: Of the scheduler.
        places: Requests that the instance holds at once; as many more requests as it has more places than `WORKERS`.
    """

    arrivals: Arrivals
    load: float
    length_error: float
    seed: int
    settings: SchedulerSettings
    places: int = WORKERS

    @property
    def count(self) -> int:
        """Requests of the run: in proportion to the places, so that it lasts about as long."""
        return REQUESTS[self.arrivals] * self.places // WORKERS


def batched_runs(
    arrivals: Arrivals,
    loads: Sequence[float],
    seeds: Sequence[int],
    length_error: float,
    places: int = WORKERS,
    policies: Sequence[Policy] = tuple(Policy),
) -> list[BatchedRun]:
    """All runs asked for, by policy, then load, then seed."""
    return [
        BatchedRun(arrivals, load, length_error, seed, SchedulerSettings(policy=policy), places)
        for policy in policies
        for load in (loads if arrivals is Arrivals.STEADY else (MEAN_BURST_LOAD,))
        for seed in seeds
    ]


def run_batched(asked: BatchedRun) -> QueueScores:
    """Scores of one run."""
    engine = batched_engine(asked.places)
    requests = draw_batched(engine, asked.arrivals, asked.load, asked.length_error, asked.count, asked.seed)
    settings = InstanceSettings(scheduler=asked.settings, deadline_factor=DEADLINE_STRETCH)
    run = serve_pool(Pool(engine, settings=settings), requests)
    pace = full_pace(engine)
    return score_fates([_fate(each, pace, run.end_s) for each in run.outcomes])


def _fate(outcome: Outcome, pace: FullPace, end_s: float) -> Fate:
    request = outcome.arrival.request
    service_s = pace.service_s(request.prompt_tokens, request.answer_tokens)
    refused = outcome.finished_s is None
    return Fate(
        client=request.client,
        service_s=service_s,
        limit_s=BREACH_STRETCH * service_s,
        latency_s=inf if outcome.finished_s is None else outcome.finished_s - request.arrival_s,
        stall_s=end_s - request.arrival_s if refused else outcome.longest_wait_s,
        preemptions=outcome.preemptions,
    )
