"""Engines fitted to profiles: constants found again, the shipped profiles followed, watts at rest kept."""

from dataclasses import replace

import pytest

from freesh_plugin.core.errors import ProfileError
from freesh_plugin.core.power_model import IDLE, MID, ShareModel, power_w, shares
from freesh_plugin.core.profile import Phase, TokenLimits, TokenPoint, TokenTable
from freesh_plugin.core.step_model import StepModel, step_s
from models.capacity.engine_fit import engine_of
from models.domain.engine import EngineModel
from models.sources.profile_document import NamedProfile, shipped_profiles

STEP = StepModel(20.0, 7.0, 200_000.0, 1.0, 0.08, 25.0, 1980.0, "known")
SHARES = ShareModel(0.4, 0.002, 0.3, 0.9)
POWER = replace(MID, idle_w=60.0, clock_w=0.0, memory_w=110.0, dynamic_w=500.0)
GPUS = 4

# Median deviations of (time, watts) of all points, in percent, as fitted; the mid power model.
ERRORS = {
    "TP1xA100": (0.03, 4.6),
    "TP2xA100": (0.11, 2.2),
    "TP4xA100": (0.20, 3.1),
    "TP8xA100": (0.37, 3.9),
    "TP1xH100": (0.05, 4.7),
    "TP2xH100": (0.30, 2.1),
    "TP4xH100": (0.49, 4.2),
    "TP8xH100": (0.74, 5.3),
}


def point(phase: Phase, batch: int, tokens: int, clock: float | None) -> TokenPoint:
    """What the known models say of a pass."""
    decode, mhz = phase is Phase.DECODE, clock or 1980.0
    work = (batch, batch * tokens, 0) if decode else (1, 0, tokens)
    took_s = step_s(STEP, mhz, *work)
    watts = GPUS * power_w(POWER, mhz, shares(STEP, mhz, work[0], work[2], took_s, SHARES))
    return TokenPoint(phase, tokens, took_s, watts, batch, clock)


def table(*clocks: float | None) -> TokenTable:
    """A profile of the known models."""
    points = [point(Phase.PREFILL, 1, tokens, clock) for clock in clocks for tokens in (128, 512, 2048)]
    points += [
        point(Phase.DECODE, batch, tokens, clock)
        for clock in clocks
        for batch in (1, 8, 64)
        for tokens in (128, 1024, 4096)
    ]
    return TokenTable.of(points, TokenLimits(64, 400_000, GPUS * POWER.idle_w))


def fitted(profile: TokenTable, gpu_type: str = "H100", **settings: str) -> EngineModel:
    return engine_of(profile, mode="TP4", model="m", gpu_type=gpu_type, gpus=GPUS, **settings)  # type: ignore[arg-type]


def test_known_constants_are_found_again() -> None:
    engine = fitted(table(990.0, 1410.0, 1980.0))
    assert engine.step.ms_per_request == pytest.approx(STEP.ms_per_request, rel=1e-6)
    assert engine.step.prefill_tokens_per_ms == pytest.approx(STEP.prefill_tokens_per_ms, rel=1e-6)
    assert engine.power.memory_w == pytest.approx(POWER.memory_w, rel=1e-4)
    assert engine.power.dynamic_w == pytest.approx(POWER.dynamic_w, rel=1e-4)
    assert engine.shares.decode_compute == pytest.approx(SHARES.decode_compute, rel=1e-4)
    assert engine.shares.prefill_memory == pytest.approx(SHARES.prefill_memory, rel=1e-4)
    assert engine.power_error == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("clock", [None, 1980.0])
def test_one_clock_is_followed_too(clock: float | None) -> None:
    """Neither memory and computing nor what the clock bounds can be told apart; the points are met all the same."""
    engine = fitted(table(clock))
    assert engine.step.compute_ms == 0
    assert engine.step_error == pytest.approx(0, abs=1e-6)
    assert engine.power_error == pytest.approx(0, abs=5e-3)
    assert engine.clocks_mhz == (1980,)


