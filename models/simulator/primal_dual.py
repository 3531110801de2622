"""The clock by prices: Proposition 1's primal-dual rule, with gains for which it converges, and its KKT residual.

    max over x >= 0, f in [f_low, f_high]  of  Σ U_i(x_i) - P(f)   subject to  Σ x_i <= C(f)

U_i strictly concave with U_i' finite at 0, P convex, C concave and increasing. With the price λ >= 0 of service, the
optimum is where U_i'(x_i) = λ or x_i = 0, λ·(C(f) - Σ x) = 0, and λ·C'(f) = P'(f) or f is at its bound.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class PricedClock:
    """An instance of the problem, or several of equal size at once: arrays of shape (instances, users) or (instances,).

    Attributes:
        marginal_utility: U_i'(x), shape (instances, users).
        marginal_power: P'(f), watts per unit of f.
        capacity: C(f), in the unit of x.
        marginal_capacity: C'(f).
        users: Number of x_i.
        low: f_low.
        high: f_high.
        price_bound: At least max U_i'(0): no optimal price is higher, since at that price nobody would be served.
        curvature: Bounds of |U_i''|, of P'', and of |C''| on the bounds of f.
        slope: Bound of C'.
    """

    marginal_utility: Callable[[Array], Array]
    marginal_power: Callable[[Array], Array]
    capacity: Callable[[Array], Array]
    marginal_capacity: Callable[[Array], Array]
    users: int
    low: Array
    high: Array
    price_bound: Array
    curvature: tuple[Array, Array, Array]
    slope: Array


@dataclass(frozen=True)
class Point:
    """Service x (instances, users), clock f and price λ (instances,)."""

    service: Array
    clock: Array
    price: Array


@dataclass(frozen=True)
class Gains:
    """Step sizes k_x, k_f, k_r, shape (instances,)."""

    service: Array
    clock: Array
    price: Array


def safe_gains(problem: PricedClock) -> Gains:
    """Gains for which `follow` is proved to converge.

    Let F be the rule's direction, and K the diagonal matrix of the gains. F is monotone where λ >= 0 (the Lagrangian is
    concave in (x, f) and linear in λ), and K^½ F K^½ is Lipschitz with

        L <= max(k_x·max|U''|, k_f·(max P'' + λ_max·max|C''|)) + sqrt(k_r·(n·k_x + k_f·max C'²)),

    the norms of the symmetric and of the skew part of its Jacobian. The rule with the gradient of the point ahead
    converges for L < 1/3 (Popov 1980). Here both terms are at most .16.
    """
    utility, power, capacity = problem.curvature
    service = _HALF / utility
    clock = _HALF / (power + problem.price_bound * capacity)
    return Gains(service, clock, _HALF**2 / (problem.users * service + clock * problem.slope**2))


def moved(problem: PricedClock, start: Point, ahead: Point, gains: Gains) -> Point:
    """One step of the rule from `start`, with the gradient at `ahead` (the plain rule has both the same).

    x_i <- [x_i + k_x·(U_i' - λ)]+ ; f <- clip[f + k_f·(λ·C' - P')] ; λ <- [λ + k_r·(Σx - C)] within [0, λ_max]
    """
    pull = problem.marginal_utility(ahead.service) - ahead.price[:, None]
    push = ahead.price * problem.marginal_capacity(ahead.clock) - problem.marginal_power(ahead.clock)
    excess = ahead.service.sum(axis=1) - problem.capacity(ahead.clock)
    return Point(
        np.maximum(start.service + gains.service[:, None] * pull, 0.0),
        np.clip(start.clock + gains.clock * push, problem.low, problem.high),
        np.clip(start.price + gains.price * excess, 0.0, problem.price_bound),
    )


def follow(problem: PricedClock, gains: Gains, tolerance: float = 1e-9, most_steps: int = 200_000) -> Point:
    """Follow the rule from the middle of the clock's range until the KKT residual is at most `tolerance`.

    Each step looks ahead with the gradient of the last look, so that a step needs one gradient. The plain rule, which
    steps with the gradient where it stands, converges in continuous time for any gains, and in steps only for small
    ones: no bound is known to us, and large gains end in a limit cycle.
    """
    middle = (problem.low + problem.high) / 2
    point = Point(np.zeros((len(middle), problem.users)), middle, problem.price_bound / 2)
    ahead = point
    for step in range(most_steps):
        ahead = moved(problem, point, ahead, gains)
        point = moved(problem, point, ahead, gains)
        if step % _LOOK_EVERY == 0 and float(kkt_residual(problem, point).max()) <= tolerance:
            break
    return point


def kkt_residual(problem: PricedClock, point: Point) -> Array:
    """How far each instance is from its optimum: the largest move of a plain step with gains of 1, in any variable."""
    ones = np.ones_like(point.clock)
    there = moved(problem, point, point, Gains(ones, ones, ones))
    service = np.abs(there.service - point.service).max(axis=1)
    clock, price = np.abs(there.clock - point.clock), np.abs(there.price - point.price)
    found: Array = np.maximum.reduce([service, clock, price])
    return found


_HALF = 0.16
_LOOK_EVERY = 100
