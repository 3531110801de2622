"""The full form by hand: what power it counts, whom it may serve where, what it sheds, what it refuses."""

import dataclasses

import pytest

from freesh_plugin.core.errors import AllocationError, ScenarioError
from models.allocation import allocate
from models.domain.allocation import Outcome
from models.domain.scenario import (
    CarbonSignal,
    Demand,
    Machine,
    Mode,
    Objective,
    PricePoint,
    ServiceLevel,
    Tier,
)
from tests.fakes.allocation_checks import served, two_classes, where
from tests.fakes.fleet_scenarios import location, random_fleet, tiny


@pytest.mark.parametrize("solver", ["glpk", "highs"])
def test_all_power_by_hand(solver: str) -> None:
    # Two instances `here`: 2 x 800 W at full load, no GPU parked. `there`: 4 GPUs parked at 50 W.
    result = allocate(tiny(), solver=solver, gap=0.0)
    assert result.status is Outcome.OPTIMAL
    assert where(result) == {"here": 2}
    grams = (1600 * 300 * 100 + 200 * 300 * 200) / 3.6e6
    assert result.objective == pytest.approx(grams)
    assert result.bound == pytest.approx(grams)
    assert result.totals is not None
    assert result.totals.energy_j == pytest.approx(1800 * 300)
    assert result.totals.carbon_g == pytest.approx(grams)
    assert result.shed == ()


def test_load_dependent_power_and_parked_gpus() -> None:
    # 1 req/s on an instance of 2: 300 W idle + (800 - 300)/2 J a request x 1 req/s = 550 W; 6 GPUs parked at 50 W.
    result = allocate(tiny(demand_rps=(1.0,)), objective=Objective.only("energy"), gap=0.0)
    assert result.objective == pytest.approx((550 + 6 * 50) * 300)


def test_pue_and_hosts_count() -> None:
    scenario = location(tiny(demand_rps=(1.0,)), "here", pue=1.5, host_power_w=100.0)
    result = allocate(scenario, objective=Objective.only("energy"), gap=0.0)
    # It is served `there`: 550 + 100 parked; `here` has 200 W parked and its host, times its PUE.
    assert where(result) == {"there": 1}
    assert result.objective == pytest.approx((650 + 1.5 * 300) * 300)


def test_capacity_follows_the_quantile_and_energy_the_mean() -> None:
    scenario = tiny(demand_margin=1.25)
    demand = dataclasses.replace(scenario.demand[0], demand_rps=3.2, mean_rps=2.0)
    result = allocate(dataclasses.replace(scenario, demand=(demand,)), objective=Objective.only("energy"), gap=0.0)
    assert sum(where(result).values()) == 2  # 3.2 x 1.25 = 4 req/s
    assert served(result) == pytest.approx(4.0)
    # Energy at 2 req/s: 2 x 300 W idle + 250 J x 2 req/s, and 4 parked GPUs.
    assert result.objective == pytest.approx((600 + 500 + 200) * 300)


def test_an_idle_instance_draws_no_less_than_its_parked_gpus() -> None:
    result = allocate(tiny(demand_rps=(1.0,), idle_power_w=0.0), objective=Objective.only("energy"), gap=0.0)
    assert result.objective == pytest.approx((100 + 350 + 6 * 50) * 300)


def test_residency_is_kept_at_any_price() -> None:
    scenario = location(tiny(demand_rps={"eu": (1.0,), "us": (1.0,)}), "here", allowed_origins=("us",))
    result = allocate(scenario, gap=0.0)
    assert {(each.origin, each.location) for each in result.flows} == {("us", "here"), ("eu", "there")}


def test_an_origin_that_is_allowed_nowhere_is_shed_and_named() -> None:
    scenario = tiny(demand_rps={"eu": (1.0,), "us": (3.0,)})
    for name in ("here", "there"):
        scenario = location(scenario, name, allowed_origins=("us",))
    result = allocate(scenario, gap=0.0)
    assert [(each.origin, each.shed_rps, each.fraction) for each in result.shed] == [("eu", 1.0, 1.0)]
    assert served(result) == pytest.approx(3.0)
    assert "origin eu" in result.binding[0]


