"""Energy of a request by hand, and the clock of least energy."""

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from freesh_plugin.core.profile import Phase, TokenLimits, TokenPoint, TokenTable
from freesh_plugin.core.request_energy import Length, cost, fitting_batch, frugal_clock_mhz, least_energy, over_clocks

REQUEST = Length("one", 100, 11)


@dataclass(frozen=True)
class At:
    """Seconds and watts of prefill and step at a clock."""

    prefill: tuple[float, float]
    step: tuple[float, float]


def table(by_clock: Mapping[float, At] | Mapping[None, At], kv_tokens: int = 10_000) -> TokenTable:
    points = []
    for clock, at in by_clock.items():
        points.append(TokenPoint(Phase.PREFILL, 100, *at.prefill, 1, clock))
        points += [TokenPoint(Phase.DECODE, 1000, *at.step, batch, clock) for batch in (1, 4)]
    return TokenTable.of(points, TokenLimits(4, kv_tokens, 50.0))


def test_by_hand() -> None:
    """Prefill 0.2 s at 300 W; ten steps of 0.04 s at 200 W shared by four."""
    found = cost(table({None: At((0.2, 300), (0.04, 200))}), REQUEST, 4, None)
    assert found.energy_j == pytest.approx(60 + 20)
    assert found.energy_per_token_j == pytest.approx(80 / 11)
    assert found.latency_s == pytest.approx(0.6)
    assert found.tokens_per_s == pytest.approx(11 / 0.3)
    assert found.power_w == pytest.approx(80 / 0.3)


def test_the_clock_of_least_energy_and_what_it_saves() -> None:
    clocks = {
        500.0: At((0.5, 200), (0.10, 150)),  # 100 + 37.5 J
        1000.0: At((0.25, 240), (0.05, 180)),  # 60 + 22.5 J
        1500.0: At((0.2, 400), (0.045, 300)),  # 80 + 33.75 J
    }
    (found,) = least_energy(table(clocks), [REQUEST], 4)
    assert found.best.sm_clock_mhz == 1000
    assert found.top.sm_clock_mhz == 1500
    assert found.saving == pytest.approx(1 - 82.5 / 113.75)
    assert found.slower == pytest.approx(0.75 / 0.65 - 1)
    assert [each.sm_clock_mhz for each in over_clocks(table(clocks), REQUEST, 4)] == [500, 1000, 1500]


def test_of_equal_energies_the_higher_clock_is_taken() -> None:
    same = At((0.2, 300), (0.04, 200))
    (found,) = least_energy(table({1000.0: same, 1500.0: same}), [REQUEST], 1)
    assert found.best.sm_clock_mhz == 1500


@pytest.mark.parametrize(("kv_tokens", "batch"), [(10_000, 4), (300, 2), (111, 1), (50, 1)])
def test_as_many_as_memory_and_batch_allow(kv_tokens: int, batch: int) -> None:
    assert fitting_batch(table({None: At((0.2, 300), (0.04, 200))}, kv_tokens), REQUEST) == batch


def test_no_clock_is_frugal_for_all_but_the_highest_of_the_frugal_ones() -> None:
    """Prefills are cheapest at 900 MHz, steps at 600: who reads much wants 900, who writes much 600."""
    by_clock = {
        600.0: At((0.6, 300), (0.04, 100)),
        900.0: At((0.2, 300), (0.04, 150)),
        1200.0: At((0.2, 400), (0.03, 300)),
    }
    read_much, write_much = Length("read", 100, 2), Length("write", 100, 900)
    profile = table(by_clock)
    assert frugal_clock_mhz(profile, [write_much]) == 600
    assert frugal_clock_mhz(profile, [read_much, write_much]) == 900
    assert frugal_clock_mhz(profile, [write_much, Length("beyond", 5000, 10)]) == 600
    assert frugal_clock_mhz(profile, [Length("beyond", 5000, 10)]) is None
    assert frugal_clock_mhz(table({None: At((0.2, 300), (0.04, 200))}), [read_much]) is None
