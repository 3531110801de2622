"""Token-level profiles: read from points, evened out where noise contradicts physics, refused where more than noise."""

import dataclasses
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freesh_plugin.core.errors import ProfileError
from freesh_plugin.core.profile import Basis, Phase, TokenLimits, TokenPoint, TokenTable

LIMITS = TokenLimits(max_batch=8, kv_tokens=10_000, idle_power_w=300, parked_power_w=200, basis=Basis.MEASURED)


def prefill(tokens: float, time_s: float, clock: float | None = None, power_w: float = 1000) -> TokenPoint:
    return TokenPoint(Phase.PREFILL, tokens, time_s, power_w, 1, clock)


def decode(batch: int, tokens: float, time_s: float, clock: float | None = None, power_w: float = 600) -> TokenPoint:
    return TokenPoint(Phase.DECODE, tokens, time_s, power_w, batch, clock)


POINTS = (
    prefill(100, 0.1),
    prefill(1000, 0.55, power_w=1200),
    decode(1, 100, 0.020),
    decode(1, 1100, 0.022, power_w=620),
    decode(8, 100, 0.030, power_w=700),
    decode(8, 1100, 0.040, power_w=800),
)


def test_points_are_read_back_and_interpolated() -> None:
    table = TokenTable.of(POINTS, LIMITS)
    assert table.prefill_s(100) == 0.1
    assert table.prefill_s(300) == pytest.approx(0.2)
    assert table.prefill_power_w(550) == pytest.approx(1100)
    assert table.decode_step_s(8, 1100) == 0.040
    assert table.decode_step_s(4.5, 600) == pytest.approx((0.021 + 0.035) / 2)
    assert table.decode_power_w(4.5, 600) == pytest.approx((610 + 750) / 2)
    assert table.limits is LIMITS
    assert table.sm_clocks_mhz == ()


def test_order_of_the_points_is_of_no_account() -> None:
    assert TokenTable.of(reversed(POINTS), LIMITS) == TokenTable.of(POINTS, LIMITS)


def test_clocks_are_told_apart() -> None:
    fast = [dataclasses.replace(each, sm_clock_mhz=1400.0) for each in POINTS]
    slow = [dataclasses.replace(each, sm_clock_mhz=1000.0, time_s=each.time_s * 1.2) for each in POINTS]
    table = TokenTable.of([*slow, *fast], LIMITS)
    assert table.sm_clocks_mhz == (1000.0, 1400.0)
    assert table.decode_step_s(1, 100) == table.decode_step_s(1, 100, 1400) == 0.020
    assert table.decode_step_s(1, 100, 1000) == pytest.approx(0.024)
    assert table.prefill_s(100, 1200) == pytest.approx(0.11)


def test_a_time_that_falls_within_noise_is_raised() -> None:
    """1,100 tokens measured 5 % faster than 100 cannot be: both take what 100 tokens took."""
    table = TokenTable.of([*POINTS[:3], decode(1, 1100, 0.019), *POINTS[4:]], LIMITS)
    assert table.decode_step_s(1, 1100) == 0.020
    assert table.decode_step_s(1, 600) == 0.020


def test_a_slower_run_at_a_higher_clock_raises_the_lower_clock() -> None:
    points = [dataclasses.replace(each, sm_clock_mhz=clock) for each in POINTS for clock in (1000.0, 1400.0)]
    noisy = [
        dataclasses.replace(each, time_s=each.time_s * 1.05) if each.sm_clock_mhz == 1400.0 else each for each in points
    ]
    assert TokenTable.of(noisy, LIMITS).decode_step_s(1, 100, 1000) == pytest.approx(0.021)


def replaced(index: int, **changes: Any) -> list[TokenPoint]:
    return [dataclasses.replace(each, **changes) if i == index else each for i, each in enumerate(POINTS)]


FAULTS = [
    (POINTS[2:], LIMITS, r"no prefill point"),
    (POINTS[:2], LIMITS, r"no decode point"),
    ([*POINTS, POINTS[3]], LIMITS, r"a point stands twice among \[100, 1100, 1100\] tokens"),
    (replaced(1, time_s=0.08), LIMITS, r"prefill of batch 1, 1000 tokens takes 0.08 s, more than 10% less than 0.1 s"),
    (replaced(4, time_s=0.015), LIMITS, r"decode of batch 8, 100 tokens takes 0.015 s.* which is no more work"),
    (replaced(0, time_s=0.0), LIMITS, r"prefill of batch 1, 100 tokens: 0 s and 1000 W must be greater than 0"),
    (replaced(0, time_s=math.nan), LIMITS, r"nan s and 1000 W must be greater than 0"),
    (replaced(0, power_w=-5), LIMITS, r"0.1 s and -5 W must be greater than 0"),
    (replaced(0, tokens=0), LIMITS, r"batch and tokens must be at least 1"),
    (replaced(0, batch=2), LIMITS, r"prefill is measured by its tokens, batch must be 1"),
    (replaced(0, sm_clock_mhz=1400.0), LIMITS, r"prefill and decode are not measured at the same SM clocks"),
    (
        [dataclasses.replace(each, sm_clock_mhz=-1.0) for each in POINTS],
        LIMITS,
        r"decode of batch 1, .* at -1 MHz: the SM clock must be greater than 0 MHz|prefill .* at -1 MHz",
    ),
    (
        [*POINTS, *(dataclasses.replace(each, sm_clock_mhz=1400.0) for each in POINTS)],
        LIMITS,
        r"some points state an SM clock and some do not",
    ),
    (POINTS, dataclasses.replace(LIMITS, max_batch=9), r"decode is measured up to batch 8, max_batch is 9"),
    (POINTS, dataclasses.replace(LIMITS, max_batch=0), r"max_batch 0 and kv_tokens 10000 must be at least 1"),
    (
        POINTS,
        dataclasses.replace(LIMITS, idle_power_w=199),
        r"idle power 199 W must be finite and no less than .* 200 W",
    ),
    (POINTS, dataclasses.replace(LIMITS, parked_power_w=-1), r"parked power -1 W, which must be at least 0"),
]


@pytest.mark.parametrize(("points", "limits", "message"), FAULTS)
def test_points_that_contradict_each_other_are_refused(
    points: list[TokenPoint], limits: TokenLimits, message: str
) -> None:
    with pytest.raises(ProfileError, match=message):
        TokenTable.of(points, limits)


@given(
    st.lists(st.floats(0.96, 1.04), min_size=12, max_size=12),
    st.tuples(st.floats(1, 8), st.floats(1, 8)),
    st.tuples(st.floats(100, 4000), st.floats(100, 4000)),
)
def test_more_work_never_takes_less_time_whatever_the_noise(
    noise: list[float], batches: tuple[float, float], tokens: tuple[float, float]
) -> None:
    grid = [(batch, context) for batch in (1, 2, 4, 8) for context in (100, 1000, 4000)]
    points = [
        decode(batch, context, (0.02 + 1e-3 * batch + 1e-6 * batch * context) * factor)
        for (batch, context), factor in zip(grid, noise, strict=True)
    ]
    table = TokenTable.of([*POINTS[:2], *points], LIMITS)
    least, most = table.decode_step_s(min(batches), min(tokens)), table.decode_step_s(max(batches), max(tokens))
    assert least <= most * (1 + 1e-12)
