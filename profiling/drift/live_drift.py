"""How far a live fleet has gone from what was planned: locations against their profile, the whole against the plan."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from freesh_plugin.core.errors import ProfileError
from freesh_plugin.core.plan import Plan, Pool
from freesh_plugin.core.profile import TokenProfile
from freesh_plugin.core.units import EPOCH_S
from profiling.drift.live_window import Window, expected, windows
from profiling.live.counted_row import CountedRow

LEAST_REQUESTS = 30
"""Fewer compared requests than that say nothing."""


@dataclass(frozen=True)
class LiveBounds:
    """How far measured may be from planned, as shares; beyond the bound of demand the plan's energy is not judged."""

    energy: float = 0.15
    capacity: float = 0.10
    demand: float = 0.20


@dataclass(frozen=True)
class LiveVerdict:
    """One quantity somewhere: measured over planned, less 1; None where it cannot be told, and why.

    Attributes:
        where: A location and a model, or the fleet.
        quantity: `energy` or `capacity`.
        off: How far it is off.
        bound: How far it may be.
        why: Why it is not told, or what else bears on it.
    """

    where: str
    quantity: str
    off: float | None
    bound: float
    why: str = ""

    @property
    def drifted(self) -> bool:
        """Whether it is beyond its bound."""
        return self.off is not None and abs(self.off) > self.bound

    @property
    def sentence(self) -> str:
        """For people."""
        if self.off is None:
            return f"{self.where}: {self.quantity} not judged: {self.why}"
        far = f"{abs(self.off):.1%} {'above' if self.off >= 0 else 'below'} plan"
        within = f"{'beyond' if self.drifted else 'within'} the bound of {self.bound:.0%}"
        return f"{self.where}: {self.quantity} {far}, {within}{f'; {self.why}' if self.why else ''}"


@dataclass
class Place:
    """What all routers of a model at a location did, and what the profile says of it; only compared windows count.

    Attributes:
        location, model: Which.
        routers: That were looked at.
        seconds: Of all looks, routers added up.
        requests: Answers that ended.
        measured_j, expected_j: Energy, of windows whose energy is told.
        busy_s, expected_s: Computing.
        misses: Answers after their deadline.
        compared: Windows.
        left_out: Windows, by why they do not count.
        compared_requests: Answers in compared windows.
    """

    location: str
    model: str
    routers: set[str] = field(default_factory=set)
    seconds: float = 0.0
    requests: float = 0.0
    energy_j: float = 0.0
    measured_j: float = 0.0
    expected_j: float = 0.0
    busy_s: float = 0.0
    expected_s: float = 0.0
    misses: float = 0.0
    compared: int = 0
    compared_requests: float = 0.0
    left_out: dict[str, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.location}, {self.model}"

    @property
    def request_rps(self) -> float:
        """Answers a second, of all routers together."""
        return len(self.routers) * self.requests / self.seconds if self.seconds else 0.0

    @property
    def power_w(self) -> float:
        """Mean watts of all routers' GPUs together."""
        return len(self.routers) * self.energy_j / self.seconds if self.seconds else 0.0

    def take(self, profile: TokenProfile, window: Window) -> None:
        """Add a window."""
        did = window.did
        self.routers.add(window.router)
        if did is None:
            return self.leave_out("the router was started anew")
        self.seconds += window.seconds
        self.requests += did.requests or 0.0
        self.misses += did.deadline_misses or 0.0
        self.energy_j += did.energy_j or 0.0
        try:
            says = expected(profile, window)
        except ProfileError as error:
            return self.leave_out(str(error))
        self.compared += 1
        self.compared_requests += did.requests or 0.0
        self.busy_s += window.busy_s or 0.0
        self.expected_s += says.busy_s
        if did.energy_j is not None:
            self.measured_j += did.energy_j
            self.expected_j += says.energy_j
        return None

    def leave_out(self, why: str) -> None:
        """Count a window that does not count."""
        self.left_out[why] = self.left_out.get(why, 0) + 1

    def verdicts(self, bounds: LiveBounds) -> tuple[LiveVerdict, LiveVerdict]:
        """Of energy for the work that was done, and of capacity: how fast it was done."""
        few = self._too_few()
        energy = LiveVerdict(self.name, "energy", None, bounds.energy, few or "no energy counter was read")
        capacity = LiveVerdict(self.name, "capacity", None, bounds.capacity, few)
        if not few:
            if self.measured_j and self.expected_j:
                energy = LiveVerdict(self.name, "energy", self.measured_j / self.expected_j - 1, bounds.energy)
            capacity = LiveVerdict(self.name, "capacity", self.expected_s / self.busy_s - 1, bounds.capacity)
        return energy, capacity

    def _too_few(self) -> str:
        if self.compared_requests >= LEAST_REQUESTS and self.busy_s > 0:
            return ""
        most = max(self.left_out, key=lambda why: self.left_out[why], default="")
        reason = f"; windows were left out: {most}" if most else ""
        return f"{self.compared_requests:.0f} answers can be compared, at least {LEAST_REQUESTS} are needed{reason}"


