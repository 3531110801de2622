"""Capacities worked by hand: queues whose answers are in every textbook, and bounds that are one equation."""

import math

import pytest

from freesh_plugin.core.errors import ProfileError
from freesh_plugin.core.profile import TokenProfile
from models.capacity import Bind, Bounds, ClassWork, Served, serve
from models.capacity.steady import Steady
from models.capacity.work import Places
from models.domain.lengths import RequestLength
from tests.fakes.token_profiles import FormulaProfile, limits

NO_PREFILL_S = 1e-9


def work(profile: TokenProfile, *lengths: tuple[float, ...], quantile: float = 0.95) -> ClassWork:
    """Work of requests of (prompt tokens, answer tokens[, weight])."""
    own = [RequestLength(prompt, answer, rest[0] if rest else 1.0) for prompt, answer, *rest in lengths]
    return ClassWork.of(profile, own, quantile)


def served(profile: TokenProfile, bounds: Bounds, *lengths: tuple[float, ...], quantile: float = 0.95) -> Served:
    return serve(work(profile, *lengths, quantile=quantile), bounds, quantile)


def of_constant_step(step_s: float, max_batch: int, prefill_s: float = NO_PREFILL_S) -> FormulaProfile:
    return FormulaProfile(lambda tokens: prefill_s, lambda batch, context: step_s, limits(max_batch))


def test_two_places_are_the_queue_of_two_servers() -> None:
    """A step of 0.05 s whatever the batch, 20 steps a request: 1 s of service in either of two places.

    M/M/2 at 1 request a second: P(0) = P(1) = 1/3, and an arrival finds both taken with Erlang's C = 1/3.
    """
    steady = Steady(work(of_constant_step(0.05, 2), (100, 21)), 1.0)
    assert steady.batch == pytest.approx([1 / 3, 1 / 3, 1 / 3])
    assert steady.full_share == pytest.approx(1 / 3)
    assert steady.mean_batch == pytest.approx(1.0)


def test_many_places_are_a_poisson_number_in_service() -> None:
    """M/G/∞ at 3 requests a second of 1 s each: P(k) = e^-3·3^k/k!, whatever the spread of the lengths."""
    steady = Steady(work(of_constant_step(0.05, 60), (100, 11), (100, 31)), 3.0)
    expected = [math.exp(-3) * 3**k / math.factorial(k) for k in range(61)]
    assert steady.batch == pytest.approx(expected, abs=1e-9)


def test_a_step_that_grows_with_the_batch_is_processor_sharing() -> None:
    """A step of 0.05 s for each request in the batch is a single server: geometric, P(k) = (1 - a)·a^k at a = 0.5."""
    profile = FormulaProfile(lambda tokens: NO_PREFILL_S, lambda batch, context: 0.05 * batch, limits(80))
    steady = Steady(work(profile, (100, 11)), 1.0)
    assert steady.batch[:40] == pytest.approx([0.5 ** (k + 1) for k in range(40)], abs=1e-9)


def test_prefill_slows_decoding_by_its_share() -> None:
    """A quarter of the time is prefill, so 0.05 s steps take 0.0667 s: the number in service is Poisson of 4/3."""
    steady = Steady(work(of_constant_step(0.05, 60, prefill_s=0.25), (100, 21)), 1.0)
    assert steady.prefill_share == pytest.approx(0.25)
    assert steady.mean_batch == pytest.approx(4 / 3)
    assert steady.batch[0] == pytest.approx(math.exp(-4 / 3))


def test_a_lone_place_is_waited_for_as_in_a_single_queue() -> None:
    """1,000 steps of 1 ms in one place, TTFT 5 s: M/M/1's P(wait > 5) = λ·exp(-5·(1 - λ)) = 5 % at λ = 0.5283."""
    assert 0.5283 * math.exp(-5 * (1 - 0.5283)) == pytest.approx(0.05, abs=1e-4)
    result = served(of_constant_step(0.001, 1), Bounds(ttft_s=5.0), (100, 1001))
    assert result.capacity_rps == pytest.approx(0.5283, abs=1e-3)
    assert result.bind is Bind.MAX_BATCH
    assert result.ttft_s == pytest.approx(5.0, rel=1e-3)


def test_saturation_where_no_bound_is_near() -> None:
    """1/(E[S] + E[gaps]·step/B) = 1/(0.1 + 20·0.05/50) = 8.33 req/s; nine tenths of it with bounds, seven without."""
    profile = of_constant_step(0.05, 50, prefill_s=0.1)
    assert work(profile, (100, 21)).saturation_rps == pytest.approx(1 / 0.12)
    loose = served(profile, Bounds(1e6, 1e6, 1e6), (100, 21), quantile=0.05)
    assert loose.capacity_rps == pytest.approx(0.9 / 0.12)
    assert loose.bind is Bind.SATURATION
    assert served(profile, Bounds(), (100, 21), quantile=0.05).capacity_rps == pytest.approx(0.7 / 0.12)


