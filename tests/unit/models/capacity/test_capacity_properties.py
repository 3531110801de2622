"""What holds of every derived capacity: faster hardware and looser bounds never serve less."""

import dataclasses
from itertools import pairwise
from math import inf

from hypothesis import given, settings
from hypothesis import strategies as st

from models.capacity import Bind, Bounds, ClassWork, Served, serve
from models.capacity.derive import AFFINE, MOST_LEVELS, power_levels
from models.domain.lengths import RequestLength
from tests.fakes.token_profiles import FormulaProfile, limits

lengths = st.lists(
    st.builds(RequestLength, st.integers(1, 4000), st.integers(1, 1000), st.floats(0.1, 10)), min_size=1, max_size=6
)
bounds = st.builds(Bounds, st.floats(0.5, 100), st.floats(0.05, 10), st.floats(0.02, 0.3))


@st.composite
def profiles(draw: st.DrawFn) -> FormulaProfile:
    base, each, context = draw(st.floats(0.005, 0.05)), draw(st.floats(1e-5, 1e-3)), draw(st.floats(0, 1e-7))
    per_token = draw(st.floats(1e-6, 1e-3))
    slope = draw(st.floats(0, 20))
    return FormulaProfile(
        lambda tokens: 0.01 + per_token * tokens,
        lambda batch, tokens: base + each * batch + context * batch * tokens,
        limits(draw(st.integers(1, 64)), draw(st.integers(1000, 10**6))),
        draw(st.floats(500, 2000)),
        lambda batch: 400 + slope * batch,
    )


def served(profile: FormulaProfile, own: list[RequestLength], allowed: Bounds, quantile: float = 0.95) -> Served:
    return serve(ClassWork.of(profile, own, quantile), allowed, quantile)


@settings(max_examples=400, deadline=None)
@given(profiles(), lengths, bounds)
def test_capacity_grows_with_every_bound_and_never_with_the_quantile(
    profile: FormulaProfile, own: list[RequestLength], allowed: Bounds
) -> None:
    capacity = served(profile, own, allowed).capacity_rps
    looser = [
        dataclasses.replace(allowed, **{name: 1.5 * getattr(allowed, name)})
        for name in ("latency_s", "ttft_s", "tbt_s")
    ]
    assert all(served(profile, own, each).capacity_rps >= capacity * (1 - 1e-5) for each in looser)


@settings(max_examples=400, deadline=None)
@given(profiles(), lengths, bounds)
def test_a_faster_instance_never_serves_less_and_a_larger_one_saturates_no_earlier(
    profile: FormulaProfile, own: list[RequestLength], allowed: Bounds
) -> None:
    result = served(profile, own, allowed)
    faster = dataclasses.replace(
        profile,
        prefill=lambda tokens: 0.8 * profile.prefill(tokens),
        step=lambda batch, tokens: 0.8 * profile.step(batch, tokens),
    )
    assert served(faster, own, allowed).capacity_rps >= result.capacity_rps * (1 - 1e-5)
    larger = dataclasses.replace(
        profile, limits=dataclasses.replace(profile.limits, kv_tokens=2 * profile.limits.kv_tokens)
    )
    # Of its capacity the same cannot be said: a larger batch gives each of its requests fewer tokens a second.
    assert served(larger, own, allowed).work.saturation_rps >= result.work.saturation_rps


@settings(max_examples=400, deadline=None)
@given(profiles(), lengths, bounds)
def test_what_is_derived_keeps_its_bounds(profile: FormulaProfile, own: list[RequestLength], allowed: Bounds) -> None:
    result = served(profile, own, allowed)
    assert 0 <= result.capacity_rps <= 0.9 * result.work.saturation_rps
    if result.capacity_rps == 0:
        assert result.full_power_w == result.idle_power_w
        return
    assert 0 < result.latency_s <= allowed.latency_s < inf
    assert 0 < result.ttft_s <= allowed.ttft_s
    assert 0 < result.tbt_s <= allowed.tbt_s
    most_w = max(result.work.prefill_power_w, *result.work.step_power_w)
    assert min(result.idle_power_w, result.work.prefill_power_w) <= result.full_power_w <= most_w


@settings(max_examples=40, deadline=None)
@given(profiles(), lengths, bounds)
def test_loosening_the_bound_that_binds_serves_more(
    profile: FormulaProfile, own: list[RequestLength], allowed: Bounds
) -> None:
    result = served(profile, own, allowed)
    name = {Bind.TTFT: "ttft_s", Bind.TBT: "tbt_s", Bind.LATENCY: "latency_s"}.get(result.bind)
    if name is not None and result.capacity_rps > 0:
        looser = dataclasses.replace(allowed, **{name: 1.1 * getattr(allowed, name)})
        assert served(profile, own, looser).capacity_rps > result.capacity_rps


@settings(max_examples=40, deadline=None)
@given(profiles(), lengths)
def test_power_levels_are_close_to_the_curve(profile: FormulaProfile, own: list[RequestLength]) -> None:
    result = served(profile, own, Bounds())
    levels = power_levels(result)
    if not result.capacity_rps:
        assert levels == ()
        return
    points = [(0.0, result.idle_power_w), *(levels or ((1.0, result.full_power_w),))]
    assert points[-1] == (1.0, result.full_power_w)
    assert len(points) <= 1 + MOST_LEVELS
    for (low, low_w), (high, high_w) in pairwise(points):
        assert low < high
        half = (low + high) / 2
        assert abs(result.power_w(half) - (low_w + high_w) / 2) <= 1.5 * AFFINE * result.full_power_w
