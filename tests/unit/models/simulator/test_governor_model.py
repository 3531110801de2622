"""The governed instance against a simulation that does every pass by itself, and loads, traces and capacity."""

from collections import deque
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freesh_plugin.core.power_model import IDLE, power_w, shares
from freesh_plugin.core.step_model import step_s
from models.simulator.governor_bench import CAPACITY_RPS
from models.simulator.governor_capacity import capacity_rps
from models.simulator.governor_model import GovernedEngine, Instance
from models.simulator.governor_workload import DURATION_S, Load, Trace, draw, draw_rates, shares_of_capacity

INSTANCE = Instance(places=12, chunk_tokens=256)


@dataclass
class OnePassAtATime:
    """What `GovernedEngine` does, without taking passes together."""

    trace: Trace
    now_s: float = 0.0
    energy_j: float = 0.0
    tbt_misses: int = 0
    tokens: int = 0

    def __post_init__(self) -> None:
        self.ttft_s: list[float] = []
        self.tbt_s: list[float] = []
        self._coming = deque(zip(self.trace.arrivals_s, self.trace.prompts, self.trace.answers, strict=True))
        self._waiting: deque[list[float]] = deque()  # arrival, prompt, prompt tokens left, answer
        self._running: list[list[int]] = []  # KV tokens, answer tokens left

    def advance(self, until_s: float, mhz: float) -> None:
        while True:
            while self._coming and self._coming[0][0] <= self.now_s:
                arrival_s, prompt, answer = self._coming.popleft()
                self._waiting.append([arrival_s, prompt, prompt, answer])
            if self.now_s >= until_s:
                return
            if self._running or self._waiting:
                self._one_pass(mhz)
            else:
                pause_s = min(until_s, self._coming[0][0]) if self._coming else until_s
                self.energy_j += (pause_s - self.now_s) * power_w(INSTANCE.power, mhz, IDLE)
                self.now_s = pause_s

    def _one_pass(self, mhz: float) -> None:
        batch = len(self._running)
        kv = sum(each[0] for each in self._running)
        kv += int(self._waiting[0][1] - self._waiting[0][2]) if self._waiting else 0
        budget = INSTANCE.chunk_tokens
        done: list[list[float]] = []
        while budget and self._waiting:
            head = self._waiting[0]
            if head[1] == head[2] and batch + len(done) >= INSTANCE.places:
                break
            taken = min(budget, head[2])
            budget -= int(taken)
            head[2] -= taken
            if not head[2]:
                done.append(self._waiting.popleft())
        tokens = INSTANCE.chunk_tokens - budget
        took_s = step_s(INSTANCE.step, mhz, batch, kv, tokens)
        self.energy_j += took_s * power_w(INSTANCE.power, mhz, shares(INSTANCE.step, mhz, batch, tokens, took_s))
        self.now_s += took_s
        if batch:
            self.tbt_s.append(took_s)
            self.tokens += batch
            self.tbt_misses += batch * (took_s > INSTANCE.tbt_s)
        self._running = [[kv + 1, left - 1] for kv, left in self._running if left > 1]
        for arrival_s, prompt, _, answer in done:
            self.ttft_s.append(self.now_s - arrival_s)
            self._running.append([int(prompt) + 1, int(answer) - 1])


TRACES = st.lists(st.tuples(st.floats(0, 20), st.integers(16, 1500), st.integers(4, 200)), min_size=1, max_size=40).map(
    lambda rows: Trace(*(tuple(column) for column in zip(*sorted(rows), strict=True)))
)


@settings(max_examples=60, deadline=None)
@given(TRACES, st.lists(st.sampled_from([345, 840, 1110, 1980]), min_size=1, max_size=40))
def test_passes_taken_together_are_as_passes_one_by_one(trace: Trace, clocks_mhz: list[int]) -> None:
    fast, slow = GovernedEngine(INSTANCE, trace), OnePassAtATime(trace)
    tbt_s: list[float] = []
    ttft_s: list[float] = []
    for second, mhz in enumerate(clocks_mhz):
        fast.advance(second + 1.0, mhz)
        slow.advance(second + 1.0, mhz)
        told = fast.news()
        tbt_s += told.tbt_s
        ttft_s += told.ttft_s
        assert fast.now_s == pytest.approx(slow.now_s, abs=1e-6)
    assert fast.energy_j == pytest.approx(slow.energy_j, rel=1e-3)
    assert fast.tokens == slow.tokens
    assert tbt_s == pytest.approx(slow.tbt_s, abs=1e-6)
    assert ttft_s == pytest.approx(slow.ttft_s, abs=1e-6)
    assert fast.tbt_misses == slow.tbt_misses


def test_a_copy_goes_its_own_way() -> None:
    trace = draw(Load.HIGH, 5.0, seed=1)
    engine = GovernedEngine(INSTANCE, trace)
    engine.advance(20.0, 1980)
    energy_j, other = engine.energy_j, engine.copy()
    other.advance(60.0, 345)
    assert engine.energy_j == energy_j
    engine.advance(60.0, 345)
    assert engine.energy_j == other.energy_j


def test_all_is_served_and_then_nothing_more_is_drawn() -> None:
    engine = GovernedEngine(Instance(), draw(Load.LOW, 5.0, seed=2))
    engine.advance(2 * DURATION_S, 1980)
    assert engine.finished
    assert engine.now_s < DURATION_S + 60
    energy_j = engine.energy_j
    engine.advance(3 * DURATION_S, 1980)
    assert engine.energy_j == energy_j


@pytest.mark.parametrize(
    ("load", "mean"),
    [(Load.LOW, 0.2), (Load.MEDIUM, 0.45), (Load.HIGH, 0.75), (Load.STEP, 0.475), (Load.BURSTS, 0.592)],
)
def test_loads_are_what_they_say(load: Load, mean: float) -> None:
    counts = [len(draw(load, 10.0, seed).arrivals_s) for seed in range(30)]
    assert fmean(counts) / DURATION_S / 10.0 == pytest.approx(mean, rel=0.02)


def test_bursts_are_twenty_seconds_of_every_hundred_and_twenty() -> None:
    parts = shares_of_capacity(Load.BURSTS)
    ends = [start for start, _ in parts[1:]] + [DURATION_S]
    burst_s = [end - start for (start, share), end in zip(parts, ends, strict=True) if share == 1.3]
    assert burst_s == [20.0] * 5


def test_lengths_are_those_of_the_reference() -> None:
    trace = draw_rates([(0.0, 100.0)], 600.0, seed=3)
    assert np.median(trace.prompts) == pytest.approx(np.exp(6.5), rel=0.02)
    assert np.median(trace.answers) == pytest.approx(np.exp(5.2), rel=0.02)
    assert min(trace.prompts) >= 16
    assert max(trace.prompts) == 6000
    assert min(trace.answers) >= 4
    assert max(trace.answers) == 1200


@pytest.mark.slow
def test_the_capacity_is_what_the_search_finds() -> None:
    assert capacity_rps(Instance(), 1980) == pytest.approx(CAPACITY_RPS)


def test_a_slow_instance_has_less_capacity() -> None:
    step = replace(Instance().step, prefill_tokens_per_ms=2.0)
    assert capacity_rps(Instance(step=step), 1980) < 2.0