def test_ttft_alone_is_the_wait_for_others_prefill() -> None:
    """One-token answers, 0.1 s of prefill each, TTFT 0.3 s: ρ·exp(-2(1 - ρ)·0.2/0.1) = 5 % at ρ = 0.45044."""
    profile = of_constant_step(0.05, 50, prefill_s=0.1)
    result = served(profile, Bounds(ttft_s=0.3), (100, 1))
    rho = result.capacity_rps * 0.1
    assert rho == pytest.approx(0.45044, abs=2e-5)
    assert 0.45044 * math.exp(-4 * (1 - 0.45044)) == pytest.approx(0.05, abs=2e-6)
    assert result.bind is Bind.TTFT
    assert result.ttft_s == pytest.approx(0.3, rel=1e-4)
    assert result.latency_s == pytest.approx(0.3, rel=1e-4)


def test_tbt_is_kept_by_the_batches_that_are_small_enough() -> None:
    """Steps of 10 ms a request: 40 ms hold up to 4 in the batch, so 95 % of arrivals must find at most 3.

    A single server finds k with probability (1 - a)·a^k: a^4 = 5 %, a = 0.4729, and a = λ·100·0.01 s.
    """
    profile = FormulaProfile(lambda tokens: NO_PREFILL_S, lambda batch, context: 0.01 * batch, limits(60))
    result = served(profile, Bounds(tbt_s=0.0401), (100, 101))
    assert result.capacity_rps == pytest.approx(0.05**0.25, rel=1e-3)
    assert result.bind is Bind.TBT
    assert result.tbt_s == pytest.approx(0.04, rel=1e-3)


def test_latency_is_kept_by_the_answers_that_are_short_enough() -> None:
    """Nine in ten answers take 1 s, one in ten 4 s: at 95 % a bound of 3 s is never kept, at 85 % at any rate."""
    profile = of_constant_step(0.05, 2000)
    lengths = ((100, 21, 0.9), (100, 81, 0.1))
    never = served(profile, Bounds(latency_s=3.0), *lengths)
    assert never.capacity_rps == 0
    assert never.bind is Bind.LATENCY
    assert never.latency_s == pytest.approx(4.0, rel=1e-3)
    assert never.full_power_w == never.idle_power_w
    always = served(profile, Bounds(latency_s=3.0), *lengths, quantile=0.85)
    assert always.capacity_rps > 50
    assert always.latency_s == pytest.approx(1.025, rel=1e-3)  # half the running step, and 20 of its own


def test_the_kv_cache_holds_whole_requests() -> None:
    """1,000 tokens hold ten requests of 100; with 50 or 150 equally often among those that run, fewer.

    k·100 + 1.645·50·√k <= 1,000 at k = 7.
    """

    def places(*lengths: tuple[float, ...]) -> tuple[int, Places]:
        profile = FormulaProfile(lambda tokens: 0.1, lambda batch, context: 0.05, limits(64, 1000))
        own = work(profile, *lengths)
        return len(own.step_s), own.places_by

    assert places((60, 40)) == (10, Places.KV_MEMORY)
    assert places((30, 20), (130, 20)) == (7, Places.KV_MEMORY)
    assert 7 * 100 + 1.645 * 50 * math.sqrt(7) < 1000 < 8 * 100 + 1.645 * 50 * math.sqrt(8)


def test_requests_larger_than_the_cache_are_never_served() -> None:
    profile = FormulaProfile(lambda tokens: 0.1, lambda batch, context: 0.05, limits(64, 1000))
    result = served(profile, Bounds(ttft_s=100.0), (500, 100, 0.9), (1000, 100, 0.1))
    assert result.capacity_rps == 0
    assert result.bind is Bind.KV_MEMORY
    assert result.latency_s == math.inf


def test_power_is_the_mean_over_prefill_batches_and_rest() -> None:
    """A quarter of the time prefill at 1,000 W; of the rest e^(-4/3) idle at 300 W and the others at 500 W."""
    steady = Steady(work(of_constant_step(0.05, 60, prefill_s=0.25), (100, 21)), 1.0)
    idle = math.exp(-4 / 3)
    assert steady.power_w == pytest.approx(0.25 * 1000 + 0.75 * (idle * 300 + (1 - idle) * 500))


def test_a_batch_beyond_what_was_measured_is_not_reckoned_with() -> None:
    def step(batch: float, context: float) -> float:
        if batch > 5:
            raise ProfileError("decode: batch 6 asked for, measured up to 5, limit 5")
        return 0.05

    profile = FormulaProfile(lambda tokens: 0.1, step, limits(64))
    own = work(profile, (100, 101))
    assert len(own.step_s) == 5
    assert serve(own, Bounds(ttft_s=10.0)).bind is Bind.MEASURED


def test_lengths_that_were_not_measured_at_all_are_refused() -> None:
    def step(batch: float, context: float) -> float:
        raise ProfileError(f"{context:g} tokens asked for")

    profile = FormulaProfile(lambda tokens: 0.1, step, limits(64))
    with pytest.raises(ProfileError, match="150 tokens asked for"):
        work(profile, (100, 100))
    with pytest.raises(ProfileError, match="no requests of this class"):
        work(profile)


def test_running_requests_are_longer_than_arriving_ones() -> None:
    """Context of a running request, weighed by its time: (1·(100 + 50) + 9·(100 + 450))/10 = 510 tokens."""
    seen = []

    def step(batch: float, context: float) -> float:
        seen.append(context)
        return 0.05

    work(FormulaProfile(lambda tokens: 0.1, step, limits(1)), (100, 100), (100, 900))
    assert seen == [pytest.approx(510)]
