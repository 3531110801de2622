"""The clock governor: once a tick, one SM clock for all GPUs of an instance, from the pressure on its SLOs."""

from collections.abc import Sequence
from dataclasses import dataclass

from freesh_plugin.core.gpu import GpuFailure
from freesh_plugin.core.miad import next_clock_mhz, rounded_down, rounded_up
from freesh_plugin.core.plan import ClockBounds, Slo
from freesh_plugin.runtime.backoff import Backoff
from freesh_plugin.runtime.governor_settings import GovernorMode, GovernorSettings
from freesh_plugin.runtime.governor_signals import (
    Applied,
    ClockDecision,
    GovernorReason,
    GovernorSignals,
    GovernorState,
)
from freesh_plugin.runtime.gpu_guard import GpuGuard
from freesh_plugin.runtime.pressure import PressureGauge, are_sound
from freesh_plugin.runtime.required_speed import most_speed, required_mhz
from freesh_plugin.runtime.tbt_floor import TbtFloor
from freesh_plugin.runtime.telemetry_guard import TelemetryGuard

USUAL_FLOOR = 0.6
"""Floor as a share of the highest clock where none is known; least energy was published at .42 (H100) to .71 (A100)."""


@dataclass(frozen=True, slots=True)
class _Wish:
    """The clock wanted, and why."""

    mhz: int
    reason: GovernorReason


