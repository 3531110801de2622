"""The linear relaxation around an allocation: its partitions, its levels of shedding, whole numbers let go."""

import math
from collections import Counter
from collections.abc import Mapping

import pyomo.environ as pyo

from models.allocation.collect import program_data
from models.allocation.constraints import add_constraints
from models.allocation.data import Pool, ProgramData
from models.allocation.fleet import Fleet
from models.allocation.objective import add_objective
from models.allocation.program import FullProgram
from models.allocation.signals import Signals
from models.allocation.solution import NONE_SHED, Levels
from models.allocation.solve.answer import Answer
from models.allocation.solve.budget import Budget
from models.allocation.solve.chain import Chain
from models.allocation.solve.highs import Highs
from models.allocation.solve.matrix import Matrix, compile_model
from models.allocation.stages import Stages
from models.allocation.variables import add_variables
from models.domain.allocation import AllocationResult
from models.domain.scenario import Scenario

_ANY = Levels(math.inf, math.inf, math.inf)


class Relaxation:
    """The relaxed program of given partitions, within given levels.

    Instances are limited by GPUs and rooms alone, not by a bound of their own, which says the same of whole numbers:
    so whatever one more GPU is worth is found in the rows that GPUs are in.

    Args:
        data: One candidate partition for each model.
        levels: What may be shed and left exposed.

    Attributes:
        data: As given.
        levels: As given.
        matrix: The linear program.
    """

    def __init__(self, data: ProgramData, levels: Levels) -> None:
        self.data = data
        self.levels = levels
        self._model = pyo.ConcreteModel()
        add_variables(self._model, data)
        add_constraints(self._model, data)
        add_objective(self._model, data)
        for i, pool in enumerate(data.pools):
            if data.most(pool):
                self._model.x[i].setub(None)
        whole, self._columns = compile_model(self._model)
        self.matrix = self._within(whole.relaxed())

    def row(self, *key: object) -> int | None:
        """Row of a constraint; None when there is none."""
        return self._columns.row(self._model.rows[key]) if key in self._model.rows else None

    def shed_column(self, stream: int, step: int) -> int | None:
        """Column of what a stream sheds in a step."""
        return self._columns.of(self._model.shed[stream, step]) if (stream, step) in self._model.shed else None

    def least_total(self) -> Matrix:
        """The same program, minimising what is shed, however much that is; fairness and exposure as they are."""
        column = self._columns.of(self._model.total)
        assert column is not None, "a program that sheds has a total"
        return self.matrix.minimising(column).with_bounds({column: (0.0, math.inf)})

    def _within(self, matrix: Matrix) -> Matrix:
        variables = (self._model.worst, self._model.total, self._model.exposed)
        columns = [(self._columns.of(each), level) for each, level in zip(variables, self.levels, strict=True)]
        return matrix.with_bounds({column: (0.0, level) for column, level in columns if column is not None})


def relaxation_of(scenario: Scenario, result: AllocationResult, budget: Budget) -> Relaxation:
    """The relaxation around an allocation."""
    fleet, signals = Fleet.of(scenario), Signals.of(scenario, scenario.objective)
    held = held_pools(result)
    choice = {model: (name,) for model, name in result.partition.items()}
    data = program_data(scenario, choice, fleet, signals, keep=held)
    levels = _levels(data, result, held, budget)
    with budget.building():
        return Relaxation(data, levels)


def optimum(matrix: Matrix, budget: Budget) -> Answer:
    """Of a linear program, with duals where there are some."""
    return Chain([Highs()]).solve(matrix, gap=0.0, time_limit_s=max(budget.left_s(), 0.1))


def held_pools(result: AllocationResult) -> Mapping[Pool, int]:
    """Instances of an allocation by pool."""
    held: Counter[Pool] = Counter()
    for each in result.instances:
        partition = result.partition[each.model]
        held[Pool(each.location, each.model, partition, each.request_class, each.mode, each.machine or "")] += (
            each.count
        )
    return held


def _levels(data: ProgramData, result: AllocationResult, held: Mapping[Pool, int], budget: Budget) -> Levels:
    """What these very instances shed and leave exposed at least: the relaxation may do no worse."""
    if not result.shed and not result.exposed:
        return NONE_SHED
    staged = Stages(Chain([Highs()]), 0.0, budget).settle(FullProgram(data, held=held))
    return staged.levels or _ANY
