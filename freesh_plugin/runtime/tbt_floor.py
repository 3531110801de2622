"""The clock that TBT needs: a floor that is learnt, so that MIAD does not try the same clock in vain time and again."""

from freesh_plugin.runtime.governor_settings import GovernorSettings


class TbtFloor:
    """Bounds the next clock from below by what passes take.

    A pass at clock f that takes s seconds takes at most s·f/f' at a lower clock f', as if all of it were computing. So
    TBT keeps its headroom h at f' = f·r_tbt/h, which the clock is not lowered past. Where TBT has asked for a raise,
    the clock that would have done is kept as a floor for `tbt_memory_s` seconds: long prompts come seldom, and without
    a memory the clock is lowered between them each time.
    """

    def __init__(self, settings: GovernorSettings) -> None:
        """`settings`: headroom, largest raise, length of the memory."""
        self._settings = settings
        self._learnt_mhz = 0.0
        self._until_s = float("-inf")

    def mhz(self, now_s: float, clock_mhz: int, tbt_pressure: float) -> float:
        """The least clock from `clock_mhz` on, at `now_s` (monotonic), with TBT's part of r at that clock."""
        rule = self._settings.rule
        needed_mhz = clock_mhz * tbt_pressure / rule.headroom
        if needed_mhz > clock_mhz:
            # No more than a raise: one hiccup must not keep the clock at its highest.
            self._learnt_mhz = min(needed_mhz, rule.gamma * clock_mhz)
            self._until_s = now_s + self._settings.tbt_memory_s
        return max(needed_mhz, self._learnt_mhz if now_s < self._until_s else 0.0)
