"""Policies that plan: FREESH, and FREESH without one of its parts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import inf

from freesh_plugin.core.plan import ClockBounds, Plan
from freesh_plugin.core.units import EPOCH_S, PLAN_LEAD_S
from models.evaluate.cell import Cell, Policy
from models.evaluate.outlook import BLIND, CONSTANT, PERFECT
from models.evaluate.plan_target import target_of_plan
from models.evaluate.planner import Question, running_under
from models.evaluate.policies.settings import FCFS_STATIC, LLF_MIAD
from models.evaluate.site import ONE_CLASS, PARTITIONS
from models.evaluate.start_state import running_all_on
from models.simulator.fleet_target import FleetTarget, FleetView
from models.simulator.instance_types import InstanceSettings

ALL_PARTITIONS = tuple(each.name for each in PARTITIONS)


@dataclass(frozen=True)
class Following:
    """How plans are followed.

    Attributes:
        question: What the planner is asked.
        starts_s: Starts of the epochs that are planned, seconds after the start of the hour.
        governed: Bounds of the SM clock by mode, where they are not those of the plan.
    """

    question: Question
    starts_s: tuple[float, ...] = (0.0, EPOCH_S)
    governed: Mapping[str, ClockBounds] | None = None


class PlanFollower:
    """Each slot's plan, issued ten minutes before it, is carried out as it starts; the first was before the run."""

    def __init__(self, cell: Cell, following: Following) -> None:
        self._cell, self._following = cell, following
        self._left = list(following.starts_s)
        self._before: Plan | None = None

    @property
    def next_s(self) -> float:
        """When the next plan is issued."""
        return max(self._left[0] - PLAN_LEAD_S, 0.0) if self._left else inf

    def decide(self, now_s: float, view: FleetView) -> FleetTarget | None:
        """The plan of the next slot."""
        start_s = self._left.pop(0)
        running = running_all_on(self._cell.site) if self._before is None else running_under(self._before)
        self._before = self._cell.planner.plan(self._following.question, start_s, running)
        valid_s = max(start_s, now_s)
        return target_of_plan(self._before, valid_s, self._following.governed)


def planned(
    name: str, says: str, following: Callable[[Cell], Following], settings: InstanceSettings = LLF_MIAD
) -> Policy:
    """A policy that follows plans."""
    return Policy(name, says, lambda cell: PlanFollower(cell, following(cell)), settings)


def asking(policy: str, **changes: object) -> Callable[[Cell], Following]:
    """FREESH's question, with changes, at the policy's own margin."""
    question = replace(Question(partitions=ALL_PARTITIONS), **changes)  # type: ignore[arg-type]  # fields of Question
    return lambda cell: Following(
        replace(question, margin=cell.tuned.margin(policy)), governed=_governed(cell, question)
    )


def _governed(cell: Cell, question: Question) -> Mapping[str, ClockBounds] | None:
    """The governor moves between the clock of least energy and the GPU's highest."""
    if not question.governed:
        return None
    return {mode: ClockBounds(floor=clock_mhz) for mode, clock_mhz in cell.site.floors_mhz.items()}


def _held(cell: Cell) -> Following:
    return replace(asking("previous_plan_held")(cell), starts_s=(-float(EPOCH_S),))


PREVIOUS_PLAN_HELD = planned(
    "previous_plan_held",
    "FREESH's plan of the slot before, held for the whole hour.",
    _held,
)

ONE_MIXED_POOL = planned(
    "one_mixed_pool",
    "FREESH without classes: one pool of mixed requests at each location.",
    asking("one_mixed_pool", partitions=(ONE_CLASS.name,)),
)

RIGHTSIZED_MIN_ENERGY = planned(
    "rightsized_min_energy",
    "Least energy for the demand that is forecast, every half hour: one pool, highest clock, first come first served.",
    asking("rightsized_min_energy", objective="energy", carbon=BLIND, partitions=(ONE_CLASS.name,), governed=False),
    FCFS_STATIC,
)

CARBON_AGNOSTIC_FREESH = planned(
    "carbon_agnostic_freesh",
    "FREESH that minimises energy and knows nothing of carbon.",
    asking("carbon_agnostic_freesh", objective="energy", carbon=BLIND),
)

FREESH_CONSTANT_CARBON = planned(
    "freesh_constant_carbon",
    "FREESH with each location's mean intensity of the past in place of a forecast.",
    asking("freesh_constant_carbon", carbon=CONSTANT),
)

FREESH = planned(
    "freesh",
    "Plans for carbon every half hour from forecasts, classes and modes chosen, least laxity first, clock governed.",
    asking("freesh"),
)

FREESH_PERFECT = planned(
    "freesh_perfect",
    "FREESH that knows the demand of each class and the carbon of each step.",
    asking("freesh_perfect", carbon=PERFECT, demand=PERFECT),
)
