"""The plan: the one document in which planner and runtime meet, as typed, immutable records.

Every record refuses unknown values of its own fields; the JSON form, digest and schema are in `plan_json`.
Units are in the names; times are whole seconds UTC since 1970.
"""

from enum import StrEnum
from typing import Annotated

import msgspec

from freesh_plugin.core.plan_explanation import PlanExplanation
from freesh_plugin.core.plan_values import MAX_WHOLE, Count, Fraction, Name, NonNegative, Sentence, Tokens

SCHEMA_VERSION = "1.1"
"""Major.minor. A reader accepts any minor of its major (unknown fields are kept), never another major."""


class PlanMode(StrEnum):
    """Whether the runtime may act on the plan, or only shows what it would do."""

    ADVISE = "advise"
    ACT = "act"


class Action(StrEnum):
    """What a transition does to instances on a machine."""

    START = "start"
    RELABEL = "relabel"
    DRAIN = "drain"
    STOP = "stop"


class InputState(StrEnum):
    """State of an input of the plan: never an invented number."""

    OK = "ok"
    STALE = "stale"
    NO_DATA = "no_data"


class PlanPartition(msgspec.Struct, frozen=True):
    """Partition chosen for one model; a null boundary is unknown."""

    name: Name
    classes: tuple[Name, ...]
    prompt_tokens: tuple[Tokens, ...] | None = None
    answer_tokens: tuple[Tokens, ...] | None = None


class PlanCells(msgspec.Struct, frozen=True):
    """Boundaries, in tokens, of the cells in which arrivals are counted for one model."""

    prompt_tokens: tuple[Tokens, ...] = ()
    answer_tokens: tuple[Tokens, ...] = ()


class InstanceBand(msgspec.Struct, frozen=True):
    """How many instances a pool has: the plan's target, and the band in which an autoscaler may move."""

    min: Count
    target: Count
    max: Count


class Slo(msgspec.Struct, frozen=True):
    """Service level of a pool's requests, seconds."""

    latency_s: NonNegative
    ttft_s: NonNegative
    tbt_s: NonNegative


class ClockBounds(msgspec.Struct, frozen=True):
    """Bounds of the SM clock in MHz; null = the device's own."""

    floor: Count | None = None
    ceiling: Count | None = None


class Pool(msgspec.Struct, frozen=True, rename={"request_class": "class"}):
    """Identical instances serving one class of one model at one location."""

    location: Name
    model: Name
    request_class: Name
    mode: Name
    tier: Name
    instances: InstanceBand
    slo: Slo
    sm_clock_mhz: ClockBounds = ClockBounds()
    capacity_rps: NonNegative = 0.0


class Slice(msgspec.Struct, frozen=True, rename={"request_class": "class"}):
    """Instances of one pool on one machine; an instance does not span machines."""

    location: Name
    machine: Name
    model: Name
    request_class: Name
    mode: Name
    instances: Count


class Transition(msgspec.Struct, frozen=True, rename={"request_class": "class"}):
    """One change of instances on one machine.

    Transitions are carried out in the order of the list; those of equal `order` may go at once. `dip_rps` is the
    part of the class's capacity, req/s, that this change takes away before its replacement serves (0 when the
    start comes first). A relabel changes the class or mode of running instances without a restart, and names
    what they were in `from_class` and `from_mode`. `at_s` is 0 for what happens at once; else the seconds after the
    plan's `valid_from` at which the machine comes (a start), or by which it is gone (drain ahead of that, and stop).
    """

    order: Count
    action: Action
    location: Name
    machine: Name
    model: Name
    request_class: Name
    mode: Name
    instances: Count
    dip_rps: NonNegative = 0.0
    from_class: Name | None = None
    from_mode: Name | None = None
    at_s: Count = 0


class Route(msgspec.Struct, frozen=True, rename={"request_class": "class"}):
    """Share of a class's requests from one origin that each location serves.

    Shares add up to 1. No share at all means that no pool may serve this origin: such requests are refused, never
    sent to a location that residency does not allow. The origin `any` is for origins that no route names.
    """

    model: Name
    request_class: Name
    origin: Name
    weights: dict[Name, Fraction]


class CarbonStep(msgspec.Struct, frozen=True):
    """Carbon intensity of a location in one step, signed as the provider gives it, in g/kWh or as given."""

    step: Count
    carbon_gco2e_per_kwh: float
    kind: Name
    p10: float | None = None
    p90: float | None = None


class DemandStep(msgspec.Struct, frozen=True, rename={"request_class": "class"}):
    """Forecast of offered demand: its mean, and the quantile that capacity was planned for, in req/s."""

    model: Name
    request_class: Name
    origin: Name
    tier: Name
    step: Count
    mean_rps: NonNegative
    demand_rps: NonNegative
    quantile: Fraction | None = None


class Footprint(msgspec.Struct, frozen=True):
    """What an epoch is predicted to take, all power counted; null = not known from the inputs."""

    energy_j: NonNegative
    carbon_g: float | None = None
    cost_usd: float | None = None


class Baselines(msgspec.Struct, frozen=True):
    """The same epoch under two simple policies."""

    all_on: Footprint | None = None
    min_energy: Footprint | None = None


class SolverReport(msgspec.Struct, frozen=True):
    """Outcome of the program: what was proven, by which solver, in what time."""

    status: Name
    solver: str
    objective: float | None = None
    bound: float | None = None
    gap: float | None = None
    build_s: NonNegative = 0.0
    solve_s: NonNegative = 0.0


class PlanInput(msgspec.Struct, frozen=True):
    """Version, age and state of one input that the plan was made from."""

    name: Name
    version: str
    state: InputState
    age_s: NonNegative | None = None
    note: str = ""


class Hold(msgspec.Struct, frozen=True):
    """Something FREESH deliberately did not do, with the reason in a sentence."""

    code: Name
    reason: Sentence


class Plan(msgspec.Struct, frozen=True):
    """What every pool, route and clock shall be during one epoch, and why. Fields as in the published schema."""

    schema_version: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,4}\.[0-9]{1,4}$")]
    scenario: Name
    epoch: Count
    revision: Annotated[int, msgspec.Meta(ge=1, le=MAX_WHOLE)]
    mode: PlanMode
    valid_from: Count
    stale_after: Count
    expires_at: Count
    partition: dict[Name, PlanPartition]
    cells: dict[Name, PlanCells]
    pools: tuple[Pool, ...]
    slices: tuple[Slice, ...]
    transitions: tuple[Transition, ...]
    routes: tuple[Route, ...]
    carbon: dict[Name, tuple[CarbonStep, ...]]
    demand: tuple[DemandStep, ...]
    shed_allowed: dict[Name, Fraction]
    predicted: Footprint
    baselines: Baselines
    solver: SolverReport
    binding: tuple[str, ...] = ()
    inputs: tuple[PlanInput, ...] = ()
    holds: tuple[Hold, ...] = ()
    explanation: PlanExplanation | None = None
    digest: Annotated[str, msgspec.Meta(pattern=r"^(sha256:[0-9a-f]{64})?$")] = ""


class Acknowledgement(msgspec.Struct, frozen=True):
    """A runtime's answer to a plan."""

    epoch: Count
    revision: Count
    digest: str
    accepted: bool
    reason: str = ""
