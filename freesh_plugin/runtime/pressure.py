"""How much of their bounds the SLOs have: the pressure r that the clock follows."""

from collections import deque
from collections.abc import Iterable
from math import ceil, isfinite

from freesh_plugin.core.plan import Slo
from freesh_plugin.runtime.governor_settings import GovernorSettings
from freesh_plugin.runtime.governor_signals import GovernorSignals


class PressureGauge:
    """r = max(TTFT_q / TTFT SLO, TBT_q / TBT SLO, age of the oldest waiting request / TTFT SLO), dimensionless.

    The quantiles are of the samples of the last `window_s` seconds; of few samples it is their maximum. A bound of 0 s
    is none.
    """

    def __init__(self, settings: GovernorSettings) -> None:
        """`settings`: window, quantiles and least number of samples."""
        self._settings = settings
        self._ttft_s = _Window(settings.window_s)
        self._tbt_s = _Window(settings.window_s)
        self._waiting_age_s = 0.0

    def observe(self, now_s: float, signals: GovernorSignals) -> None:
        """Take in what is new at `now_s` (monotonic)."""
        self._ttft_s.add(now_s, signals.ttft_s)
        self._tbt_s.add(now_s, signals.tbt_s)
        self._waiting_age_s = signals.waiting_age_s

    def pressure(self, slo: Slo) -> float:
        """The pressure r under these bounds, as of the last `observe`."""
        settings = self._settings
        ttft_s = max(self._ttft_s.quantile(settings.ttft_quantile, settings.min_samples), self._waiting_age_s)
        tbt_s = self._tbt_s.quantile(settings.tbt_quantile, settings.min_samples)
        return max(_share(ttft_s, slo.ttft_s), _share(tbt_s, slo.tbt_s))


def are_sound(signals: GovernorSignals) -> bool:
    """Whether every number of the telemetry is a finite number no less than 0."""
    durations_s = (*signals.ttft_s, *signals.tbt_s, signals.waiting_age_s)
    return all(0 <= each < _INFINITE for each in durations_s) and min(signals.running, signals.waiting) >= 0


def _share(seconds: float, bound_s: float) -> float:
    return seconds / bound_s if bound_s > 0 and isfinite(bound_s) else 0.0


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

    def quantile(self, share: float, min_samples: int) -> float:
        ordered: list[float] = []
        for _, samples in self._ticks:
            ordered += samples
        if not ordered:
            return 0.0
        ordered.sort()  # runs in order are merged, not sorted
        return ordered[ceil(share * len(ordered)) - 1] if len(ordered) >= min_samples else ordered[-1]


_INFINITE = float("inf")
_ROUNDING_S = 1e-6
