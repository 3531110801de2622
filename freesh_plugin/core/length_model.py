"""What is expected of an answer's length once some of its tokens are there: a lognormal between two quantiles."""

from bisect import bisect_right
from math import erfc, exp, inf, log, sqrt

from freesh_plugin.core.lengths import AnswerLength

Z90 = 1.2815515655446004
"""The 0.9 quantile of the standard normal distribution."""

CHECKPOINTS = tuple(round(16 * 2 ** (k / 2)) for k in range(26))
"""Token counts at which an estimate is refined while decoding: 16, 23, 32, 45, 64 … 92,682, each half an octave."""

_LEAST_SIGMA = 1e-3
_LEAST_SURVIVAL = 1e-12
_SQRT2 = sqrt(2)


def next_checkpoint(tokens: int) -> float:
    """The first checkpoint beyond `tokens`; infinite past the last."""
    index = bisect_right(CHECKPOINTS, tokens)
    return CHECKPOINTS[index] if index < len(CHECKPOINTS) else inf


def last_checkpoint(tokens: int) -> int:
    """The last checkpoint up to `tokens`; 0 before the first."""
    index = bisect_right(CHECKPOINTS, tokens)
    return CHECKPOINTS[index - 1] if index else 0


class LengthModel:
    """Length L of one answer in tokens, at least one: ln L is normal, and L never above the most it may get.

    Attributes:
        mu: Mean of ln L: ln q50.
        sigma: Standard deviation of ln L: ln(q90 / q50) / z90; at least 0.001, so that a length known exactly is a
            very steep distribution.
        most: Most tokens the answer may get.
    """

    __slots__ = ("_scale", "most", "mu", "sigma")

    def __init__(self, answer: AnswerLength, max_new_tokens: int) -> None:
        median = max(answer.q50, 1.0)
        self.mu = log(median)
        self.sigma = max(log(max(answer.q90, median) / median) / Z90, _LEAST_SIGMA)
        self.most = max(max_new_tokens, 1)
        self._scale = 1 / (self.sigma * _SQRT2)

    def survival(self, tokens: float) -> float:
        """P(L > tokens) = 1 - Φ((ln tokens - μ) / σ); 0 from `most` on."""
        if tokens <= 0:
            return 1.0
        if tokens >= self.most:
            return 0.0
        return 0.5 * erfc((log(tokens) - self.mu) * self._scale)

    def chance_between(self, generated: int, low: float, high: float) -> float:
        """P(low < L <= high | L > generated), for an answer that `generated` tokens did not end."""
        if high <= generated or high <= low:
            return 0.0
        alive = self.survival(generated)
        if alive < _LEAST_SURVIVAL:
            return 1.0 if low <= generated else 0.0
        above_low = alive if low <= generated else self.survival(low)
        return (above_low - self.survival(high)) / alive

    def expected(self, generated: int) -> float:
        """Expected length of the whole answer: E[min(L, most) | L > generated].

        Never less than one token more than there are, since a request that lives will make at least one more.
        """
        least = min(generated + 1.0, float(self.most))
        alive = self.survival(generated)
        if alive < _LEAST_SURVIVAL:
            # Mean excess of a lognormal far in its tail; the closed form would divide two vanishing numbers.
            start = (log(generated) - self.mu) / self.sigma
            return min(max(least, generated * (1 + self.sigma / max(start, 1.0))), self.most)
        mean = exp(self.mu + self.sigma**2 / 2)
        share = self._shifted(generated) - self._shifted(self.most)
        capped = self.most * 0.5 * erfc((log(self.most) - self.mu) * self._scale)
        return min(max(least, (mean * share + capped) / alive), self.most)

    def _shifted(self, tokens: float) -> float:
        """Share of the mean that lies above `tokens`: 1 - Φ((ln tokens - μ) / σ - σ)."""
        if tokens <= 0:
            return 1.0
        return 0.5 * erfc((log(tokens) - self.mu) * self._scale - self.sigma / _SQRT2)
