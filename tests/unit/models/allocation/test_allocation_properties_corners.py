"""Corners that random fleets led into, each as small as it goes."""

import dataclasses

import pytest

from freesh_plugin.core.errors import AllocationError
from models.allocation import allocate
from models.allocation.attempt import attempt, candidate_data
from models.allocation.fallback import fall_back
from models.allocation.fleet import Fleet
from models.allocation.signals import Signals
from models.allocation.solve.budget import Budget
from models.allocation.solve.highs import Highs
from models.allocation.stages import Stages
from models.domain.allocation import Outcome
from models.domain.scenario import Machine, Mode, Objective, Running, Survive
from tests.fakes.allocation_checks import served, where
from tests.fakes.fleet_scenarios import location, tiny
from tests.fakes.silent_solver import Silent

FLAT_TOP = ((0.25, 650.0), (0.5, 750.0), (1.0, 800.0))
"""Watts of an instance by load, 300 W idle."""


@pytest.fixture
def no_solver(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even flows are routed by a solver."""
    for name in ("Glpk", "Highs"):
        monkeypatch.setattr(f"models.allocation.fallback.{name}", Silent)


def test_a_mode_that_starts_at_once_does_so_beside_a_slow_one_of_the_same_gpus() -> None:
    base = tiny(demand_rps=(2.0, 2.0), gpus={"here": 6})
    fast = base.profiles[0]
    scenario = dataclasses.replace(
        base,
        modes=(Mode("TP2", {"G": 2}), Mode("slow", {"G": 2}, 900, startup_s=300.0)),
        profiles=(fast, dataclasses.replace(fast, mode="slow", full_power_w=700.0)),
        running=(Running("here", "here", "slow", "R", 0, "q"),),
    )
    result = allocate(scenario, gap=0.0)
    # `slow` would draw less, but serve nothing in the first step.
    assert [(each.mode, each.count) for each in result.instances] == [("TP2", 1)]
    assert result.shed == ()
    # 800 W, and four GPUs parked at 50 W, for 600 s at 100 g/kWh.
    assert result.objective == pytest.approx(1000 * 600 / 3.6e6 * 100)


def test_a_cap_below_the_parked_watts_of_a_machine_that_comes_later_is_refused() -> None:
    machines = (Machine("here", "a", "G", 4), Machine("here", "b", "G", 4, available_from=1))
    scenario = tiny(demand_rps=(2.0, 2.0), gpus={"here": 8}, machines=machines)
    with pytest.raises(AllocationError, match="power_cap_w 350 W is below the 400 W"):
        allocate(location(scenario, "here", power_cap_w=350.0))


def test_where_nearly_all_is_shed_what_there_is_still_runs() -> None:
    # A slack of a hundred-thousandth of what is shed would be more than all that the fleet can serve.
    result = allocate(tiny(demand_rps=(1e6,)), gap=0.0)
    assert where(result) == {"here": 2, "there": 2}
    assert served(result) == pytest.approx(8.0, abs=1e-3)


def test_in_a_loss_an_instance_serves_all_it_can_whatever_load_it_is_planned_for() -> None:
    # Half a load each is cheapest: at full load an instance of these draws 1,000 W, at half load 400 W.
    steep = dataclasses.replace(tiny().profiles[0], full_power_w=1000.0, power_levels=((0.5, 400.0), (1.0, 1000.0)))
    scenario = tiny(demand_rps=(2.0,), profiles=(steep,), survive=Survive.LOCATION)
    result = allocate(scenario, objective=Objective.only("energy"), gap=0.0)
    assert where(result) == {"here": 1, "there": 1}
    assert result.exposed == ()
    # 1 req/s on each, 400 W, beside two parked GPUs each.
    assert result.objective == pytest.approx(2 * (400 + 100) * 300)


def test_the_slack_that_a_solution_happens_to_use_ranks_nothing() -> None:
    scenario, budget = tiny(demand_rps=(12.0,)), Budget(60.0)
    signals = Signals.of(scenario, scenario.objective)
    data = candidate_data(scenario, {"default": ("q",)}, Fleet.of(scenario), signals)
    found = attempt(data, Stages(Highs(), 0.0, budget), budget, parts=1)
    assert found.solution is not None
    # 8 of 12 req/s are served, whatever stands in the fifth digit.
    assert found.rank[1:3] == (0.3333, 4.0)
    levels = found.solution.levels
    lucky = dataclasses.replace(found.solution, levels=levels._replace(worst=levels.worst + 4e-5))
    assert dataclasses.replace(found, solution=lucky).rank == found.rank


def test_nothing_stays_for_a_while_where_nothing_is_waited_for() -> None:
    # What runs is asked for in the first step only. It does not serve that step and stop: nobody would route to it.
    slow = (Mode("TP2", {"G": 2}, startup_s=300.0),)
    running = (Running("here", "here", "TP2", "R", 1, "q"),)
    result = allocate(tiny(demand_rps=(2.0, 0.0, 0.0), gpus={"here": 4}, modes=slow, running=running), gap=0.0)
    assert where(result) == {"here": 1}
    assert result.shed == ()


@pytest.mark.usefixtures("no_solver")
class TestByRuleOfThumb:
    def test_what_runs_is_not_held_above_a_power_cap(self) -> None:
        # 200 W parked; two instances draw 400 W more without load, 1,400 W more at full load.
        scenario = tiny(demand_rps=(4.0,), gpus={"here": 4}, running=(Running("here", "here", "TP2", "R", 2, "q"),))
        assert fall_back(scenario, ()).status is Outcome.HELD
        capped = fall_back(location(scenario, "here", power_cap_w=1150.0), ())
        # 550 W are left for load, at 250 J a request; one instance alone would serve 2 req/s.
        assert capped.status is Outcome.HELD
        assert served(capped) == pytest.approx(2.2)
        starved = fall_back(location(scenario, "here", power_cap_w=500.0), ())
        assert (starved.status, where(starved)) == (Outcome.GREEDY, {})

    def test_power_that_is_bent_counts_at_its_highest(self) -> None:
        # At half load it draws more than at full load: 900 W, 800 W above parked.
        odd = dataclasses.replace(tiny().profiles[0], power_levels=((0.5, 900.0), (1.0, 800.0)))
        scenario = tiny(demand_rps=(2.0,), gpus={"here": 4}, profiles=(odd,))
        assert where(fall_back(location(scenario, "here", power_cap_w=1001.0), ())) == {"here": 1}
        assert where(fall_back(location(scenario, "here", power_cap_w=990.0), ())) == {}
