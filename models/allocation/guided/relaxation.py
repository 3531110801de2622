"""The linear relaxation over all pools by delayed column generation: few are built, all are priced."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from models.allocation.data import Pool, ProgramData
from models.allocation.guided.pool_arrays import PoolArrays
from models.allocation.guided.pricing import reduced_costs
from models.allocation.program import FullProgram
from models.allocation.solution import Levels
from models.allocation.solve.answer import Answer, Ending, Solver
from models.allocation.solve.budget import Budget
from models.allocation.solve.matrix import Floats, Ints, Matrix

PRECISION = 5e-4
"""Relative distance of the bound from the relaxation's optimum at which pricing stops; the bound is valid anyway."""
_SPARE = 2
"""Pools without instances that are kept from one round to the next, for each that has some; the others go again."""
_LEAST_SPARE = 100
_PROGRESS = 1e-6
"""Relative fall of the optimum in a round that counts as one."""
_SUPPORT = 1e-7
"""Values up to this are none, in instances."""

_TIME_IS_UP = Answer(Ending.NO_INCUMBENT, reason="the time is up")

Minimised = Callable[[FullProgram, Matrix], Matrix]
"""What is minimised: the matrix with that as its costs."""


def objective(_: FullProgram, matrix: Matrix) -> Matrix:
    """The objective itself."""
    return matrix


@dataclass(frozen=True)
class Relaxed:
    """The relaxation's optimum, or what is known of it.

    Attributes:
        answer: Of the last program of built pools.
        bound: Proven lower bound over all pools; None when nothing was proven.
        reduced: Reduced cost of every pool, each with its best flows.
        used: Pools that the last program's optimum has instances of.
        finished: Whether the bound is as near as was asked for, not only as time allowed.
    """

    answer: Answer
    bound: float | None
    reduced: Floats
    used: npt.NDArray[np.bool_]
    finished: bool = False

    @classmethod
    def nothing(cls, data: ProgramData, answer: Answer = _TIME_IS_UP) -> "Relaxed":
        """Nothing is known."""
        none = np.zeros(len(data.pools))
        return cls(answer, None, none, none > 0)