def places(profile: TokenProfile, rows: Iterable[CountedRow]) -> list[Place]:
    """What was done at each location, by model.

    Raises:
        ProfileError: there are no two looks at one router.
    """
    found: dict[tuple[str, str], Place] = {}
    known = list(rows)
    at = {row.router: (row.location, row.model) for row in sorted(known, key=lambda row: row.at_s)}
    for key in sorted(set(at.values())):
        found[key] = Place(*key)
    for window in windows(known):
        found[at[window.router]].take(profile, window)
    if not any(place.seconds for place in found.values()):
        raise ProfileError("no two looks at one router without a start of it in between")
    return list(found.values())


@dataclass(frozen=True)
class PoolCapacity:
    """A pool of the plan, and what its capacity is by what was measured of its location; None where not judged."""

    pool: Pool
    measured_rps: float | None

    @property
    def planned_rps(self) -> float:
        """By the plan."""
        return _planned_rps(self.pool)


def pool_capacities(plan: Plan, mode: str, seen: Sequence[Place], bounds: LiveBounds) -> list[PoolCapacity]:
    """The plan's pools of this mode at the places that were looked at; capacity of all their instances together."""
    off = {(place.location, place.model): place.verdicts(bounds)[1].off for place in seen}
    return [
        PoolCapacity(
            pool, None if (share := off[pool.location, pool.model]) is None else _planned_rps(pool) * (1 + share)
        )
        for pool in plan.pools
        if pool.mode == mode and (pool.location, pool.model) in off
    ]


def against_plan(plan: Plan, seen: Sequence[Place], bounds: LiveBounds, pue: float) -> LiveVerdict:
    """The fleet's power against the plan's predicted energy; judged only if all was seen, at about its demand."""
    instances, routers = sum(pool.instances.target for pool in plan.pools), sum(len(place.routers) for place in seen)
    planned_rps = _demand_rps(plan)
    demand_off = sum(place.request_rps for place in seen) / planned_rps - 1 if planned_rps else None

    def not_judged(why: str) -> LiveVerdict:
        return LiveVerdict("fleet", "energy", None, bounds.energy, why)

    if routers != instances:
        return not_judged(f"{routers} routers were looked at, the plan has {instances} instances")
    if demand_off is None or not plan.predicted.energy_j:
        return not_judged("the plan predicts no demand or no energy")
    if abs(demand_off) > bounds.demand:
        return not_judged(f"demand was {demand_off:+.1%} off the plan's mean, more than {bounds.demand:.0%}")
    measured_w = pue * sum(place.power_w for place in seen)
    if not measured_w:
        return not_judged("no energy counter was read")
    note = f"demand {demand_off:+.1%} off; GPUs at a PUE of {pue:g} against all power that the plan counts"
    return LiveVerdict("fleet", "energy", measured_w * EPOCH_S / plan.predicted.energy_j - 1, bounds.energy, note)


def _planned_rps(pool: Pool) -> float:
    return pool.instances.target * pool.capacity_rps


def _demand_rps(plan: Plan) -> float:
    by_step: dict[int, float] = {}
    for each in plan.demand:
        by_step[each.step] = by_step.get(each.step, 0.0) + each.mean_rps
    return fmean(by_step.values()) if by_step else 0.0
