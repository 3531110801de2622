"""What one aim costs in another: the allocations that no other one beats in both, and the weights that give each."""

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

from freesh_plugin.core.errors import AllocationError
from freesh_plugin.core.units import JOULES_PER_KWH
from models.allocation.signals import GRAMS_PER_KILOGRAM, carbon_per_joule, price_per_joule
from models.domain.allocation import AllocationResult
from models.domain.scenario import Objective, Scenario

Solve = Callable[[Scenario], AllocationResult]
"""Solves a scenario under its own objective."""

Progress = Callable[[int, int], None]
"""Told (points found, points wanted)."""

TERMS = ("carbon", "energy", "cost")
MOST_POINTS = 100
SOLVES_A_POINT = 3
"""Where a solve finds nothing new, others are tried, up to so many for each point that is wanted."""

_DIGITS = 4
"""Of a weight: it is rounded before it is used, so that what people paste into a scenario gives this very point."""
BEND = 0.01
"""A knee lies at least this far below the line between the ends; less is a straight line."""
_SAME = 1e-6
"""Points closer than this share of the front's extent in both aims are one."""


@dataclass(frozen=True)
class Point:
    """One allocation of the front.

    Attributes:
        objective: What was minimised: one term alone, or weights in USD/kgCO2e, USD/kWh and 1.
        result: The whole allocation.
        x, y: Its totals in the two aims: kg, kWh or USD an epoch.
    """

    objective: Objective
    result: AllocationResult
    x: float
    y: float


@dataclass(frozen=True)
class Front:
    """The points that no other point beats in both aims, by rising x.

    Attributes:
        x, y: The aims: carbon, energy or cost.
        points: At least one.
        solves: How many programs were solved.
        dominated: How many of their results another one beat or equalled.
    """

    x: str
    y: str
    points: tuple[Point, ...]
    solves: int
    dominated: int

    @property
    def knee(self) -> Point | None:
        """The point farthest below the straight line between both ends, each aim scaled to run from 0 to 1.

        None with fewer than three points, or where none lies BEND below that line.
        """
        if len(self.points) < 3:
            return None
        scale = _Scale.of(self.points)
        depth, point = max(
            ((1 - scale.x(each) - scale.y(each), each) for each in self.points[1:-1]), key=lambda pair: pair[0]
        )
        return point if depth >= BEND else None


def pareto_front(
    scenario: Scenario,
    solve: Solve,
    *,
    x: str = "carbon",
    y: str = "cost",
    points: int = 9,
    progress: Progress | None = None,
) -> Front:
    """Sweep over mixed objectives: both ends first, then the weights at which the ends of the widest stretch tie.

    Minimising w_x·x + w_y·y with weights normal to the line between two neighbours finds what lies farthest below
    that line, or shows that no weights give anything between them. Points inside the convex hull are what no
    weights give, and are not looked for. Each solve is to its own gap, so the front is as exact as that gap.

    Args:
        scenario: The problem; its own objective is not used.
        solve: Solves one scenario (`models.allocation.allocate`).
        x: One aim: carbon, energy or cost.
        y: The other one.
        points: How many are wanted, at least 2; there may be fewer to be found.
        progress: Told after each solve.

    Raises:
        AllocationError: aims that are not known or equal, a number of points out of range, or a solve without totals.
        ScenarioError: carbon or prices that an aim needs are missing.
    """
    _check(x, y, points)
    _check_signals(scenario, (x, y))
    sweep = _Sweep(scenario, solve, x, y)
    found = [sweep.point(Objective.only(term)) for term in (x, y)]
    closed: set[tuple[float, float, float, float]] = set()
    while True:
        found = undominated(found)
        if progress is not None:
            progress(len(found), points)
        stretch = _widest_open(found, closed)
        if stretch is None or len(found) >= points or sweep.solves >= SOLVES_A_POINT * points:
            return Front(x, y, tuple(found), sweep.solves, sweep.solves - len(found))
        between = sweep.point(_tie(x, y, *stretch))
        if _is_new(between, found):
            found.append(between)
        closed.add(_key(*stretch))


