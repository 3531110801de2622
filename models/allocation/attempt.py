"""Some candidate partitions, solved: the program, what was proven, and a solution that packs onto the machines."""

import dataclasses
import math
from collections.abc import Iterable
from dataclasses import dataclass

from models.allocation.collect import program_data
from models.allocation.data import Candidates, Pool, ProgramData
from models.allocation.fleet import Fleet
from models.allocation.pack import pack
from models.allocation.pack_cut import PackCut, failed_packings
from models.allocation.program import FullProgram
from models.allocation.signals import Signals
from models.allocation.solution import TOLERANCE, Levels, Solution
from models.allocation.solve.answer import Answer
from models.allocation.solve.budget import Budget
from models.allocation.stages import Stages
from models.domain.scenario import Scenario

_MOST_CUTS = 20
"""Rounds of packing cuts before the instances that do not pack are left out."""


@dataclass(frozen=True)
class Attempt:
    """What came of some candidate partitions.

    Attributes:
        program: The program last solved.
        answer: Of its last stage.
        solution: Packs onto the machines; None without one.
        levels: Shedding that the solution was held to.
        least: Whether less shedding was ruled out.
        notes: What happened on the way, in sentences.
        outdone: It was not searched, because its relaxation says that it is no better than the best by the gap.
    """

    program: FullProgram
    answer: Answer
    solution: Solution | None
    levels: Levels | None
    least: bool = True
    notes: tuple[str, ...] = ()
    outdone: bool = False

    @property
    def rank(self) -> tuple[float, ...]:
        """Smaller is better: what nobody may serve, the worst fraction, the total shed, the exposure, the objective."""
        assert self.solution is not None, "only a solution ranks"
        assert self.levels is not None, "a solution has levels"
        # What it was held to, where that is known: how much of its slack a solution uses is chance.
        worst, total, exposed = (
            held if math.isfinite(held) else got for held, got in zip(self.levels, self.solution.levels, strict=True)
        )
        unserved = self.program.data.unserved_rps
        # Rounded: levels are met to a solver's tolerance, and a billionth less shed is not worth any carbon.
        return (round(unserved, 4), round(worst, 4), round(total, 3), round(exposed, 3), self.solution.objective)


def candidate_data(scenario: Scenario, candidates: Candidates, fleet: Fleet, signals: Signals) -> ProgramData:
    """The data of some candidate partitions, what runs included."""
    return program_data(scenario, candidates, fleet, signals, keep=running_pools(scenario, candidates, fleet))


def attempt(data: ProgramData, stages: Stages, budget: Budget, parts: int) -> Attempt:
    """Solve some candidate partitions; while the instances do not pack, cut that off and solve again."""
    cuts: tuple[PackCut, ...] = ()
    for _ in range(_MOST_CUTS):
        with budget.building():
            program = FullProgram(data, cuts)
        staged = stages.settle(program, parts=parts)
        if staged.answer.values is None or staged.levels is None:
            return Attempt(program, staged.answer, None, None)
        solution = polished(program, program.solution(staged.answer), staged.levels, stages)
        failed = failed_packings(data, data.counts(solution.counts))
        if not failed:
            unproven = f"{data.title}: that so much must be shed, or left exposed, was not proven in time."
            notes = () if staged.least else (unproven,)
            return Attempt(program, staged.answer, solution, staged.levels, staged.least, notes)
        cuts += failed
    return _without_the_unpacked(program, staged.answer, solution, stages)


def polished(program: FullProgram, solution: Solution, levels: Levels, stages: Stages) -> Solution:
    """The best flows for these very counts: a search holds counts whole, and flows to them, only to a tolerance."""
    asked = sum(program.data.demand_rps.values())
    looser = Levels(levels.worst + TOLERANCE, levels.total + TOLERANCE * asked, levels.exposed + TOLERANCE * asked)
    for allowed in (levels, looser):
        answer = stages.within(program, allowed, solution.counts)
        if answer.values is not None:
            return program.solution(answer)
    return solution


def running_pools(scenario: Scenario, candidates: Candidates, fleet: Fleet) -> Iterable[Pool]:
    """Pools that run now under labels of these partitions, so that keeping them is among the choices."""
    profiled = {(each.model, each.partition, each.request_class, each.mode) for each in scenario.profiles}
    return {
        Pool(row.location, *label, fleet.holder(row.location, row.machine))
        for row in fleet.labels
        for partition in candidates.get(row.model, ())
        if row.partition in (None, partition)
        and (label := (row.model, partition, row.request_class, row.mode)) in profiled
    }


def _without_the_unpacked(program: FullProgram, answer: Answer, solution: Solution, stages: Stages) -> Attempt:
    """The last solution without the instances that no machine holds; what they served may be shed."""
    data = program.data
    unpacked = pack(data.scenario, data.counts(solution.counts)).unpacked
    counts = list(solution.counts)
    for each in unpacked:
        left = each.count
        for i, pool in enumerate(data.pools):
            if (pool.location, pool.model, pool.request_class, pool.mode) == each.pool:
                taken = min(left, counts[i])
                counts[i] -= taken
                left -= taken
    staged = stages.settle(program, counts)
    missing = sum(each.count for each in unpacked)
    note = f"{missing} instances do not pack onto the machines after {_MOST_CUTS} cuts: left out."
    fixed = None if staged.answer.values is None else program.solution(staged.answer)
    return Attempt(program, dataclasses.replace(answer, bound=None), fixed, staged.levels, least=False, notes=(note,))
