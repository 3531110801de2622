"""What a large program can reach at best: how little it must shed and expose, and the least objective at that."""

import dataclasses
import math
from dataclasses import dataclass

from models.allocation.data import ProgramData
from models.allocation.guided.relaxation import Minimised, Relaxation, Relaxed, objective
from models.allocation.program import FullProgram
from models.allocation.solution import Levels
from models.allocation.solve.answer import Ending
from models.allocation.solve.budget import Budget
from models.domain.scenario import Survive

LEVEL_SLACK = 0.02
"""By how much, relatively, a search may shed more than the relaxation must: whole instances are no finer."""
_SHED_PRECISION = 1e-3
"""Relative precision of the relaxations that find levels; well within the slack."""
_NONE = 1e-6
"""Share of demand below which shedding is rounding."""
_FREE = Levels(math.inf, math.inf, math.inf)


@dataclass(frozen=True)
class Target:
    """The relaxation of some candidate partitions, as far as it is solved.

    Attributes:
        relaxation: Where its pools are.
        worst: Proven lower bound on the largest weighted shed fraction.
        levels: Shedding and exposure that a search is held to; infinite where nothing is known.
        relaxed: The objective's optimum within the levels; without values where there is none yet.
        least: Whether the levels are proven to be the least, but for the slack.
    """

    relaxation: Relaxation
    worst: float
    levels: Levels
    relaxed: Relaxed
    least: bool = True

    @property
    def data(self) -> ProgramData:
        """All pools."""
        return self.relaxation.data

    @property
    def infeasible(self) -> bool:
        """Whether no allocation keeps the constraints, whatever it sheds."""
        return self.relaxed.answer.ending is Ending.INFEASIBLE

    @property
    def shedding(self) -> tuple[float, float]:
        """Smaller is better: what nobody may serve, and the worst fraction at best. Rounded as in an attempt's rank."""
        return round(self.data.unserved_rps, 4), round(self.worst, 4)

    @property
    def bound(self) -> float:
        """Of the objective, at its levels."""
        return -math.inf if self.relaxed.bound is None else self.relaxed.bound


def least_shedding(relaxation: Relaxation, budget: Budget, share: float) -> Target:
    """The least that the worst stream sheds: none, or the level that is fair.

    Args:
        relaxation: Of some candidate partitions.
        budget: Its clock.
        share: Of the time that is left for searches, which this may take.
    """
    found = _Stages(relaxation, budget, share).least(FullProgram.least_worst, _FREE)
    if found.answer.objective is None:
        return Target(relaxation, 0.0, _FREE, found, least=False)
    worst, proven = found.answer.objective, max(found.bound or 0.0, 0.0)
    nothing = Relaxed.nothing(relaxation.data)
    if worst <= _NONE:
        return Target(relaxation, 0.0, _FREE._replace(worst=0.0), nothing)
    level = worst * (1 + LEVEL_SLACK)
    return Target(
        relaxation, proven, _FREE._replace(worst=level), nothing, least=level <= proven * (1 + 2 * LEVEL_SLACK)
    )


def least_objective(target: Target, budget: Budget, share: float) -> Target:
    """The target with the rest: the least that is shed in all, what losses leave unserved, and the objective."""
    if math.isinf(target.levels.worst):
        return target
    stages, data = _Stages(target.relaxation, budget, share), target.data
    asked = sum(data.demand_rps.values())
    levels = target.levels._replace(total=0.0)
    if target.levels.worst > 0 or any(each.shed_price <= 0 for each in data.scenario.tiers):
        total = stages.least(FullProgram.least_total, target.levels).answer.objective
        if total is None:
            return target
        levels = levels._replace(total=_level(total, asked))
    if data.scenario.survive is Survive.NONE:
        levels = levels._replace(exposed=0.0)
    else:
        exposed = stages.least(FullProgram.least_exposed, levels).answer.objective
        if exposed is None:
            return target
        levels = levels._replace(exposed=_level(exposed, asked))
    return dataclasses.replace(target, levels=levels, relaxed=stages.least(objective, levels))


def _level(least: float, asked: float) -> float:
    """What a search is held to where fractions of instances reach the least."""
    return 0.0 if least <= _NONE * asked else least * (1 + LEVEL_SLACK)


class _Stages:
    """Relaxations one after the other, in a share of the time that is left for searches."""

    def __init__(self, relaxation: Relaxation, budget: Budget, share: float) -> None:
        self._relaxation = relaxation
        stop_s = budget.search_s() * (1 - share)
        self._left_s = lambda: budget.search_s() - stop_s

    def least(self, minimised: Minimised, levels: Levels) -> Relaxed:
        if minimised is objective:
            return self._relaxation.least(minimised, levels, self._left_s)
        return self._relaxation.least(minimised, levels, self._left_s, precision=_SHED_PRECISION)
