"""Books and simulated shard together: answers are the same however often requests are preempted, and nothing leaks."""

import random
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freesh_plugin.adapters.tgi import messages
from freesh_plugin.adapters.tgi.simulated.engine import Engine
from freesh_plugin.adapters.tgi.simulated.vocabulary import FIRST_BYTE_ID, VOCABULARY
from freesh_plugin.runtime.paged_memory import PagedMemory, PagedShape
from tests.fakes.shard_requests import engine, prefill, request, to_the_end

SHARED = VOCABULARY.encode("You are a helpful assistant. Answer in few words. ", add_special_tokens=True)
LEG_TOKENS = 40


@dataclass
class Reckless:
    """A router that admits, parks, drops and gives up at random; only its books are real."""

    shard: Engine
    memory: PagedMemory
    dice: random.Random
    prompts: dict[int, list[int]]
    chunk: int | None
    ids: dict[int, list[int]] = field(default_factory=dict)
    running: list[int] = field(default_factory=list)
    batches: list[messages.CachedBatch] = field(default_factory=list)
    batch_id: int = 0
    preemptions: int = 0

    def serve(self) -> dict[int, list[int]]:
        for request_id, prompt in self.prompts.items():
            self.ids[request_id] = list(prompt)
            self.memory.register(request_id, self.ids[request_id], LEG_TOKENS)
        waiting = list(self.prompts)
        while waiting or self.running:
            for victim in [r for r in self.running if self.dice.random() < 0.06]:
                self.leave(victim)
                waiting.append(victim)
            coming = self.admitted(waiting)
            waiting = [request_id for request_id in waiting if request_id not in self.running]
            self.step(coming)
        return {request_id: self.ids[request_id][len(prompt) :] for request_id, prompt in self.prompts.items()}

    def leave(self, victim: int) -> None:
        self.preemptions += 1
        self.running.remove(victim)
        self.memory.park(victim, self.left(victim))
        if self.memory.keeps(victim) and self.dice.random() < 0.4:
            self.memory.drop(victim)

    def left(self, request_id: int) -> int:
        return LEG_TOKENS - (len(self.ids[request_id]) - len(self.prompts[request_id]))

    def admitted(self, waiting: list[int]) -> list[messages.Request]:
        self.dice.shuffle(waiting)
        trial, coming, chunked = self.memory.trial(), [], False
        for request_id in [r for r in waiting[:3] if trial.add(r)]:
            claim = self.memory.claim(request_id)
            assert claim is not None
            ids, fields = self.ids[request_id], dict[str, Any]()
            if self.chunk and not chunked and len(ids) - claim.cache_len > self.chunk:
                chunked, fields["chunk_len"] = True, self.chunk
            coming.append(
                request(
                    request_id, ids, self.left(request_id), claim.slots,
                    blocks=claim.blocks, cache_len=claim.cache_len, **fields,
                )
            )  # fmt: skip
            self.running.append(request_id)
        return coming

    def step(self, coming: list[messages.Request]) -> None:
        now = {wanted.id for wanted in coming}
        self.batches = [kept for batch in self.batches if (kept := self.kept(batch, now)) is not None]
        if coming:
            self.batch_id += 1
            joins = self.batches[0] if self.batches and self.shard.model.chunks else None
            passed = prefill(self.shard, coming, self.batch_id, joins)
            stay = [] if joins else self.batches
        elif self.batches:
            passed, stay = self.shard.decode([batch.id for batch in self.batches]), []
        else:
            return
        self.batches = [*stay, *([passed.batch] if passed.batch is not None else [])]
        for generation in passed.generations:
            self.ids[generation.request_id].append(generation.tokens.ids[0])
            if generation.HasField("generated_text"):
                self.running.remove(generation.request_id)
                self.memory.release(generation.request_id)

    def kept(self, batch: messages.CachedBatch, coming: set[int]) -> messages.CachedBatch | None:
        keep = [r for r in batch.request_ids if r in self.running and r not in coming]
        if not keep:
            self.shard.clear(batch.id)
            return None
        return batch if len(keep) == batch.size else self.shard.filter(batch.id, keep)


def undisturbed(prompt: list[int]) -> list[int]:
    shard = engine()
    passed = prefill(shard, [request(1, prompt, LEG_TOKENS, range(1, 500))])
    return [generation.tokens.ids[0] for generation in to_the_end(shard, passed)]


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    attention=st.sampled_from(["flashinfer", "flashdecoding-ipex", "paged"]),
    chunk=st.sampled_from([None, 7, 30]),
    caching=st.booleans(),
)
def test_answers_are_those_of_an_undisturbed_run(seed: int, attention: str, chunk: int | None, caching: bool) -> None:
    dice = random.Random(seed)
    prompts = {
        request_id: SHARED[: dice.choice([3, len(SHARED)])]
        + [FIRST_BYTE_ID + dice.randrange(60)] * dice.randrange(1, 90)
        for request_id in range(8)
    }
    keeps = attention != "paged"
    shard = engine(attention=attention, memory_tokens=640, max_prefill_tokens=64)
    size = shard.model.tokens_a_block
    memory = PagedMemory(PagedShape(640, size, prefix_caching=caching and keeps, keeps_state=keeps))
    router = Reckless(shard, memory, dice, prompts, chunk if keeps else None)
    assert router.serve() == {request_id: undisturbed(prompt) for request_id, prompt in prompts.items()}
    assert len(memory) == memory.held_blocks == 0
    assert memory.available_blocks == memory.pool.total
    shard.clear(None)
    assert shard.memory is not None
    assert shard.memory.slots_read == 0


@pytest.mark.parametrize("attention", ["flashinfer", "flashdecoding-ipex"])
def test_preemption_costs_one_token_where_state_is_kept(attention: str) -> None:
    shard = engine(attention=attention)
    memory = PagedMemory(PagedShape(6400, shard.model.tokens_a_block))
    ids = list(SHARED) * 8
    memory.register(1, ids, 20)
    claim = memory.claim(1)
    assert claim is not None
    passed = prefill(shard, [request(1, ids, 20, claim.slots, blocks=claim.blocks)])
    assert passed.prefill_tokens == len(ids)
    ids.append(passed.generations[0].tokens.ids[0])
    shard.clear(1)
    memory.park(1, 19)
    claim = memory.claim(1)
    assert claim is not None
    passed = prefill(shard, [request(1, ids, 19, claim.slots, blocks=claim.blocks, cache_len=claim.cache_len)], 2)
    assert passed.prefill_tokens == 1
