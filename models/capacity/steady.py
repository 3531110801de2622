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

    Prefill takes the share ρ = λ·E[S] of the time, in passes of its own that go first or within those that decode. With
    k requests in the batch each gets a token every step(k)/(1 - ρ) seconds. That is processor sharing whose speed
    depends on k, so the number in service depends on the lengths only through their mean:
    P(k) ∝ Π_{j<=k} λ·E[turns]·step(j)/((1 - ρ)·j), with the speed of B beyond B places, where whoever comes waits for a
    place.
    """

    work: ClassWork
    rate_rps: float

    @cached_property
    def prefill_share(self) -> float:
        """ρ, share of the time that prefill takes."""
        return float(self.rate_rps * (self.work.weights @ self.work.prefill_s))

    @cached_property
    def full_load(self) -> float:
        """λ over the rate at which a full batch finishes requests; below 1 where the state is steady."""
        tokens_rps = len(self.work.step_s) / float(self.work.step_s[-1])
        return self._tokens_per_s / tokens_rps

    @cached_property
    def batch(self) -> Floats:
        """Probability of 0, 1, …, B requests that decode or wait for a place, B or more in the last; shape (B + 1,)."""
        steps, places = self.work.step_s, np.arange(1, len(self.work.step_s) + 1)
        with np.errstate(divide="ignore"):  # no gaps at all: the logarithm of 0 is a batch of none
            logs = np.concatenate([[0.0], np.cumsum(np.log(self._tokens_per_s * steps / places))])
        shares = np.exp(logs - logs.max())
        shares[-1] /= 1 - self.full_load
        return np.asarray(shares / shares.sum())

    @property
    def power_w(self) -> float:
        """Mean power: ρ of prefill, the rest by the batch."""
        decoding = float(self.batch[1:] @ self.work.step_power_w + self.batch[0] * self.work.idle_power_w)
        return self.prefill_share * self.work.prefill_power_w + (1 - self.prefill_share) * decoding

    @property
    def mean_batch(self) -> float:
        """Mean number of requests that decode at once."""
        return float(self.batch @ np.arange(len(self.batch)))

    @property
    def full_share(self) -> float:
        """Share of the requests that find no place at once."""
        return float(self.batch[-1])

    def late_ttft(self, bound_s: float) -> float:
        """Share of the requests whose first token comes after the bound."""
        share, rate = self._wait
        spare_s = bound_s - self._alone_s
        waits = share * np.exp(-rate * np.maximum(spare_s, 0.0))
        return self._of_requests(np.where(spare_s < 0, 1.0, waits))

    def late_tbt(self, bound_s: float) -> float:
        """Share of the requests whose mean time between tokens is above the bound.

        Time from first to last token is taken to be gamma distributed: short answers have a long tail.
        """
        decode_s, spread_s = self._decode_s
        scale_s = spread_s**2 / np.maximum(decode_s, _LEAST_SPREAD_S)
        late = gammaincc(decode_s / scale_s, bound_s * np.maximum(self.work.gaps, 1.0) / scale_s)
        return self._of_requests(np.where(self.work.gaps > 0, late, 0.0))

    def late_latency(self, bound_s: float) -> float:
        """Share of the requests whose last token comes after the bound.

        Decoding is taken to be normal, so with a wait W its sum is an exponentially modified normal variable:
        P(D + W > x) = 1 - Φ(z) + exp(-θ·s·z + θ²s²/2)·Φ(z - θ·s), z = (x - E[D])/s.
        """
        (share, rate), (decode_s, spread_s) = self._wait, self._decode_s
        z, decay = (bound_s - self._alone_s - decode_s) / spread_s, rate * spread_s
        waiting = np.exp(np.minimum(decay * (decay / 2 - z) + log_ndtr(z - decay), 0.0))
        return self._of_requests(np.minimum(ndtr(-z) + share * waiting, 1.0))

    def ttft_at(self, quantile: float) -> float:
        """Time to first token that this share of the requests keeps, seconds; infinite where too many never fit."""
        return self._quantile_s(self.late_ttft, quantile)

    def latency_at(self, quantile: float) -> float:
        """Time to last token that this share of the requests keeps, seconds; infinite likewise."""
        return self._quantile_s(self.late_latency, quantile)

    def tbt_at(self, quantile: float) -> float:
        """Mean time between tokens that this share of the requests keeps, seconds; infinite likewise."""
        return self._quantile_s(self.late_tbt, quantile)

    @cached_property
    def _tokens_per_s(self) -> float:
        """Tokens that arrive for decoding in each second that is left for it: λ·E[turns]/(1 - ρ)."""
        return self.rate_rps * float(self.work.weights @ self.work.turns) / (1 - self.prefill_share)

    @cached_property
    def _found(self) -> tuple[NDArray[np.int64], Floats]:
        """What arrivals find in service, B standing for a full batch, and how often; rare numbers left out."""
        worth = np.flatnonzero(self.batch > _RARE)
        return worth, self.batch[worth] / self.batch[worth].sum()

    @cached_property
    def _joined_s(self) -> Floats:
        """Decode step of the batch that an arrival becomes part of; shape (found, 1)."""
        return np.asarray(self.work.step_s[np.minimum(self._found[0], len(self.work.step_s) - 1), None])

    @cached_property
    def _alone_s(self) -> Floats:
        """The rest of the running pass, half of it on average, and the own prefill; shape (found, length).

        In a pass that decodes too, that is the step of those in the batch, and the prompts that came during the pass
        before, ρ of it.
        """
        running = np.concatenate([[0.0], self.work.step_s])[self._found[0]][:, None]
        own = self.work.prefill_s[None, :]
        if not self.work.chunked:
            return np.asarray(running / 2 + own)
        pass_s = running / (1 - self.prefill_share)
        return np.asarray((0.5 + self.prefill_share) * pass_s + self._joined_s + own)

    @cached_property
    def _wait(self) -> tuple[Floats, Floats]:
        """P(wait > t) = share·exp(-rate·t) for what an arrival finds; share and rate have shape (found, 1).

        For others' prefill the share is ρ and the mean that of the queue M/G/1: θ = 2(1 - ρ)·E[S]/E[S²]. For a place
        in a full batch, which all have to wait for, it is that of M/M/B: rate μ - λ of the full batch.
        """
        weights, seconds = self.work.weights, self.work.prefill_s
        prefill_rate = 2 * (1 - self.prefill_share) * float(weights @ seconds) / float(weights @ seconds**2)
        place_rate = self.rate_rps * (1 / self.full_load - 1) if self.full_load > 0 else inf
        full = (self._found[0] == len(self.work.step_s))[:, None]
        return np.where(full, 1.0, self.prefill_share), np.where(full, place_rate, prefill_rate)

    @cached_property
    def _decode_s(self) -> tuple[Floats, Floats]:
        """Mean and standard deviation of the time from first to last token; shape (found, length) each.

        Work x that others' prefill interrupts takes x/(1 - ρ) with variance λ·E[S²]·x/(1 - ρ)³. It is gaps·step, and
        the prefill of those who came in the time T of the own wait and prefill, which goes before the second token: ρ·T
        on average, with variance λ·E[S²]·T.
        """
        left, per_s = 1 - self.prefill_share, self._prefill_variance_per_s
        came_s = self.work.prefill_s  # the own prefill, and where prompts come one by one the mean wait of M/G/1
        if not self.work.chunked:
            came_s = came_s + per_s / (2 * left)
        behind_s = np.where(self.work.gaps > 0, came_s, 0.0)[None, :]
        work_s = self._joined_s * self.work.gaps[None, :] + self.prefill_share * behind_s
        variance = per_s * (work_s / left + behind_s) / left**2
        return work_s / left, np.sqrt(variance + _LEAST_SPREAD_S**2)

    @cached_property
    def _prefill_variance_per_s(self) -> float:
        """λ·E[S²]: variance of the prefill that arrives in a second, s²/s."""
        return self.rate_rps * float(self.work.weights @ self.work.prefill_s**2)

    def _of_requests(self, shares: Floats) -> float:
        """Mean over what arrivals find and over their lengths, shape (found, length); who never fits is late."""
        late = float(self._found[1] @ shares @ self.work.weights)
        return self.work.misfits + (1 - self.work.misfits) * late

    def _quantile_s(self, late: Callable[[float], float], quantile: float) -> float:
        if self.work.misfits > 1 - quantile:
            return inf
        low, high = 0.0, 1.0
        while late(high) > 1 - quantile:
            low, high = high, 2 * high
        while high - low > max(_PRECISION * high, _LEAST_S):
            middle = (low + high) / 2
            low, high = (middle, high) if late(middle) > 1 - quantile else (low, middle)
        return high
