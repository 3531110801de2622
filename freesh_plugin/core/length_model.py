"""What is expected of an answer's length once some of its tokens are there: a lognormal between two quantiles."""

from bisect import bisect_right
from math import erfc, exp, inf, log, sqrt

from freesh_plugin.core.lengths import AnswerLength

Z90 = 1.2815515655446004
"""The 0.9 quantile of the standard normal distribution."""

CHECKPOINTS = tuple(sorted({round(16 * 2 ** (k / 2)) for k in range(26)}))
"""Token counts at which an estimate is refined while decoding: 16, 23, 32, 45, 64 … 92,682, each half an octave."""

_LEAST_SIGMA = 1e-3
_LEAST_SURVIVAL = 1e-12


def next_checkpoint(tokens: int) -> float:
    """The first checkpoint beyond `tokens`; infinite past the last."""
    index = bisect_right(CHECKPOINTS, tokens)
    return CHECKPOINTS[index] if index < len(CHECKPOINTS) else inf


def sigma(answer: AnswerLength) -> float:
    """Standard deviation of the logarithm: ln(q90 / q50) / z90."""
    return log(answer.q90 / answer.q50) / Z90


def survival(answer: AnswerLength, tokens: float) -> float:
    """Probability that the answer is longer than `tokens`: 1 - Φ((ln tokens - ln q50) / σ)."""
    if tokens <= 0:
        return 1.0
    spread = sigma(answer)
    if spread < _LEAST_SIGMA:
        return 1.0 if tokens < answer.q50 else 0.0
    return _above((log(tokens) - log(answer.q50)) / spread)


def expected_tokens(answer: AnswerLength, generated: int, max_new_tokens: int) -> float:
    """Expected length of the whole answer, given that `generated` tokens did not end it.

    E[min(L, M) | L > g] with ln L normal of median ln q50, and M the most tokens it may get. Never less than one token
    more than there are, since a request that lives will make at least one more.
    """
    least = min(generated + 1.0, float(max_new_tokens))
    spread = sigma(answer)
    if spread < _LEAST_SIGMA:
        return max(least, min(answer.q50, max_new_tokens))
    mu = log(answer.q50)
    start = (log(generated) - mu) / spread if generated > 0 else -inf
    alive = _above(start)
    if alive < _LEAST_SURVIVAL:
        # Mean excess of a lognormal far in its tail; the closed form would divide two vanishing numbers.
        return min(max(least, generated * (1 + spread / start)), max_new_tokens)
    end = (log(max_new_tokens) - mu) / spread
    mean = exp(mu + spread * spread / 2) * (_above(start - spread) - _above(end - spread))
    return min(max(least, (mean + max_new_tokens * _above(end)) / alive), max_new_tokens)


def _above(z: float) -> float:
    """1 - Φ(z)."""
    return 0.5 * erfc(z / sqrt(2))
