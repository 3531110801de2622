"""The primal-dual rule against scipy's optimum on random convex instances, and where it may not go."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import LinearConstraint, NonlinearConstraint, brentq, minimize

from models.simulator.primal_dual import Gains, PricedClock, follow, kkt_residual, moved, safe_gains

INSTANCES, USERS = 100, 4


class Drawn:
    """U_i = w_i·log(1 + x_i/s_i), P = p_1·f + p_3·f³, C = c·log(1 + f/b), f in GHz."""

    def __init__(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        self.w = random.uniform(1, 4, (INSTANCES, USERS))
        self.s = random.uniform(0.5, 2, (INSTANCES, USERS))
        self.p1, self.p3 = random.uniform(0.1, 3, INSTANCES), random.uniform(0.2, 1.5, INSTANCES)
        self.c, self.b = random.uniform(1, 4, INSTANCES), random.uniform(0.5, 2, INSTANCES)
        self.low, self.high = np.full(INSTANCES, 0.5), np.full(INSTANCES, 1.98)

    def problem(self) -> PricedClock:
        return PricedClock(
            marginal_utility=lambda x: self.w / (self.s + x),
            marginal_power=lambda f: self.p1 + 3 * self.p3 * f**2,
            capacity=lambda f: self.c * np.log1p(f / self.b),
            marginal_capacity=lambda f: self.c / (self.b + f),
            users=USERS,
            low=self.low,
            high=self.high,
            price_bound=(self.w / self.s).max(axis=1),
            curvature=((self.w / self.s**2).max(axis=1), 6 * self.p3 * self.high, self.c / (self.b + self.low) ** 2),
            slope=self.c / (self.b + self.low),
        )

    def best_clock(self, i: int) -> float:
        """By scipy's root finder on the price: served falls and capacity rises with it."""

        def clock(price: float) -> float:
            def gain(f: float) -> float:
                return float(price * self.c[i] / (self.b[i] + f) - self.p1[i] - 3 * self.p3[i] * f**2)

            low, high = float(self.low[i]), float(self.high[i])
            if gain(low) <= 0:
                return low
            return high if gain(high) >= 0 else float(brentq(gain, low, high, xtol=1e-14))

        def excess(price: float) -> float:
            served = np.maximum(self.w[i] / price - self.s[i], 0).sum()
            return float(served - self.c[i] * np.log1p(clock(price) / self.b[i]))

        top = float((self.w[i] / self.s[i]).max())
        return clock(brentq(excess, 1e-9, top, xtol=1e-15))

    def best_clock_by_trust_region(self, i: int) -> float:
        """By scipy's general solver on the problem itself."""

        def loss(z: NDArray[np.float64]) -> float:
            power = self.p1[i] * z[-1] + self.p3[i] * z[-1] ** 3
            return float(power - (self.w[i] * np.log1p(z[:-1] / self.s[i])).sum())

        room = NonlinearConstraint(lambda z: self.c[i] * np.log1p(z[-1] / self.b[i]) - z[:-1].sum(), 0, np.inf)
        bounds = LinearConstraint(np.eye(USERS + 1), [0.0] * USERS + [self.low[i]], [np.inf] * USERS + [self.high[i]])
        start = np.array([0.1] * USERS + [1.0])
        found = minimize(
            loss, start, method="trust-constr", constraints=[room, bounds], options={"gtol": 1e-10, "maxiter": 2000}
        )
        return float(found.x[-1])


def test_it_reaches_the_optimum_of_a_hundred_random_instances() -> None:
    drawn = Drawn(seed=7)
    problem = drawn.problem()
    reached = follow(problem, safe_gains(problem), tolerance=1e-10)
    best = np.array([drawn.best_clock(i) for i in range(INSTANCES)])
    assert np.abs(reached.clock - best).max() < 1e-6
    assert kkt_residual(problem, reached).max() <= 1e-10
    inside = (reached.clock > drawn.low + 1e-6) & (reached.clock < drawn.high - 1e-6)
    assert 20 < inside.sum() < INSTANCES  # bounds bind in some and not in others
    marginal = reached.price * problem.marginal_capacity(reached.clock) - problem.marginal_power(reached.clock)
    assert np.abs(marginal[inside]).max() < 1e-8


@pytest.mark.filterwarnings("ignore:delta_grad == 0.0")
def test_the_optimum_is_that_of_a_general_solver() -> None:
    drawn = Drawn(seed=7)
    for i in range(3):
        assert drawn.best_clock(i) == pytest.approx(drawn.best_clock_by_trust_region(i), abs=1e-4)


def test_any_smaller_gains_will_do() -> None:
    problem = Drawn(seed=8).problem()
    safe = safe_gains(problem)
    slow = follow(problem, Gains(safe.service / 3, safe.clock / 2, safe.price / 5), tolerance=1e-9)
    assert np.abs(slow.clock - follow(problem, safe, tolerance=1e-9).clock).max() < 1e-6


def test_gains_that_are_too_large_do_not_arrive() -> None:
    problem = Drawn(seed=9).problem()
    safe = safe_gains(problem)
    lost = follow(problem, Gains(safe.service * 30, safe.clock * 30, safe.price * 30), most_steps=5000)
    assert kkt_residual(problem, lost).max() > 1e-2


def test_a_step_stays_within_what_is_allowed() -> None:
    drawn = Drawn(seed=10)
    problem = drawn.problem()
    point = follow(problem, safe_gains(problem), most_steps=1)
    huge = Gains(*(np.full(INSTANCES, 1e6) for _ in range(3)))
    there = moved(problem, point, point, huge)
    assert (there.service >= 0).all()
    assert ((there.clock >= drawn.low) & (there.clock <= drawn.high)).all()
    assert ((there.price >= 0) & (there.price <= problem.price_bound)).all()
