"""Power that is not a straight line over load: a load level is a column of its own, and none counts too little."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.allocation import allocate
from models.allocation.power_lines import power_line, power_lines
from models.domain.scenario import Objective, Profile
from tests.fakes.allocation_checks import where
from tests.fakes.fleet_scenarios import tiny

FLAT_TOP = ((0.25, 650.0), (0.5, 750.0), (1.0, 800.0))
"""Watts of an instance by load: most of the rise comes early, as of a GPU that decodes. 300 W idle."""


def bent(levels: tuple[tuple[float, float], ...]) -> Profile:
    return dataclasses.replace(tiny().profiles[0], power_levels=levels)


def test_what_lies_near_the_straight_line_is_one_column() -> None:
    assert power_lines(bent(((0.5, 560.0), (1.0, 800.0)))) == (1.0,)
    assert power_lines(tiny().profiles[0]) == (1.0,)


def test_a_bent_curve_is_a_column_a_level() -> None:
    assert power_lines(bent(FLAT_TOP)) == (0.25, 0.5, 1.0)


def test_each_line_is_exact_at_its_load() -> None:
    for load, watts in FLAT_TOP:
        line = power_line(bent(FLAT_TOP), load, parked_w=100.0)
        assert line.idle_w + line.joules_per_request * load * 2.0 == pytest.approx(watts)


@given(
    st.lists(st.floats(300.0, 800.0), min_size=1, max_size=5),
    st.floats(0.0, 400.0),
)
def test_no_line_lies_below_a_level_beneath_it(watts: list[float], parked_w: float) -> None:
    levels = tuple(((k + 1) / len(watts), each) for k, each in enumerate(watts))
    profile = dataclasses.replace(bent(levels), full_power_w=watts[-1], idle_power_w=min(300.0, watts[-1]))
    for load in power_lines(profile):
        line = power_line(profile, load, parked_w)
        if len(power_lines(profile)) > 1:
            for at, measured in levels:
                if at <= load:
                    assert line.idle_w + line.joules_per_request * at * 2.0 >= measured - 1e-6
        assert line.idle_w >= min(profile.idle_power_w, 300.0)
        assert line.idle_extra_w == pytest.approx(line.idle_w - parked_w)


def test_the_plan_counts_the_measured_power() -> None:
    # 1 req/s is half of what one instance serves: 750 W, where the straight line would say 550 W.
    scenario = tiny(demand_rps=(1.0,), profiles=(bent(FLAT_TOP),), gpus={"here": 4})
    result = allocate(scenario, objective=Objective.only("energy"), gap=0.0)
    assert where(result) == {"here": 1}
    assert result.objective == pytest.approx((750 + 100) * 300)


def test_few_full_instances_beat_many_half_empty_ones() -> None:
    scenario = tiny(demand_rps=(2.0,), profiles=(bent(FLAT_TOP),), gpus={"here": 8})
    result = allocate(scenario, objective=Objective.only("energy"), gap=0.0)
    assert where(result) == {"here": 1}
    assert result.objective == pytest.approx((800 + 6 * 50) * 300)


def test_a_steep_top_is_avoided_where_there_is_room() -> None:
    # Convex: two at half load draw 2 x 400 W, one at full load 1,000 W with its neighbour's GPUs parked at 100 W.
    steep = dataclasses.replace(bent(((0.5, 400.0), (1.0, 1000.0))), full_power_w=1000.0)
    scenario = tiny(demand_rps=(2.0,), profiles=(steep,), gpus={"here": 4})
    result = allocate(scenario, objective=Objective.only("energy"), gap=0.0)
    assert where(result) == {"here": 2}
    assert result.objective == pytest.approx(800 * 300)
