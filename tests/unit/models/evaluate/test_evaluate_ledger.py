"""Booking an epoch that came true, by hand: watts, routes, overload, changeovers, holes."""

import dataclasses

import numpy as np
import pytest

from models.allocation import allocate
from models.allocation.to_plan import to_plan
from models.domain.scenario import Demand, Machine, Mode, Profile, Running
from models.evaluate.ledger import Ledger, base_power_w
from tests.fakes.evaluated import epoch, fleet, plan, truth

KWH = 3.6e6
HALF_HOUR_S = 1_800

# tiny: 4 GPUs a place, 50 W parked each; an instance takes 2 GPUs, idles at 300 W, draws 800 W at 2 req/s.
PARKED_W = 200.0
IDLE_EXTRA_W = 300.0 - 100.0
SLOPE_W_PER_RPS = 250.0


def test_all_power_counts_parked_idle_and_load() -> None:
    scenario = fleet()
    came = truth(scenario, {"H": [100.0], "T": [400.0]}, [3.0, 3.0, 3.0])

    booked = Ledger(scenario, came).book(epoch(), plan(scenario, 2, 0), None)

    here_w = PARKED_W + 2 * IDLE_EXTRA_W + 3.0 * SLOPE_W_PER_RPS
    assert booked.energy_j == pytest.approx((here_w + PARKED_W) * HALF_HOUR_S)
    assert booked.carbon_g == pytest.approx((here_w * 100.0 + PARKED_W * 400.0) * HALF_HOUR_S / KWH)
    assert booked.offered == pytest.approx(3.0 * HALF_HOUR_S)
    assert (booked.unserved, booked.starts) == (0.0, 0)


def test_pue_hosts_and_machines_are_charged_where_they_stand() -> None:
    scenario = fleet(here={"pue": 1.5, "host_power_w": 40.0})
    scenario = dataclasses.replace(
        scenario, machines=(Machine("here", "m1", "G", 2), Machine("here", "m2", "G", 2))
    )  # fmt: skip
    came = truth(scenario, {"H": [100.0], "T": [100.0]}, [0.0, 0.0, 0.0])

    booked = Ledger(scenario, came).book(epoch(), plan(scenario, 0, 0), None)

    assert base_power_w(scenario, scenario.locations[0]) == PARKED_W + 2 * 40.0
    assert booked.energy_j == pytest.approx((1.5 * (PARKED_W + 80.0) + PARKED_W) * HALF_HOUR_S)


def test_demand_beyond_a_locations_capacity_is_not_served_and_not_sent_elsewhere() -> None:
    scenario = fleet()
    came = truth(scenario, {"H": [100.0], "T": [100.0]}, [6.0, 6.0, 6.0])

    # Half of 6 req/s goes to one instance of 2 req/s here; there are two instances for the other half.
    booked = Ledger(scenario, came).book(epoch(), plan(scenario, 1, 2, share_here=0.5), None)

    assert booked.unserved == pytest.approx(1.0 * HALF_HOUR_S)
    watts = 2 * PARKED_W + 3 * IDLE_EXTRA_W + (2.0 + 3.0) * SLOPE_W_PER_RPS
    assert booked.energy_j == pytest.approx(watts * HALF_HOUR_S)


def test_what_no_route_takes_is_not_served() -> None:
    scenario = fleet()
    came = truth(scenario, {"H": [100.0], "T": [100.0]}, [1.0, 1.0, 1.0])

    booked = Ledger(scenario, came).book(epoch(), plan(scenario, 0, 0), None)

    assert booked.unserved == pytest.approx(booked.offered) == pytest.approx(HALF_HOUR_S)


