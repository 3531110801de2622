"""A solver that never finds anything."""

from models.allocation.solve.answer import Answer, Ending
from models.allocation.solve.matrix import Matrix


class Silent:
    """Ends as it is told, without values."""

    name = "silent"

    def __init__(self, ending: Ending = Ending.FAILED) -> None:
        self._ending = ending

    def solve(self, matrix: Matrix, *, gap: float, time_limit_s: float) -> Answer:
        return Answer(self._ending, reason="it is silent", solver=self.name)
