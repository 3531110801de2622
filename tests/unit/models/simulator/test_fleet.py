"""The loop, booked by hand: service, energy of everything, routes, round trips, waits, what a controller sees."""

from dataclasses import replace

import pytest

from models.domain.scenario import Machine
from models.simulator.fleet_model import Scoring
from models.simulator.fleet_target import FleetTarget
from models.simulator.signals import Signals
from models.simulator.simulation_error import SimulationError
from tests.fakes.plain_fleet import (
    HERE,
    LATENCY_S,
    PARTITION,
    STARTUP_J,
    STARTUP_S,
    THERE,
    WHOLE,
    Targets,
    fleet,
    levels,
    location,
    pool,
    request,
    run,
    scores,
    target,
)
from tests.fakes.plain_instance import BUSY_W, IDLE_W

KWH = 3.6e6
BOTH = {pool(HERE, "S"): 1, pool(HERE, "L"): 1}


def test_requests_go_to_the_pool_of_their_predicted_class_and_take_what_they_take() -> None:
    found = run(fleet(start=target(0, BOTH)), [request(10), request(20, 101)])
    scored = scores(found)
    assert (scored.offered, scored.finished, scored.refused, scored.shed) == (2, 2, 0, 0)
    assert scored.ttft_p50_s == pytest.approx(0.5, rel=0.01)
    assert scored.latency_p50_s == pytest.approx(1.0, rel=0.01)
    assert scored.latency_p99_s == pytest.approx(1.5, rel=0.01)
    assert scored.tbt_p50_s == pytest.approx(0.01, rel=0.01)
    assert scored.slo_attainment == 1.0
    assert scored.goodput_rps == pytest.approx(2 / 600)


def test_all_power_counts() -> None:
    here = location(HERE, gpus=4, pue=1.5, host_power_w=200.0)
    found = run(fleet(here, start=target(0, BOTH)), [request(10)])
    scored = scores(found)
    assert scored.busy_kwh * KWH == pytest.approx(BUSY_W * 1.0)
    assert scored.idle_kwh * KWH == pytest.approx(IDLE_W * (2 * 600 - 1.0))
    assert scored.parked_kwh * KWH == pytest.approx(2 * 50 * 600)
    assert scored.host_kwh * KWH == pytest.approx(200 * 600)
    assert scored.loading_kwh == 0.0
    gpu_j = BUSY_W + IDLE_W * 1199 + 2 * 50 * 600
    assert scored.energy_gpu_kwh * KWH == pytest.approx(gpu_j)
    assert scored.energy_kwh * KWH == pytest.approx(1.5 * (gpu_j + 200 * 600))
    assert scored.gpu_hours == pytest.approx(2 * 600 / 3600)


def test_a_mispredicted_request_is_served_by_one_class_and_scored_in_the_other() -> None:
    found = run(fleet(start=target(0, BOTH)), [request(10, answer_tokens=150, predicted=50.0)])
    assert [each.request_class for each in found.classes(policy="p", hour="h", scenario="s", seed=1)] == ["L"]


def test_every_partition_is_scored_by_the_same_classes() -> None:
    start = target(0, {pool(HERE, "A"): 2}, partition=WHOLE)
    found = run(fleet(start=start), [request(10), request(10, 150)])
    rows = found.classes(policy="p", hour="h", scenario="s", seed=1)
    assert [(each.request_class, each.offered, each.attainment) for each in rows] == [("L", 1, 1.0), ("S", 1, 1.0)]


def test_routes_are_followed_and_round_trips_are_in_what_users_see() -> None:
    there = location(THERE, rtt_s={"DE": 0.4})
    start = target(0, {pool(HERE, "S"): 1, pool(THERE, "S"): 1}, {THERE: 1.0})
    found = run(fleet(location(HERE), there, start=start), [request(10, origin="DE")])
    rows = found.series(policy="p", hour="h", scenario="s", seed=1)
    assert {each.location: each.served_rps for each in rows[:2]} == {HERE: 0.0, THERE: pytest.approx(1 / 300)}
    assert scores(found).ttft_p50_s == pytest.approx(0.9, rel=0.01)
    assert scores(found).latency_p50_s == pytest.approx(1.4, rel=0.01)


