"""Whether what the governor is told of its instance can be believed now."""

from freesh_plugin.runtime.governor_settings import GovernorSettings
from freesh_plugin.runtime.governor_signals import GovernorReason


class TelemetryGuard:
    """Finds telemetry that is missing, old or nonsense, and ticks that come late; each machine has its own delay."""

    def __init__(self, settings: GovernorSettings) -> None:
        """`settings`: limits of age and of a tick's lateness, and the delay."""
        self._settings = settings
        self._last_tick_s: float | None = None
        self._changed_s: float | None = None
        self._fault: GovernorReason | None = None

    def look(self, now_s: float, at_s: float | None, *, sound: bool) -> GovernorReason | None:
        """The fault at `now_s`; None while all is well.

        Args:
            now_s: Monotonic.
            at_s: When telemetry was taken; None = there is none.
            sound: Whether its numbers can be (`are_sound`).
        """
        found = self._found(now_s, at_s, sound=sound)
        self._last_tick_s = now_s
        # A tick that came late is over before any delay is, and its cause is this machine's own.
        if (found is None) == (self._fault is None) or found is GovernorReason.OVERRUN:
            self._changed_s, self._fault = None, found
            return found
        if self._changed_s is None:
            self._changed_s = now_s
        if now_s - self._changed_s >= self._settings.jitter_s:
            self._changed_s, self._fault = None, found
        return self._fault

    def rest_until(self, now_s: float) -> None:
        """Ticks up to `now_s` found all well."""
        self._last_tick_s = now_s

    def _found(self, now_s: float, at_s: float | None, *, sound: bool) -> GovernorReason | None:
        if self._last_tick_s is not None and now_s - self._last_tick_s > self._settings.overrun_s:
            return GovernorReason.OVERRUN
        limit_s = self._settings.stale_ticks * self._settings.tick_s
        # Telemetry from ahead of our own clock is of another clock: its age cannot be known.
        if at_s is None or not -self._settings.tick_s <= now_s - at_s <= limit_s:
            return GovernorReason.STALE
        return None if sound else GovernorReason.FAULTY
