"""Predicts answer lengths from those of late: running quantiles by prompt length and client, in bounded memory."""

from bisect import bisect_left, insort
from collections import OrderedDict, deque
from math import exp, log

from freesh_plugin.core.lengths import AnswerLength

PRIOR = AnswerLength(q50=129, q90=424)
"""Before anything is known: answers of Azure's conversation trace of 2023, in tokens."""

_WINDOW = 64
"""So many answers of late make a quantile; older ones are forgotten."""
_WEIGHT_OF_BROADER = 8.0
"""A narrower group is believed over the broader one as if the latter were so many answers."""
_GROUPS = 1024
"""Most groups of client and prompt length that are remembered; the one unused for longest goes first."""


class RunningLengths:
    """A `LengthEstimator` of three levels: all answers, those to prompts of like length, those of the client to such.

    Quantiles are blended from the broadest to the narrowest, in logarithms, by how many answers each has seen. Prompts
    are of like length when they are within a factor of two.
    """

    def __init__(self, prior: AnswerLength = PRIOR) -> None:
        """Start from a prior."""
        self._prior = prior
        self._all = _Window()
        self._by_prompt: dict[int, _Window] = {}
        self._by_client: OrderedDict[tuple[str, int], _Window] = OrderedDict()

    def estimate(
        self, prompt_tokens: int, max_new_tokens: int, client: str = "", text: str | None = None
    ) -> AnswerLength:
        """Quantiles of the answer's length in tokens, at arrival; never above `max_new_tokens`."""
        bucket = prompt_tokens.bit_length()
        known = self._all.blended(self._prior)
        for window in (self._by_prompt.get(bucket), self._by_client.get((client, bucket))):
            if window is not None:
                known = window.blended(known)
        most = max(float(max_new_tokens), 1.0)
        return AnswerLength(min(known.q50, most), min(known.q90, most))

    def observe(self, prompt_tokens: int, answer_tokens: int, client: str = "") -> None:
        """Learn from an answer that has ended by itself."""
        bucket, tokens = prompt_tokens.bit_length(), max(answer_tokens, 1)
        self._all.add(tokens)
        self._by_prompt.setdefault(bucket, _Window()).add(tokens)
        key = (client, bucket)
        self._by_client.setdefault(key, _Window()).add(tokens)
        self._by_client.move_to_end(key)
        if len(self._by_client) > _GROUPS:
            self._by_client.popitem(last=False)


class _Window:
    """The last answers of a group, also in ascending order."""

    __slots__ = ("_recent", "_sorted")

    def __init__(self) -> None:
        self._recent: deque[int] = deque()
        self._sorted: list[int] = []

    def add(self, tokens: int) -> None:
        if len(self._recent) == _WINDOW:
            del self._sorted[bisect_left(self._sorted, self._recent.popleft())]
        self._recent.append(tokens)
        insort(self._sorted, tokens)

    def blended(self, broader: AnswerLength) -> AnswerLength:
        """Own quantiles, weighed against those of a broader group."""
        count = len(self._sorted)
        if not count:
            return broader
        share = count / (count + _WEIGHT_OF_BROADER)
        q50 = _between(broader.q50, self._sorted[(count - 1) // 2], share)
        return AnswerLength(q50, max(q50, _between(broader.q90, self._sorted[int((count - 1) * 0.9)], share)))


def _between(broader: float, own: float, share: float) -> float:
    return exp((1 - share) * log(broader) + share * log(own))
