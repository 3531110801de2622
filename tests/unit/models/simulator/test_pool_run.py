"""A pool by itself: each request ends once, the balancer spreads them, and energy covers the whole run."""

from math import inf

import pytest

from freesh_plugin.core.lengths import AnswerLength
from freesh_plugin.core.plan import Slo
from freesh_plugin.core.power_model import ASSUMED_SHARES, HIGH, IDLE, power_w
from freesh_plugin.core.step_model import StepModel
from models.domain.engine import EngineModel
from models.domain.lengths import RequestLength
from models.domain.workload import WorkloadRequest
from models.simulator.class_load import ClassLoad, kept, kept_at, largest_rate_rps, saturated_rps
from models.simulator.instance_types import Arrival, Draw, Outcome
from models.simulator.pool_run import Pool, serve_pool

STEP = StepModel(9.0, 0.0, 200_000.0, 1.0, 0.0, 100.0, 1980.0, "ten milliseconds a pass, and one for 100 prompt tokens")
ENGINE = EngineModel(
    "mode", "model", "H100", 2, STEP, HIGH, ASSUMED_SHARES, max_batch=4, kv_tokens=100_000, chunk_tokens=4096,
    clocks_mhz=(1980,),
)  # fmt: skip
SLO = Slo(latency_s=1.0, ttft_s=0.05, tbt_s=0.02)


def request(arrival_s: float, answer_tokens: int = 10, prompt_tokens: int = 100) -> WorkloadRequest:
    estimate = AnswerLength(answer_tokens, 2.0 * answer_tokens)
    return WorkloadRequest(arrival_s, prompt_tokens, answer_tokens, answer_tokens, estimate)


def outcome(first_s: float | None, finished_s: float | None, answer_tokens: int = 11, request_id: int = 0) -> Outcome:
    return Outcome(Arrival(request_id, request(0.0, answer_tokens), 0.0, "SS"), first_s, finished_s, 0.0)


def test_a_lone_request_takes_its_passes() -> None:
    """11 ms with its prompt, then nine passes of 10 ms."""
    (ended,) = serve_pool(Pool(ENGINE), [request(1.0)]).outcomes
    assert ended.first_token_s == pytest.approx(1.011)
    assert ended.finished_s == pytest.approx(1.101)


def test_every_request_ends_once_and_energy_covers_the_run() -> None:
    run = serve_pool(Pool(ENGINE, instances=2), [request(0.01 * i) for i in range(40)])
    assert sorted(each.arrival.request_id for each in run.outcomes) == list(range(40))
    assert run.end_s == max(each.finished_s or inf for each in run.outcomes)
    idle_w = 2 * power_w(HIGH, 1980, IDLE)
    assert set(run.energy_j) == {Draw.BUSY, Draw.IDLE}
    assert run.energy_j[Draw.BUSY] > idle_w * 0.5 * run.end_s
    assert sum(run.energy_j.values()) > 2 * idle_w * run.end_s


def test_requests_go_to_the_instance_with_less_to_do() -> None:
    """The long one holds the first instance, so that all places of the other are left for the others."""
    requests = [request(0.0, 1000), *(request(0.001 * i, 100) for i in range(1, 5))]
    ended = {each.arrival.request_id: each for each in serve_pool(Pool(ENGINE, instances=2), requests).outcomes}
    assert [ended[i].longest_wait_s < 0.05 for i in range(1, 5)] == [True] * 4
    alone = serve_pool(Pool(ENGINE, instances=1), requests).outcomes
    assert max(each.longest_wait_s for each in alone) > 0.5


def test_shares_that_keep_bounds_count_refused_ones_as_late() -> None:
    outcomes = [outcome(0.04, 0.14, request_id=0), outcome(0.06, 0.3, request_id=1), outcome(None, None, request_id=2)]
    found = kept(outcomes, SLO)
    assert (found.ttft, found.tbt, found.latency) == pytest.approx((1 / 3, 1 / 3, 2 / 3))
    assert found.least == pytest.approx(1 / 3)


def test_a_bound_of_nothing_is_kept_by_whoever_is_served() -> None:
    found = kept([outcome(5.0, 50.0), outcome(None, None, request_id=1)], Slo(latency_s=0, ttft_s=0, tbt_s=0))
    assert found.ttft == found.latency == 0.5


def test_the_warm_up_does_not_count() -> None:
    outcomes = [outcome(9.0, 9.1, request_id=0), outcome(0.01, 0.1, request_id=1)]
    assert kept(outcomes, SLO, warm_up=0.5).least == 1.0


def test_at_another_rate_requests_are_the_same_further_apart() -> None:
    load = ClassLoad((RequestLength(100, 10), RequestLength(300, 30)), 50, 1)
    slow, fast = load.requests(1.0), load.requests(4.0)
    assert [each.answer_tokens for each in slow] == [each.answer_tokens for each in fast]
    assert [each.arrival_s for each in slow] == pytest.approx([4 * each.arrival_s for each in fast])
    assert {(each.prompt_tokens, each.answer_tokens) for each in slow} == {(100, 10), (300, 30)}


@pytest.mark.parametrize(("limit", "found"), [(3.0, 3.0), (0.5, 1.0), (20.0, 10.0)])
def test_the_largest_rate_is_found_by_halving(limit: float, found: float) -> None:
    assert largest_rate_rps(lambda rate: rate <= limit, 1.0, 10.0) == pytest.approx(found, abs=0.15)


def test_an_instance_that_is_never_empty_finishes_what_its_passes_allow() -> None:
    """Four places, ten passes of 10 ms a request, and 1 ms for each prompt: 4 requests in 104 ms."""
    load = ClassLoad((RequestLength(100, 10),), 400, 1)
    assert saturated_rps(Pool(ENGINE), load) == pytest.approx(4 / 0.104, rel=0.03)
    assert kept_at(Pool(ENGINE), load, 1.0, SLO).least == 1.0
    assert kept_at(Pool(ENGINE), load, 60.0, SLO).ttft < 0.8
