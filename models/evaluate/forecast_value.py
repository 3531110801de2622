"""What forecasts are worth in kilograms: the same epochs planned under several foresights, booked as they came true."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from freesh_plugin.core.errors import ForecastError, ScenarioError
from freesh_plugin.core.plan import Plan
from models.domain.scenario import CarbonPoint, Demand, Running, Scenario
from models.evaluate.comparison import Booked, Row, row
from models.evaluate.epoch import Epoch
from models.evaluate.foresight import CarbonView, DemandForesight
from models.evaluate.ledger import Account, Ledger
from models.evaluate.truth import Truth

MakePlan = Callable[[Scenario, Epoch], Plan]
"""Solves a scenario and gives the plan that would be published for the epoch."""

Progress = Callable[[str, int, int], None]
"""Told (policy, epochs done, epochs in all)."""

Policy = tuple[str, str]
"""How carbon, and how demand, is foreseen."""

FREESH, PERSISTENCE, PERFECT = "freesh", "persistence", "perfect"
LATEST, CONSTANT, UNIFORM = "latest", "constant", "uniform"

QUESTIONS: Mapping[str, tuple[Policy, ...]] = {
    "carbon": (
        (PERFECT, PERFECT), (FREESH, PERFECT), (LATEST, PERFECT), (PERSISTENCE, PERFECT), (CONSTANT, PERFECT),
        (UNIFORM, PERFECT),
    ),
    "demand": ((PERFECT, PERFECT), (PERFECT, FREESH), (PERFECT, PERSISTENCE)),
    "both": ((PERFECT, PERFECT), (FREESH, FREESH), (PERSISTENCE, PERSISTENCE)),
}  # fmt: skip
"""Policies by what is varied: carbon with demand known, demand with carbon known, and both."""

REFERENCES: Mapping[str, Policy] = {
    "carbon": (PERSISTENCE, PERFECT),
    "demand": (PERFECT, PERSISTENCE),
    "both": (PERSISTENCE, PERSISTENCE),
}
"""What each question counts as persistence."""

POLICIES: tuple[Policy, ...] = tuple(dict.fromkeys(policy for each in QUESTIONS.values() for policy in each))


@dataclass(frozen=True)
class Study:
    """What is planned and how.

    Attributes:
        fleet: The scenario; its demand, carbon and running instances are replaced epoch by epoch.
        truth: What came true.
        carbon: Foresights of carbon by name.
        demand: Foresights of demand by name.
        make_plan: Solves and publishes.
    """

    fleet: Scenario
    truth: Truth
    carbon: Mapping[str, CarbonView]
    demand: Mapping[str, DemandForesight]
    make_plan: MakePlan

    def __post_init__(self) -> None:
        """What the scenario states for the steps of one horizon has no meaning over many epochs.

        Raises:
            ScenarioError: GPUs that come and go, or an objective that counts prices.
        """
        windowed = [m for m in self.fleet.machines if m.available_from is not None or m.available_until is not None]
        if windowed:
            raise ScenarioError(
                f"machine {windowed[0].machine!r} has available_from or available_until, which count steps of one "
                "horizon: an evaluation over many epochs needs a stock that stays"
            )
        if self.fleet.objective.needs_prices:
            raise ScenarioError(
                f"objective {self.fleet.objective.name!r} counts prices, and prices.csv holds one horizon only: "
                "the worth of forecasts in kilograms is measured under carbon or energy"
            )


@dataclass(frozen=True)
class Value:
    """The outcome: the accounts of each policy, and of the seconds that were asked for how many the truth covers."""

    booked: Mapping[Policy, Booked]
    epochs: int
    asked_s: int
    scored_s: int

    def rows(self, question: str) -> list[Row]:
        """The comparison that answers one of QUESTIONS."""
        persistence, perfect = self.booked[REFERENCES[question]], self.booked[PERFECT, PERFECT]
        return [row(policy, self.booked[policy], persistence, perfect) for policy in QUESTIONS[question]]


def value_of_forecasts(study: Study, epochs: Sequence[Epoch], progress: Progress | None = None) -> Value:
    """Plan every epoch under every policy, each policy continuing from its own previous plan, and book what came.

    Raises:
        ForecastError: no epoch is covered by the truth, or a foresight has no history to go by.
        AllocationError: an epoch cannot be planned.
    """
    known = [each for each in epochs if study.truth.known(each).any()]
    if not known:
        span = f"{epochs[0].starts_at:%Y-%m-%dT%H:%MZ} to {epochs[-1].ends_at:%Y-%m-%dT%H:%MZ}"
        raise ForecastError(f"no epoch from {span} has both carbon and demand")
    booked = {policy: walk(study, policy, known, progress) for policy in POLICIES}
    asked_s = sum(each.length_s for each in epochs)
    return Value(booked, len(known), asked_s, int(booked[PERFECT, PERFECT].by_day("scored_s").sum()))


def walk(study: Study, policy: Policy, epochs: Sequence[Epoch], progress: Progress | None = None) -> Booked:
    """One policy over the epochs."""
    ledger = Ledger(study.fleet, study.truth)
    accounts: list[Account] = []
    before: Plan | None = None
    for done, epoch in enumerate(epochs, start=1):
        plan = study.make_plan(problem(study, policy, epoch, before), epoch)
        accounts.append(ledger.book(epoch, plan, before))
        before = plan
        if progress is not None:
            progress(f"carbon {policy[0]}, demand {policy[1]}", done, len(epochs))
    return Booked(tuple(accounts), tuple(each.starts_at.toordinal() for each in epochs))


def problem(study: Study, policy: Policy, epoch: Epoch, before: Plan | None) -> Scenario:
    """The scenario of one epoch as that policy sees it."""
    see_carbon, see_demand = study.carbon[policy[0]], study.demand[policy[1]]
    carbon = tuple(
        CarbonPoint(location.name, step, float(value))
        for location in study.fleet.locations
        for step, value in enumerate(see_carbon(str(location.grid_zone), epoch))
    )
    demand = []
    for series, parts in study.truth.parts.items():
        seen = see_demand(series, epoch)
        for part in parts:
            of = {"origin": part.origin, "model": part.model, "tier": part.tier}
            for step in range(epoch.steps):
                mean, peak = (float(each[step]) * part.share for each in (seen.mean, seen.peak))
                demand.append(Demand(part.partition, part.request_class, step, peak, mean, **of))
    return replace(
        study.fleet, carbon=carbon, prices=(), demand=tuple(demand), running=_running(before),
        steps=epoch.steps, step_s=epoch.step_s,
    )  # fmt: skip


def _running(before: Plan | None) -> tuple[Running, ...]:
    """What runs under a plan."""
    return tuple(
        Running(
            part.location, part.machine, part.mode, part.request_class, part.instances,
            before.partition[part.model].name, part.model,
        )
        for part in before.slices
    ) if before is not None else ()  # fmt: skip
