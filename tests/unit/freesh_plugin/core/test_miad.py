"""MIAD's next clock: rounding, bounds, dead band, jump; and the band that it reaches."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freesh_plugin.core.errors import ConfigError
from freesh_plugin.core.miad import (
    MiadRule,
    band_mhz,
    next_clock_mhz,
    rounded_down,
    rounded_up,
    ticks_to_rise,
)

H100 = tuple(range(345, 1981, 15))
RULE = MiadRule(gamma=1.5, delta_mhz=30.0, headroom=0.8, dead_band=0.1)
RULES = st.builds(
    MiadRule,
    gamma=st.floats(1.001, 3.0),
    delta_mhz=st.floats(0.1, 400.0),
    headroom=st.floats(0.5, 0.99),
    dead_band=st.floats(0.0, 0.4),
)
CLOCKS = st.lists(st.integers(100, 3000), min_size=1, max_size=100, unique=True).map(lambda each: tuple(sorted(each)))


@pytest.mark.parametrize(
    ("clock_mhz", "pressure", "expected_mhz"),
    [
        (1110, 0.81, 1665),  # times 1.5, on the list
        (1005, 0.9, 1515),  # 1,507.5 rounded up
        (1500, 0.81, 1980),  # not beyond the ceiling
        (600, 1.01, 1980),  # missed: at once
        (1980, 1.5, 1980),
        (1110, float("inf"), 1980),
        (1110, 0.8, 1110),  # dead band, both ends in it
        (1110, 0.75, 1110),
        (1110, 0.69, 1080),
        (1095, 0.0, 1065),
        (615, 0.0, 600),  # no lower than the floor
        (600, 0.0, 600),
    ],
)
def test_known_steps(clock_mhz: int, pressure: float, expected_mhz: int) -> None:
    assert next_clock_mhz(RULE, H100, clock_mhz, pressure, 600, 1980) == expected_mhz


def test_a_raise_smaller_than_the_grid_moves_by_one_step() -> None:
    assert next_clock_mhz(MiadRule(gamma=1.001), H100, 1110, 0.9, 345, 1980) == 1125


def test_a_lowering_smaller_than_the_grid_moves_by_one_step() -> None:
    assert next_clock_mhz(MiadRule(delta_mhz=0.5), H100, 1110, 0.1, 345, 1980) == 1095


def test_a_clock_between_two_that_can_be_set_is_rounded_down_first() -> None:
    assert next_clock_mhz(RULE, H100, 1117, 0.75, 345, 1980) == 1110


@given(RULES, CLOCKS, st.data())
def test_the_next_clock_is_on_the_list_within_bounds_and_in_the_right_direction(
    rule: MiadRule, supported: tuple[int, ...], data: st.DataObject
) -> None:
    floor, ceiling = sorted(data.draw(st.lists(st.sampled_from(supported), min_size=2, max_size=2)))
    clock = data.draw(st.sampled_from(supported))
    pressure = data.draw(st.floats(0, 3))
    moved = next_clock_mhz(rule, supported, clock, pressure, floor, ceiling)
    now = min(max(clock, floor), ceiling)
    assert moved in supported
    assert floor <= moved <= ceiling
    if pressure > rule.headroom:
        assert moved > now or moved == ceiling
        assert moved >= min(rule.gamma * now, ceiling)
    elif pressure < rule.headroom - rule.dead_band:
        assert moved < now or moved == floor
        assert moved <= max(now - rule.delta_mhz, floor)
    else:
        assert moved == now


@given(CLOCKS, st.floats(0, 4000))
def test_rounding_finds_the_neighbours(supported: tuple[int, ...], mhz: float) -> None:
    up, down = rounded_up(supported, mhz), rounded_down(supported, mhz)
    assert up == min((each for each in supported if each >= mhz), default=supported[-1])
    assert down == max((each for each in supported if each <= mhz), default=supported[0])


@given(RULES, st.integers(500, 1500), st.integers(345, 1980))
def test_under_a_steady_load_it_ends_in_its_band(rule: MiadRule, threshold: int, start: int) -> None:
    """Pressure is above the headroom, without a missed SLO, below the threshold clock, and 0 from it on."""
    supported = tuple(range(300, 5001, 15))
    band = band_mhz(rule, threshold, grid_mhz=15)
    clocks = [start]
    for _ in range(2000):
        pressure = (1 + rule.headroom) / 2 if clocks[-1] < threshold else 0.0
        clocks.append(next_clock_mhz(rule, supported, clocks[-1], pressure, 300, 4995))
    settled = clocks[1000:]
    assert band.low_mhz <= min(settled)
    assert max(settled) <= band.high_mhz


@pytest.mark.parametrize("lag", [0, 1, 2, 3])
def test_lowering_passes_the_threshold_by_one_more_step_for_each_tick_of_lag(lag: int) -> None:
    clocks = [1980] * (lag + 1)
    while clocks[-1 - lag] >= 1110:
        clocks.append(next_clock_mhz(RULE, H100, clocks[-1], 0.0, 345, 1980))
    assert band_mhz(RULE, 1110, lag).low_mhz == 1110 - 30 * (1 + lag) == clocks[-1]


@pytest.mark.parametrize(("gamma", "ticks"), [(1.25, 4), (1.5, 2), (2.0, 1)])
def test_ticks_from_the_floor_to_the_top(gamma: float, ticks: int) -> None:
    rule, clock = MiadRule(gamma=gamma), 1005
    assert ticks_to_rise(rule, 1005, 1980) == ticks
    for _ in range(ticks):
        clock = next_clock_mhz(rule, H100, clock, 0.9, 345, 1980)
    assert clock == 1980


def test_no_tick_to_where_one_is() -> None:
    assert ticks_to_rise(RULE, 1980, 1980) == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("gamma", 1.0),
        ("gamma", float("nan")),
        ("delta_mhz", 0.0),
        ("delta_mhz", float("inf")),
        ("headroom", 1.1),
        ("headroom", 0.05),
        ("dead_band", -0.1),
    ],
)
def test_a_rule_that_cannot_be_is_refused(field: str, value: float) -> None:
    with pytest.raises(ConfigError):
        MiadRule(**{field: value})
