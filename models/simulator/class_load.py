"""Requests of one class that arrive at random, and the largest rate at which a simulated pool keeps their bounds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import exp, inf, nan

import numpy as np

from freesh_plugin.core.length_model import Z90
from freesh_plugin.core.lengths import AnswerLength
from freesh_plugin.core.plan import Slo
from models.domain.lengths import RequestLength
from models.domain.workload import WorkloadRequest
from models.simulator.instance_types import Outcome
from models.simulator.pool_run import Pool, serve_pool

QUANTILE = 0.95
"""Share of the requests that keep each bound, as for derived capacities."""

_HALVINGS = 6


@dataclass(frozen=True)
class ClassLoad:
    """Requests of one class; at another rate they are the same, further apart.

    Attributes:
        lengths: What they are drawn from.
        count: How many in a run, those of the warm-up included.
        seed: Of lengths, arrivals and errors.
        length_error: σ of the lognormal error, of mean 1, of predicted lengths.
        warm_up: Share of the requests, the first ones, that are not scored.
        max_new_tokens: Most tokens that an answer may have; less than its true length is taken as that.
    """

    lengths: tuple[RequestLength, ...]
    count: int
    seed: int
    length_error: float = 0.5
    warm_up: float = 0.1
    max_new_tokens: int = 1

    def requests(self, rate_rps: float) -> list[WorkloadRequest]:
        """The requests at a rate, Poisson."""
        return [replace(each, arrival_s=each.arrival_s / rate_rps) for each in self._one_a_second]

    @cached_property
    def _one_a_second(self) -> tuple[WorkloadRequest, ...]:
        rng = np.random.default_rng(self.seed)
        times = np.cumsum(rng.exponential(size=self.count))
        weights = np.array([each.weight for each in self.lengths])
        drawn = rng.choice(len(self.lengths), size=self.count, p=weights / weights.sum())
        errors = np.exp(self.length_error * rng.standard_normal(self.count) - self.length_error**2 / 2)
        spread = exp(Z90 * self.length_error)
        made = zip(times, (self.lengths[each] for each in drawn), errors, strict=True)
        return tuple(self._request(float(at_s), length, float(error), spread) for at_s, length, error in made)

    def _request(self, at_s: float, length: RequestLength, error: float, spread: float) -> WorkloadRequest:
        prompt, answer = (max(round(each), 1) for each in (length.prompt_tokens, length.answer_tokens))
        estimate = AnswerLength(answer * error, answer * error * spread)
        return WorkloadRequest(at_s, prompt, answer, max(self.max_new_tokens, answer), estimate)


@dataclass(frozen=True)
class Kept:
    """Shares of the requests that kept TTFT, mean TBT and latency; who was refused kept none."""

    ttft: float
    tbt: float
    latency: float

    @property
    def least(self) -> float:
        """The least of them."""
        return min(self.ttft, self.tbt, self.latency)


def kept(outcomes: Sequence[Outcome], slo: Slo, warm_up: float = 0.0) -> Kept:
    """What share of the requests after the warm-up kept each bound; a bound of 0 is none."""
    first = warm_up * len(outcomes)
    scored = [each for each in outcomes if each.arrival.request_id >= first]
    bounds_s = (slo.ttft_s or inf, slo.tbt_s or inf, slo.latency_s or inf)
    within = [0, 0, 0]
    for each in scored:
        for bound, seconds in enumerate(_times_s(each)):
            within[bound] += seconds <= bounds_s[bound]
    return Kept(*(each / max(len(scored), 1) for each in within))


def _times_s(outcome: Outcome) -> tuple[float, float, float]:
    """TTFT, mean TBT and latency; no number, which keeps no bound, where it was refused."""
    if outcome.first_token_s is None or outcome.finished_s is None:
        return nan, nan, nan
    request = outcome.arrival.request
    decode_s = outcome.finished_s - outcome.first_token_s
    gaps = max(request.answer_tokens - 1, 1)
    return outcome.first_token_s - request.arrival_s, decode_s / gaps, outcome.finished_s - request.arrival_s


def kept_at(pool: Pool, load: ClassLoad, rate_rps: float, slo: Slo) -> Kept:
    """What share of the requests keeps each bound at a rate of the whole pool."""
    return kept(serve_pool(pool, load.requests(rate_rps)).outcomes, slo, load.warm_up)


def largest_rate_rps(holds: Callable[[float], bool], low_rps: float, high_rps: float) -> float:
    """The largest rate that holds, by halving; `low_rps` or `high_rps` where it is not between them."""
    if not holds(low_rps):
        return low_rps
    if holds(high_rps):
        return high_rps
    for _ in range(_HALVINGS):
        middle = (low_rps + high_rps) / 2
        low_rps, high_rps = (middle, high_rps) if holds(middle) else (low_rps, middle)
    return low_rps


def saturated_rps(pool: Pool, load: ClassLoad) -> float:
    """What a pool finishes in a second while it always has more than it can hold: all requests come at once.

    The first tenth does not count, before which the places fill, nor the last, in which they empty.
    """
    finished = sorted(each.finished_s or inf for each in serve_pool(pool, load.requests(1e6)).outcomes)
    first, last = len(finished) // 10, len(finished) * 9 // 10
    return (last - first) / (finished[last] - finished[first])
