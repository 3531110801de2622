"""From a solution to the result that others read: counts, flows, shedding, exposure, totals, and notes on them."""

from collections.abc import Iterator

from models.allocation.attempt import Attempt
from models.allocation.binding import binding
from models.allocation.data import ProgramData
from models.allocation.solution import TOLERANCE, Solution
from models.allocation.solve.budget import Budget
from models.allocation.stages import SHED_GAP
from models.allocation.survive import class_of, groups, label
from models.allocation.totals import totals
from models.allocation.verdict import proven, relative_gap
from models.domain.allocation import AllocationResult, Exposed, Flow, Outcome, Shed

_DUST = 1e-4
"""Shedding below this share of what is asked is not worth a sentence."""
SHED_SLACK = 1e-3
"""How far from its bound, relatively, an optimum is that sheds: the bound holds for levels a little loosened."""


def report(
    chosen: Attempt, *, bound: float | None, gap: float, budget: Budget, notes: tuple[str, ...]
) -> AllocationResult:
    """The result of an attempt that has a solution."""
    assert chosen.solution is not None, "only a solution is reported"
    objective = chosen.solution.objective
    bound = None if bound is None else min(bound, objective)
    slack = SHED_SLACK if chosen.solution.shed else 0.0
    return describe(
        chosen.program.data,
        chosen.solution,
        status=Outcome.OPTIMAL if chosen.least and proven(objective, bound, gap + slack) else Outcome.FEASIBLE,
        bound=bound,
        notes=notes,
        solver=chosen.answer.solver,
        budget=budget,
    )


def describe(
    data: ProgramData,
    solution: Solution,
    *,
    status: Outcome,
    bound: float | None,
    notes: tuple[str, ...],
    solver: str,
    budget: Budget,
) -> AllocationResult:
    """A solution as a result."""
    return AllocationResult(
        status=status,
        objective=solution.objective,
        bound=bound,
        gap=relative_gap(solution.objective, bound),
        partition=dict(solution.partition),
        instances=data.counts(solution.counts),
        flows=tuple(_flows(data, solution)),
        shed=tuple(_shed(data, solution)),
        exposed=tuple(_exposed(data, solution)),
        totals=totals(data, solution),
        binding=tuple(binding(data, solution)),
        notes=(*notes, *_dips(data, solution)),
        solver=solver,
        build_s=budget.build_s,
        solve_s=budget.solve_s,
    )


def _flows(data: ProgramData, solution: Solution) -> Iterator[Flow]:
    rates: dict[tuple[str, str, str, int, str, str, str], float] = {}
    for (s, i, step), rate in sorted(solution.flows.items()):
        stream, pool = data.streams[s], data.pools[i]
        key = pool.location, pool.request_class, pool.mode, step, pool.model, stream.origin, stream.tier
        rates[key] = rates.get(key, 0.0) + rate
    for (location, request_class, mode, step, model, origin, tier), rate in rates.items():
        yield Flow(location, request_class, mode, step, rate, model, origin, tier)


def _shed(data: ProgramData, solution: Solution) -> Iterator[Shed]:
    """Planned demand, margin included, that is not served."""
    shed = {(data.streams[s], t): rate for (s, t), rate in solution.shed.items()}
    shed |= {key: rate for key, rate in data.demand_rps.items() if key[0] in data.unserved}
    for (stream, step), rate in sorted(shed.items()):
        if solution.partition[stream.model] == stream.partition:
            fraction = min(rate / data.demand_rps[stream, step], 1.0)
            yield Shed(stream.request_class, step, rate, fraction, stream.model, stream.origin, stream.tier)


def _exposed(data: ProgramData, solution: Solution) -> Iterator[Exposed]:
    """What each loss would leave unserved of each class, in its worst step."""
    short: dict[tuple[str, str, str, int], tuple[float, float]] = {}
    for j, group in enumerate(groups(data) if solution.short else ()):
        stream = class_of(data, group)
        if solution.partition[stream.model] == stream.partition:
            key = label(group.loss), stream.model, stream.request_class, group.step
            rate, asked = short.get(key, (0.0, 0.0))
            short[key] = rate + solution.short.get(j, 0.0), asked + group.demand_rps
    worst: dict[tuple[str, str, str], tuple[float, float]] = {}
    for (lost, model, request_class, _), shortage in short.items():
        who = lost, model, request_class
        worst[who] = max(worst.get(who, (0.0, 1.0)), shortage)
    # The level that was reached is loosened a little for the objective, which may use it for any one class.
    slack_rps = SHED_GAP * (1 + solution.levels.exposed)
    for (lost, model, request_class), (rate, asked) in sorted(worst.items()):
        if rate > max(slack_rps, TOLERANCE * asked):
            yield Exposed(lost, model, request_class, rate, rate / asked)


def _dips(data: ProgramData, solution: Solution) -> Iterator[str]:
    """Shedding that ends when the instances that start are ready; rounding in later steps is none."""
    rates: dict[int, float] = {}
    for (_, t), rate in solution.shed.items():
        rates[t] = rates.get(t, 0.0) + rate
    asked = max((sum(r for (_, t), r in data.demand_rps.items() if t == step) for step in rates), default=0.0)
    shed = {t: rate for t, rate in rates.items() if rate > _DUST * asked}
    if shed and all(t < data.warm_up_steps for t in shed):
        yield f"Up to {max(shed.values()):.3g} req/s are shed until the instances that start are ready."
