"""Figures of a plan, by hand: mean load, footprint, baselines and bands of the two sites."""

import dataclasses

import pytest

from freesh_plugin.core.plan import InstanceBand
from models.allocation.bands import bands
from models.allocation.baselines import all_on, all_on_instances, baselines, predicted
from models.allocation.footprint import footprint
from models.allocation.load import PoolKey, planned_load, served_mean
from models.allocation.pack import pack
from models.allocation.pairs import Pairs
from models.domain.allocation import AllocationResult, InstanceCount, Shed, Totals
from models.domain.scenario import CarbonSignal, Location, Objective, Scenario
from tests.fakes.two_sites import two_sites, two_sites_result

NORTH_L = PoolKey("north", "default", "L", "TP2")
SOUTH_S = PoolKey("south", "default", "S", "TP2")


def with_location(scenario: Scenario, name: str, **changes: object) -> Scenario:
    return dataclasses.replace(
        scenario,
        locations=tuple(
            dataclasses.replace(each, **changes) if each.name == name else each  # type: ignore[arg-type]
            for each in scenario.locations
        ),
    )


def test_mean_load_follows_the_mean_of_demand() -> None:
    load = planned_load(two_sites(), two_sites_result())
    assert load == {
        (SOUTH_S, 0): pytest.approx(2.0),
        (SOUTH_S, 1): pytest.approx(1.0),
        (NORTH_L, 0): pytest.approx(0.5),
        (NORTH_L, 1): pytest.approx(0.5),
    }


def test_mean_load_takes_the_margin_out_again() -> None:
    # α = 1.5: flows of 4.5 req/s serve 1.5 x 3.0, of which the mean is still 2.0.
    result = two_sites_result()
    grown = [dataclasses.replace(each, served_rps=each.served_rps * 1.5) for each in result.flows]
    load = planned_load(two_sites(demand_margin=1.5), dataclasses.replace(result, flows=tuple(grown)))
    assert load[SOUTH_S, 0] == pytest.approx(2.0)


def test_shed_demand_is_not_served() -> None:
    shed = (Shed("S", 0, 1.5, 0.5, origin="eu"),)
    served = served_mean(two_sites(), two_sites_result(shed=shed))
    assert {(each.request_class, each.step): rps for each, rps in served.items()} == {
        ("S", 0): 1.0,
        ("S", 1): 1.0,
        ("L", 0): 0.5,
        ("L", 1): 0.5,
    }


def test_footprint_is_what_hand_and_meter_say() -> None:
    scenario, result = two_sites(), two_sites_result()
    pairs = Pairs(scenario, result.partition)
    found = footprint(scenario, pairs, result.instances, planned_load(scenario, result))
    assert found.energy_j == pytest.approx(1_743_000.0)
    assert found.carbon_g == pytest.approx(0.618 / 3.6 * 100 + 1.125 / 3.6 * 50)
    assert found.cost_usd == pytest.approx(1.743 / 3.6 * 0.09)


def test_what_is_not_known_is_null() -> None:
    result = two_sites_result()
    unit = CarbonSignal(unit="as given")
    for scenario in (two_sites(carbon=()), two_sites(carbon=two_sites().carbon[:1]), two_sites(carbon_signal=unit)):
        assert predicted(scenario, result).carbon_g is None
        known = all_on(scenario, result)
        assert known is not None
        assert known.carbon_g is None
        assert known.energy_j > 0
    assert predicted(two_sites(prices=()), result).cost_usd is None


def test_all_on_fills_every_gpu() -> None:
    # Covered: S 4/3, L 1/0.8. On n1's 2 free GPUs L is first, then S on n2, by a TP4: 1.25 req/s a GPU, not 1.
    assert all_on_instances(two_sites(), two_sites_result()) == (
        InstanceCount("north", "default", "L", "TP2", 2),
        InstanceCount("north", "default", "S", "TP4", 1),
        InstanceCount("south", "default", "S", "TP2", 2),
    )


def test_all_on_burns_what_hand_says() -> None:
    # North: 1500 W idle; L 0.5 req/s at 600 J; S 5/9 of 2 and 1 req/s at 220 J. South: 800 W idle; 4/9 of S at 300 J.
    north = 600 * (1500 + 0.5 * 600) + 300 * (2 + 1) * 5 / 9 * 220
    south = 1.5 * (600 * 800 + 300 * (2 + 1) * 4 / 9 * 300)
    found = all_on(two_sites(), two_sites_result())
    assert found is not None
    assert found.energy_j == pytest.approx(north + south)
    assert found.energy_j == pytest.approx(2_090_000.0)


