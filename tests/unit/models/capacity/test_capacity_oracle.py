"""Derived capacities against a simulation of every step: late shares on both sides of the capacity, and power."""

import random
from functools import cache

import pytest

from freesh_plugin.core.request import Partition
from models.capacity import Bind, Bounds, ClassWork, Served, by_class, serve
from models.domain.lengths import RequestLength
from tests.fakes.batch_simulation import Instance, Request, poisson
from tests.fakes.token_profiles import FormulaProfile, limits

PARTITION = Partition("a", ("SS", "SL", "LS", "LL"), (600,), (180,))
KV_TOKENS, MAX_BATCH, IDLE_W, PREFILL_W = 200_000, 128, 500.0, 2000.0
REQUESTS, WARM_UP = 5000, 1000


def prefill_s(tokens: float) -> float:
    return 0.02 + 1e-4 * tokens


def step_s(batch: float, context: float) -> float:
    return 0.025 + 1e-4 * batch + 6e-8 * batch * context


def step_w(batch: float) -> float:
    return 900 + 10 * batch


@cache
def lengths(request_class: str) -> tuple[RequestLength, ...]:
    rng = random.Random(1)
    drawn = [
        RequestLength(
            round(min(6000.0, max(16.0, rng.lognormvariate(6.5, 0.8)))),
            round(min(1200.0, max(4.0, rng.lognormvariate(5.2, 0.8)))),
        )
        for _ in range(3000)
    ]
    return tuple(each for each in drawn if PARTITION.classify(each.prompt_tokens, each.answer_tokens) == request_class)


def simulated(request_class: str, rate_rps: float, kv_tokens: int = KV_TOKENS) -> tuple[list[Request], float]:
    """Requests after the warm-up, and mean power."""

    def draw(rng: random.Random) -> tuple[int, int]:
        each = rng.choice(lengths(request_class))
        return int(each.prompt_tokens), int(each.answer_tokens)

    instance = Instance(prefill_s, step_s, MAX_BATCH, kv_tokens, PREFILL_W, step_w, IDLE_W)
    requests = instance.run(poisson(rate_rps, REQUESTS, 7, draw))
    return requests[WARM_UP:], instance.energy_j / instance.now_s


def late(requests: list[Request], bounds: Bounds) -> float:
    """The largest share of the requests that breaks one of the bounds."""
    broken = (
        sum(each.latency_s > bounds.latency_s for each in requests),
        sum(each.ttft_s > bounds.ttft_s for each in requests),
        sum(each.tbt_s > bounds.tbt_s for each in requests),
    )
    return max(broken) / len(requests)


@cache
def derived(request_class: str, bounds: Bounds, kv_tokens: int = KV_TOKENS) -> Served:
    own = by_class(lengths(request_class), PARTITION)[request_class]
    profile = FormulaProfile(prefill_s, step_s, limits(MAX_BATCH, kv_tokens, IDLE_W), PREFILL_W, step_w)
    return serve(ClassWork.of(profile, own, 0.95), bounds)


CASES = [
    ("SS", Bounds(40, 0.6, 0.06), Bind.TBT),
    ("SL", Bounds(40, 0.6, 0.06), Bind.LATENCY),
    ("LS", Bounds(10, 2.0, 0.2), Bind.LATENCY),
    ("LS", Bounds(60, 0.6, 0.2), Bind.TTFT),
    ("LL", Bounds(40, 2.0, 0.1), Bind.LATENCY),
]


@pytest.mark.parametrize(("request_class", "bounds", "bind"), CASES)
def test_one_request_in_twenty_is_late_at_capacity(request_class: str, bounds: Bounds, bind: Bind) -> None:
    """At 0.9 of the capacity fewer are late than may be, at 1.15 of it more: the capacity lies within that."""
    result = derived(request_class, bounds)
    assert result.bind is bind
    below, _ = simulated(request_class, 0.9 * result.capacity_rps)
    above, _ = simulated(request_class, 1.15 * result.capacity_rps)
    assert late(below, bounds) < 0.05 < late(above, bounds)


def test_requests_wait_for_memory_once_it_is_what_binds() -> None:
    """30,000 tokens hold a dozen of these requests: beyond the capacity the first token comes late."""
    bounds = Bounds(400, 3.0, 0.2)
    result = derived("LL", bounds, 30_000)
    assert result.bind is Bind.KV_MEMORY
    below, _ = simulated("LL", 0.9 * result.capacity_rps, 30_000)
    above, _ = simulated("LL", 1.15 * result.capacity_rps, 30_000)
    assert late(below, bounds) < 0.05 < late(above, bounds)


@pytest.mark.parametrize("request_class", ["SS", "LL"])
@pytest.mark.parametrize("load", [0.1, 0.5, 1.0])
def test_power_and_latency_are_those_of_the_simulation(request_class: str, load: float) -> None:
    """Power within 3 %; at capacity latency and mean batch within 10 %, TBT within 12 %."""
    result = derived(request_class, Bounds(40, 2.0, 0.1))
    requests, power_w = simulated(request_class, load * result.capacity_rps)
    assert result.power_w(load) == pytest.approx(power_w, rel=0.03)
    if load == 1.0:
        middle = int(0.95 * len(requests))
        assert result.latency_s == pytest.approx(sorted(each.latency_s for each in requests)[middle], rel=0.1)
        assert result.tbt_s == pytest.approx(sorted(each.tbt_s for each in requests)[middle], rel=0.12)
        assert result.mean_batch == pytest.approx(
            sum(each.latency_s - each.ttft_s for each in requests) / len(requests) * result.capacity_rps, rel=0.1
        )
