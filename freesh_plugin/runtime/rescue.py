"""How much of the engine may go to requests that got no token for too long."""

from math import inf


class RescueBudget:
    """Credit for rescues, in place-seconds: a share of what the engine does, earned as time passes.

    A rescue may begin while there is any credit, and may leave a debt: so one at least is always possible in time,
    and under any overload the rest of the engine stays with what can still be in time.
    """

    def __init__(self, share: float) -> None:
        """`share` of the engine, in (0, 1]."""
        self._share = share
        self._credit_s = 0.0
        self._as_of_s = -inf

    @property
    def affords_one(self) -> bool:
        """Whether a rescue may begin."""
        return self._credit_s > 0

    def earn(self, now_s: float, places: int) -> None:
        """Credit for the time since this was last told, `places` requests being served at once; kept for a second."""
        elapsed_s = min(now_s - self._as_of_s, _KEPT_S)
        self._as_of_s = now_s
        a_second = self._share * max(places, 1)
        self._credit_s = min(self._credit_s + a_second * elapsed_s, a_second * _KEPT_S)

    def spend(self, work_s: float) -> None:
        """A rescue costs so much."""
        self._credit_s -= work_s


_KEPT_S = 1.0
