"""A given allocation, evaluated: its best flows, what it sheds, objective and totals."""

import dataclasses
from collections import Counter
from collections.abc import Sequence

from models.allocation.data import Pool, ProgramData, program_data
from models.allocation.fleet import Fleet
from models.allocation.program import FullProgram
from models.allocation.promises import full_notes
from models.allocation.report import describe
from models.allocation.signals import Signals
from models.allocation.solve.answer import Answer, Ending
from models.allocation.solve.budget import Budget
from models.allocation.solve.chain import Chain
from models.allocation.solve.glpk import Glpk
from models.allocation.solve.highs import Highs
from models.allocation.solve.worker import EVALUATION_S
from models.allocation.stages import Stages
from models.domain.allocation import AllocationResult, InstanceCount, Outcome
from models.domain.scenario import Scenario


def evaluate(scenario: Scenario, partition: str, instances: Sequence[InstanceCount]) -> AllocationResult:
    """As `models.allocation.evaluate_fixed`, with arguments already checked."""
    budget = Budget(EVALUATION_S)
    with budget.building():
        wanted: Counter[Pool] = Counter()
        for each in instances:
            wanted[Pool(each.location, each.request_class, each.mode)] += each.count
        fleet, signals = Fleet.of(scenario), Signals.of(scenario, scenario.objective)
        data = program_data(scenario, partition, fleet, signals, keep=wanted)
        counts = [wanted[pool] for pool in data.pools]
        program = FullProgram(data)
    chain = Chain([Highs(), Glpk()])
    staged = Stages(chain, 0.0, budget).settle(program, counts)
    if staged.answer.values is None:
        return _unfit(data, counts, staged.answer, budget)
    return describe(
        data,
        program.solution(staged.answer),
        status=Outcome.OPTIMAL if staged.answer.ending is Ending.OPTIMAL else Outcome.FEASIBLE,
        bound=None,
        notes=full_notes(scenario),
        solver=staged.answer.solver,
        budget=budget,
    )


def _unfit(data: ProgramData, counts: Sequence[int], answer: Answer, budget: Budget) -> AllocationResult:
    infeasible = answer.ending is Ending.INFEASIBLE
    result = AllocationResult(
        status=Outcome.INFEASIBLE if infeasible else Outcome.NO_INCUMBENT,
        objective=None,
        bound=None,
        gap=None,
        partition={data.model: data.partition},
        instances=data.counts(counts),
        notes=(f"{answer.reason}.",),
        solver=answer.solver,
        build_s=budget.build_s,
        solve_s=budget.solve_s,
    )
    return dataclasses.replace(result, binding=_too_much(data, counts)) if infeasible else result


def _too_much(data: ProgramData, counts: Sequence[int]) -> tuple[str, ...]:
    """Where the instances need more GPUs than there are; else the limits that are left."""
    needed: Counter[tuple[str, str]] = Counter()
    for pool, count in zip(data.pools, counts, strict=True):
        for kind, gpus in data.modes[pool.mode].gpus.items():
            needed[pool.location, kind] += gpus * count
    short = tuple(
        f"stock: {gpus} {kind} GPUs are needed at {location}, and there are {data.fleet.stock.get((location, kind), 0)}"
        for (location, kind), gpus in sorted(needed.items())
        if gpus > data.fleet.stock.get((location, kind), 0)
    )
    return short or ("machines, power_cap_w or max_changes_per_location: the instances keep the stock but not these",)
