"""Why an allocation is what it is: what binds and what that costs, what each promise costs, who serves whom and why."""

from dataclasses import dataclass, field

from models.domain.allocation import Totals


@dataclass(frozen=True)
class Price:
    """What one unit more of something would save, or what one more unit of demand would cost, in the relaxation.

    Attributes:
        constraint: `stock`, `power_cap`, `max_share`, `change_limit` or `demand`.
        subject: What it is of: `H100 at paris`, `class SL`.
        unit: Of the limit: GPU, W, point (a hundredth of all demand), change, req/s.
        limit: Its size now, in that unit.
        per_unit: Saving (of demand: cost) for one unit, at least 0 for a limit, in `value_unit`.
        value_unit: The objective's unit per epoch; `req/s` where the saving is demand that need not be shed.
        sentence: The same for people.
    """

    constraint: str
    subject: str
    unit: str
    limit: float
    per_unit: float
    value_unit: str
    sentence: str

    @property
    def per_percent(self) -> float:
        """What a hundredth of the limit is worth, in `value_unit`: comparable between GPUs, watts and shares."""
        return self.per_unit * abs(self.limit) / 100


@dataclass(frozen=True)
class PromiseCost:
    """What one promise costs: the allocation against the best one without it, both solved as whole numbers.

    Attributes:
        promise: `survive`, `residency`, `network`, `slo`, `max_share`, `power_cap`, `change_limit`, `margin`,
            `quantile`, `protection`; or `partition`, the best allocation without the chosen one.
        subject: Location, tier or model that it is of; empty = all.
        cost: Difference of the objectives found, in its unit; None when not reached, or when the service differs.
        at_least, at_most: Between what the difference of the two optima is proven to lie; None when nothing is.
        difference: Energy, carbon and cost with the promise less without it; None when not reached.
        shed_rps, without_shed_rps: Worst step's shedding with the promise and without it, req/s.
        sentence: The same for people, or why it was not reached.
        chosen: For `partition`, what would be chosen instead.
    """

    promise: str
    subject: str
    sentence: str
    cost: float | None = None
    at_least: float | None = None
    at_most: float | None = None
    difference: Totals | None = None
    shed_rps: float = 0.0
    without_shed_rps: float | None = None
    chosen: str = ""


@dataclass(frozen=True)
class Choice:
    """Who serves a class and why, in a sentence."""

    model: str
    request_class: str
    sentence: str


@dataclass(frozen=True)
class Explanation:
    """Everything that is told of one allocation.

    Attributes:
        objective: What is minimised.
        unit: The objective's unit, per epoch.
        prices: Of limits that bind, the dearest hundredth first; then of demand, the dearest request first.
        promises: Every promise of the scenario that may cost something, the dearest first.
        runners_up: The best allocation without the chosen partition, for each model that has another.
        choices: One for each class that has demand.
        notes: What was not reached, and why, in sentences.
    """

    objective: str
    unit: str
    prices: tuple[Price, ...] = ()
    promises: tuple[PromiseCost, ...] = ()
    runners_up: tuple[PromiseCost, ...] = ()
    choices: tuple[Choice, ...] = ()
    notes: tuple[str, ...] = field(default=())
