"""How long clients waited for tokens of late: what the governor judges by."""

from collections import deque
from collections.abc import Iterable

from freesh_plugin.core.generation import FailureEvent, GenerationEvent

_KEPT = 4096
"""Samples kept when nobody looks."""


class TokenTimes:
    """Waits since the last look: arrival to first token (TTFT), and pass to pass (TBT, one sample a pass)."""

    def __init__(self) -> None:
        """Nobody waits."""
        self._waiting: dict[int, float] = {}
        """Arrivals of those without a first token, oldest first."""
        self._ttft_s: deque[float] = deque(maxlen=_KEPT)
        self._tbt_s: deque[float] = deque(maxlen=_KEPT)
        self._told_s: float | None = None

    def arrived(self, request_id: int, arrival_s: float) -> None:
        """A request came."""
        self._waiting[request_id] = arrival_s

    def gone(self, request_id: int) -> None:
        """It wants nothing more."""
        self._waiting.pop(request_id, None)

    def told(self, events: Iterable[GenerationEvent], now_s: float) -> None:
        """What a pass that ended at `now_s` brought."""
        firsts = tokens = 0
        waiting = self._waiting
        for event in events:
            arrival_s = waiting.pop(event.request_id, None) if waiting else None
            if isinstance(event, FailureEvent):
                continue
            tokens += 1
            if arrival_s is not None:
                firsts += 1
                self._ttft_s.append(now_s - arrival_s)
        # Where prompts are computed alone, the others go on waiting: their wait ends with the next pass.
        if tokens > firsts and self._told_s is not None:
            self._tbt_s.append(now_s - self._told_s)
        if tokens > firsts or (tokens and self._told_s is None):
            self._told_s = now_s

    def rest(self) -> None:
        """Nobody is in the batch: the time until the next pass is nobody's wait."""
        self._told_s = None

    def waiting_age_s(self, now_s: float) -> float:
        """Age of the oldest request without a token; 0 if there is none."""
        oldest_s = next(iter(self._waiting.values()), now_s)
        return max(now_s - oldest_s, 0.0)

    def take(self, now_s: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """TTFT and TBT samples since the last call; a pass that has not ended counts by its age where none has."""
        ttft_s, tbt_s = tuple(self._ttft_s), tuple(self._tbt_s)
        self._ttft_s.clear()
        self._tbt_s.clear()
        if not tbt_s and self._told_s is not None:
            tbt_s = (now_s - self._told_s,)
        return ttft_s, tbt_s
