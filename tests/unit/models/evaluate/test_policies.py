"""Each policy over a few minutes of the synthetic hour: what makes it that policy, and that nobody is lost."""

from dataclasses import replace
from functools import cache
from math import inf

import pytest

from models.evaluate.cell import Cell, simulate_cell
from models.evaluate.policies import POLICIES, STEPS
from models.simulator.fleet_run import FleetRun
from models.simulator.fleet_target import FleetView
from models.simulator.run_scores import RunScores, SeriesRow
from tests.fakes.evaluated_cell import demo_cell, shortened

DURATION_S = 600.0
ALL = {**POLICIES, **STEPS}


@cache
def cell() -> Cell:
    return shortened(demo_cell(), DURATION_S)


@cache
def run_of(name: str) -> FleetRun:
    return simulate_cell(cell(), ALL[name])


def scores_of(name: str) -> RunScores:
    return run_of(name).scores(policy=name, hour="demo", scenario="demo", seed=0)


def series_of(name: str) -> list[SeriesRow]:
    return run_of(name).series(policy=name, hour="demo", scenario="demo", seed=0)


@pytest.mark.parametrize("name", ALL)
def test_every_policy_serves_all_requests_on_the_fleet(name: str) -> None:
    scores = scores_of(name)
    offered = sum(1 for _ in cell().data.workload.requests())
    assert (scores.policy, scores.offered) == (name, offered)
    assert scores.finished + scores.refused + scores.shed == offered
    assert scores.refused + scores.shed == 0
    assert scores.slo_attainment > (0.75 if "autoscaler" in name else 0.9)


def test_the_reference_stands_still_at_the_highest_clock() -> None:
    scores = scores_of("reference")
    assert (scores.starts, scores.stops, scores.relabels, scores.clock_changes_per_min) == (0, 0, 0, 0)
    assert max(each.sm_clock_mhz for each in series_of("reference")) > 1_400


def test_the_best_static_clock_is_kept() -> None:
    assert all(800 <= each.sm_clock_mhz <= 1_110 for each in series_of("best_static_clock"))
    assert scores_of("best_static_clock").energy_kwh < 0.8 * scores_of("reference").energy_kwh


def test_what_the_autoscaler_does_not_need_it_stops() -> None:
    scores = scores_of("reactive_autoscaler")
    assert scores.stops > 0
    assert scores.gpu_hours < scores_of("best_static_clock").gpu_hours


def test_the_cleanest_location_gets_the_requests() -> None:
    grids = {each.location: each.carbon_gco2e_per_kwh or 0.0 for each in series_of("cleanest_autoscaler")}
    served: dict[str, float] = {}
    for each in series_of("cleanest_autoscaler"):
        if each.start_s >= DURATION_S / 2:
            served[each.location] = served.get(each.location, 0.0) + each.served_rps
    assert max(served, key=lambda name: served[name]) == min(grids, key=lambda name: grids[name])


def test_a_plan_that_is_held_is_carried_out_once() -> None:
    held = POLICIES["previous_plan_held"].controller(cell())
    assert held.next_s == 0.0
    target = held.decide(0.0, FleetView(0.0, {}, {}, ()))
    assert target is not None
    assert target.valid_from_s == 0.0
    assert held.next_s == inf


def test_right_sizing_alone_leaves_clocks_alone() -> None:
    assert scores_of("rightsized_min_energy").clock_changes_per_min == 0
    assert scores_of("freesh").clock_changes_per_min > 0


def test_the_policy_like_dynamollm_plans_the_hour_at_its_start() -> None:
    controller = POLICIES["dynamollm_like"].controller(cell())
    assert controller.next_s == 0.0
    assert scores_of("dynamollm_like").energy_kwh < scores_of("reference").energy_kwh


def test_the_same_run_twice_is_the_same() -> None:
    again = simulate_cell(cell(), POLICIES["freesh"])
    scores = again.scores(policy="freesh", hour="demo", scenario="demo", seed=0)
    assert replace(scores, wall_s=0.0) == replace(scores_of("freesh"), wall_s=0.0)


def test_another_power_model_changes_joules_and_no_request() -> None:
    name = "layer_llf"
    low = simulate_cell(cell().drawing("low"), ALL[name]).scores(policy=name, hour="demo", scenario="demo", seed=0)
    mid = scores_of(name)
    assert low.energy_kwh != mid.energy_kwh
    assert (low.slo_attainment, low.ttft_p99_s) == (mid.slo_attainment, mid.ttft_p99_s)