def test_requests_are_served_by_another_location_where_the_plan_forgot_their_class() -> None:
    start = target(0, {pool(THERE, "S"): 1}, {HERE: 1.0})
    found = run(fleet(location(HERE), location(THERE), start=start), [request(10)])
    assert (scores(found).finished, found.detours, found.spills) == (1, 1, 0)


def test_a_class_without_a_pool_is_served_by_another_class() -> None:
    found = run(fleet(start=target(0, {pool(HERE, "L"): 1})), [request(10)])
    assert (scores(found).finished, found.detours, found.spills) == (1, 0, 1)


def test_no_fallback_breaks_residency() -> None:
    there = location(THERE, allowed_origins=("FR",))
    start = target(0, {pool(THERE, "S"): 1}, {THERE: 1.0})
    found = run(fleet(location(HERE), there, start=start), [request(10, origin="DE"), request(11, origin="FR")])
    assert (scores(found).finished, scores(found).refused) == (1, 1)


def test_a_route_without_shares_sheds() -> None:
    start = target(0, BOTH)
    shut = FleetTarget(0, start.pools, {("default", "S", "any"): {}}, start.partitions)
    scored = scores(run(fleet(start=shut), [request(10)]))
    assert (scored.shed, scored.refused, scored.slo_attainment) == (1, 0, 0.0)
    assert scored.p99_stall_s == pytest.approx(590, rel=0.01)


def test_a_request_that_an_instance_refuses_is_a_miss_whose_stall_runs_to_the_end() -> None:
    scored = scores(run(fleet(start=target(0, BOTH)), [request(100, prompt_tokens=6000), request(101)]))
    assert (scored.refused, scored.finished, scored.slo_attainment) == (1, 1, 0.5)
    assert scored.p99_stall_s == pytest.approx(500, rel=0.01)


def test_a_request_of_an_unknown_model_is_refused() -> None:
    other = replace(levels(PARTITION)[0], model="other")
    of = fleet(start=target(0, BOTH), scored_by=Scoring(PARTITION, (other,)))
    assert scores(run(of, [request(1, model="other")])).refused == 1


def test_requests_wait_at_the_gateway_while_instances_load() -> None:
    found = run(fleet(), [request(15), request(16)], target(0, BOTH))
    scored = scores(found)
    assert scored.finished == 2
    assert scored.ttft_p99_s == pytest.approx(STARTUP_S - 15 + 0.5, rel=0.01)
    assert scored.loading_kwh * KWH == pytest.approx(2 * STARTUP_J)
    assert (scored.starts, scored.stops) == (2, 0)


def test_a_request_that_would_wait_longer_than_it_may_take_is_shed_when_that_is_over() -> None:
    scored = scores(run(fleet(), [request(5)], target(0, BOTH)))
    assert (scored.shed, scored.finished) == (1, 0)
    assert 5 + LATENCY_S < STARTUP_S


def test_power_after_the_workload_is_that_of_instances_which_have_not_finished() -> None:
    found = run(fleet(start=target(0, BOTH)), [request(599.5)])
    scored = scores(found)
    assert scored.busy_kwh * KWH == pytest.approx(BUSY_W * 1.0)
    assert scored.idle_kwh * KWH == pytest.approx(IDLE_W * (599.5 + 600))
    assert scored.parked_kwh * KWH == pytest.approx(2 * 50 * 600)
    assert scored.simulated_s == pytest.approx(600.5)


def test_a_controller_sees_the_past_alone() -> None:
    steered = Targets([target(100, BOTH), target(200, BOTH)])
    requests = [request(50), request(99.5, 150, origin="DE"), request(150)]
    run(fleet(start=target(0, BOTH)), requests, controller=steered)
    first, second = steered.seen
    assert list(first.arrivals) == [("default", 80, 51, "any"), ("default", 80, 150, "DE")]
    assert list(second.arrivals) == [("default", 80, 51, "any")]
    assert second.arrivals[0] == ("default", 80, 51.0, "any")
    short, long = first.pools[pool(HERE, "S")], first.pools[pool(HERE, "L")]
    assert (short.ready, short.starting, short.draining, short.outstanding, short.arrivals) == (1, 0, 0, 0, 1)
    assert short.busy_share == pytest.approx(0.01)
    assert (long.outstanding, long.arrivals) == (1, 1)
    assert second.pools[pool(HERE, "L")].arrivals == 0
    assert first.free_gpus == {(HERE, "H100"): 2}