def test_all_on_adds_nothing_that_misses_its_service_level() -> None:
    # L answers first after 0.2 s; with 0.09 s of way from everywhere it misses 0.205 s, so only the plan's own L stays.
    tight = tuple(
        dataclasses.replace(each, ttft_s=0.205) if each.request_class == "L" else each for each in two_sites().slos
    )
    scenario = with_location(two_sites(slos=tight), "north", rtt_s={"eu": 0.09, "us": 0.09, "any": 0.09})
    names = {(each.location, each.request_class): each.count for each in all_on_instances(scenario, two_sites_result())}
    assert names["north", "L"] == 1


def test_gpus_too_few_for_any_mode_stay_parked() -> None:
    odd = with_location(two_sites(machines=()), "north", gpus={"A100": 7})
    instances = all_on_instances(odd, two_sites_result())
    assert sum({"TP2": 2, "TP4": 4}[each.mode] * each.count for each in instances if each.location == "north") == 6


def test_all_on_is_unknown_where_parked_power_is() -> None:
    scenario = with_location(two_sites(), "north", parked_power_w={})
    result = two_sites_result()
    assert all_on(scenario, result) is None
    assert predicted(scenario, result).energy_j == 1_743_000.0


def test_the_published_form_is_counted_with_idle_and_parked_power() -> None:
    # No flows: S spreads over its two TP2, L over its one, so the hand's total must come out, not the form's own.
    paper = two_sites_result(flows=(), totals=Totals(9e9, 9e9))
    assert predicted(two_sites(), paper).energy_j == pytest.approx(1_743_000.0)


def test_least_energy_is_solved_once_with_that_objective() -> None:
    asked: list[Scenario] = []

    def solve(scenario: Scenario) -> AllocationResult:
        asked.append(scenario)
        return two_sites_result(totals=Totals(1.0, 2.0, 3.0))

    found = baselines(two_sites(), two_sites_result(), solve)
    assert [each.objective.name for each in asked] == ["energy"]
    assert found.min_energy is not None
    assert (found.min_energy.energy_j, found.min_energy.carbon_g) == (1.0, 2.0)


def test_a_plan_for_least_energy_is_its_own_baseline() -> None:
    def solve(scenario: Scenario) -> AllocationResult:
        raise AssertionError("solved again")

    found = baselines(two_sites(objective=Objective.only("energy")), two_sites_result(), solve)
    assert found.min_energy is not None
    assert found.min_energy.energy_j == 1_743_000.0


def test_bands_by_hand() -> None:
    # South: the quietest step needs 1.0 of 2.0 req/s an instance, no GPU is free. North: 6 GPUs free hold 3 more.
    scenario, result = two_sites(), two_sites_result()
    assert bands(scenario, result, pack(scenario, result.instances)) == {
        NORTH_L: InstanceBand(1, 1, 4),
        SOUTH_S: InstanceBand(1, 2, 2),
    }


def test_the_minimum_is_what_the_quietest_mean_needs() -> None:
    busy = tuple(dataclasses.replace(each, mean_rps=2.9) for each in two_sites().demand[:2])
    scenario, result = two_sites(demand=(*busy, *two_sites().demand[2:])), two_sites_result()
    assert bands(scenario, result, pack(scenario, result.instances))[SOUTH_S].min == 2


@pytest.mark.parametrize(("cap_w", "most"), [(1e6, 4), (4000.0, 4), (3999.0, 3), (2220.0, 2), (1331.0, 1), (500.0, 1)])
def test_the_maximum_keeps_the_power_cap(cap_w: float, most: int) -> None:
    # North at full load: 440 parked + 890 for the TP2 above parked = 1330 W; each further one adds 890 W.
    scenario, result = with_location(two_sites(), "north", power_cap_w=cap_w), two_sites_result()
    assert bands(scenario, result, pack(scenario, result.instances))[NORTH_L].max == most


def test_pairs_know_origins_that_only_locations_name() -> None:
    scenario = two_sites(locations=(*two_sites().locations, Location("west", {"A100": 0}, rtt_s={"asia": 0.2})))
    assert Pairs(scenario, {"default": "a"}).origins("default") == ("any", "asia", "eu", "us")
