"""The planner in the loop: each question is solved once, whichever policies ask it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from freesh_plugin.core.plan import Plan
from freesh_plugin.core.units import EPOCH_S, PLAN_LEAD_S, STEP_S
from models.domain.scenario import Objective, Running, Scenario
from models.evaluate.epoch import Epoch
from models.evaluate.forecast_value import MakePlan
from models.evaluate.outlook import FORECAST, Outlook


@dataclass(frozen=True)
class Question:
    """What a policy asks the planner.

    Attributes:
        objective: carbon or energy.
        carbon: How carbon is foreseen.
        demand: How demand is foreseen.
        partitions: Those that may be chosen.
        governed: Whether the clocks of instances will be governed; else they are at their highest.
        steps: Steps of five minutes that it holds for.
        margin: α, the factor on the demand that capacity is for.
    """

    objective: str = "carbon"
    carbon: str = FORECAST
    demand: str = FORECAST
    partitions: tuple[str, ...] = ()
    governed: bool = True
    steps: int = EPOCH_S // STEP_S
    margin: float = 1.0


@dataclass(frozen=True)
class Planner:
    """Plans of one hour.

    Attributes:
        outlook: What is known ahead.
        make_plan: Solves and publishes.
    """

    outlook: Outlook
    make_plan: MakePlan
    _made: dict[tuple[Question, float, tuple[Running, ...]], Plan] = field(default_factory=dict)

    def plan(self, question: Question, start_s: float, running: Sequence[Running]) -> Plan:
        """The plan for the epoch that begins so many seconds after the start of the hour.

        Args:
            question: What is asked.
            start_s: May be before the hour: then the plan is of an earlier slot.
            running: What runs when it begins.

        Raises:
            AllocationError, ForecastError: there is nothing to plan with.
        """
        key = (question, start_s, tuple(running))
        if key not in self._made:
            epoch = self.epoch(start_s, question.steps)
            self._made[key] = self.make_plan(self._problem(question, epoch, tuple(running)), epoch)
        return self._made[key]

    def epoch(self, start_s: float, steps: int = EPOCH_S // STEP_S) -> Epoch:
        """The epoch that begins so many seconds after the start of the hour."""
        starts_at = self.outlook.data.hour.start + timedelta(seconds=start_s)
        return Epoch(starts_at - timedelta(seconds=PLAN_LEAD_S), starts_at, steps, STEP_S)

    def _problem(self, question: Question, epoch: Epoch, running: tuple[Running, ...]) -> Scenario:
        """The scenario of one epoch as the question puts it."""
        fleet, names = self.outlook.site.scenario, set(question.partitions)
        demand = self.outlook.demand(epoch, question.demand)
        profiles = self.outlook.site.governed if question.governed else fleet.profiles
        highest = {each.name for each in fleet.modes if each.sm_clock_ceiling_mhz is None}
        return replace(
            fleet,
            partitions=tuple(each for each in fleet.partitions if each.name in names),
            profiles=tuple(each for each in profiles if each.partition in names and each.mode in highest),
            slos=tuple(each for each in fleet.slos if each.partition in names),
            demand=tuple(each for each in demand if each.partition in names and each.demand_rps > 0),
            carbon=self.outlook.carbon(epoch, question.carbon),
            running=running,
            objective=Objective.only(question.objective),
            steps=epoch.steps,
            demand_margin=question.margin,
        )


def running_under(plan: Plan) -> tuple[Running, ...]:
    """What runs when a plan has been carried out."""
    return tuple(
        Running(
            each.location, each.machine, each.mode, each.request_class, each.instances,
            plan.partition[each.model].name, each.model,
        )
        for each in plan.slices
    )  # fmt: skip
