"""What solving gives: a typed outcome, never a bare string of a solver."""

from dataclasses import dataclass
from enum import StrEnum

from models.domain.scenario import ANY_ORIGIN, DEFAULT


class Outcome(StrEnum):
    """How a program ended."""

    OPTIMAL = "optimal"
    """Proven within the gap that was asked for."""
    FEASIBLE = "feasible"
    """A solution, with a proven gap larger than asked for (time ran out)."""
    INFEASIBLE = "infeasible"
    NO_INCUMBENT = "no_incumbent"
    """Time ran out before any solution was found."""
    HELD = "held"
    """The previous plan, still feasible, because nothing better was found."""
    GREEDY = "greedy"
    """A plan by rule of thumb, because no solver gave one."""


@dataclass(frozen=True)
class InstanceCount:
    """Instances of a mode serving one class of one model at one location; on a given machine where that matters."""

    location: str
    model: str
    request_class: str
    mode: str
    count: int
    machine: str | None = None

    @property
    def pool(self) -> tuple[str, str, str, str]:
        """Location, model, class and mode."""
        return self.location, self.model, self.request_class, self.mode


@dataclass(frozen=True)
class Flow:
    """Demand (at the planned quantile) that one pool serves from one origin in one step, req/s."""

    location: str
    request_class: str
    mode: str
    step: int
    served_rps: float
    model: str = DEFAULT
    origin: str = ANY_ORIGIN
    tier: str = DEFAULT


@dataclass(frozen=True)
class Shed:
    """Demand that the plan cannot serve in one step, req/s, and its share of that demand."""

    request_class: str
    step: int
    shed_rps: float
    fraction: float
    model: str = DEFAULT
    origin: str = ANY_ORIGIN
    tier: str = DEFAULT


@dataclass(frozen=True)
class Exposed:
    """Protected demand of a class that the fleet could not serve without one location or machine, req/s at worst.

    `lost` is the location, or `location/machine`; `fraction` is its share of the class's protected demand then.
    """

    lost: str
    model: str
    request_class: str
    short_rps: float
    fraction: float


@dataclass(frozen=True)
class Totals:
    """Energy (J), carbon (g, or the signal's unit times kWh; signed) and cost (USD); None without the signal."""

    energy_j: float
    carbon_g: float | None
    cost_usd: float | None = None


@dataclass(frozen=True)
class AllocationResult:
    """What was solved, what was proven, and what came out.

    Attributes:
        status: How it ended.
        objective: In g (or the signal's unit), J or USD per epoch by the scenario's objective; shedding
            excluded. None without a solution.
        bound: Proven bound on the best objective; None when nothing was proven.
        gap: (objective - bound) / |objective|; None when either is missing.
        partition: Partition chosen, by model.
        instances: Counts > 0.
        flows: Who serves what, empty in the paper form.
        shed: Demand that is not served, rows > 0.
        exposed: What a loss that the scenario wants survived would leave unserved, rows > 0.
        binding: Constraints that hold the solution where it is, or that make it infeasible, in words.
        notes: Why an outcome is not the solver's own (fallbacks, pruning, hysteresis), in sentences.
        build_s, solve_s: Seconds spent building and solving.
    """

    status: Outcome
    objective: float | None
    bound: float | None
    gap: float | None
    partition: dict[str, str]
    instances: tuple[InstanceCount, ...]
    flows: tuple[Flow, ...] = ()
    shed: tuple[Shed, ...] = ()
    totals: Totals | None = None
    binding: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    solver: str = ""
    build_s: float = 0.0
    solve_s: float = 0.0
    exposed: tuple[Exposed, ...] = ()

    @property
    def shed_rps(self) -> float:
        """Largest total of shed demand over the steps, req/s."""
        totals: dict[int, float] = {}
        for each in self.shed:
            totals[each.step] = totals.get(each.step, 0.0) + each.shed_rps
        return max(totals.values(), default=0.0)
