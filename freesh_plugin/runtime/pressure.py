"""How much of their bounds the SLOs have: the pressure r, and the speed that is required for what is due."""

from collections import deque
from collections.abc import Iterable
from math import ceil, isfinite

from freesh_plugin.core.plan import Slo
from freesh_plugin.runtime.governor_settings import GovernorSettings
from freesh_plugin.runtime.governor_signals import NOTHING_DUE, GovernorSignals
from freesh_plugin.runtime.required_speed import required_prompt_speed, required_speed


class PressureGauge:
    """The pressure r = max(TTFT_q / TTFT SLO, age / TTFT SLO, a·W / TTFT SLO, TBT_q / TBT SLO), dimensionless.

    The quantiles are of the samples of the last `window_s` seconds; of few samples it is their maximum. `age` is that
    of the oldest request without a first token. W is what a request that came now would wait for its turn, by Little's
    law: requests that wait / first tokens a second, in the busiest second of the window, since an instance that is not
    busy makes no more than arrive. It grows at once when more arrive than can be served, long before anyone has
    waited; therefore it counts a times. TBT follows the clock at once and does not run away as a queue
    does: as long as it keeps its bound, it counts b times, b < 1. A bound of 0 s is none.
    """

    def __init__(self, settings: GovernorSettings) -> None:
        """`settings`: window, quantiles and least number of samples."""
        self._settings = settings
        self._ttft_s = _Window(settings.window_s)
        self._tbt_s = _Window(settings.window_s)
        self._waited_s = 0.0
        self._queue_s = 0.0
        self._pass_s = 0.0
        self._dues = NOTHING_DUE
        self._passes_s: deque[tuple[float, int]] = deque(maxlen=ceil(settings.window_s / settings.tick_s))

    def observe(self, now_s: float, signals: GovernorSignals) -> None:
        """Take in what is new at `now_s` (monotonic)."""
        self._ttft_s.add(now_s, signals.ttft_s)
        self._tbt_s.add(now_s, signals.tbt_s)
        settings = self._settings
        ttft_s = self._ttft_s.quantile(settings.ttft_quantile, settings.min_samples)
        self._waited_s = max(ttft_s, signals.waiting_age_s)
        self._pass_s = self._tbt_s.quantile(settings.tbt_quantile, settings.min_samples)
        first_tokens_rps = self._ttft_s.most_at_once / settings.tick_s
        self._queue_s = signals.waiting / first_tokens_rps if first_tokens_rps else 0.0
        self._dues = signals.dues
        self._passes_s.append((sum(signals.tbt_s), len(signals.tbt_s)))

    def clock_changed(self) -> None:
        """Forget how long passes took on the average: it was at another clock."""
        self._passes_s.clear()

    def clock_raised(self) -> None:
        """Forget TBT: what passes took at the lower clock says nothing of the higher one. Those who wait wait on."""
        self._tbt_s.clear()
        self._pass_s = 0.0

    def pressure(self, slo: Slo) -> float:
        """The pressure r under these bounds, as of the last `observe`."""
        queued = _weighted(_share(self._queue_s, slo.ttft_s), self._settings.queue_weight)
        return max(_share(self._waited_s, slo.ttft_s), queued, self.tbt_pressure(slo))

    def tbt_pressure(self, slo: Slo) -> float:
        """The part of r that is TBT's."""
        return _weighted(_share(self._pass_s, slo.tbt_s), self._settings.tbt_weight)

    def required_speed(self, most: float) -> float:
        """How many times faster answers must come to be in time, as far as `most` times would do; 0 without any."""
        count = sum(passes for _, passes in self._passes_s)
        tbt_s = sum(seconds for seconds, _ in self._passes_s) / count if count else 0.0
        return required_speed(self._dues.answers, tbt_s, most)

    def required_prompt_speed(self, most: float) -> float:
        """The same of first tokens, times the speed at which prompts were computed of late."""
        return required_prompt_speed(self._dues.firsts, most)


def are_sound(signals: GovernorSignals) -> bool:
    """Whether every number of the telemetry is a finite number no less than 0."""
    durations_s = (*signals.ttft_s, *signals.tbt_s, signals.waiting_age_s)
    # The sum of what is not finite is not finite.
    return isfinite(sum(durations_s)) and min(*durations_s, signals.running, signals.waiting) >= 0


def _share(seconds: float, bound_s: float) -> float:
    return seconds / bound_s if bound_s > 0 and isfinite(bound_s) else 0.0


def _weighted(share: float, weight: float) -> float:
    """Beyond its bound, a share counts as it is; within it no more than the bound itself."""
    return share if share > 1 else min(share * weight, 1.0)


class _Window:
    """Samples of the last while, as they came, tick by tick; each tick's are kept in order."""

    def __init__(self, length_s: float) -> None:
        self._length_s = length_s
        self._ticks: deque[tuple[float, list[float]]] = deque()

    def add(self, now_s: float, samples: Iterable[float]) -> None:
        self._ticks.append((now_s, sorted(samples)))
        # A tick's samples are those since the one before; rounding must not keep one tick too many.
        while self._ticks and self._ticks[0][0] <= now_s - self._length_s + _ROUNDING_S:
            self._ticks.popleft()

    def clear(self) -> None:
        self._ticks.clear()

    @property
    def most_at_once(self) -> int:
        """Samples of the tick that brought most."""
        return max((len(samples) for _, samples in self._ticks), default=0)

    def quantile(self, share: float, min_samples: int) -> float:
        ordered: list[float] = []
        for _, samples in self._ticks:
            ordered += samples
        if not ordered:
            return 0.0
        ordered.sort()  # runs in order are merged, not sorted
        return ordered[ceil(share * len(ordered)) - 1] if len(ordered) >= min_samples else ordered[-1]


_ROUNDING_S = 1e-6
