"""Predicted answer lengths: the truth with a stated error, the live estimator fed as answers end, or the truth."""

from enum import StrEnum
from heapq import heappop, heappush
from math import exp
from typing import Protocol

from freesh_plugin.core.length_model import Z90
from freesh_plugin.core.lengths import AnswerLength
from freesh_plugin.runtime.lengths import RunningLengths
from models.domain.workload import WorkloadRequest
from models.sources.workload.randomness import generator


class Predicted(StrEnum):
    """How answer lengths are predicted."""

    WITH_ERROR = "error"
    """q50 = truth x lognormal of mean 1 and stated sigma, as in the bench of scheduling; q90 = q50 x exp(z90 sigma)."""
    BY_QUANTILES = "quantiles"
    """Running quantiles, the live default, which learn of an answer when it has ended."""
    EXACTLY = "exact"
    """The truth."""


class HowPredicted(Protocol):
    """What an estimator is made from."""

    @property
    def seed(self) -> int:
        """Of the errors."""
        ...

    @property
    def predicted(self) -> Predicted:
        """How lengths are predicted."""
        ...

    @property
    def length_error(self) -> float:
        """Standard deviation of the lognormal error's logarithm."""
        ...


class Estimates(Protocol):
    """Predicts the answers of requests that are shown in order of arrival."""

    error: float | None
    """sigma of the lognormal error; None = of another kind."""

    def of(self, request: WorkloadRequest, client: int) -> AnswerLength:
        """The prediction for one request."""
        ...


def predictor(how: HowPredicted) -> Estimates:
    """A fresh estimator."""
    if how.predicted is Predicted.BY_QUANTILES:
        return _ByQuantiles()
    return _WithError(0.0 if how.predicted is Predicted.EXACTLY else how.length_error, how.seed)


class _WithError:
    """q50 = truth x exp(sigma z - sigma^2 / 2), z standard normal."""

    _DRAWS = 4096

    def __init__(self, sigma: float, seed: int) -> None:
        self.error: float | None = sigma
        self._sigma = sigma
        self._spread = exp(Z90 * sigma)
        self._random = generator(seed, "length errors")
        self._errors: list[float] = []

    def of(self, request: WorkloadRequest, client: int) -> AnswerLength:
        if not self._sigma:
            return AnswerLength(float(request.answer_tokens), float(request.answer_tokens))
        if not self._errors:
            self._errors = self._random.lognormal(-(self._sigma**2) / 2, self._sigma, self._DRAWS).tolist()
        most = float(request.max_new_tokens)
        q50 = min(max(request.answer_tokens * self._errors.pop(), 1.0), most)
        return AnswerLength(q50, min(q50 * self._spread, most))


class _ByQuantiles:
    """The live estimator; when an answer ends is not known here, so a usual pace is assumed."""

    _FIRST_TOKEN_S, _TOKEN_S = 0.5, 0.03

    def __init__(self) -> None:
        self.error: float | None = None
        self._running = RunningLengths()
        self._ending: list[tuple[float, int, int, str]] = []

    def of(self, request: WorkloadRequest, client: int) -> AnswerLength:
        while self._ending and self._ending[0][0] <= request.arrival_s:
            _, prompt, answer, whose = heappop(self._ending)
            self._running.observe(prompt, answer, whose)
        ends_s = request.arrival_s + self._FIRST_TOKEN_S + self._TOKEN_S * request.answer_tokens
        heappush(self._ending, (ends_s, request.prompt_tokens, request.answer_tokens, str(client)))
        return self._running.estimate(request.prompt_tokens, request.max_new_tokens, str(client))
