"""Conversations of several turns: which request goes on with which, so that a prompt begins as an earlier one did."""

from bisect import bisect_right, insort
from heapq import heappop, heappush
from typing import NamedTuple

from models.domain.workload import PREFIX_BLOCK_TOKENS

REPLY_S_PER_TOKEN = 0.05
"""Assumed pace at which users get and read an answer, before they think."""

FORGOTTEN_AFTER_S = 1_800.0
"""A conversation nobody goes on with for so long is over."""

_MOST = 8_192
"""Conversations that are remembered; beyond them the older half is forgotten."""

_MOST_BLOCKS = 1 << 16


class Open(NamedTuple):
    """A conversation that waits for its next turn; `context_tokens` are its last prompt and answer."""

    context_tokens: int
    ready_s: float
    session: int


class Conversations:
    """Joins requests into conversations without changing their lengths.

    A prompt goes on with the conversation whose context is the longest that fits in it with at least a token to spare,
    where one is ready; else it begins one.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[float, Open]] = []
        self._ready: list[Open] = []
        self._last = 0

    def join(self, now_s: float, prompt_tokens: int, goes_on: bool) -> int:
        """The session of a request: one that it goes on with, if wished and possible, or a new one."""
        while self._waiting and self._waiting[0][0] <= now_s:
            insort(self._ready, heappop(self._waiting)[1])
        if len(self._ready) > _MOST:
            self._ready = sorted(sorted(self._ready, key=lambda each: each.ready_s)[-_MOST // 2 :])
        index = bisect_right(self._ready, (prompt_tokens,)) - 1 if goes_on else -1
        while index >= 0:
            found = self._ready.pop(index)
            if found.ready_s + FORGOTTEN_AFTER_S >= now_s:
                return found.session
            index -= 1
        self._last += 1
        return self._last

    def answered(self, session: int, now_s: float, context_tokens: int, answer_tokens: int, thinking_s: float) -> None:
        """A request of the session was sent and will get so many tokens; the next turn comes after some thinking."""
        ready_s = now_s + REPLY_S_PER_TOKEN * answer_tokens + thinking_s
        heappush(self._waiting, (ready_s, Open(context_tokens, ready_s, session)))


def block_names(session: int, prompt_tokens: int) -> tuple[int, ...]:
    """Names of the whole leading blocks of a prompt of a conversation: the same for all its turns."""
    first = session * _MOST_BLOCKS
    return tuple(range(first, first + min(prompt_tokens // PREFIX_BLOCK_TOKENS, _MOST_BLOCKS)))
