"""The way to a new target: for free where it can be, start before stop, a class never emptied where it need not be."""

import pytest

from models.domain.scenario import Machine
from models.simulator.fleet_fault import Fault
from models.simulator.fleet_run import FleetRun
from tests.fakes.plain_fleet import (
    HERE,
    STARTUP_J,
    STARTUP_S,
    THERE,
    Targets,
    fleet,
    location,
    pool,
    request,
    run,
    scores,
    target,
)

KWH = 3.6e6
S, L = pool(HERE, "S"), pool(HERE, "L")
S_TWO = pool(HERE, "S", "two")


def moves(found: FleetRun) -> tuple[int, int, int]:
    """Starts, stops and relabels."""
    return found.starts, found.stops, found.relabels


def test_a_target_like_the_one_before_changes_nothing() -> None:
    found = run(fleet(start=target(0, {S: 2})), [request(50)], target(100, {S: 2}), target(200, {S: 2}))
    assert moves(found) == (0, 0, 0)


def test_an_instance_changes_its_class_without_a_restart() -> None:
    found = run(fleet(start=target(0, {S: 2})), [request(150, 150)], target(100, {S: 1, L: 1}))
    assert moves(found) == (0, 0, 1)
    assert (found.spills, scores(found).loading_kwh) == (0, 0.0)


def test_a_mode_that_needs_no_restart_is_a_relabel() -> None:
    found = run(fleet(start=target(0, {S: 1})), [], target(100, {pool(HERE, "S", "slow"): 1}))
    assert moves(found) == (0, 0, 1)


def test_what_waits_in_an_instance_that_changes_its_class_is_served_by_the_others() -> None:
    # Six at once in each of two instances of four places; one becomes L at once and serves those four that run.
    found = run(fleet(start=target(0, {S: 2})), [request(99.5) for _ in range(12)], target(100, {S: 1, L: 1}))
    scored = scores(found)
    assert (scored.finished, found.spills) == (12, 0)
    # All four that waited are in one instance: two waves of four there, and nothing waits longer.
    assert scored.latency_p99_s == pytest.approx(2.0, rel=0.01)


def test_a_replacement_serves_before_what_it_replaces_is_stopped() -> None:
    found = run(fleet(start=target(0, {S: 2})), [request(110), request(140)], target(100, {S_TWO: 1}))
    scored = scores(found)
    assert moves(found) == (1, 2, 0)
    assert scored.ttft_p99_s == pytest.approx(0.5, rel=0.01)
    assert found.gpu_s == pytest.approx(2 * (100 + STARTUP_S) + 2 * 500)
    assert scored.loading_kwh * KWH == pytest.approx(STARTUP_J)


def test_without_free_gpus_a_class_is_replaced_in_halves() -> None:
    requests = [request(float(at_s)) for at_s in range(95, 200)]
    found = run(fleet(start=target(0, {S: 4})), requests, target(100, {S_TWO: 2}))
    scored = scores(found)
    assert moves(found) == (2, 4, 0)
    assert (scored.finished, scored.shed) == (105, 0)
    assert scored.ttft_p99_s == pytest.approx(0.5, rel=0.01)
    # Two GPUs are drained and loaded, then the other two; a running request holds them no longer than a second.
    assert 4 * 600 - 4 < found.gpu_s <= 4 * 600


def test_the_only_instance_makes_room_where_nothing_else_can() -> None:
    here = location(HERE, gpus=2)
    found = run(fleet(here, start=target(0, {S_TWO: 1})), [request(115)], target(100, {S: 2}))
    assert moves(found) == (2, 1, 0)
    assert scores(found).ttft_p50_s == pytest.approx(100 + STARTUP_S - 115 + 0.5, rel=0.01)