@pytest.mark.parametrize("profile", shipped_profiles(), ids=lambda each: each.mode)
def test_shipped_profiles_are_followed(profile: NamedProfile) -> None:
    engine = engine_of(
        profile.table, mode=profile.mode, model=profile.model, gpu_type=profile.gpu_type, gpus=profile.gpus
    )
    assert engine.step_error is not None
    assert engine.power_error is not None
    times, watts = ERRORS[profile.mode]
    assert engine.step_error == pytest.approx(times / 100, abs=6e-5)
    assert engine.power_error == pytest.approx(watts / 100, abs=6e-4)
    assert (engine.max_batch, engine.kv_tokens) == (profile.table.limits.max_batch, profile.table.limits.kv_tokens)


@pytest.mark.parametrize("profile", shipped_profiles(), ids=lambda each: each.mode)
def test_watts_at_rest_are_those_of_the_profile_at_any_clock(profile: NamedProfile) -> None:
    engine = engine_of(
        profile.table, mode=profile.mode, model=profile.model, gpu_type=profile.gpu_type, gpus=profile.gpus
    )
    for clock in (engine.clocks_mhz[0], engine.clocks_mhz[-1]):
        assert profile.gpus * power_w(engine.power, clock, IDLE) == pytest.approx(profile.table.limits.idle_power_w)


@pytest.mark.parametrize("profile", shipped_profiles(), ids=lambda each: each.mode)
@pytest.mark.parametrize("variant", ["low", "mid", "high"])
def test_at_the_highest_clock_no_point_is_far_off(profile: NamedProfile, variant: str) -> None:
    """Within 2 % in time and 15 % in watts, up to full batches."""
    engine = engine_of(
        profile.table, mode="m", model="m", gpu_type=profile.gpu_type, gpus=profile.gpus, power_variant=variant
    )
    top = profile.table.sm_clocks_mhz[-1]
    for batch in (1, 8, 32, profile.table.limits.max_batch):
        context = min(1024, profile.table.limits.kv_tokens // batch)
        took_s = step_s(engine.step, top, batch, batch * context, 0)
        watts = profile.gpus * power_w(engine.power, top, shares(engine.step, top, batch, 0, took_s, engine.shares))
        assert took_s == pytest.approx(profile.table.decode_step_s(batch, context), rel=0.02)
        assert watts == pytest.approx(profile.table.decode_power_w(batch, context), rel=0.15)


def test_variants_differ_in_where_the_voltage_rises() -> None:
    profile = table(990.0, 1980.0)
    knees = [fitted(profile, power_variant=each).power.knee_mhz for each in ("low", "mid", "high")]
    assert knees == [840, 975, 1100]


def test_an_unknown_gpu_has_the_shape_of_an_h100_by_the_ratio_of_the_highest_clocks() -> None:
    profile = table(990.0, 1980.0)
    engine = fitted(replace(profile, sm_clocks_mhz=(1260.0, 2520.0)), gpu_type="L40S")
    assert engine.power.knee_mhz == pytest.approx(975 * 2520 / 1980)
    assert engine.power.cap_w < MID.cap_w
    assert engine.clocks_mhz[-1] == 2520


def test_clocks_go_from_the_lowest_to_the_highest_of_the_profile() -> None:
    clocks = fitted(table(1000.0, 1980.0)).clocks_mhz
    assert clocks[:3] == (1000, 1005, 1020)
    assert clocks[-2:] == (1965, 1980)


def test_an_unknown_variant_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ProfileError, match="'middling' is none of low, mid, high"):
        fitted(table(1980.0), power_variant="middling")


def test_a_prefill_whose_time_does_not_grow_is_refused() -> None:
    flat = [TokenPoint(Phase.PREFILL, tokens, 0.02, 400.0) for tokens in (128, 2048)]
    decode = [TokenPoint(Phase.DECODE, 128, 0.02, 400.0, batch) for batch in (1, 2)]
    with pytest.raises(ProfileError, match="does not grow with its tokens"):
        fitted(TokenTable.of([*flat, *decode], TokenLimits(2, 10_000, 200.0)))
