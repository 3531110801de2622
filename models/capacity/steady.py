"""Steady state of an instance with continuous batching at a given rate: who waits, how large the batch is, power."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import inf

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincc, log_ndtr, ndtr

from models.capacity.work import ClassWork, Floats

_PRECISION = 1e-5
_RARE = 1e-5
_LEAST_SPREAD_S = 1e-6
_LEAST_S = 1e-9


@dataclass(frozen=True)
class Steady:
    """Requests of a class that arrive at random (Poisson) at one instance.

    Prefill goes first and takes the share ρ = λ·E[S] of the time. The rest decodes: with k requests in the batch each
    gets a token every step(k)/(1 - ρ) seconds. That is processor sharing whose speed depends on k, so the number in
    service depends on the lengths only through their mean: P(k) ∝ Π_{j<=k} λ·E[gaps]·step(j)/((1 - ρ)·j), with the
    speed of B beyond B places (whoever comes then waits for a place, and is counted as late whatever the bound).
    """

    work: ClassWork
    rate_rps: float

    @cached_property
    def prefill_share(self) -> float:
        """ρ, share of the time that prefill takes."""
        return float(self.rate_rps * (self.work.weights @ self.work.prefill_s))

    @cached_property
    def batch(self) -> Floats:
        """Probability of 0, 1, …, B requests in service, B or more in the last; shape (B + 1,)."""
        steps, places = self.work.step_s, np.arange(1, len(self.work.step_s) + 1)
        tokens_per_s = self.rate_rps * float(self.work.weights @ self.work.gaps) / (1 - self.prefill_share)
        with np.errstate(divide="ignore"):  # no gaps at all: the logarithm of 0 is a batch of none
            logs = np.concatenate([[0.0], np.cumsum(np.log(tokens_per_s * steps / places))])
        shares = np.exp(logs - logs.max())
        shares[-1] /= 1 - tokens_per_s * steps[-1] / places[-1]
        return np.asarray(shares / shares.sum())

    @cached_property
    def refused_share(self) -> float:
        """Share of the requests that find no place at once, or would never fit."""
        return float(1 - (1 - self.batch[-1]) * (1 - self.work.misfits))

    def late_tbt(self, bound_s: float) -> float:
        """Share of the requests whose mean time between tokens is above the bound.

        Time from first to last token is taken to be gamma distributed: short answers have a long tail.
        """
        decode_s, spread_s = self._decode_s
        scale_s = spread_s**2 / np.maximum(decode_s, _LEAST_SPREAD_S)
        late = gammaincc(decode_s / scale_s, bound_s * np.maximum(self.work.gaps, 1.0) / scale_s)
        return self._with_refused(self._of_requests(np.where(self.work.gaps > 0, late, 0.0)))

    def late_ttft(self, bound_s: float) -> float:
        """Share of the requests whose first token comes after the bound."""
        spare_s = bound_s - self._alone_s
        waits = self.prefill_share * np.exp(-self._decay * np.maximum(spare_s, 0.0))
        return self._with_refused(self._of_requests(np.where(spare_s < 0, 1.0, waits)))

    def late_latency(self, bound_s: float) -> float:
        """Share of the requests whose last token comes after the bound.

        Decoding is taken to be normal, so with a wait W its sum is an exponentially modified normal variable:
        P(D + W > x) = 1 - Φ(z) + exp(-θ·s·z + θ²s²/2)·Φ(z - θ·s), z = (x - E[D])/s.
        """
        decode_s, spread_s = self._decode_s
        z, rate = (bound_s - self._alone_s - decode_s) / spread_s, self._decay * spread_s
        waiting = ndtr(-z) + np.exp(np.minimum(rate * (rate / 2 - z) + log_ndtr(z - rate), 0.0))
        late = (1 - self.prefill_share) * ndtr(-z) + self.prefill_share * waiting
        return self._with_refused(self._of_requests(late))

    @property
    def power_w(self) -> float:
        """Mean power: ρ of prefill, the rest by the batch."""
        decoding = float(self.batch[1:] @ self.work.step_power_w + self.batch[0] * self.work.idle_power_w)
        return self.prefill_share * self.work.prefill_power_w + (1 - self.prefill_share) * decoding

    @property
    def mean_batch(self) -> float:
        """Mean number of requests that decode at once."""
        return float(self.batch @ np.arange(len(self.batch)))

    @cached_property
    def _found(self) -> tuple[NDArray[np.int64], Floats]:
        """What arrivals with a place find in service, and how often: numbers below B, rare ones left out."""
        placed = self.batch[:-1] / self.batch[:-1].sum()
        worth = np.flatnonzero(placed > _RARE)
        return worth, placed[worth] / placed[worth].sum()

    @cached_property
    def _alone_s(self) -> Floats:
        """The rest of the running decode step, half of it on average, and the own prefill; shape (found, length)."""
        running = np.concatenate([[0.0], self.work.step_s])[self._found[0]]
        return np.asarray(running[:, None] / 2 + self.work.prefill_s[None, :])

    @cached_property
    def _decay(self) -> float:
        """θ = 2(1 - ρ)·E[S]/E[S²]: the wait for others' prefill exceeds t with probability ρ·exp(-θ·t).

        Its mean is that of the queue M/G/1; its tail is taken to be exponential.
        """
        weights, seconds = self.work.weights, self.work.prefill_s
        return 2 * (1 - self.prefill_share) * float(weights @ seconds) / float(weights @ seconds**2)

    @cached_property
    def _decode_s(self) -> tuple[Floats, Floats]:
        """Mean and standard deviation of the time from first to last token; shape (found, length) each.

        Work x = gaps·step that others' prefill interrupts: mean x/(1 - ρ), variance λ·E[S²]·x/(1 - ρ)³.
        """
        weights, seconds, left = self.work.weights, self.work.prefill_s, 1 - self.prefill_share
        work_s = self.work.step_s[self._found[0], None] * self.work.gaps[None, :]  # in the batch it is one more
        variance = self.rate_rps * float(weights @ seconds**2) * work_s / left**3
        return work_s / left, np.sqrt(variance + _LEAST_SPREAD_S**2)

    def _of_requests(self, shares: Floats) -> float:
        """Mean over what arrivals find in service and over their lengths; shares have shape (found, length)."""
        return float(self._found[1] @ shares @ self.work.weights)

    def _with_refused(self, late: float) -> float:
        return self.refused_share + (1 - self.refused_share) * late

    def ttft_at(self, quantile: float) -> float:
        """Time to first token that this share of the requests keeps, seconds; infinite where too many find no place."""
        return self._quantile_s(self.late_ttft, quantile)

    def latency_at(self, quantile: float) -> float:
        """Time to last token that this share of the requests keeps, seconds."""
        return self._quantile_s(self.late_latency, quantile)

    def tbt_at(self, quantile: float) -> float:
        """Mean time between tokens that this share of the requests keeps, seconds."""
        return self._quantile_s(self.late_tbt, quantile)

    def _quantile_s(self, late: Callable[[float], float], quantile: float) -> float:
        if self.refused_share > 1 - quantile:
            return inf
        low, high = 0.0, 1.0
        while late(high) > 1 - quantile:
            low, high = high, 2 * high
        while high - low > max(_PRECISION * high, _LEAST_S):
            middle = (low + high) / 2
            low, high = (middle, high) if late(middle) > 1 - quantile else (low, middle)
        return high
