"""Steady state of an instance with continuous batching at a given rate: who waits, how large the batch is, power."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import inf

import numpy as np

from models.capacity.work import ClassWork, Floats

_HALVINGS = 60


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

    @cached_property
    def tbt_s(self) -> Floats:
        """Time between tokens with 1, …, B in the batch, the share of prefill included; shape (B,)."""
        return self.work.step_s / (1 - self.prefill_share)

    def late_tbt(self, bound_s: float) -> float:
        """Share of the requests that find no place, or a batch too large for the bound once they are in it."""
        return self._with_refused(float(self._found[self.tbt_s > bound_s].sum()))

    def late_ttft(self, bound_s: float) -> float:
        """Share of the requests whose first token comes after the bound."""
        return self._with_refused(float(self._found @ self._waits_over(bound_s - self._alone_s) @ self.work.weights))

    def late_latency(self, bound_s: float) -> float:
        """Share of the requests whose last token comes after the bound."""
        decode_s = self.tbt_s[:, None] * self.work.gaps[None, :]
        over = self._waits_over(bound_s - self._alone_s - decode_s)
        return self._with_refused(float(self._found @ over @ self.work.weights))

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
    def _found(self) -> Floats:
        """Probability that an arrival finds 0, …, B - 1 in service, given that there is a place; shape (B,)."""
        placed = self.batch[:-1]
        return np.asarray(placed / placed.sum())

    @cached_property
    def _alone_s(self) -> Floats:
        """The running decode step, waited for whole, and the own prefill; shape (B, length)."""
        running = np.concatenate([[0.0], self.work.step_s[:-1]])
        return np.asarray(running[:, None] + self.work.prefill_s[None, :])

    def _waits_over(self, spare_s: Floats) -> Floats:
        """P(wait for others' prefill > spare): ρ·exp(-θ·spare), θ = 2(1 - ρ)·E[S]/E[S²]; 1 where spare < 0.

        The mean is that of the queue M/G/1; its tail is taken to be exponential.
        """
        weights, seconds = self.work.weights, self.work.prefill_s
        decay = 2 * (1 - self.prefill_share) * float(weights @ seconds) / float(weights @ seconds**2)
        return np.where(spare_s < 0, 1.0, self.prefill_share * np.exp(-decay * np.maximum(spare_s, 0.0)))

    def _with_refused(self, late: float) -> float:
        return self.refused_share + (1 - self.refused_share) * late

    def ttft_at(self, quantile: float) -> float:
        """Time to first token that this share of the requests keeps, seconds; infinite where too many find no place."""
        return self._quantile_s(self.late_ttft, quantile)

    def latency_at(self, quantile: float) -> float:
        """Time to last token that this share of the requests keeps, seconds."""
        return self._quantile_s(self.late_latency, quantile)

    def tbt_at(self, quantile: float) -> float:
        """Time between tokens that this share of the requests keeps, seconds."""
        kept = (1 - self.refused_share) * np.cumsum(self._found)
        enough = kept >= quantile - 1e-12
        return float(self.tbt_s[int(np.argmax(enough))]) if enough.any() else inf

    def _quantile_s(self, late: Callable[[float], float], quantile: float) -> float:
        if self.refused_share > 1 - quantile:
            return inf
        low, high = 0.0, 1.0
        while late(high) > 1 - quantile:
            low, high = high, 2 * high
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            low, high = (middle, high) if late(middle) > 1 - quantile else (low, middle)
        return high