def undominated(points: list[Point]) -> list[Point]:
    """The points that no other beats or equals in both aims, by rising x; of equal ones the first."""
    kept: list[Point] = []
    for each in sorted(points, key=lambda point: (point.x, point.y)):
        if not kept or each.y < kept[-1].y:
            kept.append(each)
    return kept


@dataclass
class _Sweep:
    """Solves, and counts how often."""

    scenario: Scenario
    solve: Solve
    x: str
    y: str
    solves: int = field(default=0, init=False)

    def point(self, objective: Objective) -> Point:
        self.solves += 1
        result = self.solve(dataclasses.replace(self.scenario, objective=objective))
        return Point(objective, result, self._total(result, self.x), self._total(result, self.y))

    def _total(self, result: AllocationResult, term: str) -> float:
        totals = result.totals
        values = (
            {}
            if totals is None
            else {
                "carbon": None if totals.carbon_g is None else totals.carbon_g / GRAMS_PER_KILOGRAM,
                "energy": totals.energy_j / JOULES_PER_KWH,
                "cost": totals.cost_usd,
            }
        )
        value = values.get(term)
        if value is None:
            why = "; ".join((*result.binding, *result.notes)) or "its signal is missing"
            raise AllocationError(f"{term} of an allocation that ended {result.status.value} is not known: {why}")
        return value


@dataclass(frozen=True)
class _Scale:
    """Aims scaled to run from 0 to 1 over a front."""

    left: Point
    right: Point

    @classmethod
    def of(cls, points: tuple[Point, ...] | list[Point]) -> "_Scale":
        return cls(points[0], points[-1])

    def x(self, point: Point) -> float:
        return (point.x - self.left.x) / (self.right.x - self.left.x)

    def y(self, point: Point) -> float:
        return (point.y - self.right.y) / (self.left.y - self.right.y)


def _check(x: str, y: str, points: int) -> None:
    for term in (x, y):
        if term not in TERMS:
            raise AllocationError(f"aim {term!r} is not known; there are {', '.join(TERMS)}")
    if x == y:
        raise AllocationError(f"both aims are {x!r}: a front needs two")
    if not 2 <= points <= MOST_POINTS:
        raise AllocationError(f"{points} points; there must be from 2 to {MOST_POINTS}")


def _check_signals(scenario: Scenario, aims: tuple[str, str]) -> None:
    for aim, signal in (("carbon", carbon_per_joule), ("cost", price_per_joule)):
        if aim in aims:
            signal(scenario)


def _widest_open(points: list[Point], closed: set[tuple[float, float, float, float]]) -> tuple[Point, Point] | None:
    """The neighbours farthest apart, both aims scaled alike, between which something may lie."""
    open_ = [pair for pair in pairwise(points) if _key(*pair) not in closed]
    if not open_:
        return None
    scale = _Scale.of(points)
    return max(open_, key=lambda pair: math.hypot(*(of(pair[1]) - of(pair[0]) for of in (scale.x, scale.y))))


def _tie(x: str, y: str, left: Point, right: Point) -> Objective:
    """The weights under which both points are worth the same; that of cost, or else of y, is 1."""
    ratio = (left.y - right.y) / (right.x - left.x)  # what a unit of x is worth in y
    weights = {x: 1.0, y: 1 / ratio} if x == "cost" else {x: ratio, y: 1.0}
    return Objective(**{term: _rounded(weight) for term, weight in weights.items()}, name="weights")


def _rounded(weight: float) -> float:
    return float(f"{weight:.{_DIGITS}g}")


def _is_new(point: Point, found: list[Point]) -> bool:
    scale = _Scale.of(found)
    return all(
        abs(scale.x(point) - scale.x(each)) > _SAME or abs(scale.y(point) - scale.y(each)) > _SAME for each in found
    )


def _key(left: Point, right: Point) -> tuple[float, float, float, float]:
    return (left.x, left.y, right.x, right.y)
