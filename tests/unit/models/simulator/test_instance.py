"""A simulated instance: passes, waits and joules as computed by hand; refusals, draining, bounds on what comes next."""

from dataclasses import replace
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freesh_plugin.core.lengths import AnswerLength
from freesh_plugin.core.plan import ClockBounds, Slo
from freesh_plugin.core.power_model import IDLE, power_w, shares
from freesh_plugin.core.step_model import step_s
from freesh_plugin.runtime.governor_settings import GovernorMode, GovernorSettings
from freesh_plugin.runtime.policy import Policy
from freesh_plugin.runtime.settings import SchedulerSettings
from models.simulator.instance_book import LEG_TOKENS
from models.simulator.instance_types import Draw, InstanceSettings
from tests.fakes.instance_runs import NO_SLO, arrival, checked, drawn, engine, request, serve, submitted

FCFS = InstanceSettings(SchedulerSettings(policy=Policy.FCFS))
TOP = 1980


def pass_s(batch: int, kv_tokens: int, prefill_tokens: int = 0, mhz: float = TOP) -> float:
    return step_s(engine().step, mhz, batch, kv_tokens, prefill_tokens)


def pass_j(batch: int, kv_tokens: int, prefill_tokens: int = 0, mhz: float = TOP) -> float:
    on, took_s = engine(), pass_s(batch, kv_tokens, prefill_tokens, mhz)
    return took_s * power_w(on.power, mhz, shares(on.step, mhz, batch, prefill_tokens, took_s, on.shares))


def test_one_request_takes_its_prompt_and_a_pass_for_each_further_token() -> None:
    run = serve([request(2.0, 300, 4)], FCFS, engine(gpus=2))
    (outcome,) = run.sink.outcomes.values()
    first_s = 2.0 + pass_s(1, 300, 300)
    rest_s = [pass_s(1, tokens) for tokens in (301, 302, 303)]
    assert outcome.first_token_s == pytest.approx(first_s)
    assert outcome.finished_s == pytest.approx(first_s + sum(rest_s))
    assert outcome.tbt_worst_s == pytest.approx(rest_s[-1])
    assert outcome.longest_wait_s == pytest.approx(first_s - 2.0)
    busy_j = 2 * (pass_j(1, 300, 300) + sum(pass_j(1, tokens) for tokens in (301, 302, 303)))
    idle_j = 2 * 2.0 * power_w(engine().power, TOP, IDLE)
    end_s = first_s + sum(rest_s) - 1e-9
    after_j = sum(energy_j for start_s, _, energy_j, _ in run.sink.pieces if start_s >= end_s)
    assert run.sink.energy_j - after_j == pytest.approx(busy_j + idle_j)
    assert run.instance.busy_s == pytest.approx(pass_s(1, 300, 300) + sum(rest_s))
    assert run.sink.seconds(Draw.BUSY) == pytest.approx(run.instance.busy_s)


def test_a_long_prompt_is_computed_in_chunks_and_holds_the_others_up() -> None:
    run = serve([request(0.0, 100, 40), request(0.0, 1100, 2)], FCFS)
    short, long = (run.sink.outcomes[i] for i in (0, 1))
    # Both join at once: 412 tokens of the second prompt fit beside the first; 511 of the rest beside its token; 177.
    chunks_s = [pass_s(1, 512, 512), pass_s(1, 101 + 923, 511), pass_s(2, 102 + 1100, 177)]
    assert short.first_token_s == pytest.approx(chunks_s[0])
    assert long.first_token_s == pytest.approx(sum(chunks_s))
    assert short.tbt_worst_s == pytest.approx(chunks_s[1])
    assert long.finished_s == pytest.approx(sum(chunks_s) + pass_s(2, 103 + 1101))


def test_who_comes_during_a_pass_joins_at_the_next() -> None:
    run = serve([request(0.0, 500, 30), request(0.001, 20, 1)], FCFS)
    first_s = pass_s(1, 500, 500)
    assert run.sink.outcomes[1].finished_s == pytest.approx(first_s + pass_s(2, 501 + 20, 20))
    assert run.sink.outcomes[1].tbt_worst_s == 0


def test_a_full_batch_makes_the_others_wait_in_order() -> None:
    run = serve([request(0.0, 10, 50) for _ in range(4)], FCFS, engine(max_batch=2))
    firsts = [run.sink.outcomes[i].first_token_s or 0.0 for i in range(4)]
    assert firsts[0] == firsts[1]
    assert firsts[2] == firsts[3]
    assert firsts[2] > (run.sink.outcomes[0].finished_s or inf)