class Relaxation:
    """The linear relaxation of a program with many pools.

    Args:
        data: All pools.
        solver: Of the linear programs.
        budget: Its clock; building and solving are booked there.
        keep: Pools that are built from the start, beside the cheapest.

    Attributes:
        data: As given.
        built: Which pools the program has.
        rounds: Linear programs solved.
    """

    def __init__(self, data: ProgramData, solver: Solver, budget: Budget, keep: frozenset[Pool] = frozenset()) -> None:
        self.data = data
        self._solver = solver
        self._budget = budget
        self.rounds = 0
        with budget.building():
            self._arrays = PoolArrays.of(data)
            self._kept = np.array([pool in keep for pool in data.pools], dtype=bool)
            self.built = _cheapest(self._arrays) | self._kept
            self._program = self._build()

    @property
    def program(self) -> FullProgram:
        """Of the pools that are built."""
        return self._program

    def least(
        self, minimised: Minimised, levels: Levels, deadline_s: Callable[[], float], *, precision: float = PRECISION
    ) -> Relaxed:
        """The relaxation's optimum within levels: pools that may lower it are built until none is left.

        Args:
            minimised: What.
            levels: Of shedding and exposure that are kept.
            deadline_s: Seconds left, asked anew each round.
            precision: Relative distance of bound and optimum at which to stop.
        """
        priced = minimised is objective
        best = Relaxed.nothing(self.data)
        last = math.inf
        while (left_s := deadline_s()) > 0:
            answer = self._solve(minimised, levels, left_s)
            if answer.values is None or answer.row_duals is None or answer.objective is None:
                return best if best.answer.values is not None else Relaxed.nothing(self.data, answer)
            with self._budget.building():
                reduced = reduced_costs(self._program, self._arrays, answer.row_duals, priced=priced)
                bound = answer.objective + self._slack(reduced)
                if not priced:
                    bound = max(bound, 0.0)  # nothing sheds less than nothing
                proven = bound if best.bound is None else max(bound, best.bound)
                best = Relaxed(answer, proven, reduced, self._used(answer))
                missing = (reduced < 0) & ~self.built
                if answer.objective - proven <= precision * abs(answer.objective) or not missing.any():
                    return replace(best, finished=True)
                if answer.objective < last * (1 - _PROGRESS):  # else what goes might be what comes next
                    self._drop(best)
                last = answer.objective
                self._add(np.where(missing, reduced, math.inf))
        return best

    def per_gpu(self, relaxed: Relaxed) -> Floats:
        """Reduced costs for each GPU that a pool takes, which large and small instances compare by."""
        return relaxed.reduced / self._arrays.gpus

    def _solve(self, minimised: Minimised, levels: Levels, left_s: float) -> Answer:
        with self._budget.solving():
            self.rounds += 1
            matrix = minimised(self._program, self._program.within(levels)).relaxed()
            return self._solver.solve(matrix, gap=0.0, time_limit_s=left_s)

    def _slack(self, reduced: Floats) -> float:
        """By how much all pools together may lower the objective: each GPU by the best pool it may be of."""
        arrays = self._arrays
        per_gpu = np.zeros(len(arrays.holder_gpus))
        np.minimum.at(per_gpu, arrays.holder, np.where(self.built, 0.0, np.minimum(reduced, 0.0)) / arrays.gpus)
        return float(per_gpu @ arrays.holder_gpus)

    def _drop(self, relaxed: Relaxed) -> None:
        """Leave out the pools that are furthest from being used."""
        spare = self.built & ~relaxed.used & ~self._kept
        most = max(_SPARE * int(relaxed.used.sum()), _LEAST_SPARE)
        order = np.argsort(np.where(spare, relaxed.reduced / self._arrays.gpus, math.inf), kind="stable")
        self.built[order[most : int(spare.sum())]] = False

    def _add(self, reduced: Floats) -> None:
        """Build the most promising pool of each class at each location, as many as there are pools in use or more."""
        per_gpu = reduced / self._arrays.gpus
        first = _first_of_each(np.flatnonzero(reduced < 0), per_gpu, self._arrays)
        most = max(int(self.built.sum()) // 2, _LEAST_SPARE)
        self.built[first[np.argsort(per_gpu[first], kind="stable")][:most]] = True
        self._program = self._build()

    def _build(self) -> FullProgram:
        return FullProgram(
            self.data.among({pool for pool, there in zip(self.data.pools, self.built, strict=True) if there})
        )

    def _used(self, answer: Answer) -> npt.NDArray[np.bool_]:
        used = np.zeros(len(self.data.pools), dtype=bool)
        used[np.flatnonzero(self.built)] = self._program.instances(answer) > _SUPPORT
        return used


def _cheapest(arrays: PoolArrays) -> npt.NDArray[np.bool_]:
    """The pool of each class at each location with the least cost per request when it is full."""
    weight = (arrays.joule_cost[arrays.location] * arrays.there).sum(axis=1)
    capacity = np.maximum(arrays.capacity_rps, 1e-300)
    cost = weight * (arrays.idle_extra_w / capacity + arrays.joules_per_request)
    chosen = np.zeros(len(arrays.capacity_rps), dtype=bool)
    chosen[_first_of_each(np.flatnonzero(arrays.capacity_rps > 0), cost, arrays)] = True
    return chosen


def _first_of_each(pools: Ints, value: Floats, arrays: PoolArrays) -> Ints:
    """Of each class at each location the pool of least value."""
    order = pools[np.lexsort((value[pools], arrays.location[pools], arrays.kind[pools]))]
    keys = np.stack([arrays.kind[order], arrays.location[order]], axis=1)
    first = np.ones(len(order), dtype=bool)
    first[1:] = (keys[1:] != keys[:-1]).any(axis=1)
    return order[first]
