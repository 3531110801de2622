"""Routes: shares from flows or capacity, exact sums, and never against residency."""

import dataclasses
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freesh_plugin.core.errors import AllocationError
from models.allocation.routes import PARTS, route_holds, routes, shares
from models.domain.allocation import AllocationResult, Flow, InstanceCount
from models.domain.scenario import Scenario
from tests.fakes.two_sites import two_sites, two_sites_result


def weights(scenario: Scenario, result: AllocationResult) -> dict[tuple[str, str], dict[str, float]]:
    return {(each.request_class, each.origin): each.weights for each in routes(scenario, result)}


def test_every_class_and_origin_has_a_route_within_residency() -> None:
    assert weights(two_sites(), two_sites_result()) == {
        ("S", "any"): {},
        ("S", "eu"): {"south": 1.0},
        ("S", "us"): {},
        ("L", "any"): {"north": 1.0},
        ("L", "eu"): {"north": 1.0},
        ("L", "us"): {"north": 1.0},
    }


def test_shares_follow_flows_over_modes_and_steps() -> None:
    # 3.0 and 1.0 from the south, 0.5 + 0.5 in two modes from the north: 4 to 1.
    flows = (
        Flow("south", "S", "TP2", 0, 3.0, origin="eu"),
        Flow("south", "S", "TP2", 1, 1.0, origin="eu"),
        Flow("north", "S", "TP2", 1, 0.5, origin="eu"),
        Flow("north", "S", "TP4", 1, 0.5, origin="eu"),
    )
    instances = (*two_sites_result().instances, InstanceCount("north", "default", "S", "TP4", 1))
    result = two_sites_result(flows=flows, instances=instances)
    assert weights(two_sites(), result)["S", "eu"] == {"north": 0.2, "south": 0.8}


def test_a_route_outlives_what_instances_serve_that_are_to_stop() -> None:
    # The north still serves S in the first step, with an instance that the plan does not keep.
    flows = (*two_sites_result().flows, Flow("north", "S", "TP2", 0, 1.0, origin="eu"))
    assert weights(two_sites(), two_sites_result(flows=flows))["S", "eu"] == {"south": 1.0}


def test_without_flows_shares_follow_capacity() -> None:
    # The published form: S has 2 x 2.0 req/s in the south and 5.0 in the north.
    instances = (*two_sites_result().instances, InstanceCount("north", "default", "S", "TP4", 1))
    found = weights(two_sites(), two_sites_result(instances=instances, flows=()))
    assert found["S", "eu"] == {"north": 0.5556, "south": 0.4444}
    assert found["S", "us"] == {"north": 1.0}


def test_capacity_that_keeps_the_service_level_goes_first() -> None:
    # TTFT bound 0.15 s, 0.1 s of its own: 0.09 s to the north is too far for us, 0.01 s is near enough for eu.
    tight = tuple(dataclasses.replace(each, ttft_s=0.115) for each in two_sites().slos)
    instances = (*two_sites_result().instances, InstanceCount("north", "default", "S", "TP4", 1))
    found = weights(two_sites(slos=tight), two_sites_result(instances=instances, flows=()))
    assert found["S", "eu"] == {"north": 1.0}
    assert found["S", "us"] == {"north": 1.0}, "rather late than not at all"


def test_a_flow_against_residency_is_refused() -> None:
    astray = (Flow("south", "L", "TP2", 0, 0.8, origin="us"),)
    with pytest.raises(AllocationError, match=r"0\.8 req/s from 'us' may not go to 'south'"):
        routes(two_sites(), two_sites_result(flows=astray))


def test_holds_name_requests_that_no_pool_serves() -> None:
    scenario, result = two_sites(), two_sites_result()
    assert route_holds(scenario, result, routes(scenario, result)) == ()
    without = dataclasses.replace(result, instances=result.instances[1:], flows=result.flows[::2])
    (hold,) = route_holds(scenario, without, routes(scenario, without))
    assert hold.code == "no_pool"
    assert (
        hold.reason == "Class L of model default from us has demand but no pool that may serve it: all of it is shed."
    )
    quiet = two_sites(demand=two_sites().demand[:2])
    (hold,) = route_holds(quiet, without, routes(quiet, without))
    assert hold.reason == "Class L of model default has no pool: no demand is forecast for it."


amounts = st.dictionaries(st.sampled_from("abcdefg"), st.floats(0, 1e9, allow_subnormal=False), max_size=7)


@given(amounts)
def test_shares_add_up_to_one_and_are_near_their_amounts(given_amounts: dict[str, float]) -> None:
    found = shares(given_amounts)
    total = sum(given_amounts.values())
    if total == 0:
        assert found == {}
        return
    assert sum(Decimal(str(each)) for each in found.values()) == 1
    assert sum(found.values()) == pytest.approx(1, abs=1e-12)
    for name, amount in given_amounts.items():
        assert abs(found.get(name, 0.0) - amount / total) <= 1 / PARTS + 1e-12