def test_memory_is_set_aside_for_all_that_may_come() -> None:
    # Two of them may take 2 · (100 + 250 - 1) tokens, and there are 600.
    two = [request(0.0, 100, 20, max_new_tokens=250), request(0.0, 100, 20, max_new_tokens=250)]
    run = serve(two, FCFS, engine(kv_tokens=600))
    assert (run.sink.outcomes[1].first_token_s or 0.0) > (run.sink.outcomes[0].finished_s or inf)
    roomy = serve(two, FCFS, engine(kv_tokens=800))
    assert roomy.sink.outcomes[1].first_token_s == roomy.sink.outcomes[0].first_token_s


def test_what_can_never_fit_and_what_is_too_many_is_refused_at_once() -> None:
    long = request(0.0, 500, 20, max_new_tokens=600)
    run = serve([long, request(0.0, 100, 20)], FCFS, engine(kv_tokens=1000))
    assert run.sink.outcomes[0].refused == "too_long"
    assert run.sink.outcomes[0].first_token_s is None
    assert run.sink.outcomes[1].refused == ""
    few = InstanceSettings(SchedulerSettings(policy=Policy.FCFS, waiting_limit=1))
    run = serve([request(0.0, 100, 20) for _ in range(3)], few)
    assert [run.sink.outcomes[i].refused for i in range(3)] == ["", "queue_full", "queue_full"]


def test_answers_end_at_the_most_they_may_have_and_go_on_over_legs() -> None:
    cut = serve([request(0.0, 10, 100, max_new_tokens=7)], FCFS)
    assert cut.sink.outcomes[0].finished_s == pytest.approx(
        pass_s(1, 10, 10) + sum(pass_s(1, 11 + i) for i in range(6))
    )
    many = 2 * LEG_TOKENS + 100
    legs = serve([request(0.0, 10, many)], FCFS)
    # A leg that is used up goes on in the next pass, which computes its last token as if it were a prompt.
    expected_s = pass_s(1, 10, 10) + sum(pass_s(1, 10 + made, int(made % LEG_TOKENS == 0)) for made in range(1, many))
    assert legs.sink.outcomes[0].finished_s == pytest.approx(expected_s)
    assert legs.sink.outcomes[0].preemptions == 0


def test_a_promise_sets_the_deadline_and_without_one_the_predicted_service_does() -> None:
    edf = InstanceSettings(SchedulerSettings(policy=Policy.EDF))
    # The short one is due sooner by its length, though it came last; promised alike, who came first is due first.
    three = [request(0.0, 10, 400), request(0.0, 10, 300), request(0.1, 10, 10)]
    alone = engine(max_batch=1)
    by_length = serve(three, edf, alone)
    promised = serve(three, edf, alone, Slo(latency_s=60.0, ttft_s=0.0, tbt_s=0.0))
    assert next(iter(by_length.sink.outcomes)) == 2
    assert by_length.sink.outcomes[1].preemptions == 1
    assert list(promised.sink.outcomes) == [0, 1, 2]


def test_preempted_requests_go_on_with_one_token_and_dropped_ones_start_anew() -> None:
    srtf = InstanceSettings(SchedulerSettings(policy=Policy.SRTF), memory_unit_tokens=1)
    two = [request(0.0, 200, 300, max_new_tokens=300), request(1.0, 200, 5, max_new_tokens=250)]
    kept = serve(two, srtf, engine(max_batch=1))
    long = kept.sink.outcomes[0]
    assert long.preemptions == 1
    short_s = (kept.sink.outcomes[1].finished_s or 0.0) - 1.0
    assert long.tbt_worst_s == pytest.approx(short_s + pass_s(1, 260, 1), abs=0.03)
    # Beside the short one's 449 tokens there is no room for what the long one has computed.
    dropped = serve(two, srtf, engine(max_batch=1, kv_tokens=500))
    assert dropped.sink.outcomes[0].preemptions == 1
    assert dropped.sink.outcomes[0].tbt_worst_s > long.tbt_worst_s + 0.01


def test_the_promised_clock_is_within_its_bounds_and_idle_gpus_go_to_the_floor() -> None:
    miad = replace(FCFS, governor=GovernorSettings(mode=GovernorMode.MIAD))
    run = checked(engine(), miad, Slo(latency_s=0.0, ttft_s=2.0, tbt_s=0.1))
    run.instance.adopt(Slo(latency_s=0.0, ttft_s=2.0, tbt_s=0.1), ClockBounds(floor=1110, ceiling=1410))
    run.instance.advance(0.5)
    assert run.instance.clock_mhz == 1410
    run.instance.advance(3600.0)
    assert run.instance.clock_mhz == 1110
    assert run.instance.clock_changes > 1
    floor_w = power_w(engine().power, 1110, IDLE)
    start_s, end_s, energy_j, kind = run.sink.pieces[-1]
    assert kind is Draw.IDLE
    assert end_s - start_s > 3500
    assert energy_j == pytest.approx((end_s - start_s) * floor_w)


