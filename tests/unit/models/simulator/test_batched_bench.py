"""The scheduler's bench in batches: the queue model's requests with prompts, capacity by hand, and scores."""

import pytest

from freesh_plugin.runtime.policy import Policy
from freesh_plugin.runtime.settings import SchedulerSettings
from models.simulator.batched_bench import BatchedRun, batched_runs, run_batched
from models.simulator.batched_workload import PROMPTS, batched_engine, draw_batched, full_pace
from models.simulator.instance_types import InstanceSettings
from models.simulator.pool_run import Pool, serve_pool
from models.simulator.queue_workload import MEAN_BURST_LOAD, WORKERS, Arrivals, draw_requests

ENGINE = batched_engine()


def asked(policy: Policy, load: float = 0.9, places: int = WORKERS) -> BatchedRun:
    return BatchedRun(Arrivals.STEADY, load, 0.5, 3, SchedulerSettings(policy=policy), places)


def test_requests_are_the_queue_models_with_prompts_of_their_class() -> None:
    drawn = draw_requests(Arrivals.STEADY, 0.9, 0.5, 300, 5)
    batched = draw_batched(ENGINE, Arrivals.STEADY, 0.9, 0.5, 300, 5)
    for ours, theirs in zip(batched, drawn, strict=True):
        _, least, most = PROMPTS[theirs.kind.name[0]]
        assert (ours.answer_tokens, ours.estimate, ours.client) == (
            theirs.answer_tokens, theirs.estimate, theirs.client,
        )  # fmt: skip
        assert least <= ours.prompt_tokens <= most


def test_arrivals_are_relative_to_the_instances_own_capacity() -> None:
    count = 4000
    last_s = draw_batched(ENGINE, Arrivals.STEADY, 0.5, 0.5, count, 5)[-1].arrival_s
    assert count / last_s == pytest.approx(0.5 * full_pace(ENGINE).capacity_rps, rel=0.05)


def test_a_full_instance_finishes_what_its_pace_says() -> None:
    """All requests at once; without the end, in which places empty."""
    requests = draw_batched(ENGINE, Arrivals.STEADY, 1e6, 0.5, 600, 5)
    settings = InstanceSettings(scheduler=SchedulerSettings(policy=Policy.FCFS))
    run = serve_pool(Pool(ENGINE, settings=settings), requests)
    ended = sorted(each.finished_s or 0.0 for each in run.outcomes)
    assert 480 / (ended[540] - ended[60]) == pytest.approx(full_pace(ENGINE).capacity_rps, rel=0.06)


def test_more_places_serve_more_at_a_slower_pace() -> None:
    few, many = full_pace(batched_engine(20)), full_pace(batched_engine(64))
    assert many.capacity_rps > few.capacity_rps
    assert many.tbt_s > few.tbt_s
    assert many.service_s(100, 10) == pytest.approx(100 * many.prefill_s_per_token + 10 * many.tbt_s)


def test_runs_are_by_policy_load_and_seed_and_bursts_have_their_load() -> None:
    steady = batched_runs(Arrivals.STEADY, (0.5, 0.9), (1, 2), 0.5)
    assert len(steady) == 4 * 2 * 2
    assert {each.load for each in batched_runs(Arrivals.BURSTS, (), (1,), 0.5)} == {MEAN_BURST_LOAD}
    assert [each.count for each in (asked(Policy.LLF), asked(Policy.LLF, places=40))] == [1500, 3000]


def test_llf_is_late_less_often_than_first_come_first_served() -> None:
    """At 0.9 of the capacity of 20 places the queue forms, as in the queue model."""
    llf, fcfs = (run_batched(asked(policy)) for policy in (Policy.LLF, Policy.FCFS))
    assert llf.finished == fcfs.finished == 1500
    assert llf.breach < 0.3 * fcfs.breach
    assert fcfs.preemptions_per_request == 0 < llf.preemptions_per_request < 1


def test_an_instance_with_hardly_anything_to_do_is_late_with_nobody() -> None:
    scores = run_batched(asked(Policy.LLF, load=0.1))
    assert scores.breach == 0
    assert scores.refused == 0
    assert 0.9 < scores.fairness_jain <= 1
