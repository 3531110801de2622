"""What a fleet is to be: instances by pool, and where requests go. Made from a plan, or by an autoscaler."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from freesh_plugin.core.plan import ClockBounds, Plan, Slo
from freesh_plugin.core.request import Partition


@dataclass(frozen=True, slots=True)
class PoolKey:
    """Identical instances serving one class of one model at one location."""

    location: str
    model: str
    request_class: str
    mode: str


@dataclass(frozen=True, slots=True)
class PoolTarget:
    """What a pool is to be.

    Attributes:
        instances: How many serve.
        slo: What its requests are promised.
        clock: Bounds of the SM clock.
        capacity_rps: Of one instance; weighs the pools of a class at a location.
    """

    instances: int
    slo: Slo | None = None
    clock: ClockBounds = field(default_factory=ClockBounds)
    capacity_rps: float = 1.0


@dataclass(frozen=True)
class FleetTarget:
    """What a fleet is to be from `valid_from_s` on.

    Attributes:
        valid_from_s: Seconds after the start of the run.
        pools: By key; what is not named has no instances.
        routes: (model, class, origin) to location to share, as a plan's routes: shares of a named origin, else those of
            `any`; nothing = refused.
        partitions: Of each model: how requests are classified by predicted length.
        plan: The plan it was made from, if any.
    """

    valid_from_s: float
    pools: Mapping[PoolKey, PoolTarget]
    routes: Mapping[tuple[str, str, str], Mapping[str, float]]
    partitions: Mapping[str, Partition]
    plan: Plan | None = None


@dataclass(frozen=True, slots=True)
class PoolView:
    """What is seen of a pool: the past alone.

    Attributes:
        ready, starting, draining: Instances.
        outstanding: Requests that wait or run in it.
        busy_share: Share of the time since the controller was last asked in which its ready instances computed.
        arrivals: Requests that it got since then.
    """

    ready: int
    starting: int
    draining: int
    outstanding: int
    busy_share: float
    arrivals: int


@dataclass(frozen=True)
class FleetView:
    """What a controller may know at `now_s`.

    Attributes:
        now_s: Seconds after the start of the run.
        pools: By key.
        free_gpus: (location, GPU type) to GPUs that nothing holds.
        arrivals: (model, prompt tokens, predicted answer tokens, origin) of requests since it was last asked.
    """

    now_s: float
    pools: Mapping[PoolKey, PoolView]
    free_gpus: Mapping[tuple[str, str], int]
    arrivals: Sequence[tuple[str, int, float, str]] = field(default=())


class Controller(Protocol):
    """Decides what the fleet is to be."""

    @property
    def next_s(self) -> float:
        """When it wants to be asked next; infinite = never."""
        ...

    def decide(self, now_s: float, view: FleetView) -> FleetTarget | None:
        """What the fleet is to be, from `valid_from_s` (>= now) on; None = as it is."""
        ...
