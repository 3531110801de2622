"""Power by clock and use: the reference's numbers, where energy is least, and what cannot be."""

from dataclasses import astuple, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freesh_plugin.core.errors import ProfileError
from freesh_plugin.core.power_model import (
    A100_VARIANTS,
    HIGH,
    IDLE,
    VARIANTS,
    PowerModel,
    Shares,
    power_w,
    relative_voltage,
    shares,
    wanted_w,
)
from freesh_plugin.core.step_model import StepModel, step_s

H100 = StepModel()
# The H100-like model scaled by memory bandwidth (3.35 : 2.04 TB/s) and dense 16-bit throughput (989 : 312 TFLOP/s).
A100 = StepModel(14.8, 14.8, 200_000, 7.9, 0.143, 4.1, 1410.0)
FULL = Shares(1.0, 1.0)


def least_energy_clock_mhz(step: StepModel, power: PowerModel, batch: int, kv_tokens: int, prefill_tokens: int) -> int:
    def energy_j(mhz: int) -> float:
        took_s = step_s(step, mhz, batch, kv_tokens, prefill_tokens)
        return took_s * power_w(power, mhz, shares(step, mhz, batch, prefill_tokens, took_s))

    return min(range(210, int(power.top_clock_mhz) + 1, 15), key=energy_j)


def test_the_reference_numbers() -> None:
    # 70 + 15 at the top clock with nothing to do; 70 + 15 + 90 + 600 with everything busy, capped at 700 W.
    assert power_w(HIGH, 1980, IDLE) == pytest.approx(85)
    assert wanted_w(HIGH, 1980, FULL) == pytest.approx(775)
    assert power_w(HIGH, 1980, FULL) == 700
    # At the knee: 70 + 15·1100/1980 + 90 + 600·(1100/1980)·.67².
    assert power_w(HIGH, 1100, FULL) == pytest.approx(70 + 8.3333 + 90 + 149.6333, abs=1e-3)


def test_voltage_is_flat_up_to_the_knee_and_linear_from_there() -> None:
    assert relative_voltage(HIGH, 345) == relative_voltage(HIGH, 1100) == 0.67
    assert relative_voltage(HIGH, 1540) == pytest.approx(0.835)
    assert relative_voltage(HIGH, 1980) == 1.0


def test_shares_of_a_decoding_pass_and_of_one_with_a_prefill() -> None:
    decoding = shares(H100, 1980, 64, 0, 0.02)
    assert astuple(decoding) == pytest.approx((0.40, 0.9))
    # 130 tokens take 10 ms of computing at the top clock, 20 ms at half of it: all of the pass.
    half = shares(H100, 1980, 64, 130, 0.02)
    assert astuple(half) == pytest.approx((0.5 + 0.5 * 0.40, 0.7))
    whole = shares(H100, 990, 64, 130, 0.02)
    assert astuple(whole) == pytest.approx((1.0, 0.5))


@pytest.mark.parametrize(("name", "published_mhz"), [("low", 840), ("mid", 975), ("high", 1110)])
def test_h100_variants_bracket_the_published_optima(name: str, published_mhz: int) -> None:
    assert least_energy_clock_mhz(H100, VARIANTS[name], 128, 120_000, 0) == pytest.approx(published_mhz, abs=15)


@pytest.mark.parametrize(("name", "published_mhz"), [("low", 810), ("mid", 900), ("high", 1005)])
def test_a100_variants_bracket_the_published_optima(name: str, published_mhz: int) -> None:
    assert least_energy_clock_mhz(A100, A100_VARIANTS[name], 128, 120_000, 0) == pytest.approx(published_mhz, abs=15)


@pytest.mark.parametrize("model", [*VARIANTS.values(), *A100_VARIANTS.values()])
def test_every_variant_says_that_it_is_assumed(model: PowerModel) -> None:
    assert model.source.startswith("assumed")


@given(st.floats(100, 1980), st.floats(100, 1980), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_power_never_falls_with_clock_or_use(a_mhz: float, b_mhz: float, u: float, v: float, memory: float) -> None:
    (low, high), (less, more) = sorted((a_mhz, b_mhz)), sorted((u, v))
    assert power_w(HIGH, low, Shares(less, memory)) <= power_w(HIGH, high, Shares(more, memory)) <= HIGH.cap_w


@given(st.floats(345, 1980), st.integers(0, 256), st.integers(0, 4096), st.integers(0, 200_000))
def test_shares_are_shares(mhz: float, batch: int, prefill_tokens: int, kv_tokens: int) -> None:
    took_s = step_s(H100, mhz, batch, kv_tokens, prefill_tokens)
    used = shares(H100, mhz, batch, prefill_tokens, took_s)
    assert 0 <= used.compute <= 1
    assert 0 <= used.memory <= 0.9


@pytest.mark.parametrize(
    ("field", "value"),
    [("idle_w", -1.0), ("dynamic_w", float("nan")), ("knee_mhz", 1980.0), ("knee_voltage", 0.0), ("cap_w", -1.0)],
)
def test_a_model_that_cannot_be_is_refused(field: str, value: float) -> None:
    changes: dict[str, Any] = {field: value}
    with pytest.raises(ProfileError, match="power model"):
        replace(HIGH, **changes)
