"""Energy between two looks: by the counter or not at all."""

from dataclasses import replace

import pytest

from freesh_plugin.core.gpu import ClockReason, GpuError, GpuFailure, GpuReading
from profiling.sweep.held_clock import HeldClock, may_hold
from profiling.sweep.meter import Drawn, drawn, together

BEFORE = GpuReading(10.0, 300.0, 5000.0, 1410)
AFTER = GpuReading(12.0, 310.0, 5600.0, 1350)


def test_by_hand() -> None:
    other = replace(AFTER, energy_j=5500.0)
    assert drawn((BEFORE, BEFORE), (AFTER, other)) == Drawn(2.0, 1100.0, 1380.0, least_mhz=1350, most_mhz=1410)


def test_the_clock_of_a_gpu_that_rests_is_not_that_of_the_work() -> None:
    resting = replace(BEFORE, sm_clock_mhz=210, reasons=ClockReason.IDLE)
    found = drawn((resting,), (AFTER,))
    assert (found.sm_clock_mhz, found.least_mhz, found.most_mhz) == (1350, 1350, 1350)
    found = drawn((resting,), (replace(resting, at_s=12.0),))
    assert (found.sm_clock_mhz, found.least_mhz, found.most_mhz) == (210, None, 210)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (replace(BEFORE, energy_j=None), AFTER),
        (BEFORE, replace(AFTER, energy_j=None)),
        (BEFORE, replace(AFTER, energy_j=3.0)),  # the driver was loaded anew
        (None, AFTER),
        (BEFORE, None),
    ],
)
def test_energy_of_one_that_does_not_tell_is_not_made_up(before: GpuReading | None, after: GpuReading | None) -> None:
    assert drawn((BEFORE, before), (AFTER, after)).energy_j is None


def test_without_gpus_nothing_is_known() -> None:
    assert drawn((), ()) == Drawn(0.0, None, None)


def test_stretches_add_up_and_one_unknown_makes_the_sum_unknown() -> None:
    parts = [Drawn(1.0, 100.0, 1000.0, False, 990, 1010), Drawn(2.0, 300.0, 1200.0, True, 1190, 1210)]
    assert together(parts) == Drawn(3.0, 400.0, 1100.0, True, 990, 1210)
    assert together([*parts, Drawn(1.0, None, None)]).energy_j is None
    assert together([]).energy_j is None


@pytest.mark.parametrize("reason", [ClockReason.POWER_CAP, ClockReason.THERMAL, ClockReason.POWER_BRAKE])
def test_a_gpu_that_was_held_back_is_told(reason: ClockReason) -> None:
    assert drawn((BEFORE,), (replace(AFTER, reasons=reason),)).slowed
    assert not drawn((BEFORE,), (replace(AFTER, reasons=ClockReason.IDLE),)).slowed


class Setter:
    """Remembers what it was told; fails for clocks above a limit."""

    def __init__(self, most_mhz: int = 2000) -> None:
        self.most_mhz = most_mhz
        self.told: list[object] = []

    def limit_sm_clock_mhz(self, uuids: tuple[str, ...], sm_clock_mhz: int) -> None:
        self.told.append(sm_clock_mhz)
        if sm_clock_mhz > self.most_mhz:
            raise GpuError(uuids[0], GpuFailure.NO_PERMISSION, "not root")

    def release(self, uuids: tuple[str, ...]) -> None:
        self.told.append("released")


def interrupted_sweep(setter: Setter) -> None:
    with HeldClock(setter, ("GPU-1",)) as held:
        for clock in (1005, 1005, 1410):
            held.hold(clock)
        raise KeyboardInterrupt


def test_clocks_are_released_whatever_happens() -> None:
    setter = Setter()
    with pytest.raises(KeyboardInterrupt):
        interrupted_sweep(setter)
    assert setter.told == [1005, 1410, "released"]


def test_a_clock_that_was_never_set_is_not_released() -> None:
    setter = Setter()
    with HeldClock(setter, ("GPU-1",)):
        pass
    assert setter.told == []


def test_a_try_says_what_stands_in_the_way_and_leaves_nothing_behind() -> None:
    refusing, willing = Setter(most_mhz=0), Setter()
    refused = may_hold(refusing, ("GPU-1",), 1005)
    assert refused is not None
    assert refused.failure is GpuFailure.NO_PERMISSION
    assert may_hold(willing, ("GPU-1",), 1005) is None
    assert refusing.told == willing.told == [1005, "released"]
