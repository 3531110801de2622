"""Shadow prices: what one more unit of each limit that binds would save, what one more request of each class costs."""

import dataclasses
from collections.abc import Iterator

from models.allocation.explain.amounts import amount, objective_unit, plain
from models.allocation.explain.moves import Move, demands, limits
from models.allocation.explain.relaxed import Relaxation, optimum, relaxation_of
from models.allocation.solve.answer import Answer, Ending
from models.allocation.solve.budget import Budget
from models.domain.allocation import AllocationResult
from models.domain.explanation import Price
from models.domain.scenario import Scenario

_NOTHING = 1e-6
"""Share of the objective below which a hundredth of a limit is worth nothing: rounding of the solver."""
_FLOWS_PER_S = 10_000
"""Most flow columns for a second of time: a larger program is not even built (69,000 take about 12 s)."""

_MORE = {
    "stock": "one more GPU of type {subject}",
    "power_cap": "one more watt under the power cap of {subject}",
    "max_share": "one more point of max_share of {subject}",
    "change_limit": "one more change (start or stop) at {subject}",
    "demand": "one more req/s of {subject}, in every step",
}


def prices(scenario: Scenario, result: AllocationResult, limit_s: float) -> tuple[tuple[Price, ...], tuple[str, ...]]:
    """Prices of what binds, in the relaxation around an allocation; and notes on what could not be priced.

    Args:
        scenario: The problem.
        result: Its allocation, of the full form.
        limit_s: Wall-clock limit, seconds.
    """
    rows = sum(result.partition.get(each.model) == each.partition for each in scenario.demand)
    flows = rows * len(scenario.locations) * len(scenario.modes)
    if flows > _FLOWS_PER_S * limit_s:
        return (), (f"No shadow prices: {flows} flows are too many for the {limit_s:.0f} s left.",)
    budget = Budget(limit_s)
    relaxation = relaxation_of(scenario, result, budget)
    answer = optimum(relaxation.matrix, budget)
    if answer.ending is Ending.INFEASIBLE and scenario.max_changes_per_location is not None:
        found, notes = prices(dataclasses.replace(scenario, max_changes_per_location=None), result, budget.left_s())
        return found, (*notes, "max_changes_per_location is not kept: prices are those without it.")
    if answer.ending is not Ending.OPTIMAL or answer.row_duals is None:
        return (), (f"No shadow prices: {answer.reason or 'the solver gave none in time'}.",)
    shedding = _shedding(relaxation, result, budget)
    unit, steps = objective_unit(scenario), scenario.steps
    limiting = [*_saved(relaxation, answer, unit), *_unshed(relaxation, shedding, steps)]
    served = [_demand_price(each, answer, shedding, unit, steps) for each in demands(relaxation, _worst(relaxation))]
    limiting.sort(key=lambda each: (each.value_unit == "req/s", -each.per_percent, each.constraint, each.subject))
    served.sort(key=lambda each: (each.value_unit != "req/s", -each.per_unit, each.subject))
    return (*limiting, *served), ()


def _shedding(relaxation: Relaxation, result: AllocationResult, budget: Budget) -> Answer | None:
    """The relaxation that sheds least; None where nothing that could be served is shed."""
    if not result.shed or relaxation.levels.total <= 0:
        return None
    answer = optimum(relaxation.least_total(), budget)
    return answer if answer.ending is Ending.OPTIMAL and answer.row_duals is not None else None


def _worst(relaxation: Relaxation) -> float:
    return relaxation.levels.worst if relaxation.levels.worst < 1e9 else 0.0


def _saved(relaxation: Relaxation, answer: Answer, unit: str) -> Iterator[Price]:
    """Limits whose unit saves something."""
    least = _NOTHING * abs(answer.objective or 0.0)
    for move in limits(relaxation):
        saving = -move.cost(answer)
        if saving * max(move.limit, 1.0) / 100 > least:
            more = _MORE[move.constraint].format(subject=move.subject)
            told = f"{more} would save up to {amount(saving, unit)} an epoch (relaxed estimate){_drawn(move, unit)}"
            yield Price(move.constraint, move.subject, move.unit, move.limit, saving, unit, told)


def _drawn(move: Move, unit: str) -> str:
    return f", before the {amount(move.draws, unit)} that it draws parked" if move.draws else ""


def _unshed(relaxation: Relaxation, shedding: Answer | None, steps: int) -> Iterator[Price]:
    """Where demand is shed: limits of which one more unit lets more of it be served, mean over the steps, req/s."""
    if shedding is None:
        return
    for move in limits(relaxation):
        served = -move.cost(shedding) / steps
        if served * max(move.limit, 1.0) > _NOTHING:
            more = _MORE[move.constraint].format(subject=move.subject)
            told = f"{more} would serve up to {plain(served)} req/s that are shed (relaxed estimate, mean of the steps)"
            yield Price(move.constraint, move.subject, move.unit, move.limit, served, "req/s", told)


def _demand_price(move: Move, answer: Answer, shedding: Answer | None, unit: str, steps: int) -> Price:
    """What one more req/s costs; where it can only be had by shedding more, how much that is."""
    more = _MORE[move.constraint].format(subject=move.subject)
    shed = 0.0 if shedding is None else move.cost(shedding) / steps
    if shed > _NOTHING:
        told = f"{more}, would mean that at least {plain(shed)} req/s more are shed (relaxed estimate)"
        return Price(move.constraint, move.subject, move.unit, move.limit, shed, "req/s", told)
    cost = move.cost(answer)
    told = f"{more}, would cost at least {amount(cost, unit)} an epoch (relaxed estimate)"
    return Price(move.constraint, move.subject, move.unit, move.limit, cost, unit, told)