@pytest.mark.parametrize(("rtt_s", "name"), [(0.29, "here"), (0.31, "there")])
def test_ttft_counts_the_network(rtt_s: float, name: str) -> None:
    result = allocate(location(tiny(demand_rps=(1.0,)), "here", rtt_s={"any": rtt_s}), gap=0.0)
    assert where(result) == {name: 1}  # TTFT 0.2 s, bound 0.5 s


@pytest.mark.parametrize(("rtt_s", "name"), [(7.9, "here"), (8.1, "there")])
def test_latency_counts_the_network(rtt_s: float, name: str) -> None:
    scenario = tiny(demand_rps=(1.0,), slos=(ServiceLevel("q", "R", 10.0, 99.0, 0.1),))
    result = allocate(location(scenario, "here", rtt_s={"any": rtt_s}), gap=0.0)
    assert where(result) == {name: 1}  # latency 2 s, bound 10 s


def test_a_negative_signal_never_rewards_waste() -> None:
    scenario = tiny(demand_rps=(1.0,), carbon={"here": [-300.0], "there": [-100.0]})
    result = allocate(scenario, gap=0.0)
    assert sum(where(result).values()) == 1
    assert result.objective is not None
    assert 0 < result.objective < 1e-3
    assert result.totals is not None
    # Which location serves is equal in ε: 550 + 100 W at one of them, 200 W at the other; signed apart.
    assert result.totals.energy_j == pytest.approx(850 * 300)
    assert result.totals.carbon_g is not None
    assert result.totals.carbon_g < 0


def test_the_least_power_wins_where_carbon_is_free() -> None:
    scenario = tiny(demand_rps=(1.0,), carbon={"here": [0.0], "there": [0.0]})
    thrifty = dataclasses.replace(scenario.profiles[0], mode="TP2b", full_power_w=600.0, idle_power_w=200.0)
    scenario = dataclasses.replace(
        scenario, modes=(*scenario.modes, Mode("TP2b", {"G": 2})), profiles=(*scenario.profiles, thrifty)
    )
    assert [each.mode for each in allocate(scenario, gap=0.0).instances] == ["TP2b"]


def test_cost_and_weights() -> None:
    prices = (PricePoint("here", 0, 90.0), PricePoint("there", 0, 30.0))
    result = allocate(tiny(demand_rps=(1.0,), prices=prices), objective=Objective.only("cost"), gap=0.0)
    assert where(result) == {"there": 1}
    assert result.objective == pytest.approx((650 * 30 + 200 * 90) * 300 / 3.6e9)
    assert result.totals is not None
    assert result.totals.cost_usd == pytest.approx(result.objective)
    mixed = Objective(carbon=1.0, energy=0.0, cost=1.0)  # a dollar a kilogram
    result = allocate(tiny(demand_rps=(1.0,), prices=prices), objective=mixed, gap=0.0)
    here, there = (100 / 1000 + 0.09) / 3.6e6, (200 / 1000 + 0.03) / 3.6e6
    assert where(result) == {"here": 1}
    assert result.objective == pytest.approx((650 * here + 200 * there) * 300)


def test_without_carbon_energy_can_still_be_minimised() -> None:
    result = allocate(dataclasses.replace(tiny(), carbon=()), objective=Objective.only("energy"), gap=0.0)
    assert result.totals is not None
    assert result.totals.carbon_g is None
    assert result.totals.energy_j == pytest.approx(1800 * 300)
    with pytest.raises(ScenarioError, match=r"carbon\.csv"):
        allocate(dataclasses.replace(tiny(), carbon=()), gap=0.0)


def test_cost_without_prices_is_refused() -> None:
    with pytest.raises(ScenarioError, match=r"prices\.csv"):
        allocate(tiny(), objective=Objective.only("cost"))


def test_parked_watts_that_are_not_stated_are_refused() -> None:
    with pytest.raises(ScenarioError, match="parked_power_w of 'G'"):
        allocate(location(tiny(), "here", parked_power_w={}))


