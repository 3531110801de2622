"""What a promise costs: solved again without it, and the difference told with the solver's gaps as its uncertainty."""

import dataclasses
from collections.abc import Callable, Sequence

from models.allocation.explain.amounts import amount, objective_unit, plain
from models.allocation.explain.promises import Promise
from models.allocation.solve.budget import Budget
from models.domain.allocation import AllocationResult, Outcome, Totals
from models.domain.explanation import PromiseCost
from models.domain.scenario import Scenario

Solve = Callable[[Scenario, float], AllocationResult]
"""Solves a scenario within so many seconds."""

_LEAST_S = 0.5
"""Less time than this is not worth starting a solve with, seconds."""
_SAME = 1e-3
"""Relative difference of shedding or exposure that is none: levels are met to a tolerance."""
_ROUNDING = 1e-6
"""Relative difference of objectives that is rounding."""
_SOLVED = (Outcome.OPTIMAL, Outcome.FEASIBLE)


def costs(
    scenario: Scenario, result: AllocationResult, asked: Sequence[Promise], solve: Solve, budget: Budget
) -> list[PromiseCost]:
    """Of each promise, in order, as far as the time goes.

    Each may take an equal part of what is left, and no less than the allocation itself took, twice over: rather a few
    costs than many searches that end too soon.
    """
    took_s = result.build_s + result.solve_s
    found = []
    for i, promise in enumerate(asked):
        left_s = min(budget.left_s(), max(budget.left_s(len(asked) - i), 2 * took_s))
        if left_s < max(_LEAST_S, took_s):
            found.append(_not_reached(promise, "no time was left to solve without it"))
            continue
        without = solve(promise.without, left_s)
        if without.status not in _SOLVED or without.objective is None:
            found.append(_not_reached(promise, f"nothing was found without it in {left_s:.1f} s"))
        elif promise.name != "partition" and _worse(scenario, without, result):
            found.append(_not_reached(promise, f"nothing as good was found without it in {left_s:.1f} s"))
        else:
            found.append(_told(scenario, promise, result, without))
    return found


def _not_reached(promise: Promise, why: str) -> PromiseCost:
    return PromiseCost(promise.name, promise.subject, f"{promise.words}: cost not known, {why}")


def _told(scenario: Scenario, promise: Promise, result: AllocationResult, without: AllocationResult) -> PromiseCost:
    """The comparison; signs are such that a promise costs, and a runner-up costs more than what was chosen."""
    unit = objective_unit(scenario)
    dearer, cheaper = (without, result) if promise.name == "partition" else (result, without)
    comparable = _same_service(scenario, promise, result, without)
    if comparable and cheaper is without and _no_better(without, result):
        cheaper = dataclasses.replace(result, bound=without.bound)  # it keeps less, too: the search stopped short of it
    cost, at_least, at_most = _difference(promise, dearer, cheaper) if comparable else (None, None, None)
    chosen = without.partition.get(promise.subject, "") if promise.name == "partition" else ""
    words = f"{promise.words} of model {promise.subject}" if len(result.partition) > 1 and chosen else promise.words
    if cost is None:
        sentence = f"{words}: {_other_service(result, without)}"
    elif chosen:
        sentence = f"partition {chosen} instead of {words} would cost {_range(cost, at_least, at_most, unit)}"
    else:
        sentence = f"{words} costs {_range(cost, at_least, at_most, unit)}"
    return PromiseCost(
        promise.name, promise.subject, sentence, cost, at_least, at_most,
        _totals(scenario, dearer.totals, cheaper.totals), result.shed_rps, without.shed_rps, chosen,
    )  # fmt: skip


def _no_better(without: AllocationResult, result: AllocationResult) -> bool:
    return None not in (without.objective, result.objective) and (without.objective or 0.0) > (result.objective or 0.0)


def _difference(
    promise: Promise, dearer: AllocationResult, cheaper: AllocationResult
) -> tuple[float | None, float | None, float | None]:
    """The difference found, and between what the difference of the optima lies.

    Each optimum is between its bound and its objective; without a promise it cannot be worse.
    """
    if dearer.objective is None or cheaper.objective is None:
        return None, None, None
    at_least = None if dearer.bound is None else dearer.bound - cheaper.objective
    at_most = None if cheaper.bound is None else dearer.objective - cheaper.bound
    if promise.name != "partition":
        at_least = max(at_least or 0.0, 0.0)
        at_most = None if at_most is None else max(at_most, 0.0)
    return dearer.objective - cheaper.objective, at_least, at_most


