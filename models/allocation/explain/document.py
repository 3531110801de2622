"""An explanation as it travels in the plan."""

from freesh_plugin.core.plan_explanation import PlanChoice, PlanExplanation, PlanPrice, PlanPromise
from models.domain.explanation import Explanation, PromiseCost

_LONGEST = 2_000
"""Characters that a sentence of a plan may have."""


def explanation_document(explanation: Explanation) -> PlanExplanation:
    """The same for the plan; a sentence that names very much is cut off."""
    return PlanExplanation(
        objective=explanation.objective,
        unit=explanation.unit,
        prices=tuple(
            PlanPrice(
                each.constraint, each.subject, each.unit, float(each.limit), each.per_unit, each.value_unit,
                each.sentence[:_LONGEST],
            )
            for each in explanation.prices
        ),
        promises=tuple(_promise(each) for each in explanation.promises),
        runners_up=tuple(_promise(each) for each in explanation.runners_up),
        choices=tuple(
            PlanChoice(each.model, each.request_class, each.sentence[:_LONGEST]) for each in explanation.choices
        ),
        notes=tuple(each[:_LONGEST] for each in explanation.notes),
    )  # fmt: skip


def _promise(each: PromiseCost) -> PlanPromise:
    less = each.difference
    return PlanPromise(
        promise=each.promise,
        subject=each.subject,
        sentence=each.sentence[:_LONGEST],
        cost=each.cost,
        at_least=each.at_least,
        at_most=each.at_most,
        energy_j=None if less is None else less.energy_j,
        carbon_g=None if less is None else less.carbon_g,
        cost_usd=None if less is None else less.cost_usd,
        shed_rps=each.shed_rps,
        without_shed_rps=each.without_shed_rps,
        chosen=each.chosen,
    )
