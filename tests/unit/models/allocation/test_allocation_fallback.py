"""Never no plan: what comes out when no solver answers, and that its reason is said."""

import dataclasses

import pytest
from hypothesis import given, settings

from models.allocation import allocate
from models.allocation.collect import program_data
from models.allocation.fallback import fall_back
from models.allocation.fleet import Fleet
from models.allocation.greedy import greedy_counts, route
from models.allocation.pack import pack
from models.allocation.signals import Signals
from models.allocation.solve.answer import Ending
from models.domain.allocation import Outcome
from models.domain.scenario import Machine, Mode, Running, Scenario
from tests.fakes.allocation_checks import check_feasible, served, two_classes, where
from tests.fakes.fleet_scenarios import location, random_fleet, tiny
from tests.fakes.silent_solver import Silent
from tests.fakes.tiny_strategy import tiny_scenarios


@pytest.fixture
def no_solver(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither GLPK nor HiGHS answers, anywhere."""
    for module in ("chain", "glpk", "highs"):
        for name in ("Glpk", "Highs"):
            monkeypatch.setattr(f"models.allocation.solve.{module}.{name}", Silent, raising=False)
    for name in ("Glpk", "Highs"):
        monkeypatch.setattr(f"models.allocation.fallback.{name}", Silent)


def running(name: str, count: int, label: str = "R") -> tuple[Running, ...]:
    return (Running(name, name, "TP2", label, count, "q"),)


@pytest.mark.usefixtures("no_solver")
class TestWithoutAnySolver:
    def test_a_greedy_plan_with_its_reasons(self) -> None:
        result = allocate(tiny(demand_rps=(3.0, 4.0)))
        assert result.status is Outcome.GREEDY
        assert where(result) == {"here": 2}
        assert served(result, 1) == pytest.approx(4.0)
        assert (result.bound, result.gap) == (None, None)
        assert any("it is silent" in each for each in result.notes)

    def test_what_runs_is_held_if_it_still_serves(self) -> None:
        result = allocate(tiny(running=running("there", 2)))
        assert result.status is Outcome.HELD
        assert where(result) == {"there": 2}

    def test_what_runs_is_not_held_if_it_sheds_more(self) -> None:
        result = allocate(tiny(running=running("there", 1)))
        assert result.status is Outcome.GREEDY
        assert sum(where(result).values()) == 2

    def test_what_runs_is_not_held_against_residency(self) -> None:
        scenario = location(tiny(running=running("there", 2)), "there", allowed_origins=("mars",))
        result = allocate(scenario)
        assert result.status is Outcome.GREEDY
        assert where(result) == {"here": 2}

    def test_the_paper_form_has_no_incumbent(self) -> None:
        result = allocate(tiny(), formulation="paper")
        assert result.status is Outcome.NO_INCUMBENT
        assert any("it is silent" in each for each in result.notes)

    def test_a_share_is_kept(self) -> None:
        result = allocate(location(tiny(), "here", max_share=0.5))
        at_home = sum(each.served_rps for each in result.flows if each.location == "here")
        assert at_home <= 2.0 + 1e-9

    def test_a_power_cap_is_kept(self) -> None:
        # 200 W parked and 800 W at full load fit once under 1,100 W, not twice.
        result = allocate(location(tiny(), "here", power_cap_w=1100.0))
        assert where(result) == {"here": 1, "there": 1}


def test_flows_are_best_where_only_the_search_failed() -> None:
    result = fall_back(tiny(demand_rps=(4.0,)), ["The search was killed."])
    assert result.status is Outcome.GREEDY
    assert result.objective == pytest.approx((1600 * 300 * 100 + 200 * 300 * 200) / 3.6e6)
    assert "The search was killed." in result.notes


def test_greedy_keeps_to_machines() -> None:
    machines = tuple(Machine("here", f"m{i}", "G", 1) for i in range(4))
    result = fall_back(tiny(demand_rps=(40.0,), machines=machines), [])
    assert where(result) == {"there": 2}


def test_greedy_shares_the_loss_between_classes() -> None:
    result = fall_back(two_classes(tiny(), (8.0, 8.0)), [])
    assert {each.request_class for each in result.instances} == {"R", "S"}
    assert max(each.fraction for each in result.shed) == pytest.approx(0.5)


def test_a_limit_on_changes_is_said_not_to_be_kept() -> None:
    scenario = tiny(running=running("there", 1), max_changes_per_location=0)
    result = fall_back(scenario, [])
    assert any("max_changes_per_location 0 is not kept" in each for each in result.notes)


def test_starts_are_late_in_a_greedy_plan_too() -> None:
    modes = (Mode("TP2", {"G": 2}, startup_s=300.0),)
    scenario = tiny(demand_rps=(2.0, 2.0), gpus={"here": 4}, modes=modes, running=running("here", 1, "other"))
    data = program_data(scenario, {"default": ("q",)}, Fleet.of(scenario), Signals.of(scenario, scenario.objective))
    counts = greedy_counts(data)
    assert counts == (1,)
    solution = route(data, counts)
    assert solution is not None
    assert {t for _, t in solution.shed} == {0}


@settings(max_examples=60, deadline=None)
@given(scenario=tiny_scenarios())
def test_greedy_is_always_feasible(scenario: Scenario) -> None:
    result = fall_back(scenario, [])
    assert result.status is Outcome.GREEDY
    check_feasible(scenario, result)


def test_greedy_is_feasible_and_not_far_off_on_larger_fleets() -> None:
    for seed in range(3):
        scenario = random_fleet(seed, locations=3, modes=3, steps=3)
        greedy, best = fall_back(scenario, []), allocate(scenario)
        check_feasible(scenario, greedy)
        assert not pack(scenario, greedy.instances).unpacked
        assert best.objective is not None
        assert greedy.objective is not None
        assert best.objective <= greedy.objective * (1 + 1e-9)


@pytest.mark.parametrize("ending", [Ending.NO_INCUMBENT, Ending.FAILED, Ending.UNBOUNDED])
def test_whatever_a_solver_says_there_is_a_plan(ending: Ending, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.allocation.solve.chain.Glpk", lambda: Silent(ending))
    monkeypatch.setattr("models.allocation.solve.chain.Highs", lambda: Silent(ending))
    result = allocate(dataclasses.replace(tiny(), running=running("here", 2)))
    assert result.status is Outcome.HELD
    assert result.instances
