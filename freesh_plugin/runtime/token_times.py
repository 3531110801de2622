"""How long clients waited for tokens of late: what the governor judges by."""

from collections import deque
from collections.abc import Iterable, Sequence

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
        firsts: list[int] = []
        tokens = 0
        waiting = self._waiting
        for event in events:
            if isinstance(event, FailureEvent):
                self.gone(event.request_id)
                continue
            tokens += 1
            if waiting and event.request_id in waiting:
                firsts.append(event.request_id)
        self.passed(firsts, tokens, now_s)

    def passed(self, firsts: Sequence[int], tokens: int, now_s: float) -> None:
        """A pass ended at `now_s`: so many requests got tokens, of which `firsts` their first."""
        for request_id in firsts:
            self._ttft_s.append(now_s - self._waiting.pop(request_id))
        # Where prompts are computed alone, the others go on waiting: their wait ends with the next pass.
        if tokens > len(firsts) and self._told_s is not None:
            self._tbt_s.append(now_s - self._told_s)
        if tokens > len(firsts) or (tokens and self._told_s is None):
            self._told_s = now_s

    def decoded(self, began_s: float, took_s: Sequence[float]) -> None:
        """Passes without a first token, one after the other from `began_s` on, took so long each."""
        if not took_s:
            return
        if self._told_s is not None:
            self._tbt_s.append(began_s + took_s[0] - self._told_s)
        self._tbt_s.extend(took_s[1:])
        self._told_s = began_s + sum(took_s)

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
