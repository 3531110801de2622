"""Fronts between two aims: against a hull found by brute force, by hand, and on a fleet that is really solved."""

import dataclasses
from collections.abc import Sequence
from functools import partial
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freesh_plugin.core.errors import AllocationError, ScenarioError
from models.allocation import allocate
from models.allocation.pareto import Front, Point, pareto_front, undominated
from models.domain.allocation import AllocationResult, Outcome, Totals
from models.domain.scenario import Objective, PricePoint, Scenario
from tests.fakes.fleet_scenarios import tiny

KWH = 3.6e6
PRICED = tiny(prices=(PricePoint("here", 0, 50.0), PricePoint("there", 0, 80.0)))

Candidate = tuple[float, float]
"""Carbon in kg, cost in USD."""


class Menu:
    """A fleet with a few allocations to choose from: solving takes the best of them under the objective."""

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        self.candidates = candidates
        self.solves = 0

    def __call__(self, scenario: Scenario) -> AllocationResult:
        self.solves += 1
        weight = scenario.objective
        best = min(self.candidates, key=lambda each: weight.carbon * each[0] + weight.cost * each[1])
        totals = Totals(energy_j=KWH, carbon_g=1_000 * best[0], cost_usd=best[1])
        return AllocationResult(Outcome.OPTIMAL, 0.0, 0.0, 0.0, {"default": "q"}, (), totals=totals)


def found(front: Front) -> list[Candidate]:
    return [(each.x, each.y) for each in front.points]


def corners(candidates: Sequence[Candidate]) -> list[Candidate]:
    """What some positive weights make the one best, by brute force: below every line of two others around it."""
    kept = {
        c for c in candidates
        if not any(other != c and other[0] <= c[0] and other[1] <= c[1] for other in candidates)
    }  # fmt: skip
    inside = set()
    for c in kept:
        for left, right in combinations(sorted(kept - {c}), 2):
            if left[0] < c[0] < right[0]:
                share = (c[0] - left[0]) / (right[0] - left[0])
                if c[1] >= left[1] + share * (right[1] - left[1]) - 1e-9:
                    inside.add(c)
    return sorted(kept - inside)


def test_ends_first_then_what_lies_below_their_line() -> None:
    menu = Menu([(1, 9), (2, 4), (4, 2), (9, 1), (5, 5), (3, 3.5)])

    front = pareto_front(PRICED, menu, points=9)

    assert found(front) == [(1, 9), (2, 4), (4, 2), (9, 1)]  # (3, 3.5) beats nobody's line, (5, 5) is beaten
    assert [each.objective for each in (front.points[0], front.points[-1])] == [
        Objective.only("carbon"), Objective.only("cost"),
    ]  # fmt: skip
    # (1, 9) and (9, 1) tie at 1 USD/kg, where (2, 4) and (4, 2) cost 6 both.
    assert front.points[1].objective == Objective(carbon=1.0, cost=1.0, name="weights")
    assert front.solves == menu.solves


def test_the_knee_is_farthest_below_the_line_between_the_ends() -> None:
    front = pareto_front(PRICED, Menu([(0, 10), (2, 3), (4, 2), (10, 0)]))

    assert front.knee is not None
    assert (front.knee.x, front.knee.y) == (2, 3)  # 1 - 0.2 - 0.3 = 0.5; the other is 1 - 0.4 - 0.2 = 0.4


@pytest.mark.parametrize("menu", [[(0, 10), (10, 0)], [(0, 10), (5, 4.95), (10, 0)], [(1, 1)]])
def test_a_straight_front_has_no_knee(menu: list[Candidate]) -> None:
    assert pareto_front(PRICED, Menu(menu)).knee is None


def test_one_plan_may_be_best_in_both() -> None:
    front = pareto_front(PRICED, Menu([(1, 1), (2, 2)]))

    assert found(front) == [(1, 1)]
    assert (front.solves, front.dominated) == (2, 1)


def test_no_more_points_than_asked_for_and_the_widest_stretch_first() -> None:
    menu = Menu([(0, 100), (1, 50), (2, 40), (50, 2), (100, 0)])

    assert len(found(pareto_front(PRICED, menu, points=3))) == 3
    assert found(pareto_front(PRICED, menu, points=9)) == sorted(menu.candidates)


