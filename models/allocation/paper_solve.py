"""Solving the published program: partition by partition, the best of them, or why there is none."""

import math
from collections.abc import Sequence

from models.allocation.paper import PaperColumn, PaperProgram, paper_programs, undominated, unserved
from models.allocation.paper_model import build_shortage
from models.allocation.paper_search import exact, guided
from models.allocation.solve.answer import Answer, Ending
from models.allocation.solve.budget import Budget
from models.allocation.solve.chain import Chain
from models.allocation.solve.matrix import compile_model
from models.allocation.totals import totals_of
from models.allocation.verdict import proven, relative_gap, tightest
from models.domain.allocation import AllocationResult, InstanceCount, Outcome, Totals
from models.domain.scenario import Objective, Scenario

EXACT_COLUMNS = 300
"""Most columns of a partition that are searched without a relaxation first (docs/adr/0060)."""
_DIAGNOSIS_S = 5.0
"""Time for finding out why a program is infeasible, seconds."""


def solve_paper(
    scenario: Scenario, objective: Objective, chain: Chain, *, gap: float, budget: Budget, notes: Sequence[str] = ()
) -> AllocationResult:
    """Solve the published form: it may be infeasible, and then says which constraint binds."""
    with budget.building():
        programs = [undominated(each) for each in paper_programs(scenario, objective)]
    large = gap > 0 and max((len(each.columns) for each in programs), default=0) > EXACT_COLUMNS
    answers = (guided if large else exact)(programs, chain, gap, budget)
    solved = [i for i, each in enumerate(answers) if each.values is not None]
    notes = (*notes, *dict.fromkeys(chain.failures))
    if not solved:
        return _without_values(programs, answers, chain, budget, notes)
    best = min(solved, key=lambda i: answers[i].objective or 0.0)
    return _result(scenario, programs[best], answers, best, gap, budget, notes)


def _result(
    scenario: Scenario, program: PaperProgram, answers: Sequence[Answer], best: int, gap: float, budget: Budget,
    notes: Sequence[str],
) -> AllocationResult:  # fmt: skip
    chosen = answers[best]
    assert chosen.values is not None, "the best answer has values"
    assert chosen.objective is not None, "values have an objective"
    counts = [int(each) for each in chosen.values]
    bound = tightest(chosen.objective, answers)
    return AllocationResult(
        status=Outcome.OPTIMAL if proven(chosen.objective, bound, gap) else Outcome.FEASIBLE,
        objective=chosen.objective,
        bound=bound,
        gap=relative_gap(chosen.objective, bound),
        partition={scenario.models[0]: program.partition},
        instances=tuple(
            InstanceCount(column.location, scenario.models[0], column.request_class, column.mode, count)
            for column, count in zip(program.columns, counts, strict=True)
            if count
        ),
        totals=_totals(scenario, program.columns, counts),
        binding=_binding(program, counts),
        notes=(*notes, *_unproven(answers)),
        solver=chosen.solver,
        build_s=budget.build_s,
        solve_s=budget.solve_s,
    )


def _unproven(answers: Sequence[Answer]) -> list[str]:
    return [each.reason for each in answers if each.ending in (Ending.NO_INCUMBENT, Ending.FAILED) and each.reason]


def _totals(scenario: Scenario, columns: Sequence[PaperColumn], counts: Sequence[int]) -> Totals:
    """Energy, carbon and cost as the published form counts them: instances at full power, and nothing else."""
    power_w = {each.name: 0.0 for each in scenario.locations}
    for column, count in zip(columns, counts, strict=True):
        power_w[column.location] += column.power_w * count
    energy_j = {(n, t): watts * scenario.step_s for n, watts in power_w.items() for t in range(scenario.steps)}
    return totals_of(scenario, energy_j)


def _binding(program: PaperProgram, counts: Sequence[int]) -> tuple[str, ...]:
    """GPUs that are all in use."""
    used = dict.fromkeys(program.stock, 0)
    for column, count in zip(program.columns, counts, strict=True):
        for kind, gpus in column.gpus:
            used[column.location, kind] += gpus * count
    return tuple(
        f"stock: all {total} {kind} GPUs of {location} are in use"
        for (location, kind), total in sorted(program.stock.items())
        if total and used[location, kind] >= total
    )


def _without_values(
    programs: Sequence[PaperProgram], answers: Sequence[Answer], chain: Chain, budget: Budget, notes: Sequence[str]
) -> AllocationResult:
    infeasible = all(each.ending is Ending.INFEASIBLE for each in answers)
    binding = [each for program in programs for each in _why_infeasible(program, chain)] if infeasible else []
    return AllocationResult(
        status=Outcome.INFEASIBLE if infeasible else Outcome.NO_INCUMBENT,
        objective=None,
        bound=None if infeasible else tightest(None, answers),
        gap=None,
        partition={},
        instances=(),
        binding=tuple(binding),
        notes=(*notes, *_unproven(answers)),
        solver=answers[-1].solver,
        build_s=budget.build_s,
        solve_s=budget.solve_s,
    )


def _why_infeasible(program: PaperProgram, chain: Chain) -> list[str]:
    """The constraint that no allocation of this partition meets, in a sentence."""
    where = f"partition {program.partition}"
    names = unserved(program)
    if names:
        return [
            f"{where}, demand: class {name} asks {program.demand_rps[name]:.3g} req/s, and no mode with capacity keeps"
            " its latency, TTFT and TBT bounds and fits a location"
            for name in names
        ]
    matrix, _ = compile_model(build_shortage(program))
    # Without whole numbers: a lower bound is all that is claimed, and it takes a tenth of the time.
    answer = chain.solve(matrix.relaxed(), gap=0.0, time_limit_s=_DIAGNOSIS_S)
    total = sum(program.stock.values())
    missing = math.ceil(answer.bound - 1e-6) if answer.bound is not None else 0
    least = f", at least {missing} more" if missing else ""
    return [f"{where}, stock: the classes together need more than the {total} GPUs there are{least}"]
