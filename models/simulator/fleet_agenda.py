"""What is to happen in a run and when; what is due at one time happens in the order in which it was entered."""

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from math import inf
from typing import Any


class Agenda:
    """Actions by time.

    Attributes:
        now_s: Time of the action that was taken last.
    """

    def __init__(self) -> None:
        self._actions: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._numbers = count()
        self.now_s = 0.0

    def at(self, time_s: float, action: Callable[..., None], *of: Any) -> None:  # noqa: ANN401
        """Enter `action(*of)`; never in the past."""
        heappush(self._actions, (max(time_s, self.now_s), next(self._numbers), action, of))

    @property
    def next_s(self) -> float:
        """When the next action is due; infinite = never."""
        return self._actions[0][0] if self._actions else inf

    def run_until(self, until_s: float) -> None:
        """Take every action that is due by then, those that they enter included."""
        while self._actions and self._actions[0][0] <= until_s:
            self.now_s, _, action, of = heappop(self._actions)
            action(*of)
        self.now_s = max(self.now_s, until_s)

    def run_out(self) -> None:
        """Take all that is left."""
        while self._actions:
            self.run_until(self._actions[0][0])
