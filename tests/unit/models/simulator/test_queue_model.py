"""The queue model: its workload is as published, its arithmetic as by hand, its work is conserved."""

from dataclasses import replace
from math import inf

import numpy as np
import pytest

from freesh_plugin.core.lengths import AnswerLength
from freesh_plugin.runtime.policy import Policy
from freesh_plugin.runtime.settings import SchedulerSettings
from models.simulator.queue_model import STEP_S, simulate
from models.simulator.queue_scores import score
from models.simulator.queue_workload import CLASSES, WORKERS, Arrivals, QueueRequest, draw_requests, mean_service_s

ROUND = replace(CLASSES[0], ttft_s=0.2, tbt_s=0.1)
"""A class of round numbers."""


def request(arrival_s: float, tokens: int, client: int = 0) -> QueueRequest:
    service_s = ROUND.ttft_s + tokens * ROUND.tbt_s
    return QueueRequest(
        arrival_s, ROUND, client, tokens, AnswerLength(tokens, tokens), arrival_s + 1.4 * service_s
    )  # fmt: skip


def test_classes_shares_and_lengths_are_those_of_the_queue_model() -> None:
    drawn = draw_requests(Arrivals.STEADY, 0.9, 0.5, 40_000, seed=1)
    for kind in CLASSES:
        lengths = np.array([each.answer_tokens for each in drawn if each.kind is kind])
        assert len(lengths) / len(drawn) == pytest.approx(kind.share, abs=0.01)
        assert kind.least_tokens <= lengths.min() <= lengths.max() <= kind.most_tokens
    medians = {each.name: np.median([r.answer_tokens for r in drawn if r.kind is each]) for each in CLASSES}
    # Truncation lowers the medians of the short classes (150, 120) and raises those of the long ones (750, 700).
    assert medians["LS"] == pytest.approx(132, rel=0.05)
    assert medians["SS"] == pytest.approx(112, rel=0.05)
    assert medians["LL"] == pytest.approx(812, rel=0.05)
    assert medians["SL"] == pytest.approx(780, rel=0.05)


def test_estimates_err_by_a_lognormal_of_mean_one() -> None:
    drawn = draw_requests(Arrivals.STEADY, 0.9, 0.5, 40_000, seed=2)
    errors = np.array([each.estimate.q50 / each.answer_tokens for each in drawn])
    assert errors.mean() == pytest.approx(1.0, abs=0.02)
    assert np.log(errors).std() == pytest.approx(0.5, abs=0.01)
    exact = draw_requests(Arrivals.STEADY, 0.9, 0.0, 100, seed=2)
    assert all(each.estimate.q50 == each.answer_tokens == each.estimate.q90 for each in exact)
    assert all(each.deadline_s == pytest.approx(each.arrival_s + 1.4 * each.service_s) for each in exact)


@pytest.mark.parametrize("load", [0.7, 0.95])
def test_steady_arrivals_offer_the_load(load: float) -> None:
    drawn = draw_requests(Arrivals.STEADY, load, 0.5, 40_000, seed=3)
    offered_s = sum(each.service_s for each in drawn)
    assert offered_s / (WORKERS * drawn[-1].arrival_s) == pytest.approx(load, rel=0.03)


def test_bursts_offer_more_for_sixty_seconds_in_every_three_hundred() -> None:
    drawn = draw_requests(Arrivals.BURSTS, 0.0, 0.5, 60_000, seed=4)
    phase = np.array([each.arrival_s % 300 for each in drawn])
    seconds = drawn[-1].arrival_s
    rate = WORKERS / mean_service_s()
    assert (phase < 60).sum() / (seconds / 5) == pytest.approx(1.3 * rate, rel=0.03)
    assert (phase >= 60).sum() / (seconds * 4 / 5) == pytest.approx(0.8 * rate, rel=0.03)


def test_policies_see_the_same_requests() -> None:
    assert draw_requests(Arrivals.BURSTS, 0.0, 0.5, 50, 5) == draw_requests(Arrivals.BURSTS, 0.0, 0.5, 50, 5)


def test_fcfs_by_hand() -> None:
    """One worker: the first is served from 0 to 1.2 s, the second from 1.2 to 1.7 s."""
    first, second = simulate([request(0.0, 10), request(0.3, 3)], SchedulerSettings(policy=Policy.FCFS), 0.1, workers=1)
    assert first.finished_s == pytest.approx(1.2)
    assert second.finished_s == pytest.approx(1.7)
    assert first.stall_s == pytest.approx(0.3)
    assert second.stall_s == pytest.approx(1.2 + 0.3 - 0.3)


def test_a_preemption_by_hand() -> None:
    """SRTF: the second takes over at 0.3 s, when the first has one token, and leaves at 0.8 s; to go on costs 0.1 s."""
    first, second = simulate([request(0.0, 10), request(0.3, 3)], SchedulerSettings(policy=Policy.SRTF), 0.1, workers=1)
    assert second.finished_s == pytest.approx(0.8)
    assert first.finished_s == pytest.approx(0.8 + 0.1 + 0.9)
    assert (first.preemptions, second.preemptions) == (1, 0)
    assert first.stall_s == pytest.approx(0.5 + 0.1 + 0.1)


def test_a_refused_request_is_a_breach_and_stalls_to_the_end() -> None:
    settings = SchedulerSettings(policy=Policy.FCFS, waiting_limit=1)
    served = simulate([request(0.0, 10), request(0.1, 3), request(0.1, 3)], settings, 0.1, workers=1)
    assert served[2].finished_s is None
    assert served[2].stall_s == pytest.approx(1.7 - 0.1, abs=STEP_S)
    scores = score(served)
    assert (scores.finished, scores.refused) == (2, 1)
    assert scores.breach == pytest.approx(2 / 3)


def test_fairness_is_of_the_clients_mean_slowdowns() -> None:
    twins = [request(0.0, 8, client=1), request(0.0, 8, client=2)]
    served = simulate(twins, SchedulerSettings(policy=Policy.FCFS), 0.1, workers=1)
    scores = score(served)  # slowdowns 1 and 2
    assert scores.fairness_gap == pytest.approx(1.0)
    assert scores.fairness_jain == pytest.approx(9 / 10)


@pytest.mark.parametrize("policy", list(Policy))
def test_work_is_conserved_and_no_worker_idles_while_requests_wait(policy: Policy) -> None:
    drawn = draw_requests(Arrivals.STEADY, 1.2, 0.5, 150, seed=6)
    served = simulate(drawn, SchedulerSettings(policy=policy), 0.1)
    assert all(each.finished_s is not None and each.finished_s < inf for each in served)
    for each in served:
        assert each.finished_s is not None
        latency_s = each.finished_s - each.request.arrival_s
        assert latency_s >= each.request.service_s + 0.1 * each.preemptions - 1e-6
        assert each.decoded_s >= each.request.answer_tokens * each.request.kind.tbt_s - 1e-6


@pytest.mark.parametrize("policy", list(Policy))
def test_steps_that_are_skipped_change_nothing(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = draw_requests(Arrivals.STEADY, 0.95, 0.5, 150, seed=7)
    skipping = simulate(drawn, SchedulerSettings(policy=policy), 0.1)
    monkeypatch.setattr("models.simulator.queue_model._Run._next_step", lambda self, step, decision: step + 1)
    stepping = simulate(drawn, SchedulerSettings(policy=policy), 0.1)
    assert [each.finished_s for each in stepping] == pytest.approx([each.finished_s for each in skipping])
    assert [each.preemptions for each in stepping] == [each.preemptions for each in skipping]
