"""The step model against numbers worked by hand, and what must hold for any."""

import math
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freesh_plugin.core.errors import ProfileError
from freesh_plugin.core.step_model import ASSUMED, StepModel, step_s


@pytest.mark.parametrize(
    ("sm_clock_mhz", "batch", "kv_tokens", "prefill_tokens", "ms"),
    [
        (1980, 0, 0, 0, 11.5),  # 9 + 2.5
        (1980, 64, 100_000, 0, 18.88),  # 9 + 4.5 + 2.5 + 2.88
        (990, 64, 100_000, 0, 24.26),  # 13.5 + 2 * 5.38
        (1980, 10, 20_000, 520, 52.85),  # 9 + 0.9 + 2.5 + 0.45 + 40
        (1320, 0, 200_000, 1300, 171.75),  # 18 + 1.5 * 102.5
    ],
)
def test_by_hand(sm_clock_mhz: float, batch: int, kv_tokens: int, prefill_tokens: int, ms: float) -> None:
    assert step_s(ASSUMED, sm_clock_mhz, batch, kv_tokens, prefill_tokens) * 1000 == pytest.approx(ms, rel=1e-6)


@pytest.mark.parametrize("sm_clock_mhz", [1980, 990])
def test_what_a_request_adds_at_any_clock(sm_clock_mhz: float) -> None:
    """64 requests of 0.1 ms each, whatever the clock."""
    more = step_s(replace(ASSUMED, fixed_ms_per_request=0.1), sm_clock_mhz, 64, 1000, 10)
    assert more - step_s(ASSUMED, sm_clock_mhz, 64, 1000, 10) == pytest.approx(0.0064)


counts = st.integers(0, 10**6)
clocks = st.floats(100, 3000)


@given(clocks, clocks, counts, counts, counts)
def test_a_higher_clock_never_slows_and_never_helps_beyond_its_ratio(
    one: float, other: float, batch: int, kv_tokens: int, prefill_tokens: int
) -> None:
    low, high = sorted((one, other))
    slow, fast = (step_s(ASSUMED, clock, batch, kv_tokens, prefill_tokens) for clock in (low, high))
    assert fast <= slow * (1 + 1e-12)
    assert slow <= fast * high / low * (1 + 1e-9)


@given(clocks, counts, counts, counts)
def test_more_of_anything_takes_longer(sm_clock_mhz: float, batch: int, kv_tokens: int, prefill_tokens: int) -> None:
    times = [
        step_s(ASSUMED, sm_clock_mhz, batch, kv_tokens, prefill_tokens),
        step_s(ASSUMED, sm_clock_mhz, batch + 1, kv_tokens, prefill_tokens),
        step_s(ASSUMED, sm_clock_mhz, batch + 1, kv_tokens + 1, prefill_tokens),
        step_s(ASSUMED, sm_clock_mhz, batch + 1, kv_tokens + 1, prefill_tokens + 1),
    ]
    assert all(before < after for before, after in pairwise(times))


@pytest.mark.parametrize("clock", [0, -1, math.nan, math.inf])
def test_a_clock_that_is_none_is_refused(clock: float) -> None:
    with pytest.raises(ProfileError, match="SM clock"):
        step_s(ASSUMED, clock, 1, 1, 1)


def test_a_negative_count_is_refused() -> None:
    with pytest.raises(ProfileError, match="KV tokens -1"):
        step_s(ASSUMED, 1980, 1, -1, 0)


@pytest.mark.parametrize("bad", [{"fixed_ms": -1.0}, {"prefill_tokens_per_ms": 0.0}, {"kv_ms": math.nan}])
def test_constants_that_make_no_sense_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ProfileError, match=next(iter(bad))):
        StepModel(**bad)  # type: ignore[arg-type]  # numbers, by name


def test_the_model_says_that_it_is_assumed() -> None:
    assert "assumed" in ASSUMED.source
    assert "assumed" not in replace(ASSUMED, source="sweep of one card").source