class TestShedding:
    def test_ten_times_the_demand_is_shed_to_what_there_is(self) -> None:
        result = allocate(tiny(demand_rps=(40.0,)), gap=0.0)
        assert result.status is Outcome.OPTIMAL
        assert where(result) == {"here": 2, "there": 2}
        assert result.shed_rps == pytest.approx(32.0, abs=1e-3)
        assert result.shed[0].fraction == pytest.approx(0.8, abs=1e-5)
        assert any("all 4 G GPUs of here" in each for each in result.binding)

    def test_shedding_is_fair_before_it_is_small(self) -> None:
        # 4 instances; R serves 2 req/s each, S 1. Of 4 and 4 req/s asked: 2 + 2 leaves S a half unserved, R none.
        # 1 + 3 leaves R a half unserved, S a quarter, and more in all. Fair: the largest fraction is a half in both,
        # then the total decides for 2 + 2.
        result = allocate(two_classes(tiny(), (4.0, 4.0), second_capacity_rps=1.0), gap=0.0)
        assert {(each.request_class, round(each.fraction, 4)) for each in result.shed} == {("S", 0.5)}
        # With 6 and 4 asked, 2 + 2 leaves R a third and S a half; 3 + 1 sheds less in all, but three quarters of S.
        result = allocate(two_classes(tiny(), (6.0, 4.0), second_capacity_rps=1.0), gap=0.0)
        assert {(each.request_class, round(each.fraction, 3)) for each in result.shed} == {("R", 0.333), ("S", 0.5)}

    def test_a_dear_tier_is_shed_last(self) -> None:
        scenario = tiny()
        tiers = (Tier("free", 1.0), Tier("paid", 100.0))
        demand = tuple(Demand("q", "R", 0, 8.0, tier=each.name) for each in tiers)
        slos = tuple(dataclasses.replace(scenario.slos[0], tier=each.name) for each in tiers)
        result = allocate(dataclasses.replace(scenario, tiers=tiers, demand=demand, slos=slos), gap=0.0)
        lost = {each.tier: each.fraction for each in result.shed}
        assert lost["free"] > 0.98
        assert lost.get("paid", 0.0) < 0.011

    def test_a_class_that_no_mode_serves_does_not_spoil_fairness(self) -> None:
        result = allocate(two_classes(tiny(), (6.0, 4.0), second_capacity_rps=0.0), gap=0.0)
        assert [(each.request_class, each.shed_rps) for each in result.shed] == [("S", 4.0)]
        assert sum(where(result).values()) == 3
        assert "class S" in result.binding[0]

    def test_a_mode_that_fits_nowhere_sheds_everything(self) -> None:
        result = allocate(tiny(modes=(Mode("TP2", {"G": 6}),)), gap=0.0)
        assert result.status is Outcome.OPTIMAL
        assert result.instances == ()
        assert result.shed_rps == 4.0

    def test_no_demand_is_a_plan_of_nothing(self) -> None:
        result = allocate(tiny(demand_rps=(0.0, 0.0)), gap=0.0)
        assert (result.status, result.instances, result.shed) == (Outcome.OPTIMAL, (), ())
        assert result.objective == pytest.approx((200 * 100 + 200 * 200) * 600 / 3.6e6)


