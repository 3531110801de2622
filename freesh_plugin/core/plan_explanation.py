"""Why a plan is what it is, as it travels in the plan: prices, costs of promises, choices; for people."""

import msgspec

from freesh_plugin.core.plan_values import Name, NonNegative, Sentence


class PlanPrice(msgspec.Struct, frozen=True):
    """What one more unit of a limit that binds would save, or one more req/s of a class would cost, an epoch.

    `limit` is its size now in `unit`, `per_unit` is in `value_unit`: the objective's, or `req/s` where the saving is
    demand that need not be shed. An estimate: the dual of the program without whole numbers.
    """

    constraint: Name
    subject: str
    unit: Name
    limit: float
    per_unit: float
    value_unit: Name
    sentence: Sentence


class PlanPromise(msgspec.Struct, frozen=True):
    """What a promise costs an epoch: this allocation less the best that was found without it.

    `cost` is in the objective's unit, and the proven range of it from `at_least` to `at_most`; null = not reached, not
    proven, or other demand is served without it. The promise `partition` is the runner-up, `chosen` its partition.
    """

    promise: Name
    subject: str
    sentence: Sentence
    cost: float | None = None
    at_least: float | None = None
    at_most: float | None = None
    energy_j: float | None = None
    carbon_g: float | None = None
    cost_usd: float | None = None
    shed_rps: NonNegative = 0.0
    without_shed_rps: NonNegative | None = None
    chosen: str = ""


class PlanChoice(msgspec.Struct, frozen=True, rename={"request_class": "class"}):
    """Who serves a class, and why."""

    model: Name
    request_class: Name
    sentence: Sentence


class PlanExplanation(msgspec.Struct, frozen=True):
    """Why the plan is what it is. `unit` is the objective's per epoch; all figures are modelled."""

    objective: Name
    unit: Name
    prices: tuple[PlanPrice, ...] = ()
    promises: tuple[PlanPromise, ...] = ()
    runners_up: tuple[PlanPromise, ...] = ()
    choices: tuple[PlanChoice, ...] = ()
    notes: tuple[Sentence, ...] = ()
