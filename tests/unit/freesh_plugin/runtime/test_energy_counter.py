"""Joules between two readings: by the counter, by power for want of one, or not known; and of all GPUs together."""

import pytest

from freesh_plugin.core.gpu import GpuReading
from freesh_plugin.runtime.energy_counter import EnergyCounter, EnergyStep
from freesh_plugin.runtime.energy_window import EnergyWindow


def reading(at_s: float, energy_j: float | None = None, power_w: float | None = None) -> GpuReading:
    return GpuReading(at_s, power_w, energy_j, 1980)


def steps(*readings: GpuReading) -> list[EnergyStep]:
    counter = EnergyCounter()
    return [counter.take(each) for each in readings]


def test_a_counter_tells_differences() -> None:
    told = steps(reading(0.0, 1000.0), reading(1.0, 1200.0, 7.0), reading(1.25, 1250.0, 7.0))
    assert told == [EnergyStep(None), EnergyStep(200.0), EnergyStep(50.0)]


def test_a_counter_that_falls_tells_nothing_of_that_step() -> None:
    told = steps(reading(0.0, 1000.0), reading(1.0, 3.0), reading(2.0, 103.0))
    assert [each.energy_j for each in told] == [None, None, 100.0]


@pytest.mark.parametrize("glitch_j", [2.0**64 / 1000, 1e6])
def test_a_counter_that_rises_by_more_than_can_be_tells_nothing(glitch_j: float) -> None:
    told = steps(reading(0.0, 1000.0), reading(0.25, glitch_j), reading(0.5, 1100.0), reading(0.75, 1150.0))
    assert [each.energy_j for each in told] == [None, None, None, 50.0]


def test_after_a_long_time_a_counter_may_have_risen_by_much() -> None:
    assert steps(reading(0.0, 0.0), reading(3600.0, 700.0 * 3600))[-1].energy_j == 700.0 * 3600


def test_power_is_integrated_for_want_of_a_counter() -> None:
    told = steps(reading(0.0, None, 100.0), reading(0.5, None, 300.0))[-1]
    assert told == EnergyStep(100.0, integrated=True)


@pytest.mark.parametrize("late", [reading(60.0, None, 300.0), reading(1.0, None, None)])
def test_power_that_is_old_or_missing_is_not_integrated(late: GpuReading) -> None:
    assert steps(reading(0.0, None, 100.0), late)[-1].energy_j is None


def test_a_window_ends_when_each_gpu_has_been_read_and_sums_what_was_read_meanwhile() -> None:
    window = EnergyWindow(2)
    whole = []
    for uuid, at_s, energy_j in (("a", 1.0, 10.0), ("a", 4.5, 30.0), ("b", 4.6, 5.0)):
        window.add(uuid, reading(at_s), energy_j)
        whole.append((window.is_whole, round(window.waits_s, 6)))
    assert whole == [(False, 0.0), (False, 3.5), (True, 3.6)]
    assert (window.ended_s, window.total_j) == (4.6, 45.0)


def test_a_window_with_a_part_that_is_not_known_is_not_known() -> None:
    window = EnergyWindow(2)
    for uuid, energy_j in (("a", None), ("a", 30.0), ("b", 5.0)):
        window.add(uuid, reading(1.0), energy_j)
    assert window.total_j is None
