"""Scores of one run of the queue model."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from models.simulator.queue_model import Served

BREACH_STRETCH = 1.45
"""A request is in breach when its latency is above so many times its true service time."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one request.

    Attributes:
        client: Whose it is.
        service_s: What it takes undisturbed.
        limit_s: A latency above this is a breach.
        latency_s: From its arrival to its last token; infinite where it was refused.
        stall_s: Longest time without a token after its arrival.
        preemptions: How often it was preempted.
    """

    client: int
    service_s: float
    limit_s: float
    latency_s: float
    stall_s: float
    preemptions: int


@dataclass(frozen=True, slots=True)
class QueueScores:
    """How a policy did in one run.

    Attributes:
        breach: Share of requests in breach; a refused one is.
        mean_latency_s: Mean latency of those that finished.
        p99_latency_s: Its 0.99 quantile.
        p99_stall_s: The 0.99 quantile of stalls; a refused request's runs to the end of the run.
        fairness_gap: Largest difference of mean slowdown (latency / service) between two clients.
        fairness_jain: Jain's index of the clients' mean slowdowns, in (0, 1].
        preemptions_per_request: Mean over all requests.
        finished: Requests that finished.
        refused: Requests that were refused.
    """

    breach: float
    mean_latency_s: float
    p99_latency_s: float
    p99_stall_s: float
    fairness_gap: float
    fairness_jain: float
    preemptions_per_request: float
    finished: int
    refused: int


def score(served: Sequence[Served], *, promised: bool = False) -> QueueScores:
    """Score a run in which at least one request finished; `promised`: a breach is a deadline missed."""
    return score_fates([_fate(each, promised) for each in served])


def score_fates(fates: Sequence[Fate]) -> QueueScores:
    """Score a run in which at least one request finished."""
    finished = [each for each in fates if each.latency_s < inf]
    latency_s = np.array([each.latency_s for each in finished])
    slowdown = latency_s / np.array([each.service_s for each in finished])
    breaches = sum(each.latency_s > each.limit_s for each in fates)
    slowdowns = _by_client(slowdown, np.array([each.client for each in finished]))
    return QueueScores(
        breach=breaches / len(fates),
        mean_latency_s=float(latency_s.mean()),
        p99_latency_s=float(np.quantile(latency_s, 0.99)),
        p99_stall_s=float(np.quantile([each.stall_s for each in fates], 0.99)),
        fairness_gap=float(slowdowns.max() - slowdowns.min()),
        fairness_jain=float(slowdowns.sum() ** 2 / (len(slowdowns) * (slowdowns**2).sum())),
        preemptions_per_request=float(np.mean([each.preemptions for each in fates])),
        finished=len(finished),
        refused=len(fates) - len(finished),
    )


def _fate(served: Served, promised: bool) -> Fate:
    request = served.request
    return Fate(
        client=request.client,
        service_s=request.service_s,
        limit_s=request.deadline_s - request.arrival_s if promised else BREACH_STRETCH * request.service_s,
        latency_s=inf if served.finished_s is None else served.finished_s - request.arrival_s,
        stall_s=served.stall_s,
        preemptions=served.preemptions,
    )


def _by_client(slowdowns: "np.ndarray[tuple[int], np.dtype[np.float64]]", clients: np.ndarray) -> np.ndarray:
    return np.array([slowdowns[clients == client].mean() for client in np.unique(clients)])
