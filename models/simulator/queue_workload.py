"""Requests of the queue model: classes, lengths, arrivals, and the estimates that the scheduler sees."""

from dataclasses import dataclass
from enum import StrEnum
from math import exp, log

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from freesh_plugin.core.length_model import Z90
from freesh_plugin.core.lengths import AnswerLength

WORKERS = 20
CLIENTS = 20
DEADLINE_STRETCH = 1.4
"""A deadline is the arrival plus so many times the estimated service."""


class Arrivals(StrEnum):
    """How requests arrive."""

    STEADY = "steady"
    """Poisson at one rate."""
    BURSTS = "bursts"
    """Poisson at 1.3 of capacity for 60 s in every 300 s, at 0.8 between."""


@dataclass(frozen=True)
class QueueClass:
    """A request class: share of requests, answer tokens (median, σ, range of a truncated lognormal), TTFT and TBT."""

    name: str
    share: float
    median_tokens: float
    sigma: float
    least_tokens: int
    most_tokens: int
    ttft_s: float
    tbt_s: float


CLASSES = (
    QueueClass("LS", 0.5, 150, 0.8, 1, 443, 0.14069, 0.03787),
    QueueClass("SS", 0.2, 120, 0.8, 1, 443, 0.14449, 0.02734),
    QueueClass("LL", 0.2, 750, 0.5, 444, 4096, 0.07799, 0.02627),
    QueueClass("SL", 0.1, 700, 0.5, 444, 4096, 0.1259, 0.02761),
)
"""Shares, lengths and times of the artefact's queue model."""

_BURST_LOAD, _CALM_LOAD, _BURST_S, _CYCLE_S = 1.3, 0.8, 60.0, 300.0
MEAN_BURST_LOAD = (_BURST_LOAD * _BURST_S + _CALM_LOAD * (_CYCLE_S - _BURST_S)) / _CYCLE_S
_MOST_TOKENS = max(each.most_tokens for each in CLASSES)


@dataclass(frozen=True, slots=True)
class QueueRequest:
    """One request of the queue model, with what only the model knows: the true length of its answer."""

    arrival_s: float
    kind: QueueClass
    client: int
    answer_tokens: int
    estimate: AnswerLength
    deadline_s: float
    max_new_tokens: int = _MOST_TOKENS

    @property
    def service_s(self) -> float:
        """True seconds of service, undisturbed."""
        return self.kind.ttft_s + self.answer_tokens * self.kind.tbt_s


def mean_service_s() -> float:
    """Mean service time in seconds over all classes."""
    return sum(k.share * (k.ttft_s + k.tbt_s * _mean_tokens(k)) for k in CLASSES)


def draw_requests(
    arrivals: Arrivals, load: float, length_error: float, count: int, seed: int, capacity_rps: float | None = None
) -> list[QueueRequest]:
    """Draw the requests of one run.

    Args:
        arrivals: How they arrive.
        load: Offered work relative to the workers' capacity; bursts have their own.
        length_error: σ of the lognormal error, of mean 1, by which estimates differ from true lengths.
        count: How many.
        seed: Of the random numbers.
        capacity_rps: What loads are relative to; None = the capacity of the workers.
    """
    rng = np.random.default_rng(seed)
    times = _poisson(rng, arrivals, load, count, capacity_rps or WORKERS / mean_service_s())
    kinds = rng.choice(len(CLASSES), size=count, p=[kind.share for kind in CLASSES])
    quantiles = rng.random(count)
    clients = rng.integers(CLIENTS, size=count)
    errors = np.exp(length_error * rng.standard_normal(count) - length_error**2 / 2)
    lengths = np.array([_tokens(kind, quantiles) for kind in CLASSES])[kinds, np.arange(count)]
    made = zip(times, kinds, lengths, clients, errors, strict=True)
    return [_request(float(t), CLASSES[k], int(n), int(c), float(e), length_error) for t, k, n, c, e in made]


def _request(arrival_s: float, kind: QueueClass, tokens: int, client: int, error: float, sigma: float) -> QueueRequest:
    estimate = tokens * error
    service_s = kind.ttft_s + estimate * kind.tbt_s
    answer = AnswerLength(q50=estimate, q90=estimate * exp(Z90 * sigma))
    return QueueRequest(arrival_s, kind, client, tokens, answer, arrival_s + DEADLINE_STRETCH * service_s)


def _tokens(kind: QueueClass, quantiles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Whole tokens at quantiles of the truncated lognormal."""
    low, high = (ndtr(log(edge / kind.median_tokens) / kind.sigma) for edge in (kind.least_tokens, kind.most_tokens))
    return np.asarray(np.rint(kind.median_tokens * np.exp(kind.sigma * ndtri(low + quantiles * (high - low)))))


def _mean_tokens(kind: QueueClass) -> float:
    return float(_tokens(kind, (np.arange(2000) + 0.5) / 2000).mean())


def _poisson(
    rng: np.random.Generator, arrivals: Arrivals, load: float, count: int, capacity_rps: float
) -> NDArray[np.float64]:
    """Arrival times in seconds: unit-rate arrivals, stretched by the cumulative rate."""
    unit = np.cumsum(rng.exponential(size=count)) / capacity_rps
    if arrivals is Arrivals.STEADY:
        return np.asarray(unit / load)
    cycle = _BURST_LOAD * _BURST_S + _CALM_LOAD * (_CYCLE_S - _BURST_S)
    whole, part = np.divmod(unit, cycle)
    burst = _BURST_LOAD * _BURST_S
    inside = np.where(part < burst, part / _BURST_LOAD, _BURST_S + (part - burst) / _CALM_LOAD)
    return np.asarray(whole * _CYCLE_S + inside)
