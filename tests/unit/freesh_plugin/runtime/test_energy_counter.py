"""Joules between two readings: by the counter, by power for want of one, or not known."""

import pytest

from freesh_plugin.core.gpu import GpuReading
from freesh_plugin.runtime.energy_counter import EnergyCounters


def reading(at_s: float, energy_j: float | None = None, power_w: float | None = None) -> GpuReading:
    return GpuReading(at_s, power_w, energy_j, 1980)


def test_the_counters_of_all_ranks_are_added() -> None:
    counters = EnergyCounters()
    assert counters.take([reading(0.0, 1000.0), reading(0.1, 50.0)]).total_j is None
    window = counters.take([reading(1.0, 1200.0, 7.0), reading(1.1, 80.0, 7.0)])
    assert (window.ended_s, window.energy_j, window.total_j) == (1.1, (200.0, 30.0), 230.0)
    assert window.integrated == (False, False)


def test_a_counter_that_falls_tells_nothing_of_that_window() -> None:
    counters = EnergyCounters()
    counters.take([reading(0.0, 1000.0), reading(0.0, 1000.0)])
    reset = counters.take([reading(1.0, 3.0), reading(1.0, 1100.0)])
    assert (reset.energy_j, reset.total_j) == ((None, 100.0), None)
    assert counters.take([reading(2.0, 103.0), reading(2.0, 1200.0)]).total_j == 200.0


def test_power_is_integrated_for_want_of_a_counter() -> None:
    counters = EnergyCounters()
    counters.take([reading(0.0, None, 100.0)])
    window = counters.take([reading(0.5, None, 300.0)])
    assert window.total_j == pytest.approx(100.0)
    assert window.integrated == (True,)


@pytest.mark.parametrize("late", [reading(60.0, None, 300.0), reading(1.0, None, None)])
def test_power_that_is_old_or_missing_is_not_integrated(late: GpuReading) -> None:
    counters = EnergyCounters()
    counters.take([reading(0.0, None, 100.0)])
    assert counters.take([late]).total_j is None
