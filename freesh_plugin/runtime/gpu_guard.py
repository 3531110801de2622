"""Whether an instance's GPUs may be told clocks, and whether they do as they are told."""

from collections.abc import Sequence
from itertools import pairwise

from freesh_plugin.core.gpu import ClockReason, GpuFailure, GpuReading
from freesh_plugin.runtime.backoff import Backoff
from freesh_plugin.runtime.governor_settings import GovernorSettings
from freesh_plugin.runtime.governor_signals import Applied, GovernorReason, GovernorSignals

_SLOWED = int(
    ClockReason.POWER_CAP
    | ClockReason.HARDWARE_SLOWDOWN
    | ClockReason.THERMAL
    | ClockReason.HARDWARE_THERMAL
    | ClockReason.POWER_BRAKE
)
"""Bits that say that a GPU is slower than it was told, for power, heat or brake.

A number, since flags of an enumeration are slow to take together, and every tick does it for every rank.
"""

_EXPLAINED = _SLOWED | int(ClockReason.IDLE)


class GpuGuard:
    """Watches the GPUs of one instance, all ranks together: the worst of them counts.

    A failure that may pass (the helper is gone, another owner holds the clock, a driver does not answer) takes control
    away for a while, which doubles as long as no clock is taken; the others take it away for good.
    """

    def __init__(self, settings: GovernorSettings, supported_mhz: Sequence[int]) -> None:
        """`supported_mhz`: clocks that can be set, ascending; none = nothing may be set."""
        self._settings = settings
        self._read_back_mhz = _READ_BACK_STEPS * max((b - a for a, b in pairwise(supported_mhz)), default=0)
        self._lost = None if supported_mhz else GovernorReason.NO_CLOCKS
        self._paused: GovernorReason | None = None
        self._control = Backoff()
        self._failed_sets = 0
        self._failed_reads = 0
        self._slowed_looks = 0
        self._mismatched_looks = 0
        self._newest_look_s = float("-inf")
        self._slowest_mhz: int | None = None

    @property
    def lost(self) -> GovernorReason | None:
        """Why control is gone, for good or for a while; None while it is not."""
        return self._lost or self._paused

    @property
    def slowest_mhz(self) -> int | None:
        """The clock read back from the slowest GPU; None where none says."""
        return self._slowest_mhz

    @property
    def throttled(self) -> bool:
        """Whether two looks in a row say that a GPU is slowed down by power, heat or brake."""
        return self._slowed_looks >= _LOOKS_BELIEVED

    @property
    def mismatched(self) -> bool:
        """Whether the clocks read back have been others than told for two looks, without a reason."""
        return self._mismatched_looks >= _LOOKS_BELIEVED

    def look(self, now_s: float, signals: GovernorSignals, told_mhz: int | None) -> None:
        """Take in readings and outcome at `now_s`; `told_mhz` is what the GPUs were told, None = nothing."""
        if self._lost is not None:
            return
        if self._control.is_due(now_s):
            self._paused = None
        self._judge_outcome(now_s, signals.applied)
        fresh = self._fresh(now_s, signals.readings)
        self._judge_reads(now_s, signals.readings, fresh)
        if not self._settings.tenant_alone and any(each.mig for each in fresh):
            self._lost = self._lost or GovernorReason.MIG
        # The same readings twice are one look: clocks may be read less often than the governor ticks.
        if fresh and max(each.at_s for each in fresh) > self._newest_look_s:
            self._newest_look_s = max(each.at_s for each in fresh)
            self._judge_clocks(fresh, told_mhz, busy=signals.running > 0)
        elif not fresh:
            self._slowed_looks = self._mismatched_looks = 0

    def _judge_outcome(self, now_s: float, applied: Applied | None) -> None:
        if applied is None:
            return
        if applied.failure is None:
            self._failed_sets = 0
            if applied.target_mhz is not None:
                self._control.succeeded()
            return
        self._failed_sets += 1
        self._lost = _FINAL.get(applied.failure)
        if applied.failure is GpuFailure.HELD:
            self._pause(now_s, GovernorReason.TAKEN)
        elif self._failed_sets >= self._settings.errors_in_a_row:
            self._pause(now_s, GovernorReason.GPU_ERRORS)

    def _judge_reads(
        self, now_s: float, readings: Sequence[GpuReading | GpuFailure], fresh: Sequence[GpuReading]
    ) -> None:
        """A reading that is old is one that failed: whatever looks at the GPU may have ended."""
        if GpuFailure.LOST in readings:
            self._lost = GovernorReason.GPU_LOST
        if readings:
            failed = len(fresh) + sum(readings.count(each) for each in _NOT_READABLE) < len(readings)
            self._failed_reads = self._failed_reads + 1 if failed else 0
        if self._failed_reads >= self._settings.errors_in_a_row:
            self._pause(now_s, GovernorReason.GPU_ERRORS)

    def _pause(self, now_s: float, reason: GovernorReason) -> None:
        if self._paused is None:
            self._paused = reason
            self._control.failed(now_s)

    def _fresh(self, now_s: float, readings: Sequence[GpuReading | GpuFailure]) -> list[GpuReading]:
        oldest_s = now_s - self._settings.stale_ticks * self._settings.tick_s
        return [each for each in readings if isinstance(each, GpuReading) and each.at_s >= oldest_s]

    def _judge_clocks(self, readings: Sequence[GpuReading], told_mhz: int | None, *, busy: bool) -> None:
        clocks = [each.sm_clock_mhz for each in readings if each.sm_clock_mhz is not None]
        self._slowest_mhz = min(clocks, default=None)
        slowed = any(int(each.reasons) & _SLOWED for each in readings)
        self._slowed_looks = self._slowed_looks + 1 if slowed else 0
        mismatched = told_mhz is not None and any(self._differs(each, told_mhz, busy=busy) for each in readings)
        self._mismatched_looks = self._mismatched_looks + 1 if mismatched else 0

    def _differs(self, reading: GpuReading, told_mhz: int, *, busy: bool) -> bool:
        if reading.sm_clock_mhz is None:
            return False
        above_mhz = reading.sm_clock_mhz - told_mhz
        # Told is a ceiling: a GPU without work may fall below it, and one that says why may too.
        explained = not busy or bool(int(reading.reasons) & _EXPLAINED)
        return above_mhz > self._read_back_mhz or (not explained and -above_mhz > self._read_back_mhz)


_READ_BACK_STEPS = 2
_LOOKS_BELIEVED = 2
_NOT_READABLE = (GpuFailure.NO_PERMISSION, GpuFailure.NOT_SUPPORTED)
"""Usual in containers and on shared GPUs: what cannot be read is not a fault."""

_FINAL = {
    GpuFailure.LOST: GovernorReason.GPU_LOST,
    GpuFailure.NO_PERMISSION: GovernorReason.NO_PERMISSION,
    GpuFailure.NOT_SUPPORTED: GovernorReason.NOT_SUPPORTED,
}