def test_a_static_clock_is_kept_and_needs_no_promise() -> None:
    static = replace(FCFS, governor=GovernorSettings(mode=GovernorMode.STATIC, static_mhz=1200))
    run = serve([request(1.0, 100, 20)], static, slo=None, idle_s=30.0)
    assert run.instance.clock_mhz == 1200
    (outcome,) = run.sink.outcomes.values()
    assert outcome.first_token_s == pytest.approx(1.0 + pass_s(1, 100, 100, mhz=1200))
    busy_j = sum(energy_j for _, _, energy_j, kind in run.sink.pieces if kind is Draw.BUSY)
    passes = [(100, 100), *((100 + i, 0) for i in range(1, 20))]
    assert busy_j == pytest.approx(sum(pass_j(1, kv, new, mhz=1200) for kv, new in passes))


def test_without_a_promise_clocks_are_left_alone() -> None:
    miad = replace(FCFS, governor=GovernorSettings(mode=GovernorMode.MIAD))
    run = serve([request(1.0, 100, 20)], miad, slo=None, idle_s=60.0)
    assert run.instance.clock_mhz == TOP
    assert run.instance.clock_changes == 0


def test_draining_gives_back_those_that_have_not_begun_and_ends_the_others() -> None:
    run = checked(engine(max_batch=2), FCFS)
    submitted(run, [request(0.0, 10, 50) for _ in range(5)])
    run.instance.advance(0.1)
    run.instance.submit(arrival(5, request(0.2, 10, 10)))
    given = run.instance.give_back_waiting()
    assert [each.request_id for each in given] == [2, 3, 4, 5]
    assert run.instance.outstanding == 2
    run.instance.advance(60.0)
    assert run.instance.outstanding == 0
    assert set(run.sink.outcomes) == {0, 1}


def test_what_is_outstanding_is_counted_at_once_in_requests_and_tokens() -> None:
    run = checked(engine(), FCFS)
    assert run.instance.next_change_s == inf
    run.instance.submit(arrival(0, request(0.0, 100, 40, estimate=AnswerLength(30, 60))))
    assert (run.instance.outstanding, run.instance.outstanding_tokens) == (1, 130)
    run.instance.advance(pass_s(1, 100, 100))
    assert run.instance.outstanding_tokens == 29
    run.instance.advance(run.instance.next_change_s - 0.02)
    assert run.instance.outstanding == 1
    run.instance.advance(10.0)
    assert (run.instance.outstanding, run.instance.outstanding_tokens) == (0, 0)


@given(seed=st.integers(0, 10_000), policy=st.sampled_from(Policy), limit=st.sampled_from((3, 1000)))
@settings(max_examples=25, deadline=None)
def test_outstanding_does_not_change_before_it_is_said_to(seed: int, policy: Policy, limit: int) -> None:
    chosen = InstanceSettings(SchedulerSettings(policy=policy, waiting_limit=limit))
    run = checked(engine(max_batch=4, kv_tokens=6000), chosen)
    coming = drawn(25, 12.0, seed, prompt=200, answer=20, most=200)
    while coming or run.instance.outstanding:
        if coming and (not run.instance.outstanding or coming[0].arrival_s <= run.instance.now_s):
            run.instance.advance(coming[0].arrival_s)
            run.instance.submit(arrival(25 - len(coming), coming.pop(0)))
        before, change_s = run.instance.outstanding, run.instance.next_change_s
        now_s = run.instance.now_s
        assert change_s >= now_s
        run.instance.advance(now_s + 1e-9)
        assert run.instance.outstanding == before or run.instance.now_s >= change_s


def test_books_are_empty_at_the_end_and_every_request_ended_once() -> None:
    requests = drawn(120, 14.0, 3, shared=0.5, sessions=10)
    run = serve(requests, InstanceSettings(), engine(kv_tokens=8000), NO_SLO, idle_s=2.0)
    assert set(run.sink.outcomes) == set(range(120))
    assert run.sink.pieces[-1][1] == run.instance.now_s
    assert sum(each.cached_tokens for each in run.sink.outcomes.values()) > 0
    assert sum(each.preemptions for each in run.sink.outcomes.values()) > 0
    memory = run.instance._book.memory
    assert (len(memory), len(memory.books), memory.books.held_blocks, memory.books.cache.evictable) == (
        0, 0, 0, memory.books.cached_blocks,
    )  # fmt: skip
    assert (run.instance._book.scheduler.waiting, run.instance._book.scheduler.running) == (0, 0)


@pytest.mark.parametrize("mode", [GovernorMode.STATIC, GovernorMode.MIAD])
def test_told_to_go_for_ever_it_serves_what_it_has(mode: GovernorMode) -> None:
    run = checked(engine(), replace(FCFS, governor=GovernorSettings(mode=mode)))
    run.instance.advance(30.0)
    run.instance.submit(arrival(0, request(40.0, 100, 20)))
    run.instance.advance(inf)
    assert run.instance.outstanding == 0
    assert run.instance.now_s == run.sink.outcomes[0].finished_s
