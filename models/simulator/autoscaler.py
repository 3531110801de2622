"""An autoscaler that reacts to what it sees, as Kubernetes' does: no forecast, no plan, no classes. For comparison."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from freesh_plugin.core.plan import ClockBounds, Slo
from freesh_plugin.core.request import Partition
from models.simulator.fleet_target import FleetTarget, FleetView, PoolKey, PoolTarget


@dataclass(frozen=True, slots=True)
class Slot:
    """Room for one instance: where, in which mode, what it serves, and its highest clock (None = the GPU's own)."""

    location: str
    mode: str
    capacity_rps: float
    ceiling_mhz: int | None = None


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When to scale; the defaults of the horizontal pod autoscaler where it has any.

    Attributes:
        utilisation: Requests that come, over what the instances serve, that is aimed at.
        outstanding: Requests that wait or run, per req/s of capacity, that are aimed at.
        tolerance: A ratio this near to 1 changes nothing.
        tick_s: Seconds between looks.
        calm_s: An instance goes only when so long none was wanted more than would be left.
    """

    utilisation: float = 0.7
    outstanding: float = 12.0
    tolerance: float = 0.1
    tick_s: float = 60.0
    calm_s: float = 300.0


@dataclass(frozen=True)
class Group:
    """Slots that are scaled together, in the order in which they are filled, and the origins that they serve."""

    slots: tuple[Slot, ...]
    origins: tuple[str, ...]


Order = Callable[[float], Sequence[Group]]
"""At a time, how slots are grouped and filled."""


class Autoscaler:
    """Scales groups of slots up at once and down when it has been calm; requests go where instances are.

    Args:
        groups: How slots are filled, asked anew at every look.
        thresholds: When to scale.
        start: What the run begins with: one model, one class.
        slo: What requests are promised.
        fixed_routes: Where requests go whatever is scaled; None = by capacity over the slots that are filled.
    """

    def __init__(
        self,
        groups: Order,
        thresholds: Thresholds,
        start: FleetTarget,
        slo: Slo | None = None,
        fixed_routes: Mapping[tuple[str, str, str], Mapping[str, float]] | None = None,
    ) -> None:
        self._groups, self._thresholds = groups, thresholds
        self._slo, self._fixed_routes = slo, fixed_routes
        ((self._model, partition),) = start.partitions.items()
        self._partition: Partition = partition
        self._class = partition.classes[0]
        self._next_s = thresholds.tick_s
        self._asked_s = 0.0
        self._wanted: dict[tuple[str, ...], deque[tuple[float, float]]] = {}

    @property
    def next_s(self) -> float:
        """When it looks next."""
        return self._next_s

    def decide(self, now_s: float, view: FleetView) -> FleetTarget | None:
        """What the looks until now ask for."""
        self._next_s = now_s + self._thresholds.tick_s
        span_s = max(now_s - self._asked_s, 1e-9)
        self._asked_s = now_s
        groups = self._groups(now_s)
        filled = [self._filled(group, self._wanted_rps(group, view, span_s, now_s)) for group in groups]
        return self._target(now_s, groups, filled)

    def _wanted_rps(self, group: Group, view: FleetView, span_s: float, now_s: float) -> float:
        """Capacity that the group shall have, req/s: the most that was wanted in the last `calm_s`.

        What is there at the first look counts as wanted before it, as with Kubernetes' stabilisation window: nothing
        goes on the word of a single look.
        """
        own = [(key, pool) for key, pool in view.pools.items() if self._of(key, group)]
        capacity = {(each.location, each.mode): each.capacity_rps for each in group.slots}
        there_rps = sum(capacity[key.location, key.mode] * (pool.ready + pool.starting) for key, pool in own)
        came_rps = sum(pool.arrivals for _, pool in own) / span_s
        outstanding = sum(pool.outstanding for _, pool in own)
        wanted_rps = max(came_rps / self._thresholds.utilisation, outstanding / self._thresholds.outstanding)
        if there_rps and abs(wanted_rps / there_rps - 1) <= self._thresholds.tolerance:
            wanted_rps = there_rps
        past = self._wanted.setdefault(group.origins, deque([(now_s - span_s, there_rps)]))
        past.append((now_s, wanted_rps))
        while past[0][0] < now_s - self._thresholds.calm_s:
            past.popleft()
        return max(each for _, each in past)

    def _filled(self, group: Group, wanted_rps: float) -> list[Slot]:
        """Slots in their order until they serve what is wanted; at least one."""
        filled: list[Slot] = []
        for each in group.slots:
            if filled and sum(slot.capacity_rps for slot in filled) >= wanted_rps:
                break
            filled.append(each)
        return filled

    def _target(self, now_s: float, groups: Sequence[Group], filled: Sequence[list[Slot]]) -> FleetTarget:
        pools: dict[PoolKey, PoolTarget] = {}
        routes: dict[tuple[str, str, str], Mapping[str, float]] = {}
        for group, slots in zip(groups, filled, strict=True):
            served: dict[str, float] = {}
            for each in slots:
                key = PoolKey(each.location, self._model, self._class, each.mode)
                count = pools[key].instances if key in pools else 0
                pools[key] = PoolTarget(count + 1, self._slo, ClockBounds(ceiling=each.ceiling_mhz), each.capacity_rps)
                served[each.location] = served.get(each.location, 0.0) + each.capacity_rps
            shares = {name: rps / sum(served.values()) for name, rps in served.items()}
            routes |= {(self._model, self._class, origin): shares for origin in group.origins}
        return FleetTarget(now_s, pools, self._fixed_routes or routes, {self._model: self._partition})

    def _of(self, key: PoolKey, group: Group) -> bool:
        return any((key.location, key.mode) == (each.location, each.mode) for each in group.slots)
