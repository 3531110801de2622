"""Leaping and walking pass by pass are the same: outcomes, decisions, clocks and joules; however time is cut."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freesh_plugin.core.plan import ClockBounds, Slo
from freesh_plugin.runtime.governor_settings import GovernorMode, GovernorSettings
from freesh_plugin.runtime.policy import Policy
from freesh_plugin.runtime.settings import SchedulerSettings
from models.domain.engine import EngineModel
from models.domain.workload import WorkloadRequest
from models.simulator.instance import passes_until
from models.simulator.instance_types import InstanceSettings
from tests.fakes.instance_runs import Run, arrival, drawn, engine, serve, submitted

PROMISED = Slo(latency_s=0.0, ttft_s=1.5, tbt_s=0.06)
DEADLINES = Slo(latency_s=8.0, ttft_s=1.5, tbt_s=0.06)
ROOMY = engine(max_batch=24)
SHORT_OF_PLACES = engine(max_batch=6)
SHORT_OF_MEMORY = engine(kv_tokens=5000)


def of(policy: Policy, mode: GovernorMode, **others: object) -> InstanceSettings:
    scheduler = SchedulerSettings(policy=policy, **others)  # type: ignore[arg-type]
    return InstanceSettings(scheduler, GovernorSettings(mode=mode))


def both(
    requests: Sequence[WorkloadRequest], chosen: InstanceSettings, on: EngineModel, slo: Slo, idle_s: float = 20.0
) -> Run:
    """Leap and walk; the leapt run, after it was found to be the same."""
    leapt = serve(requests, chosen, on, slo, idle_s=idle_s)
    same(leapt, serve(requests, replace(chosen, leaps=False), on, slo, idle_s=idle_s))
    return leapt


def same(one: Run, other: Run) -> None:
    assert one.told() == other.told()
    assert one.seconds() == pytest.approx(other.seconds(), abs=1e-6)
    assert one.sink.energy_j == pytest.approx(other.sink.energy_j, rel=1e-9)
    assert one.instance.busy_s == pytest.approx(other.instance.busy_s, abs=1e-6)
    assert (one.instance.clock_mhz, one.instance.clock_changes) == (
        other.instance.clock_mhz, other.instance.clock_changes,
    )  # fmt: skip


@pytest.mark.parametrize("policy", Policy)
@pytest.mark.parametrize("mode", [GovernorMode.STATIC, GovernorMode.MIAD])
@pytest.mark.parametrize("on", [ROOMY, SHORT_OF_PLACES, SHORT_OF_MEMORY], ids=["roomy", "places", "memory"])
def test_leaping_is_walking(policy: Policy, mode: GovernorMode, on: EngineModel) -> None:
    run = both(drawn(70, 9.0, 11, answer=70, shared=0.3, sessions=20), of(policy, mode), on, PROMISED)
    if mode is GovernorMode.MIAD:
        assert run.instance.clock_changes >= 3
    if policy is not Policy.FCFS and on is not ROOMY:
        assert sum(each.preemptions for each in run.sink.outcomes.values()) > 3


@pytest.mark.parametrize("policy", [Policy.LLF, Policy.EDF])
def test_leaping_is_walking_under_promised_deadlines(policy: Policy) -> None:
    both(drawn(90, 12.0, 5, answer=70), of(policy, GovernorMode.MIAD), SHORT_OF_MEMORY, DEADLINES)


def test_leaping_is_walking_where_requests_stall_are_refused_and_have_several_legs() -> None:
    stalling = of(Policy.LLF, GovernorMode.MIAD, stall_limit_s=2.0, waiting_limit=12)
    run = both(drawn(60, 16.0, 2, answer=60), stalling, SHORT_OF_PLACES, PROMISED)
    assert any(each.refused for each in run.sink.outcomes.values())
    long = drawn(6, 2.0, 4, answer=1200, most=3000)
    both(long, of(Policy.LLF, GovernorMode.MIAD), engine(max_batch=3, kv_tokens=8000), PROMISED)


@given(
    seed=st.integers(0, 10_000),
    policy=st.sampled_from(Policy),
    mode=st.sampled_from([GovernorMode.STATIC, GovernorMode.MIAD, GovernorMode.HYSTERESIS]),
    rate_rps=st.sampled_from([0.3, 4.0, 12.0]),
    max_batch=st.integers(1, 16),
    kv_tokens=st.integers(1500, 12_000),
    chunk_tokens=st.sampled_from([128, 512, 4096]),
    unit_tokens=st.sampled_from([1, 16, 64]),
)
@settings(max_examples=30, deadline=None)
def test_leaping_is_walking_whatever_the_instance(
    seed: int, policy: Policy, mode: GovernorMode, rate_rps: float,
    max_batch: int, kv_tokens: int, chunk_tokens: int, unit_tokens: int,
) -> None:  # fmt: skip
    on = engine(max_batch=max_batch, kv_tokens=kv_tokens, chunk_tokens=chunk_tokens)
    chosen = replace(of(policy, mode, stall_limit_s=3.0), memory_unit_tokens=unit_tokens)
    both(drawn(20, rate_rps, seed, answer=50, most=400, shared=0.5, sessions=6), chosen, on, PROMISED)


@given(
    seed=st.integers(0, 10_000),
    policy=st.sampled_from(Policy),
    piece_s=st.sampled_from([0.003, 0.05, 0.7, 30.0]),
    ahead=st.booleans(),
)
@settings(max_examples=20, deadline=None)
def test_it_does_not_matter_how_far_it_is_told_to_go_at_once(
    seed: int, policy: Policy, piece_s: float, ahead: bool
) -> None:
    requests = drawn(15, 5.0, seed, answer=40, most=300)

    def in_pieces(run: Run, coming: Sequence[WorkloadRequest]) -> None:
        if ahead:
            for place, each in enumerate(coming):
                run.instance.submit(arrival(place, each))
        for place, each in enumerate(coming):
            while run.instance.now_s < each.arrival_s:
                run.instance.advance(min(run.instance.now_s + piece_s, each.arrival_s))
            if not ahead:
                run.instance.submit(arrival(place, each))

    chosen = of(policy, GovernorMode.MIAD)
    one = serve(requests, chosen, SHORT_OF_MEMORY, PROMISED)
    same(one, serve(requests, chosen, SHORT_OF_MEMORY, PROMISED, submit=in_pieces))


def test_idle_ticks_are_left_out_without_a_trace() -> None:
    """An hour without work between two requests: the governor ends up where it would have with every tick."""
    far = [*drawn(10, 5.0, 1), replace(drawn(1, 1.0, 2)[0], arrival_s=3600.25)]
    chosen = of(Policy.LLF, GovernorMode.MIAD)
    leapt = both(far, chosen, ROOMY, PROMISED)

    def promised_again(run: Run, coming: Sequence[WorkloadRequest]) -> None:
        """A plan that says the same is adopted each second, so that no tick is left out."""
        submitted(run, coming[:-1])
        while run.instance.now_s < coming[-1].arrival_s:
            run.instance.adopt(PROMISED, ClockBounds())
            run.instance.advance(min(run.instance.now_s + 0.5, coming[-1].arrival_s))
        submitted(run, coming[-1:], len(coming) - 1)

    same(leapt, serve(far, chosen, ROOMY, PROMISED, submit=promised_again, idle_s=20.0))


@given(first_s=st.floats(1e-3, 1.0), growth_s=st.floats(0, 1e-3), wait_s=st.floats(-1.0, 50.0))
def test_passes_until_is_the_least_number_that_takes_so_long(first_s: float, growth_s: float, wait_s: float) -> None:
    passes = passes_until(first_s, growth_s, wait_s)

    def took_s(count: int) -> float:
        return count * first_s + growth_s * count * (count - 1) / 2

    assert passes >= 1
    assert took_s(passes) >= wait_s - 1e-6
    assert passes == 1 or took_s(passes - 1) < wait_s + 1e-6
