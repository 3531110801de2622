"""From a solution to the result that others read: counts, flows, shedding, totals, and what binds, in words."""

from collections.abc import Iterator

from models.allocation.attempt import Attempt
from models.allocation.data import ProgramData
from models.allocation.solution import Solution
from models.allocation.solve.budget import Budget
from models.allocation.totals import totals
from models.allocation.verdict import proven, relative_gap
from models.domain.allocation import AllocationResult, Flow, Outcome, Shed

SHED_SLACK = 1e-3
"""How far from its bound, relatively, an optimum is that sheds: the bound holds for levels a little loosened."""
_TIGHT = 1e-6
"""Relative slack of a constraint that binds."""


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
        partition={data.model: data.partition},
        instances=data.counts(solution.counts),
        flows=tuple(_flows(data, solution)),
        shed=tuple(_shed(data, solution)),
        totals=totals(data, solution),
        binding=tuple(_binding(data, solution)),
        notes=(*notes, *_dips(data, solution)),
        solver=solver,
        build_s=budget.build_s,
        solve_s=budget.solve_s,
    )


def _flows(data: ProgramData, solution: Solution) -> Iterator[Flow]:
    for (s, i, step), rate in sorted(solution.flows.items()):
        stream, pool = data.streams[s], data.pools[i]
        yield Flow(pool.location, pool.request_class, pool.mode, step, rate, data.model, stream.origin, stream.tier)


def _shed(data: ProgramData, solution: Solution) -> Iterator[Shed]:
    """Planned demand, margin included, that is not served."""
    shed = {(data.streams[s], t): rate for (s, t), rate in solution.shed.items()}
    shed |= {key: rate for key, rate in data.demand_rps.items() if key[0] in data.unserved}
    for (stream, step), rate in sorted(shed.items()):
        fraction = min(rate / data.demand_rps[stream, step], 1.0)
        yield Shed(stream.request_class, step, rate, fraction, data.model, stream.origin, stream.tier)


def _binding(data: ProgramData, solution: Solution) -> Iterator[str]:
    yield from unserved_in_words(data)
    yield from _stock(data, solution)
    yield from _caps(data, solution)
    yield from _shares(data, solution)


def unserved_in_words(data: ProgramData) -> Iterator[str]:
    """Streams that no pool may serve."""
    for stream in data.unserved:
        yield (
            f"SLO: no mode with capacity serves class {stream.request_class} from origin {stream.origin}, tier"
            f" {stream.tier}, within its bounds at a location where it is allowed and fits"
        )


def _stock(data: ProgramData, solution: Solution) -> Iterator[str]:
    used = dict.fromkeys(data.fleet.stock, 0)
    for pool, count in zip(data.pools, solution.counts, strict=True):
        for kind, gpus in data.modes[pool.mode].gpus.items():
            if count:
                used[pool.location, kind] += gpus * count
    for (location, kind), total in sorted(data.fleet.stock.items()):
        if total and used[location, kind] >= total:
            yield f"stock: all {total} {kind} GPUs of {location} are in use"


def _caps(data: ProgramData, solution: Solution) -> Iterator[str]:
    """Power caps, against the planned flow."""
    for location in data.scenario.locations:
        if location.power_cap_w is None:
            continue
        watts = [data.fleet.base_power_w[location.name, t] for t in range(data.scenario.steps)]
        for i, count in enumerate(solution.counts):
            if data.pools[i].location == location.name:
                watts = [each + count * data.power[i].idle_extra_w for each in watts]
        for (_, i, t), rate in solution.flows.items():
            if data.pools[i].location == location.name:
                watts[t] += rate * data.power[i].joules_per_request
        if max(watts) * location.pue >= location.power_cap_w * (1 - _TIGHT):
            yield f"power_cap_w: {location.name} draws its {location.power_cap_w:g} W at the planned demand"


def _shares(data: ProgramData, solution: Solution) -> Iterator[str]:
    for location in data.scenario.locations:
        if location.max_share >= 1:
            continue
        for t in range(data.scenario.steps):
            asked = sum(rate for (_, step), rate in data.demand_rps.items() if step == t)
            served = sum(
                rate
                for (_, i, step), rate in solution.flows.items()
                if step == t and data.pools[i].location == location.name
            )
            if asked and served >= location.max_share * asked * (1 - _TIGHT):
                yield f"max_share: {location.name} serves {location.max_share:g} of the demand in step {t}"
                break


def _dips(data: ProgramData, solution: Solution) -> Iterator[str]:
    """Shedding that ends when the instances that start are ready."""
    late = {t for _, t in solution.shed if t < data.warm_up_steps}
    if late and not {t for _, t in solution.shed} - late:
        worst = max(sum(rate for (_, t), rate in solution.shed.items() if t == step) for step in late)
        yield f"Up to {worst:.3g} req/s are shed until the instances that start are ready: no room beside them."
