"""The pressure on the SLOs: quantiles, waiting, the queue, and what is forgotten."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freesh_plugin.core.plan import Slo
from freesh_plugin.runtime.governor_settings import GovernorSettings
from freesh_plugin.runtime.governor_signals import GovernorSignals
from freesh_plugin.runtime.pressure import PressureGauge

SLO = Slo(latency_s=0.0, ttft_s=2.0, tbt_s=0.1)
NOTHING = GovernorSignals(at_s=0.0, tbt_s=(), ttft_s=(), waiting_age_s=0.0, running=0, waiting=0)
SECONDS = st.lists(st.floats(0, 10), max_size=100).map(tuple)


def pressure_of(*news: GovernorSignals, settings: GovernorSettings | None = None) -> float:
    gauge = PressureGauge(settings or GovernorSettings())
    for second, each in enumerate(news):
        gauge.observe(float(second), each)
    return gauge.pressure(SLO)


def test_nothing_known_is_no_pressure() -> None:
    assert pressure_of(NOTHING) == 0


def test_of_few_samples_the_longest_counts_and_of_many_the_quantile() -> None:
    few = (0.2,) * 18 + (1.6,)
    assert pressure_of(replace(NOTHING, ttft_s=few)) == pytest.approx(0.8)
    many = (0.2,) * 19 + (1.6,)
    assert pressure_of(replace(NOTHING, ttft_s=many)) == pytest.approx(0.1)


def test_tbt_counts_less_while_it_keeps_its_bound_and_wholly_when_it_does_not() -> None:
    assert pressure_of(replace(NOTHING, tbt_s=(0.08,))) == pytest.approx(0.85 * 0.8)
    assert pressure_of(replace(NOTHING, tbt_s=(0.1,))) == pytest.approx(0.85)
    assert pressure_of(replace(NOTHING, tbt_s=(0.11,))) == pytest.approx(1.1)


def test_whoever_waits_counts_before_having_a_first_token() -> None:
    assert pressure_of(replace(NOTHING, waiting_age_s=1.5, waiting=1)) == pytest.approx(0.75)
    assert pressure_of(replace(NOTHING, waiting_age_s=1.5, waiting=1), NOTHING) == 0


def test_the_wait_that_a_queue_lets_expect_counts() -> None:
    # 8 first tokens in a second, 4 wait: half a second, of 2 s, 3 times; 20 wait: longer than may be, counted as is.
    queued = replace(NOTHING, ttft_s=(0.1,) * 8, waiting=4)
    assert pressure_of(queued) == pytest.approx(0.75)
    assert pressure_of(replace(queued, waiting=20)) == pytest.approx(1.25)


def test_an_instance_that_was_not_busy_is_not_taken_for_slow() -> None:
    """It can make what it made in the busiest second of the window, not what it made when little came."""
    busy, calm = replace(NOTHING, ttft_s=(0.1,) * 8), replace(NOTHING, ttft_s=(0.1,))
    assert pressure_of(busy, calm, calm, replace(calm, waiting=4)) == pytest.approx(0.75)
    assert pressure_of(busy, *(calm,) * 4, replace(calm, waiting=4)) == pytest.approx(2.0)


def test_samples_are_forgotten_when_the_window_is_over() -> None:
    missed = replace(NOTHING, ttft_s=(3.0,))
    assert pressure_of(missed, *(NOTHING,) * 4) == 1.5
    assert pressure_of(missed, *(NOTHING,) * 5) == 0


def test_a_raise_makes_it_forget_tbt_alone() -> None:
    gauge = PressureGauge(GovernorSettings())
    gauge.observe(0.0, replace(NOTHING, tbt_s=(0.09,), ttft_s=(0.4,)))
    gauge.clock_raised()
    assert gauge.pressure(SLO) == pytest.approx(0.2)


@given(SECONDS, SECONDS, st.floats(0, 10), st.integers(0, 20))
def test_more_waiting_is_never_less_pressure(
    ttft_s: tuple[float, ...], tbt_s: tuple[float, ...], age_s: float, waiting: int
) -> None:
    signals = replace(NOTHING, ttft_s=ttft_s, tbt_s=tbt_s, waiting_age_s=age_s, waiting=waiting)
    less = pressure_of(signals)
    assert less <= pressure_of(replace(signals, waiting=waiting + 1))
    assert less <= pressure_of(replace(signals, waiting_age_s=age_s + 1))
    assert less <= pressure_of(replace(signals, tbt_s=tuple(each * 1.5 for each in tbt_s)))
