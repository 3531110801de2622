"""The whole explanation of one allocation, within a time limit."""

import math

from models.allocation.explain.amounts import objective_unit, objective_words, plain
from models.allocation.explain.costs import Solve, costs
from models.allocation.explain.promises import Promise, promises, runners_up
from models.allocation.solve.budget import Budget
from models.domain.allocation import AllocationResult
from models.domain.explanation import Explanation
from models.domain.scenario import Scenario

_PRICES_SHARE = 0.5
"""Part of the time that the linear programs behind the prices may take."""


def questions(scenario: Scenario, result: AllocationResult) -> list[Promise]:
    """What is solved again without: each promise, then each model's chosen partition."""
    return [*promises(scenario), *runners_up(scenario, result)]


def explain(
    scenario: Scenario, result: AllocationResult, solve: Solve, *, limit_s: float, each_s: float = math.inf
) -> Explanation:
    """What binds and at what price, what each promise costs, and why each class is served where it is.

    Args:
        scenario: The problem, with the objective that was minimised.
        result: Its allocation in the full form, with a partition for every model.
        solve: Solves a scenario within so many seconds; called once for each promise and each runner-up.
        limit_s: Wall-clock limit of everything, seconds; what it does not reach says so.
        each_s: And of any one solve, seconds.
    """
    from models.allocation.explain.choices import choices  # Pyomo, seconds to import: only where it is used
    from models.allocation.explain.prices import prices

    budget = Budget(limit_s)
    priced, notes = prices(scenario, result, min(_PRICES_SHARE * limit_s, each_s))
    asked = questions(scenario, result)
    found = costs(scenario, result, asked, lambda each, left_s: solve(each, min(left_s, each_s)), budget)
    kept = [each for each in found if each.promise != "partition"]
    return Explanation(
        objective=objective_words(scenario.objective),
        unit=objective_unit(scenario),
        prices=priced,
        promises=tuple(sorted(kept, key=lambda each: (each.cost is None, -(each.cost or 0.0)))),
        runners_up=tuple(each for each in found if each.promise == "partition"),
        choices=tuple(choices(scenario, result, priced)),
        notes=(*notes, *_exposed(scenario, result), *_unproven(result)),
    )


def _exposed(scenario: Scenario, result: AllocationResult) -> tuple[str, ...]:
    """What each loss would leave unserved, where `survive` is not kept in full."""
    short: dict[str, list[float]] = {}
    for each in result.exposed:
        short.setdefault(each.lost, []).append(each.short_rps)
    told = [f"without {lost} {plain(sum(rates))} req/s of {_classes(len(rates))}" for lost, rates in short.items()]
    if not told:
        return ()
    return (f"survive: {scenario.survive.value} is not kept in full; at worst not served: {', '.join(told)}.",)


def _classes(count: int) -> str:
    return "1 class" if count == 1 else f"{count} classes"


def _unproven(result: AllocationResult) -> tuple[str, ...]:
    if result.gap is not None:
        return ()
    return ("Nothing is proven of the allocation itself: differences may be the search's, and not the promises'.",)
