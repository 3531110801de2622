"""Searching the programs of the partitions: each to its optimum, or, where they are large, by their relaxations."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.allocation.paper import PaperProgram, unserved
from models.allocation.paper_model import build_paper
from models.allocation.restricted import search
from models.allocation.solve.answer import Answer, Ending
from models.allocation.solve.budget import Budget
from models.allocation.solve.chain import Chain
from models.allocation.solve.matrix import Matrix, compile_model
from models.allocation.verdict import proven

_UNSERVED = Answer(Ending.INFEASIBLE, reason="a class has no mode", solver="none needed")


def exact(programs: Sequence[PaperProgram], chain: Chain, gap: float, budget: Budget) -> list[Answer]:
    """Every program to the gap, one after the other; values are by the columns of the program."""
    return [_exactly(program, chain, gap, budget, parts=len(programs) - i) for i, program in enumerate(programs)]


def guided(programs: Sequence[PaperProgram], chain: Chain, gap: float, budget: Budget) -> list[Answer]:
    """Relaxations of all, then integer programs in the order of their bounds, for as long as one may be better.

    A partition whose bound is within the gap of the best found is not searched: its bound is its answer.
    """
    parts = [_relax(program, chain, budget, parts=len(programs) - i) for i, program in enumerate(programs)]
    answers = [_UNSERVED if part is None else part.relaxation for part in parts]
    open_ones = [(part, i) for i, part in enumerate(parts) if part is not None and part.relaxation.values is not None]
    open_ones.sort(key=lambda each: each[0].relaxation.objective or 0.0)
    best: float | None = None
    for done, (part, i) in enumerate(open_ones):
        if best is not None and proven(best, answers[i].bound, gap):
            answers[i] = Answer(Ending.NO_INCUMBENT, bound=answers[i].bound, solver=answers[i].solver)
            continue
        answers[i] = _search(part, chain, gap, budget, parts=len(open_ones) - done)
        best = min((each for each in (best, answers[i].objective) if each is not None), default=None)
    return answers


@dataclass(frozen=True)
class _Part:
    """A program compiled and relaxed; `at` is where its columns lie in the matrix, None where nothing mentions one."""

    matrix: Matrix
    at: tuple[int | None, ...]
    relaxation: Answer

    def by_column(self, answer: Answer) -> Answer:
        """The answer with its values by the columns of the program."""
        if answer.values is None:
            return answer
        values = np.array([0.0 if column is None else answer.values[column] for column in self.at])
        return dataclasses.replace(answer, values=values, row_duals=None, reduced_costs=None)


def _exactly(program: PaperProgram, chain: Chain, gap: float, budget: Budget, parts: int) -> Answer:
    if unserved(program):
        return _UNSERVED
    part = _compiled(program, budget)
    with budget.solving():
        return part.by_column(chain.solve(part.matrix, gap=gap, time_limit_s=budget.left_s(parts)))


def _relax(program: PaperProgram, chain: Chain, budget: Budget, parts: int) -> _Part | None:
    if unserved(program):
        return None
    part = _compiled(program, budget)
    with budget.solving():
        relaxation = chain.solve(part.matrix.relaxed(), gap=0.0, time_limit_s=budget.left_s(parts))
    return dataclasses.replace(part, relaxation=relaxation)


def _search(part: _Part, chain: Chain, gap: float, budget: Budget, parts: int) -> Answer:
    with budget.solving():
        found = search(part.matrix, part.relaxation, chain, gap=gap, left_s=lambda: budget.left_s(parts))
    return part.by_column(found)


def _compiled(program: PaperProgram, budget: Budget) -> _Part:
    with budget.building():
        matrix, columns = compile_model(model := build_paper(program))
        at = tuple(columns.of(model.x[i]) for i in range(len(program.columns)))
    return _Part(matrix, at, Answer(Ending.NO_INCUMBENT))