def test_cost_against_energy_has_a_weight_of_one_on_cost() -> None:
    def solve(scenario: Scenario) -> AllocationResult:
        weight, choices = scenario.objective, [(1.0, 9.0), (2.0, 4.0), (9.0, 1.0)]  # USD, kWh
        usd, kwh = min(choices, key=lambda each: weight.cost * each[0] + weight.energy * each[1])
        return AllocationResult(Outcome.OPTIMAL, 0, 0, 0, {}, (), totals=Totals(kwh * KWH, None, usd))

    front = pareto_front(PRICED, solve, x="cost", y="energy")

    assert found(front) == [(1, 9), (2, 4), (9, 1)]
    assert front.points[1].objective == Objective(cost=1.0, energy=1.0, name="weights")


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=12, unique=True))
@settings(max_examples=200, deadline=None)
def test_a_sweep_finds_every_corner_and_nothing_that_is_beaten(menu: list[Candidate]) -> None:
    front = found(pareto_front(PRICED, Menu(menu), points=100))

    assert set(corners(menu)) <= set(front)
    assert not any(
        other != each and other[0] <= each[0] and other[1] <= each[1] for each in front for other in menu
    )  # fmt: skip


def test_undominated_keeps_the_first_of_equals() -> None:
    result = Menu([(1, 1)])(PRICED)
    rows = (("carbon", 1, 2), ("cost", 1, 2), ("energy", 2, 2))
    points = [Point(Objective.only(name), result, x, y) for name, x, y in rows]

    assert undominated(points) == points[:1]


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"x": "carbon", "y": "carbon"}, "both aims are 'carbon'"),
        ({"y": "fame"}, "aim 'fame' is not known; there are carbon, energy, cost"),
        ({"points": 1}, "1 points; there must be from 2 to 100"),
        ({"points": 101}, "101 points; there must be from 2 to 100"),
    ],
)
def test_what_makes_no_front_is_refused(asked: dict[str, object], why: str) -> None:
    with pytest.raises(AllocationError, match=why):
        pareto_front(PRICED, Menu([(1, 1)]), **asked)  # type: ignore[arg-type]  # wrong on purpose


def test_a_solve_without_totals_is_said() -> None:
    def solve(_: Scenario) -> AllocationResult:
        return AllocationResult(Outcome.NO_INCUMBENT, None, None, None, {}, (), notes=("Time ran out.",))

    with pytest.raises(
        AllocationError, match=r"carbon of an allocation that ended no_incumbent is not known: Time ran"
    ):
        pareto_front(PRICED, solve)


def test_a_real_fleet_moves_from_the_clean_place_to_the_cheap_one() -> None:
    """Clean and dear here, dirty and cheap there: both ends by hand, and every point's weights give it again."""
    prices = tuple(PricePoint(name, 0, usd) for name, usd in (("here", 200.0), ("there", 50.0)))
    scenario = tiny(prices=prices)
    solve = partial(allocate, solver="highs", gap=0.0)

    front = pareto_front(scenario, solve)

    # All here: 400 + 1,200 W above 200 parked there. 100 g/kWh and 200 USD/MWh here; 200 and 50 there; 300 s.
    kwh = (200 + 2 * 700) * 300 / KWH, 200 * 300 / KWH
    assert found(front)[0] == pytest.approx((kwh[0] * 0.1 + kwh[1] * 0.2, kwh[0] * 0.2 + kwh[1] * 0.05))
    assert found(front)[-1] == pytest.approx((kwh[1] * 0.1 + kwh[0] * 0.2, kwh[1] * 0.2 + kwh[0] * 0.05))
    for point in front.points:
        again = solve(dataclasses.replace(scenario, objective=point.objective))
        assert again.totals == point.result.totals


def test_prices_that_are_missing_are_named() -> None:
    with pytest.raises(ScenarioError, match=r"prices\.csv is needed"):
        pareto_front(tiny(), partial(allocate, solver="highs"))