class Governor:
    """Decides on the clock of one instance; it is told what happened and calls nobody.

    What is wanted follows the mode while all is well; it is the ceiling when telemetry is lost, and the floor when
    there is nothing to do. A clock is told only when it differs from the one told before. Where the GPUs cannot be
    told, or must not be, the clocks are given back and only observed: for a while, where that may pass.
    """

    def __init__(self, settings: GovernorSettings, supported_mhz: Sequence[int]) -> None:
        """Govern GPUs that can be set to `supported_mhz` (ascending; empty = observe only)."""
        self._settings = settings
        self._supported_mhz = tuple(supported_mhz)
        self._gauge = PressureGauge(settings)
        self._telemetry = TelemetryGuard(settings)
        self._tbt_floor = TbtFloor(settings)
        self._gpus = GpuGuard(settings, self._supported_mhz)
        self._act = True
        self._slo: Slo | None = None
        self._floor_mhz, self._ceiling_mhz = 0, 0
        self._clock_mhz: int | None = None  # what is wanted; None = nothing yet
        self._former_mhz: int | None = None  # what was wanted before the last tick
        self._told_mhz: int | None = None  # what the GPUs took, as far as is known
        self._holding = False  # whether the GPUs may hold a clock of ours
        self._took = False  # whether they ever took one
        self._releases = Backoff()
        self._dwell_ticks = 0
        self._idle_since_s: float | None = None
        self._told_again = False
        self._pressure, self._tbt_pressure = 0.0, 0.0
        self._due_mhz = 0  # the least clock that tokens that are due allow
        self._reason = GovernorReason.STARTED
        self.adopt(None)

    def adopt(self, slo: Slo | None, bounds: ClockBounds | None = None, *, act: bool = True) -> None:
        """Take SLO and bounds from the pool of the plan in force.

        Args:
            slo: What is promised; None = nothing is, and clocks are left alone.
            bounds: Floor and ceiling, brought onto the list. Where they contradict each other the ceiling wins: it
                keeps a power limit, the floor only saves.
            act: False = observe only.
        """
        self._slo, self._act = slo, act
        if not self._supported_mhz:
            return
        given = bounds or ClockBounds()
        highest_mhz = self._supported_mhz[-1]
        self._ceiling_mhz = rounded_down(self._supported_mhz, highest_mhz if given.ceiling is None else given.ceiling)
        floor_mhz = given.floor or self._settings.floor_mhz or USUAL_FLOOR * highest_mhz
        self._floor_mhz = min(rounded_up(self._supported_mhz, floor_mhz), self._ceiling_mhz)

    def tick(self, now_s: float, signals: GovernorSignals) -> ClockDecision:
        """Decide at `now_s` (monotonic), every `tick_s` seconds."""
        self._take_outcome(signals.applied)
        self._gpus.look(now_s, signals, self._told_mhz)
        sound = are_sound(signals)
        fault = self._telemetry.look(now_s, signals.at_s, sound=sound)
        if sound:
            self._gauge.observe(now_s, signals)
            self._watch_idleness(now_s, signals)
        slo = self._slo or _NOTHING_PROMISED
        self._pressure, self._tbt_pressure = self._gauge.pressure(slo), self._gauge.tbt_pressure(slo)
        observing = self._why_observing()
        if observing is not None:
            return self._give_back(now_s, observing)
        return self._tell(self._within_reach(self._wish(now_s, fault)))

    def rests(self, *, busy: bool) -> bool:
        """Whether further ticks with sound telemetry change nothing as long as there is work, or none, as it is now."""
        if self._reason in _FOLLOWS_NOTHING:
            return self._told_mhz == self._clock_mhz
        return not busy and self._reason is GovernorReason.IDLE and self._told_mhz == self._floor_mhz

    def rest_until(self, now_s: float) -> None:
        """Ticks up to `now_s` were left out, since it `rests`."""
        self._telemetry.rest_until(now_s)

    @property
    def state(self) -> GovernorState:
        """As of the last tick."""
        observing = self._why_observing() is not None
        return GovernorState(
            mode=GovernorMode.OBSERVE if observing else self._settings.mode,
            reason=self._reason,
            pressure=self._pressure,
            target_mhz=self._told_mhz,
            floor_mhz=self._floor_mhz,
            ceiling_mhz=self._ceiling_mhz,
            capacity_down=self._gpus.throttled,
            alarm=self._alarm(),
        )

    def _alarm(self) -> GovernorReason | None:
        if self._gpus.lost in _ALARMING:
            return self._gpus.lost
        return GovernorReason.MISMATCH if self._gpus.mismatched else None

    def _why_observing(self) -> GovernorReason | None:
        if self._gpus.lost is not None:
            return self._gpus.lost
        if self._settings.mode is GovernorMode.OBSERVE or not self._act:
            return GovernorReason.OBSERVING
        return GovernorReason.NO_SLO if self._slo is None else None

    def _take_outcome(self, applied: Applied | None) -> None:
        if applied is None:
            return
        if applied.target_mhz is None:
            self._holding = applied.failure is not None
        elif applied.failure is None:
            self._took = True
        elif applied.target_mhz == self._told_mhz:
            # None of them took it, and what they hold is not known: it is told again.
            self._told_mhz = None
            self._holding = self._took or applied.failure not in _UNTOUCHED

    def _watch_idleness(self, now_s: float, signals: GovernorSignals) -> None:
        if signals.running or signals.waiting:
            self._idle_since_s = None
        elif self._idle_since_s is None:
            self._idle_since_s = now_s

    def _wish(self, now_s: float, fault: GovernorReason | None) -> _Wish:
        if fault is not None:
            return _Wish(self._ceiling_mhz, fault)
        if self._settings.mode is GovernorMode.STATIC:
            static_mhz = rounded_down(self._supported_mhz, self._settings.static_mhz or self._ceiling_mhz)
            return _Wish(self._bounded(static_mhz), GovernorReason.STATIC)
        if self._idle_since_s is not None and now_s - self._idle_since_s >= self._settings.idle_s:
            return _Wish(self._floor_mhz, GovernorReason.IDLE)
        if self._clock_mhz is None:
            # What the GPUs run at is the driver's affair; from the ceiling the way is down.
            return _Wish(self._ceiling_mhz, GovernorReason.STARTED)
        return self._followed(now_s, self._bounded(self._clock_mhz))

    def _bounded(self, mhz: int) -> int:
        return min(max(mhz, self._floor_mhz), self._ceiling_mhz)

    def _followed(self, now_s: float, clock_mhz: int) -> _Wish:
        """What the mode makes of the pressure, coming from a clock within the bounds."""
        wanted_mhz = self._next_mhz(now_s, clock_mhz)
        if wanted_mhz > clock_mhz:
            self._dwell_ticks = self._settings.dwell_ticks
            return _Wish(wanted_mhz, self._why_raised())
        dwelling = self._dwell_ticks > 0
        if dwelling and not self._gpus.throttled:
            self._dwell_ticks -= 1
        if wanted_mhz < clock_mhz:
            return _Wish(clock_mhz, GovernorReason.DWELLING) if dwelling else _Wish(wanted_mhz, GovernorReason.LOWERED)
        return _Wish(clock_mhz, self._why_at_rest(clock_mhz))

    def _next_mhz(self, now_s: float, clock_mhz: int) -> int:
        rule = self._settings.rule
        if self._settings.mode is GovernorMode.MIAD:
            needed_mhz = rounded_up(self._supported_mhz, self._tbt_floor.mhz(now_s, clock_mhz, self._tbt_pressure))
            floor_mhz = max(self._floor_mhz, min(needed_mhz, clock_mhz))
            followed = next_clock_mhz(
                rule, self._supported_mhz, clock_mhz, self._pressure, floor_mhz, self._ceiling_mhz
            )
            self._due_mhz = self._due(clock_mhz)
            return max(followed, self._due_mhz)
        if self._pressure > rule.headroom:
            return self._ceiling_mhz
        return self._floor_mhz if self._pressure < rule.headroom - rule.dead_band else clock_mhz

    def _due(self, clock_mhz: int) -> int:
        """The least next clock that tokens that are due allow, no higher than the ceiling.

        What prompts take was measured at the clock before the last tick, for the most part.
        """
        speed = self._gauge.required_speed(most_speed(clock_mhz, self._ceiling_mhz))
        answers_mhz = required_mhz(clock_mhz, speed)
        former_mhz = self._former_mhz or clock_mhz
        speed = self._gauge.required_prompt_speed(most_speed(former_mhz, self._ceiling_mhz))
        due_mhz = max(answers_mhz, required_mhz(clock_mhz, speed, former_mhz))
        return rounded_up(self._supported_mhz, min(due_mhz, self._ceiling_mhz))

    def _why_raised(self) -> GovernorReason:
        if self._pressure > 1:
            return GovernorReason.JUMPED
        return GovernorReason.RAISED if self._pressure > self._settings.rule.headroom else GovernorReason.DUE

    def _why_at_rest(self, clock_mhz: int) -> GovernorReason:
        rule = self._settings.rule
        if clock_mhz == self._ceiling_mhz and self._pressure > rule.headroom:
            return GovernorReason.AT_CEILING
        if self._due_mhz == clock_mhz and self._pressure < rule.headroom - rule.dead_band:
            return GovernorReason.DUE
        if clock_mhz == self._floor_mhz and self._pressure < rule.headroom - rule.dead_band:
            return GovernorReason.AT_FLOOR
        return GovernorReason.HELD

    def _within_reach(self, wish: _Wish) -> _Wish:
        """The wish, as far as GPUs that are slowed down allow: no raise above what they run at, no lowering for r."""
        if not self._gpus.throttled or self._clock_mhz is None:
            return wish
        clock_mhz, reached_mhz = self._bounded(self._clock_mhz), self._gpus.slowest_mhz
        if wish.mhz > clock_mhz and reached_mhz is not None:
            highest_mhz = max(clock_mhz, rounded_down(self._supported_mhz, reached_mhz))
            return wish if wish.mhz <= highest_mhz else _Wish(self._bounded(highest_mhz), GovernorReason.THROTTLED)
        return _Wish(clock_mhz, GovernorReason.THROTTLED) if wish.reason is GovernorReason.LOWERED else wish

    def _tell(self, wish: _Wish) -> ClockDecision:
        if self._clock_mhz is not None and wish.mhz != self._clock_mhz:
            self._gauge.clock_changed()
            # Tokens that are due are no sign that TBT was too long: its samples stay.
            if wish.mhz > self._clock_mhz and wish.reason is not GovernorReason.DUE:
                self._gauge.clock_raised()
        self._former_mhz = self._clock_mhz
        self._clock_mhz, self._reason = wish.mhz, wish.reason
        if self._told_mhz == wish.mhz and not self._again():
            return ClockDecision(None, wish.reason)
        self._told_mhz, self._holding = wish.mhz, True
        self._releases.succeeded()
        return ClockDecision(wish.mhz, wish.reason)

    def _again(self) -> bool:
        """Whether the same clock is told again, once, since the GPUs do not run at it."""
        first = self._gpus.mismatched and not self._told_again
        self._told_again = self._gpus.mismatched
        return first

    def _give_back(self, now_s: float, why: GovernorReason) -> ClockDecision:
        """For as long as the GPUs may hold a clock of ours: one that fails is tried again, later and later."""
        self._reason, self._clock_mhz, self._former_mhz, self._told_mhz = why, None, None, None
        release = self._holding and self._releases.is_due(now_s)
        if release:
            self._releases.failed(now_s)  # as far as is known, until the outcome is told
        return ClockDecision(None, why, release=release)


_NOTHING_PROMISED = Slo(latency_s=0.0, ttft_s=0.0, tbt_s=0.0)

_FOLLOWS_NOTHING = (GovernorReason.STATIC, GovernorReason.OBSERVING, GovernorReason.NO_SLO)

_UNTOUCHED = (GpuFailure.NO_PERMISSION, GpuFailure.NOT_SUPPORTED, GpuFailure.HELD)
"""Failures after which a GPU that never took a clock holds none."""

_ALARMING = (GovernorReason.GPU_LOST, GovernorReason.GPU_ERRORS)
"""Control that was lost by a fault, not by how the machine is set up."""