def _range(cost: float, at_least: float | None, at_most: float | None, unit: str) -> str:
    """A cost in words, never one below zero that is only the solver's gap."""
    if at_least is None or at_most is None:
        return f"about {amount(cost, unit)} an epoch (nothing is proven of it)"
    tight = _ROUNDING * max(abs(cost), abs(at_most))
    between = f"between {_short(at_least, unit)} and {amount(at_most, unit)} an epoch"
    if at_most - at_least <= tight:
        return f"{amount(cost, unit)} an epoch" if cost > tight else "nothing"
    if at_most <= tight:
        return "nothing"
    if cost <= tight:
        return f"nothing that can be told from the solver's gap ({between})"
    if amount(at_least, unit) == amount(at_most, unit):
        return f"{amount(cost, unit)} an epoch"
    if at_most - at_least >= cost:
        return f"{between}: the solver's gap hides where (found: {amount(cost, unit)})"
    return f"{amount(cost, unit)} an epoch ({between} by the solver's gaps)"


def _short(value: float, unit: str) -> str:
    return amount(value, unit) if value else "0"


def _same_service(scenario: Scenario, promise: Promise, result: AllocationResult, without: AllocationResult) -> bool:
    """Whether both serve the same, so that their objectives compare: what is shed, and left exposed, comes first."""
    if promise.keeps_exposure and not _near(_exposed(result), _exposed(without)):
        return False
    if not promise.same_demand:
        return not result.shed and not without.shed
    return _near(_shed(result), _shed(without)) and _near(_worst(scenario, result), _worst(scenario, without))


def _worse(scenario: Scenario, without: AllocationResult, result: AllocationResult) -> bool:
    """Whether it sheds more, though what was found with the promise could be had: the search ended too soon."""
    fractions = _worst(scenario, without), _worst(scenario, result)
    if not _near(*fractions):
        return fractions[0] > fractions[1]
    return not _near(_shed(without), _shed(result)) and _shed(without) > _shed(result)


def _other_service(result: AllocationResult, without: AllocationResult) -> str:
    if result.shed or without.shed:
        rates = f"up to {plain(without.shed_rps)} req/s would be shed, not {plain(result.shed_rps)}"
        most = f"at most {_most(without):.0%} of a class in a step, not {_most(result):.0%}"
        return f"without it {rates} ({most}); the objectives do not compare"
    return (
        f"without it a loss would leave {plain(_exposed(without))} req/s unserved, not {plain(_exposed(result))}"
        " (sum over losses and classes); the objectives do not compare"
    )


def _shed(result: AllocationResult) -> float:
    return sum(each.shed_rps for each in result.shed)


def _most(result: AllocationResult) -> float:
    return max((each.fraction for each in result.shed), default=0.0)


def _worst(scenario: Scenario, result: AllocationResult) -> float:
    """The largest weighted fraction that is shed: shedding makes this small before anything else."""
    prices = {each.name: each.shed_price for each in scenario.tiers}
    return max((prices[each.tier] * each.fraction for each in result.shed), default=0.0)


def _exposed(result: AllocationResult) -> float:
    return sum(each.short_rps for each in result.exposed)


def _near(one: float, other: float) -> bool:
    return abs(one - other) <= _SAME * max(abs(one), abs(other)) + _ROUNDING


def _totals(scenario: Scenario, dearer: Totals | None, cheaper: Totals | None) -> Totals | None:
    """The difference; carbon only where its unit is stated."""
    if dearer is None or cheaper is None:
        return None
    grams = scenario.carbon_signal.unit != "as given"
    carbon_g = _less(dearer.carbon_g, cheaper.carbon_g) if grams else None
    return Totals(dearer.energy_j - cheaper.energy_j, carbon_g, _less(dearer.cost_usd, cheaper.cost_usd))


def _less(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other
