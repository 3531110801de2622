"""How long remaining work takes: what the scheduler asks, and the answer learnt from steps observed."""

from typing import Protocol

from freesh_plugin.runtime.job import Job


class Pace(Protocol):
    """Turns remaining work into seconds at the present speed of the engine."""

    @property
    def revision(self) -> int:
        """Changes whenever answers change enough to reorder requests; until then they may be kept."""
        ...

    @property
    def held_up(self) -> float:
        """How many requests a prefill holds up, itself included (>= 1); 1 where each has a worker of its own."""
        ...

    def service_s(self, job: Job, prefill_tokens: float, decode_tokens: float) -> float:
        """Seconds to compute so many prompt tokens (0 = none, no step for it) and to decode so many tokens."""
        ...


class MeasuredPace:
    """Seconds a token, learnt from the steps of a live engine.

    A step with `batch` requests and n prompt tokens takes a + b·batch + c·n seconds. Each is followed by an
    exponentially forgetting least-squares fit; a step that took over four times what was expected moves nothing but
    the count of such steps, until there are several in a row and it is the engine that has changed.
    """

    def __init__(self, *, tbt_s: float = 0.03, prefill_s_per_token: float = 0.0002) -> None:
        """Start from a prior: seconds of a step without prompt tokens, and seconds more for each prompt token."""
        self._tbt_s = tbt_s
        self._prefill_s_per_token = prefill_s_per_token
        self._told = (tbt_s, prefill_s_per_token)
        self._batch = 1.0
        self._revision = 0
        self._outliers = 0

    @property
    def revision(self) -> int:
        """Changes when either rate has moved by more than 10 % since the last change."""
        return self._revision

    @property
    def held_up(self) -> float:
        """Requests in the batch, of late: all wait while a prompt is computed."""
        return self._batch

    @property
    def tbt_s(self) -> float:
        """Seconds of a decoding step, at the batch sizes of late."""
        return self._tbt_s

    @property
    def prefill_s_per_token(self) -> float:
        """Seconds that a prompt token adds to its step."""
        return self._prefill_s_per_token

    def service_s(self, job: Job, prefill_tokens: float, decode_tokens: float) -> float:
        """Seconds of the remaining work."""
        return prefill_tokens * self._prefill_s_per_token + decode_tokens * self._tbt_s

    def observe(self, batch: int, prefill_tokens: int, step_s: float) -> None:
        """Learn from a step: requests in the batch, prompt tokens computed, seconds taken (> 0)."""
        if batch <= 0 or step_s <= 0:
            return
        expected_s = self._tbt_s + prefill_tokens * self._prefill_s_per_token
        if step_s > _OUTLIER * expected_s and self._outliers < _OUTLIERS_BELIEVED:
            self._outliers += 1
            return
        self._outliers = 0
        self._batch += _GAIN * (batch - self._batch)
        self._learn(prefill_tokens, step_s)
        self._tell()

    def observe_decoding(self, batch: int, first_s: float, growth_s: float, steps: int) -> None:
        """Learn from steps without prompt tokens, one after the other, each `growth_s` (>= 0) longer than the last.

        The same as `observe` of each, to rounding: x <- (1 - g)·x + g·(s + d·k) has the solution
        x_n = (x_0 - a)·(1 - g)^n + a + d·n with a = s - d / g.
        """
        last_s = first_s + growth_s * (steps - 1)
        if batch <= 0 or not self._is_smooth(first_s, last_s):
            for step in range(steps):
                self.observe(batch, 0, first_s + growth_s * step)
            return
        left = (1 - _GAIN) ** steps
        start_s = first_s - growth_s / _GAIN
        self._batch = batch + (self._batch - batch) * left
        self._tbt_s = (self._tbt_s - start_s) * left + start_s + growth_s * steps
        self._outliers = 0

    def _is_smooth(self, first_s: float, last_s: float) -> bool:
        """Whether steps between these can neither be outliers nor change the answers by enough to be told."""
        low_s, high_s, told_s = min(self._tbt_s, first_s), max(self._tbt_s, last_s), self._told[0]
        within = (1 - _TELLING_CHANGE) * told_s <= low_s and high_s <= (1 + _TELLING_CHANGE) * told_s
        return first_s > 0 and last_s <= _OUTLIER * low_s and within

    def _learn(self, prefill_tokens: int, step_s: float) -> None:
        if not prefill_tokens:
            self._tbt_s += _GAIN * (step_s - self._tbt_s)
            return
        extra_s = max(step_s - self._tbt_s, 0.0) / prefill_tokens
        weight = _GAIN * min(1.0, prefill_tokens / _TELLING_PREFILL_TOKENS)
        self._prefill_s_per_token += weight * (extra_s - self._prefill_s_per_token)

    def _tell(self) -> None:
        told_s, told_prefill_s = self._told
        tbt_changed = abs(self._tbt_s - told_s) > _TELLING_CHANGE * told_s
        if tbt_changed or abs(self._prefill_s_per_token - told_prefill_s) > _TELLING_CHANGE * told_prefill_s:
            self._told = (self._tbt_s, self._prefill_s_per_token)
            self._revision += 1


_GAIN = 0.05
_OUTLIER = 4.0
_OUTLIERS_BELIEVED = 8
_TELLING_PREFILL_TOKENS = 256
_TELLING_CHANGE = 0.1
