"""What a large program can reach at best: how little it must shed and expose, and the least objective at that."""

import math
from dataclasses import dataclass

from models.allocation.data import ProgramData
from models.allocation.guided.relaxation import Minimised, Relaxation, Relaxed, objective
from models.allocation.program import FullProgram
from models.allocation.solution import NONE_SHED, Levels
from models.allocation.solve.answer import Ending
from models.allocation.solve.budget import Budget
from models.domain.scenario import Survive

LEVEL_SLACK = 0.005
"""By how much, relatively, a search may shed more than the relaxation must: whole instances are no finer."""
_NONE = 1e-6
"""Share of all demand below which shedding is rounding."""
_FREE = Levels(math.inf, math.inf, math.inf)


@dataclass(frozen=True)
class Target:
    """The relaxation of some candidate partitions, solved.

    Attributes:
        relaxation: Where its pools are.
        relaxed: The objective's optimum within the levels; without values where there is none in time.
        levels: Shedding and exposure that a search is held to.
    """

    relaxation: Relaxation
    relaxed: Relaxed
    levels: Levels

    @property
    def data(self) -> ProgramData:
        """All pools."""
        return self.relaxation.data

    @property
    def infeasible(self) -> bool:
        """Whether no allocation keeps the constraints, whatever it sheds."""
        return self.relaxed.answer.ending is Ending.INFEASIBLE

    @property
    def rank(self) -> tuple[float, ...]:
        """As of an attempt, at best: what nobody may serve, what is shed and exposed, the objective's bound."""
        bound = self.relaxed.bound
        return (self.data.unserved_rps, *self.levels, math.inf if bound is None else bound)


def target_of(relaxation: Relaxation, budget: Budget, share: float) -> Target:
    """Find it: the least that is shed in all first, which is nothing, or else the fair way to shed; then the rest.

    Args:
        relaxation: Of some candidate partitions.
        budget: Its clock.
        share: Of the time that is left for searches, which this may take.
    """
    stop_s = budget.search_s() * (1 - share)
    stages = _Stages(relaxation, budget, stop_s)
    levels = stages.shedding()
    if levels is not None and relaxation.data.scenario.survive is not Survive.NONE:
        levels = stages.exposure(levels)
    if levels is None:
        return Target(relaxation, stages.last, _FREE)
    return Target(relaxation, stages.least(objective, levels), levels)


class _Stages:
    """Relaxations one after the other, each within the levels of those before."""

    def __init__(self, relaxation: Relaxation, budget: Budget, stop_s: float) -> None:
        self._relaxation = relaxation
        self._left_s = lambda: budget.search_s() - stop_s
        self.last = Relaxed.nothing(relaxation.data)

    def least(self, minimised: Minimised, levels: Levels) -> Relaxed:
        self.last = self._relaxation.least(minimised, levels, self._left_s)
        return self.last

    def shedding(self) -> Levels | None:
        """Levels of shedding; None without values in time."""
        asked = sum(self._relaxation.data.demand_rps.values())
        total = self._value(FullProgram.least_total, _FREE)
        if total is None or total <= _NONE * asked:
            return None if total is None else NONE_SHED
        worst = self._value(FullProgram.least_worst, _FREE)
        if worst is None:
            return None
        fair = _FREE._replace(worst=loosened(worst, LEVEL_SLACK))
        total = self._value(FullProgram.least_total, fair)
        return None if total is None else fair._replace(total=loosened(total, LEVEL_SLACK))

    def exposure(self, levels: Levels) -> Levels | None:
        """The levels with what losses must leave unserved."""
        asked = sum(self._relaxation.data.demand_rps.values())
        exposed = self._value(FullProgram.least_exposed, levels._replace(exposed=math.inf))
        if exposed is None:
            return None
        return levels._replace(exposed=0.0 if exposed <= _NONE * asked else loosened(exposed, LEVEL_SLACK))

    def _value(self, minimised: Minimised, levels: Levels) -> float | None:
        return self.least(minimised, levels).answer.objective


def loosened(level: float, slack: float) -> float:
    """A level that whole instances may reach where fractions reach this one."""
    return level * (1 + slack)
