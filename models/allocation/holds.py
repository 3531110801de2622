"""What the plan deliberately does not do, each in a sentence with its numbers: nothing is left out silently."""

from collections.abc import Iterator

from freesh_plugin.core.plan import Hold, PlanMode
from models.allocation.pack import Packing
from models.domain.allocation import AllocationResult, Outcome, Shed
from models.domain.scenario import Scenario

_ROUNDING = 1e-6
"""Fractions below are the solver's rounding, not shedding."""

_DECIMALS = 6


def sheds(scenario: Scenario, result: AllocationResult) -> dict[str, float]:
    """Largest fraction of any class's demand that the plan sheds in a step, by tier: a permission.

    It is used only when overload is measured, because the plan expects demand at a high quantile.
    """
    largest = {tier.name: 0.0 for tier in scenario.tiers}
    for each in _real(result):
        largest[each.tier] = max(largest.get(each.tier, 0.0), each.fraction)
    return {tier: min(1.0, round(fraction, _DECIMALS)) for tier, fraction in largest.items()}


def holds_of(
    scenario: Scenario, result: AllocationResult, packing: Packing, asked: PlanMode, allowed: PlanMode
) -> tuple[Hold, ...]:
    """Holds of the allocation: mode, outcome, notes, shedding, losses, packing."""
    return (
        *_of_mode(scenario, result, asked, allowed),
        *_of_outcome(result),
        *(Hold("allocation_note", note) for note in result.notes),
        *_of_shedding(result),
        *_of_losses(result),
        *(
            Hold(
                "not_packed",
                f"{each.count} x {each.mode} for {each.request_class} of model {each.model} at {each.location} "
                "is not started: no machine has enough free GPUs for it.",
            )
            for each in packing.unpacked
        ),
    )


def _of_mode(scenario: Scenario, result: AllocationResult, asked: PlanMode, allowed: PlanMode) -> Iterator[Hold]:
    if asked == allowed:
        return
    for model, name in sorted(result.partition.items()):
        partition = scenario.partition(name)
        sides = (("prompt", partition.prompt_tokens), ("answer", partition.answer_tokens))
        unknown = [what for what, boundaries in sides if boundaries is None]
        if unknown:
            yield Hold(
                "unknown_boundary",
                f"The plan is for reading only, although act was asked for: partition {name} of model {model} does not "
                f"state its {' and '.join(unknown)} boundary in tokens, so that requests cannot be classified.",
            )


def _of_outcome(result: AllocationResult) -> Iterator[Hold]:
    if result.status is Outcome.HELD:
        yield Hold("allocation_held", "The previous allocation goes on: nothing better was found.")
    elif result.status is Outcome.GREEDY:
        yield Hold("allocation_greedy", "The allocation is by rule of thumb: no solver gave one in time.")
    elif result.status is Outcome.FEASIBLE:
        gap = "no bound is known" if result.gap is None else f"it may be up to {result.gap:.1%} from the best"
        yield Hold("not_proven", f"The allocation is not proven as good as was asked for: {gap}.")


def _of_shedding(result: AllocationResult) -> Iterator[Hold]:
    worst: dict[tuple[str, str, str], Shed] = {}
    for each in _real(result):
        key = (each.model, each.request_class, each.tier)
        if key not in worst or each.fraction > worst[key].fraction:
            worst[key] = each
    for (model, request_class, tier), each in sorted(worst.items()):
        yield Hold(
            "shed_allowed",
            f"Up to {each.fraction:.1%} of {request_class} requests of model {model}, tier {tier}, may be refused "
            f"({each.shed_rps:.3g} req/s from {each.origin} in step {each.step}): the fleet cannot serve the demand "
            "planned for. It is used only when overload is measured.",
        )


def _of_losses(result: AllocationResult) -> Iterator[Hold]:
    """What the loss of a location or machine would leave unserved, though the scenario wants it survived."""
    for each in result.exposed:
        yield Hold(
            "not_survived",
            f"Without {each.lost}, {each.fraction:.1%} of the protected {each.request_class} requests of model "
            f"{each.model} ({each.short_rps:.3g} req/s) could not be served: there is no room for them elsewhere.",
        )


def _real(result: AllocationResult) -> list[Shed]:
    return [each for each in result.shed if each.fraction > _ROUNDING]
