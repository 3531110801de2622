"""Scores of one run of the queue model."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.simulator.queue_model import Served
from models.simulator.queue_workload import QueueRequest

BREACH_STRETCH = 1.45
"""A request is in breach when its latency is above so many times its true service time."""


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
    finished = [each for each in served if each.finished_s is not None]
    latency_s = np.array([_latency_s(each) for each in finished])
    service_s = np.array([each.request.service_s for each in finished])
    refused = len(served) - len(finished)
    limit_s = [_within_s(each.request) for each in finished] if promised else BREACH_STRETCH * service_s
    breaches = int((latency_s > limit_s).sum()) + refused
    slowdowns = _by_client(latency_s / service_s, np.array([each.request.client for each in finished]))
    return QueueScores(
        breach=breaches / len(served),
        mean_latency_s=float(latency_s.mean()),
        p99_latency_s=float(np.quantile(latency_s, 0.99)),
        p99_stall_s=float(np.quantile([each.stall_s for each in served], 0.99)),
        fairness_gap=float(slowdowns.max() - slowdowns.min()),
        fairness_jain=float(slowdowns.sum() ** 2 / (len(slowdowns) * (slowdowns**2).sum())),
        preemptions_per_request=float(np.mean([each.preemptions for each in served])),
        finished=len(finished),
        refused=refused,
    )


def _latency_s(served: Served) -> float:
    assert served.finished_s is not None
    return served.finished_s - served.request.arrival_s


def _within_s(request: QueueRequest) -> float:
    return request.deadline_s - request.arrival_s


def _by_client(slowdowns: "np.ndarray[tuple[int], np.dtype[np.float64]]", clients: np.ndarray) -> np.ndarray:
    return np.array([slowdowns[clients == client].mean() for client in np.unique(clients)])
