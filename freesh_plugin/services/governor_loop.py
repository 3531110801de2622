"""Once a second: asks the governor for the clock, and has it set, in a thread of its own beside the event loop."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from freesh_plugin.adapters.background_thread import BackgroundThread
from freesh_plugin.adapters.gpu.reader_thread import GpuReaderThread
from freesh_plugin.adapters.gpu_metrics import GpuMetrics
from freesh_plugin.core.gpu import GpuError, GpuFailure, GpuReading
from freesh_plugin.core.plan import ClockBounds, Slo
from freesh_plugin.ports import Clock, ClockSetter
from freesh_plugin.runtime.governor import Governor
from freesh_plugin.runtime.governor_signals import (
    NOTHING_DUE,
    Applied,
    ClockDecision,
    Dues,
    GovernorReason,
    GovernorSignals,
    GovernorState,
)
from freesh_plugin.runtime.token_times import TokenTimes

log = logging.getLogger(__name__)

_RELEASE_S = 5.0


@dataclass(frozen=True, slots=True)
class EngineLoad:
    """Requests in the batch, requests that wait, and what was promised and is not there yet.

    `up`: the shards answer, so that this says something.
    """

    running: int
    waiting: int
    dues: Dues = NOTHING_DUE
    up: bool = True


class GovernorLoop:
    """Governs the clock of one instance. Whatever fails in here, requests are served and the clocks are given back."""

    def __init__(
        self,
        governor: Governor,
        reader: GpuReaderThread,
        clocks: ClockSetter | None,
        load: Callable[[], EngineLoad],
        times: TokenTimes,
        clock: Clock,
        metrics: GpuMetrics,
        tick_s: float,
        hung_s: float = 30.0,
    ) -> None:
        """Govern every `tick_s` seconds; without `clocks` nothing is set, whatever is decided.

        A decision, with the setting of the clock, that takes longer than `hung_s` counts as hung.
        """
        self._hung_s = hung_s
        self._governor = governor
        self._reader = reader
        self._uuids = tuple(gpu.uuid for gpu in reader.devices)
        self._clocks = clocks
        self._load = load
        self._times = times
        self._clock = clock
        self._metrics = metrics
        self._tick_s = tick_s
        self._thread = BackgroundThread("clock-governor")
        self._applied: Applied | None = None
        self._promised: tuple[Slo, ClockBounds] | None = None
        self._alarm: GovernorReason | None = None
        self._may_hold = False
        self._given_up = False

    def adopt(self, slo: Slo, bounds: ClockBounds) -> None:
        """From the next tick on, these count."""
        self._promised = (slo, bounds)

    async def run(self) -> None:
        """Tick until cancelled, or until the governor fails: its clocks are given back then."""
        try:
            await self._tick_on()
        except Exception:  # whatever it is, requests are served
            self._given_up = True  # a call that hung may go on one day
            log.exception("governor_lost: the clocks are the driver's own from here on")
            self._metrics.alarms.labels("governor lost").inc()
            self._metrics.set_mode("lost")
            await self.release()

    async def release(self) -> None:
        """Give the clocks back, if they may be held; a failure is logged: the connection's end gives them back too."""
        clocks, self._may_hold = self._clocks if self._may_hold else None, False
        if clocks is None:
            return
        # In another thread: this may be because the governor's own hangs.
        try:
            await BackgroundThread("clock-release").run(lambda: clocks.release(self._uuids), _RELEASE_S)
        except (GpuError, TimeoutError) as error:
            log.warning("clocks_not_released reason=%s", error)

    async def _tick_on(self) -> None:
        next_s = self._clock.monotonic_s()
        while True:
            next_s += self._tick_s
            await asyncio.sleep(max(next_s - self._clock.monotonic_s(), 0.0))
            now_s = self._clock.monotonic_s()
            if now_s - next_s > self._tick_s:
                self._metrics.overruns.inc()
                next_s = now_s  # ticks that were missed are not made up for
            signals = self._signals(now_s)
            self._show(await self._thread.run(partial(self._decide, now_s, signals), self._hung_s))

    def _signals(self, now_s: float) -> GovernorSignals:
        ttft_s, tbt_s = self._times.take(now_s)
        load = self._load()
        applied, self._applied = self._applied, None
        return GovernorSignals(
            at_s=now_s if load.up else None,
            tbt_s=tbt_s,
            ttft_s=ttft_s,
            waiting_age_s=self._times.waiting_age_s(now_s),
            running=load.running,
            waiting=load.waiting,
            dues=load.dues,
            readings=self._readings(),
            applied=applied,
        )

    def _readings(self) -> tuple[GpuReading | GpuFailure, ...]:
        readings: list[GpuReading | GpuFailure] = []
        for uuid in self._uuids:
            try:
                reading = self._reader.latest(uuid)
            except GpuError as error:
                readings.append(error.failure)
            else:
                if reading is None:
                    return ()
                readings.append(reading)
        return tuple(readings)

    # In the governor's thread

    def _decide(self, now_s: float, signals: GovernorSignals) -> GovernorState:
        promised, self._promised = self._promised, None
        if promised is not None:
            self._governor.adopt(*promised)
        self._carry_out(self._governor.tick(now_s, signals))
        return self._governor.state

    def _carry_out(self, decision: ClockDecision) -> None:
        target_mhz, clocks = decision.target_mhz, self._clocks
        if clocks is None or self._given_up or (target_mhz is None and not decision.release):
            return
        failure = None
        try:
            if target_mhz is None:
                clocks.release(self._uuids)
            else:
                self._may_hold = True
                clocks.limit_sm_clock_mhz(self._uuids, target_mhz)
        except GpuError as error:
            failure = error.failure
            log.warning("clock_not_set target_mhz=%s reason=%s", target_mhz, error)
        self._applied = Applied(target_mhz, failure)

    # What is seen of it

    def _show(self, state: GovernorState) -> None:
        metrics = self._metrics
        metrics.ticks.labels(state.reason).inc()
        metrics.set_mode(state.mode)
        metrics.target_mhz.set(state.target_mhz or 0)
        metrics.pressure.set(state.pressure)
        metrics.capacity_down.set(state.capacity_down)
        if self._applied is not None:
            metrics.changes.inc()
        if state.alarm is not None and state.alarm is not self._alarm:
            metrics.alarms.labels(state.alarm).inc()
            log.warning("governor_alarm reason=%s", state.alarm)
        self._alarm = state.alarm