def test_an_instance_that_drains_finishes_what_runs_and_gives_back_what_waits() -> None:
    here = location(HERE, gpus=2)
    start = target(0, {S_TWO: 1})
    found = run(fleet(here, start=start), [request(99.9) for _ in range(6)], target(100, {S: 2}, latency_s=60))
    scored = scores(found)
    assert (scored.finished, scored.shed) == (6, 0)
    assert scored.latency_p50_s == pytest.approx(1.0, rel=0.01)
    # Four run until 100.9, then both load for 30 s and take one of those that waited each.
    assert scored.latency_p99_s == pytest.approx(100.9 + STARTUP_S + 1 - 99.9, rel=0.01)


def test_an_instance_that_drains_is_taken_again_when_it_is_wanted() -> None:
    long = request(99, answer_tokens=2001, predicted=50.0)
    found = run(fleet(start=target(0, {S: 1})), [long, request(110)], target(100, {}), target(105, {S: 1}))
    assert moves(found) == (0, 0, 0)
    assert scores(found).finished == 2


def test_a_load_that_nobody_wants_any_more_is_charged_whole() -> None:
    found = run(fleet(), [], target(0, {S: 1}), target(10, {}))
    assert moves(found) == (1, 1, 0)
    assert found.gpu_s == pytest.approx(10)
    assert scores(found).loading_kwh * KWH == pytest.approx(STARTUP_J)


def test_an_instance_does_not_span_machines() -> None:
    machines = (Machine(HERE, "a", "H100", 2), Machine(HERE, "b", "H100", 2))
    # The fullest machine is filled first, so that one stays whole.
    found = run(fleet(machines=machines, start=target(0, {S: 2})), [], target(100, {S: 2, S_TWO: 1}))
    assert moves(found) == (1, 0, 0)
    steered = Targets([target(100, {S: 3, S_TWO: 1}), target(500, {S: 3, S_TWO: 1})])
    run(fleet(machines=machines, start=target(0, {S: 3})), [], controller=steered)
    assert steered.seen[1].pools[S_TWO].starting == 1
    assert steered.seen[1].free_gpus == {(HERE, "H100"): 1}


def test_while_a_location_loads_what_leaves_elsewhere_goes_on() -> None:
    places = fleet(location(HERE), location(THERE), start=target(0, {S: 2}))
    requests = [request(at_s) for at_s in (100.5, 110.0, 140.0, 150.0)]
    found = run(places, requests, target(100, {pool(THERE, "S"): 2}, {THERE: 1.0}))
    rows = found.series(policy="p", hour="h", scenario="s", seed=1)
    served = {each.location: round(each.served_rps * 300) for each in rows if each.start_s == 0}
    assert served == {HERE: 2, THERE: 2}
    assert scores(found).ttft_p99_s == pytest.approx(0.5, rel=0.01)
    assert found.detours == 0


def test_a_location_that_grows_gets_its_share_as_it_loads() -> None:
    places = fleet(location(HERE), location(THERE), start=target(0, {S: 1, pool(THERE, "S"): 1}))
    requests = [request(101 + each / 10) for each in range(100)]
    found = run(places, requests, target(100, {S: 3, pool(THERE, "S"): 1}, {HERE: 0.75, THERE: 0.25}))
    rows = found.series(policy="p", hour="h", scenario="s", seed=1)
    served = {each.location: round(each.served_rps * 300) for each in rows if each.start_s == 0}
    # One of three serves here: .75 / 3 against .25.
    assert served == {HERE: 50, THERE: 50}


def test_what_a_lost_instance_had_is_sent_again_and_it_is_started_anew() -> None:
    found = run(fleet(start=target(0, {S: 2})), [request(99.5) for _ in range(8)], faults=[Fault(100, HERE)])
    scored = scores(found)
    assert (scored.finished, scored.refused) == (8, 0)
    assert moves(found) == (1, 1, 0)
    # Four wait behind the four of the instance that is left: until 100.5, and a second more.
    assert scored.latency_p99_s == pytest.approx(2.0, rel=0.01)


def test_what_is_lost_twice_is_a_miss() -> None:
    faults = [Fault(100, HERE), Fault(100.2, HERE)]
    found = run(fleet(start=target(0, {S: 2})), [request(99.5)], faults=faults)
    assert (scores(found).finished, scores(found).refused) == (0, 1)
