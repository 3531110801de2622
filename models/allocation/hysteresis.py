"""Hysteresis: what runs now stays, if nothing better by more than the gap was found."""

import dataclasses
from collections.abc import Sequence

from models.allocation.attempt import Attempt
from models.allocation.collect import program_data
from models.allocation.data import ProgramData
from models.allocation.fleet import Fleet
from models.allocation.program import FullProgram
from models.allocation.prune import prune
from models.allocation.solution import NONE_SHED, Levels, Solution
from models.allocation.stages import SHED_GAP, Stages
from models.domain.scenario import Scenario

_ROUNDING = 1e-9


def keep_running(attempts: Sequence[Attempt], best: Attempt, gap: float, stages: Stages) -> Attempt | None:
    """What runs now, labels included, without its waste; None when the best found is better by more than the gap.

    It must shed no more than the best found, and keep every constraint.
    """
    assert best.solution is not None, "the best has a solution"
    assert best.levels is not None, "a solution has levels"
    for each in attempts:
        counts = running_counts(each.program.data)
        if counts is None or each.program.data.unserved_rps > best.program.data.unserved_rps:
            continue
        # To the same levels if it can, so that what one epoch needed is not waste to the next.
        levels, answer = best.levels, stages.within(each.program, best.levels, counts)
        if answer.values is None:
            levels = _as_good_as(best.levels)
            answer = stages.within(each.program, levels, counts)
        if answer.values is None:
            continue
        kept = prune(each.program, each.program.solution(answer), levels, stages)
        if kept.objective <= best.solution.objective / (1 - gap) * (1 + _ROUNDING):
            return _settled(each, kept, counts, levels, stages)
    return None


def _as_good_as(levels: Levels) -> Levels:
    """The levels that two solves of one program may differ by."""
    slack = 1 + 2 * SHED_GAP
    return NONE_SHED if levels == NONE_SHED else Levels(*(each * slack for each in levels))


def running_counts(data: ProgramData) -> tuple[int, ...] | None:
    """Instances by pool if all that runs serves a candidate partition, and may stay where it is; else None."""
    running = sum(each.instances for each in data.scenario.running)
    if not running or sum(data.standing_labels.values()) != running:
        return None
    return tuple(data.standing_labels.get(i, 0) for i in range(len(data.pools)))


def _settled(attempt: Attempt, kept: Solution, counts: tuple[int, ...], levels: Levels, stages: Stages) -> Attempt:
    removed = sum(counts) - sum(kept.counts)
    if removed:
        note = f"Kept what runs, but for {removed} instances that nothing needs any more: no plan found is better."
        return Attempt(attempt.program, attempt.answer, kept, levels, attempt.least, (note,))
    note = "Kept what runs: no plan found is better by more than the gap."
    steady = _as_if_steady(attempt.program.data)
    answer = stages.within(steady, levels, kept.counts)
    if answer.values is None:
        return Attempt(attempt.program, attempt.answer, kept, levels, attempt.least, (note,))
    return Attempt(steady, attempt.answer, steady.solution(answer), levels, attempt.least, (note,))


def _as_if_steady(data: ProgramData) -> FullProgram:
    """The program without changes: equal epochs then give equal flows, whatever ran before."""
    bare: Scenario = dataclasses.replace(data.scenario, running=())
    whole = program_data(bare, data.candidates, Fleet.of(bare), data.signals, keep=data.pools)
    return FullProgram(whole.among(set(data.pools)))
