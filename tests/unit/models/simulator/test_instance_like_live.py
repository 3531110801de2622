"""A simulated instance against the live router on a simulated shard, both on one virtual clock: the same."""

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from freesh_plugin.core.plan import Slo
from freesh_plugin.runtime.governor_settings import GovernorMode, GovernorSettings
from freesh_plugin.runtime.policy import Policy
from freesh_plugin.runtime.settings import SchedulerSettings
from models.domain.engine import EngineModel
from models.domain.workload import WorkloadRequest
from models.simulator.instance_types import InstanceSettings
from tests.fakes.instance_runs import Run, drawn, engine, serve
from tests.fakes.router_in_virtual_time import LiveAnswer, RouterInVirtualTime

STRETCHED = Slo(latency_s=0.0, ttft_s=2.0, tbt_s=0.1)
PROMISED = Slo(latency_s=6.0, ttft_s=2.0, tbt_s=0.1)
_FIRST_ID, _IDS = 10, 250


def prompts(requests: Sequence[WorkloadRequest]) -> list[list[int]]:
    """Ids at random, of which no two prompts begin alike."""
    rng = random.Random(1)
    return [
        [_FIRST_ID + place, *(rng.randrange(_FIRST_ID, _IDS) for _ in range(each.prompt_tokens - 1))]
        for place, each in enumerate(requests)
    ]


def both(
    requests: Sequence[WorkloadRequest], chosen: InstanceSettings, on: EngineModel, slo: Slo
) -> tuple[RouterInVirtualTime, dict[int, LiveAnswer], Run]:
    """Serve them live, where the model decides on the lengths of answers, then simulated with the same lengths."""
    live = RouterInVirtualTime(on, chosen, slo, prefix_caching=True)
    answers = live.serve(requests, prompts(requests))
    told = [replace(each, answer_tokens=len(answers[i].token_s) or 1) for i, each in enumerate(requests)]
    return live, answers, serve(told, chosen, on, slo)


def settings(policy: Policy, mode: GovernorMode = GovernorMode.STATIC, unit_tokens: int = 1) -> InstanceSettings:
    return InstanceSettings(
        SchedulerSettings(policy=policy), GovernorSettings(mode=mode), memory_unit_tokens=unit_tokens
    )


@pytest.mark.parametrize(
    ("policy", "mode", "on", "slo", "preempts"),
    [
        (Policy.FCFS, GovernorMode.STATIC, engine(max_batch=8), STRETCHED, False),
        (Policy.LLF, GovernorMode.MIAD, engine(), STRETCHED, False),
        (Policy.LLF, GovernorMode.MIAD, engine(kv_tokens=6000), STRETCHED, True),
        (Policy.LLF, GovernorMode.MIAD, engine(), PROMISED, False),
        (Policy.EDF, GovernorMode.MIAD, engine(kv_tokens=6000), PROMISED, True),
        (Policy.SRTF, GovernorMode.STATIC, engine(max_batch=6), STRETCHED, True),
    ],
    ids=["fcfs", "llf with room", "llf", "llf promised", "edf promised", "srtf"],
)
def test_every_token_comes_when_it_would_live(
    policy: Policy, mode: GovernorMode, on: EngineModel, slo: Slo, preempts: bool
) -> None:
    requests = drawn(45, 8.0, 7)
    live, answers, run = both(requests, settings(policy, mode), on, slo)
    assert len(run.sink.outcomes) == len(requests)
    for request_id, outcome in run.sink.outcomes.items():
        answer = answers[request_id]
        assert outcome.first_token_s == pytest.approx(answer.token_s[0], abs=1e-9)
        assert outcome.finished_s == pytest.approx(answer.token_s[-1], abs=1e-9)
        between_s = [b - a for a, b in zip(answer.token_s, answer.token_s[1:], strict=False)]
        assert outcome.tbt_worst_s == pytest.approx(max(between_s, default=0.0), abs=1e-9)
        assert outcome.preemptions == answer.preemptions
    assert (sum(each.preemptions for each in answers.values()) > 0) == preempts
    end_s = live.clock.now_s
    drawn_j = sum(
        energy_j * max(min(to_s, end_s) - from_s, 0.0) / (to_s - from_s)
        for from_s, to_s, energy_j, _ in run.sink.pieces
    )
    assert drawn_j == pytest.approx(live.board.energy_j, rel=1e-9)
    if mode is GovernorMode.MIAD and not preempts:
        assert live.board.changes > 3


def test_in_units_of_sixteen_tokens_means_are_nearly_the_same() -> None:
    requests = drawn(60, 9.0, 3)
    live, answers, run = both(requests, settings(Policy.FCFS, unit_tokens=16), engine(kv_tokens=6000), STRETCHED)
    lived = sum(answers[i].token_s[-1] - each.arrival_s for i, each in enumerate(requests))
    simulated = sum((each.finished_s or 0.0) - each.arrival.at_s for each in run.sink.outcomes.values())
    assert simulated == pytest.approx(lived, rel=0.03)
    assert max(each.longest_wait_s for each in run.sink.outcomes.values()) > 2.0
    assert live.memory.held_blocks == 0


def test_what_is_refused_live_is_refused() -> None:
    requests = [replace(each, max_new_tokens=1700) for each in drawn(30, 8.0, 5, prompt=500.0, answer=30.0)]
    live, answers, run = both(requests, settings(Policy.LLF), engine(kv_tokens=2500), STRETCHED)
    refused = {request_id for request_id, answer in answers.items() if answer.refused}
    assert 0 < len(refused) < len(requests)
    assert refused == {request_id for request_id, outcome in run.sink.outcomes.items() if outcome.refused}
    assert live.clock.now_s > 0