class TestMachines:
    def test_an_instance_does_not_span_machines(self) -> None:
        machines = tuple(Machine("here", f"m{i}", "G", 1) for i in range(4))
        result = allocate(tiny(demand_rps=(1.0,), machines=machines), gap=0.0)
        assert where(result) == {"there": 1}

    def test_sizes_that_fit_in_sum_but_not_on_machines_are_cut_off(self) -> None:
        # Two machines of 4 GPUs; 3 + 3 + 2 GPUs are 8, yet do not pack: the 2 must go `there`, or a 3 be dropped.
        scenario = two_classes(tiny(gpus={"here": 8, "there": 2}), (4.0, 2.0))
        modes = (Mode("TP2", {"G": 2}), Mode("TP3", {"G": 3}))
        profiles = (dataclasses.replace(scenario.profiles[0], mode="TP3"), scenario.profiles[1])
        machines = tuple(Machine("here", f"m{i}", "G", 4) for i in range(2))
        scenario = dataclasses.replace(scenario, modes=modes, profiles=profiles, machines=machines)
        result = allocate(scenario, gap=0.0)
        assert {(each.location, each.mode, each.count) for each in result.instances} == {
            ("here", "TP3", 2),
            ("there", "TP2", 1),
        }
        free = allocate(dataclasses.replace(scenario, machines=()), gap=0.0)
        assert where(free) == {"here": 3}

    def test_gpus_that_leave_within_the_horizon_host_nothing_and_cease_to_draw(self) -> None:
        machines = (Machine("here", "m0", "G", 2), Machine("here", "m1", "G", 2, None, 1))
        result = allocate(
            tiny(demand_rps=(3.0, 3.0), machines=machines, gpus={"here": 4, "there": 2}),
            objective=Objective.only("energy"),
            gap=0.0,
        )
        assert where(result) == {"here": 1, "there": 1}
        # 2 instances at 3 req/s draw 600 + 750 W; The GPUs that leave are parked in the first step.
        assert result.objective == pytest.approx((1350 * 2 + 100) * 300)


class TestPromises:
    def test_max_share_bounds_what_a_location_serves(self) -> None:
        result = allocate(location(tiny(), "here", max_share=0.5), gap=0.0)
        at_home = sum(each.served_rps for each in result.flows if each.location == "here")
        assert at_home == pytest.approx(2.0)
        assert any("max_share" in each for each in result.binding)

    def test_power_cap_counts_parked_gpus_and_pue_at_the_planned_demand(self) -> None:
        # 1.25 x (200 parked + 200 idle + 250 J x f) <= 812.5 leaves f = 1.
        capped = location(tiny(), "here", power_cap_w=812.5, pue=1.25)
        result = allocate(capped, gap=0.0)
        at_home = sum(each.served_rps for each in result.flows if each.location == "here")
        assert at_home <= 1.0 + 1e-6
        assert served(result) == pytest.approx(4.0)

    def test_a_power_cap_below_the_parked_watts_is_refused(self) -> None:
        with pytest.raises(AllocationError, match="power_cap_w 150 W is below the 200 W"):
            allocate(location(tiny(), "here", power_cap_w=150.0))

    def test_assumed_idle_power_is_said(self) -> None:
        profile = dataclasses.replace(tiny().profiles[0], idle_assumed=True)
        assert any("assumed" in each for each in allocate(tiny(profiles=(profile,)), gap=0.0).notes)

    def test_weights_on_a_signal_without_unit_are_said(self) -> None:
        scenario = tiny(carbon_signal=CarbonSignal(unit="as given"), objective=Objective(carbon=1.0, energy=1.0))
        assert any("unit is not stated" in each for each in allocate(scenario, gap=0.0).notes)


def test_the_gap_is_reported_and_reached() -> None:
    result = allocate(tiny(), gap=0.5)
    assert result.gap is not None
    assert 0 <= result.gap <= 0.5


def test_shedding_that_is_not_proven_least_is_said() -> None:
    scenario = random_fleet(1, locations=8, modes=9, load=1.5)
    result = allocate(scenario, time_limit_s=3.0)
    assert result.status in (Outcome.FEASIBLE, Outcome.GREEDY)
    assert result.instances
    assert result.shed
    assert result.notes


def test_names_that_nothing_answers_to_are_said() -> None:
    scenario = location(tiny(modes=(Mode("TP2", {"G": 2}), Mode("TP4", {"GG": 4}))), "here", rtt_s={"amy": 0.1})
    notes = allocate(scenario, gap=0.0).notes
    assert "Mode TP4 takes GG GPUs, which no location has: it is never used (is 'G' meant?)." in notes
    assert "Location here names origin 'amy', from which there is no demand (is 'any' meant?)." in notes