def test_until_starts_are_ready_the_plan_before_serves() -> None:
    scenario = fleet(modes=(Mode("TP2", {"G": 2}, startup_s=120.0, startup_energy_j=9e4),))
    came = truth(scenario, {"H": [100.0], "T": [400.0]}, [2.0, 2.0, 2.0])
    before, after = plan(scenario, 1, 0), plan(scenario, 0, 1)

    booked = Ledger(scenario, came).book(epoch(), after, before)

    serving_w = PARKED_W + IDLE_EXTRA_W + 2.0 * SLOPE_W_PER_RPS
    here_j = 120 * serving_w + (HALF_HOUR_S - 120) * PARKED_W
    there_j = 120 * PARKED_W + (HALF_HOUR_S - 120) * serving_w + 9e4
    assert booked.starts == 1
    assert booked.unserved == 0.0
    assert booked.energy_j == pytest.approx(here_j + there_j)
    assert booked.carbon_g == pytest.approx((here_j * 100.0 + there_j * 400.0) / KWH)


def test_stopping_and_staying_take_no_start() -> None:
    scenario = fleet(modes=(Mode("TP2", {"G": 2}, startup_s=120.0, startup_energy_j=9e4),))
    came = truth(scenario, {"H": [100.0], "T": [400.0]}, [2.0, 2.0, 2.0])
    ledger = Ledger(scenario, came)

    assert ledger.book(epoch(), plan(scenario, 1, 0), plan(scenario, 2, 1)) == ledger.book(
        epoch(), plan(scenario, 1, 0), None
    )


def test_slots_whose_truth_is_missing_are_not_booked() -> None:
    scenario = fleet()
    came = truth(scenario, {"H": [100.0], "T": [100.0]}, [3.0, np.nan, 3.0])

    booked = Ledger(scenario, came).book(epoch(), plan(scenario, 2, 0), None)

    watts = 2 * PARKED_W + 2 * IDLE_EXTRA_W + 3.0 * SLOPE_W_PER_RPS
    assert booked.scored_s == 1_200
    assert booked.energy_j == pytest.approx(watts * 1_200)
    assert booked.offered == pytest.approx(3.0 * 1_200)


def test_negative_carbon_is_booked_signed() -> None:
    scenario = fleet()
    came = truth(scenario, {"H": [-50.0], "T": [0.0]}, [0.0, 0.0, 0.0])

    assert Ledger(scenario, came).book(epoch(), plan(scenario, 0, 0), None).carbon_g == pytest.approx(
        -50.0 * PARKED_W * HALF_HOUR_S / KWH
    )


def test_power_follows_the_levels_of_a_profile() -> None:
    levels = ((0.0, 300.0), (0.5, 700.0), (1.0, 800.0))
    bent = Profile("q", "R", "TP2", 2.0, 800.0, 2.0, 0.2, 0.05, 300.0, power_levels=levels)
    scenario = fleet(profiles=(bent,))
    came = truth(scenario, {"H": [100.0], "T": [100.0]}, [1.0, 1.0, 1.0])

    booked = Ledger(scenario, came).book(epoch(), plan(scenario, 1, 0), None)

    assert booked.energy_j == pytest.approx((PARKED_W + 100.0 + 700.0) * HALF_HOUR_S)


def test_a_plan_that_comes_true_takes_what_the_allocation_said() -> None:
    """The ledger counts on its own; where the mean comes true and one mode serves, the totals are the planner's."""
    scenario = fleet(demand=tuple(Demand("q", "R", step, 5.0, 3.0) for step in range(6)))
    result = allocate(scenario, solver="highs", gap=0.0)
    came = truth(scenario, {"H": [100.0], "T": [200.0]}, [3.0, 3.0, 3.0])

    booked = Ledger(scenario, came).book(
        epoch(), to_plan(scenario, result, epoch=epoch().slot, revision=1, mode="advise"), None
    )

    assert result.totals is not None
    assert booked.energy_j == pytest.approx(result.totals.energy_j, rel=1e-9)
    # Routes follow planned flows, rounded to ten-thousandths: so do grams.
    assert booked.carbon_g == pytest.approx(result.totals.carbon_g, rel=1e-3)


def test_running_instances_of_the_first_plan_are_not_charged() -> None:
    scenario = fleet(running=(Running("here", "here", "TP2", "R", 1),))
    came = truth(scenario, {"H": [100.0], "T": [100.0]}, [1.0, 1.0, 1.0])

    assert Ledger(scenario, came).book(epoch(), plan(scenario, 2, 0), None).starts == 0
