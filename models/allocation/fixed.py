"""A given allocation, evaluated: its best flows, what it sheds, objective and totals."""

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence

from freesh_plugin.core.errors import AllocationError
from models.allocation.collect import program_data
from models.allocation.data import Pool, ProgramData
from models.allocation.fleet import Fleet
from models.allocation.pack import pack
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


def evaluate(scenario: Scenario, partition: Mapping[str, str], instances: Sequence[InstanceCount]) -> AllocationResult:
    """As `models.allocation.evaluate_fixed`, with arguments already checked."""
    budget = Budget(EVALUATION_S)
    with budget.building():
        fleet, signals = Fleet.of(scenario), Signals.of(scenario, scenario.objective)
        wanted = _wanted(scenario, fleet, partition, instances)
        choice = {model: (name,) for model, name in partition.items()}
        data = program_data(scenario, choice, fleet, signals, keep=wanted)
        program = FullProgram(data, held=wanted)
    chain = Chain([Highs(), Glpk()])
    staged = Stages(chain, 0.0, budget).settle(program)
    if staged.answer.values is None:
        return _unfit(data, partition, instances, staged.answer, budget)
    return describe(
        data,
        program.solution(staged.answer),
        status=Outcome.OPTIMAL if staged.answer.ending is Ending.OPTIMAL else Outcome.FEASIBLE,
        bound=None,
        notes=full_notes(scenario),
        solver=staged.answer.solver,
        budget=budget,
    )


def _wanted(
    scenario: Scenario, fleet: Fleet, partition: Mapping[str, str], instances: Sequence[InstanceCount]
) -> Counter[Pool]:
    """Instances by pool; where it matters on which machine they are and nobody says, as they would be packed."""
    wanted: Counter[Pool] = Counter()
    loose = [each for each in instances if each.machine is None and "" not in fleet.holders[each.location]]
    packed = pack(scenario, loose) if loose else None
    placed = [
        InstanceCount(each.location, each.model, each.request_class, each.mode, each.instances, each.machine)
        for each in (packed.slices if packed else ())
    ]
    for each in (*(each for each in instances if each not in loose), *placed, *(packed.unpacked if packed else ())):
        if each.model not in partition:
            raise AllocationError(f"model {each.model!r} has instances, and no partition is given for it")
        holder = fleet.holder(each.location, each.machine or "")
        wanted[Pool(each.location, each.model, partition[each.model], each.request_class, each.mode, holder)] += (
            each.count
        )
    return wanted


def _unfit(
    data: ProgramData,
    partition: Mapping[str, str],
    instances: Sequence[InstanceCount],
    answer: Answer,
    budget: Budget,
) -> AllocationResult:
    infeasible = answer.ending is Ending.INFEASIBLE
    result = AllocationResult(
        status=Outcome.INFEASIBLE if infeasible else Outcome.NO_INCUMBENT,
        objective=None,
        bound=None,
        gap=None,
        partition=dict(partition),
        instances=tuple(each for each in instances if each.count),
        notes=(f"{answer.reason}.",),
        solver=answer.solver,
        build_s=budget.build_s,
        solve_s=budget.solve_s,
    )
    return dataclasses.replace(result, binding=_too_much(data, instances)) if infeasible else result


def _too_much(data: ProgramData, instances: Sequence[InstanceCount]) -> tuple[str, ...]:
    """Where the instances need more GPUs than there are; else the limits that are left."""
    needed: Counter[tuple[str, str]] = Counter()
    for each in instances:
        for kind, gpus in data.modes[each.mode].gpus.items():
            needed[each.location, kind] += gpus * each.count
    stock = {
        (location, kind): sum(gpus.get(kind, 0) for gpus in data.fleet.holders[location].values())
        for location, kind in needed
    }
    short = tuple(
        f"stock: {gpus} {kind} GPUs are needed at {location}, and there are {stock[location, kind]}"
        for (location, kind), gpus in sorted(needed.items())
        if gpus > stock[location, kind]
    )
    return short or ("machines, power_cap_w or max_changes_per_location: the instances keep the stock but not these",)
