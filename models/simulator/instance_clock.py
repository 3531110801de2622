"""The SM clock of a simulated instance: the live governor, asked at every tick, and what it is told."""

from collections.abc import Callable, Sequence

from freesh_plugin.core.plan import ClockBounds, Slo
from freesh_plugin.runtime.governor import Governor
from freesh_plugin.runtime.governor_settings import GovernorMode, GovernorSettings
from freesh_plugin.runtime.governor_signals import NOTHING_DUE, Applied, ClockDecision, Dues, GovernorSignals
from freesh_plugin.runtime.token_times import TokenTimes

_NOTHING_PROMISED = Slo(latency_s=0.0, ttft_s=0.0, tbt_s=0.0)


class InstanceClock:
    """Holds the clock between ticks, which come every `tick_s` from the start on.

    Attributes:
        mhz: The clock; the highest until the first tick.
        changes: How often it has changed.
        times: Waits for tokens since the last tick, where the governor follows them.
        next_s: When the next tick is due.
    """

    def __init__(self, clocks_mhz: Sequence[int], settings: GovernorSettings, start_s: float) -> None:
        """Govern GPUs that can be set to these clocks, ascending."""
        self._governor = Governor(settings, clocks_mhz)
        self._static = settings.mode is GovernorMode.STATIC
        self._tick_s = settings.tick_s
        self._start_s = self.next_s = start_s
        self._ticks = 0
        self._highest_mhz = self.mhz = clocks_mhz[-1]
        self.changes = 0
        self.times = TokenTimes()
        self.follows = settings.mode in (GovernorMode.MIAD, GovernorMode.HYSTERESIS)
        """Whether it looks at `times`."""
        self._promised: tuple[Slo | None, ClockBounds] | None = (None, ClockBounds())
        self._applied: Applied | None = None

    def adopt(self, slo: Slo | None, bounds: ClockBounds) -> None:
        """From the next tick on, these count; a static clock needs no promise."""
        self._promised = slo, bounds

    def tick(self, running: int, waiting: int, dues: Callable[[float], Dues]) -> None:
        """Decide at `next_s`; `dues` is asked for what is due, if that is looked at."""
        now_s = self.next_s
        self._count_to(self._ticks + 1)
        if self._rests(running + waiting > 0):
            self._governor.rest_until(now_s)
            return
        if self._promised is not None:
            slo, bounds = self._promised
            self._governor.adopt(slo or (_NOTHING_PROMISED if self._static else None), bounds)
            self._promised = None
        signals = self._signals(now_s, running, waiting, dues(now_s) if self.follows else NOTHING_DUE)
        self._carry_out(self._governor.tick(now_s, signals))

    def skip_idle(self, until_s: float) -> None:
        """Leave out the ticks up to `until_s`, with nothing running or waiting, if they change nothing."""
        if self._rests(busy=False):
            ticks = int((until_s - self._start_s) / self._tick_s) + 1
            if ticks > self._ticks:
                self._governor.rest_until(self._start_s + self._tick_s * (ticks - 1))
                self._count_to(ticks)

    def _rests(self, busy: bool) -> bool:
        return self._promised is None and self._governor.rests(busy=busy)

    def _count_to(self, ticks: int) -> None:
        self._ticks = ticks
        self.next_s = self._start_s + self._tick_s * ticks

    def _signals(self, now_s: float, running: int, waiting: int, dues: Dues) -> GovernorSignals:
        ttft_s, tbt_s = self.times.take(now_s)
        applied, self._applied = self._applied, None
        return GovernorSignals(
            at_s=now_s,
            tbt_s=tbt_s,
            ttft_s=ttft_s,
            waiting_age_s=self.times.waiting_age_s(now_s),
            running=running,
            waiting=waiting,
            dues=dues,
            applied=applied,
        )

    def _carry_out(self, decision: ClockDecision) -> None:
        mhz = self._highest_mhz if decision.release else decision.target_mhz
        if mhz is None:
            return
        self._applied = Applied(decision.target_mhz)
        self.changes += mhz != self.mhz
        self.mhz = mhz