def test_carbon_has_two_ledgers_and_cost_its_price() -> None:
    signals = Signals({HERE: [400.0, 200.0]}, {HERE: [-100.0, 300.0]}, {HERE: [50.0, 100.0]})
    scored = scores(run(fleet(start=target(0, BOTH)), [], signals=signals))
    slot_kwh = (2 * IDLE_W + 2 * 50) * 300 / KWH
    assert scored.carbon_kg == pytest.approx(slot_kwh * 0.6)
    assert scored.carbon_marginal_kg == pytest.approx(slot_kwh * 0.3)
    assert scored.carbon_marginal_signed_kg == pytest.approx(slot_kwh * 0.2)
    assert scored.cost_usd == pytest.approx(slot_kwh * 0.15)


def test_what_is_not_known_is_none() -> None:
    signals = Signals({HERE: [400.0, None]}, {HERE: [100.0]})
    found = run(fleet(start=target(0, BOTH)), [], signals=signals)
    scored = scores(found)
    assert (scored.carbon_kg, scored.cost_usd) == (None, None)
    assert scored.carbon_marginal_kg is not None
    rows = found.series(policy="p", hour="h", scenario="s", seed=1)
    assert [each.carbon_gco2e_per_kwh for each in rows] == [400.0, None]


def test_series_are_means_of_slots() -> None:
    found = run(fleet(location(HERE, pue=2.0), start=target(0, BOTH)), [request(10)], duration_s=450)
    first, last = found.series(policy="p", hour="h", scenario="s", seed=1)
    assert (first.start_s, last.start_s) == (0.0, 300.0)
    assert first.power_w == pytest.approx(2 * (BUSY_W + IDLE_W * 599 + 100 * 300) / 300)
    assert last.power_w == pytest.approx(2 * (2 * IDLE_W + 100))
    assert [first.instances, last.instances] == pytest.approx([2, 2])
    assert first.busy_share == pytest.approx(1 / 600)
    assert first.sm_clock_mhz == pytest.approx(1980)


def test_clients_are_fair_when_their_slowdowns_are_equal() -> None:
    equal = [request(10, client=1), request(20, client=2)]
    assert scores(run(fleet(start=target(0, BOTH)), equal)).fairness_jain == pytest.approx(1.0)
    # Five at once in four places: the fifth waits a second, its slowdown is twice that of the others.
    unequal = [request(10, client=number) for number in range(5)]
    scored = scores(run(fleet(start=target(0, BOTH)), unequal))
    assert scored.fairness_jain == pytest.approx(6**2 / (5 * (4 * 1 + 2**2)), rel=1e-3)


def test_the_same_run_twice_is_the_same() -> None:
    def once() -> str:
        requests = [request(each * 0.37, 20 + each % 150, session=each % 7, client=each % 3) for each in range(500)]
        places = fleet(location(HERE), location(THERE), start=target(0, BOTH | {pool(THERE, "S"): 2}))
        found = run(places, requests, target(60, BOTH), target(120, {pool(THERE, "L", "two"): 2}))
        return repr(replace(scores(found), wall_s=0.0))

    assert once() == once()


def test_machines_must_be_those_of_their_location() -> None:
    with pytest.raises(SimulationError, match="machines at 'here' have 3 H100 GPUs, the location 4"):
        run(fleet(machines=(Machine(HERE, "m", "H100", 3),)), [])
    with pytest.raises(SimulationError, match="comes or goes"):
        run(fleet(machines=(Machine(HERE, "m", "H100", 4, available_from=1),)), [])
    with pytest.raises(SimulationError, match="watts of parked H100 GPUs at 'here' are not given"):
        run(fleet(location(HERE, parked_power_w={})), [])


def test_a_start_that_does_not_fit_a_mode_or_a_level_that_is_missing_is_said() -> None:
    with pytest.raises(SimulationError, match="does not fit"):
        run(fleet(start=target(0, {pool(HERE, "S"): 5})), [])
    with pytest.raises(SimulationError, match="no engine of mode 'odd'"):
        run(fleet(start=target(0, {pool(HERE, "S", "odd"): 1})), [])
    with pytest.raises(SimulationError, match="before anything said what serves"):
        run(fleet(), [request(1)])
    with pytest.raises(SimulationError, match=r"comes at 700\.0"):
        run(fleet(start=target(0, BOTH)), [request(700)])
