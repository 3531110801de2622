"""Preemptions at random moments, through the real step loop, on simulated shards whose tokens depend on all before.

The simulated memory refuses a pass when anybody's keys and values are not where they should be.
"""

import asyncio
import random
from functools import partial
from pathlib import Path

import msgspec
import pytest

from freesh_plugin.adapters.tgi.simulated.model import SimulatedModel
from freesh_plugin.adapters.tgi.simulated.server import simulated_shards
from freesh_plugin.adapters.tgi.simulated.vocabulary import VOCABULARY
from freesh_plugin.core.generation import FinishReason, GenerationRequest, GrammarType, Sampling
from freesh_plugin.runtime.padded_memory import PaddedMemory
from freesh_plugin.runtime.paged_memory import PagedMemory
from freesh_plugin.runtime.scheduler import Scheduler
from freesh_plugin.services.guarded_scheduler import MakeScheduler
from tests.fakes.meddler import Meddler
from tests.fakes.running_router import WholeAnswer, running_router

MODELS = {
    "flashinfer": SimulatedModel(step_model=None, memory_tokens=6_000),
    "blocks of 64": SimulatedModel(step_model=None, memory_tokens=24_000, attention="flashdecoding-ipex"),
    "paged": SimulatedModel(step_model=None, memory_tokens=8_000, attention="paged", prefix_caching=False),
    "not chunked": SimulatedModel(step_model=None, memory_tokens=6_000, chunking=False),
    "padded": SimulatedModel(step_model=None, padded=True),
}
FLAGS = ("--max-input-tokens", "900", "--max-total-tokens", "1500", "--max-batch-prefill-tokens", "1000")


def mixed_requests(count: int, seed: int) -> list[GenerationRequest]:
    """Long and short, greedy and sampled, with stop sequences, with a grammar, with prompts that begin alike."""
    rng = random.Random(seed)
    shared = "You are a helpful assistant who answers in short sentences. "
    requests = []
    for number in range(count):
        text = (shared if rng.random() < 0.5 else "") + " ".join(
            rng.choice(("the", "grid", "is", "clean", "now", "☀️", "ñandú", "and", "slow"))
            for _ in range(rng.randint(1, 80))
        )
        ids = VOCABULARY.encode(text, True)[-900:]
        kind = rng.random()
        sampling = Sampling()
        if kind > 0.95:
            sampling = Sampling(grammar="[0-9]{3}", grammar_type=GrammarType.REGEX)
        elif kind > 0.9:
            sampling = Sampling(do_sample=True, seed=number, seed_given=True)
        requests.append(GenerationRequest(number + 1, 0.0, text, ids, rng.randint(1, 120), 900, sampling=sampling))
    return requests


def with_stop_sequences(requests: list[GenerationRequest], said: dict[int, WholeAnswer]) -> list[GenerationRequest]:
    """Stop every fourth greedy answer by some words from its own middle, so that cuts fall into them."""
    stopped = []
    for request in requests:
        text = said[request.request_id].text
        if request.request_id % 4 == 0 and request.sampling == Sampling() and len(text) > 60:
            end = text.index(" ", len(text) // 2)
            request = msgspec.structs.replace(request, stop_sequences=(text[end - 20 : end],))
        stopped.append(request)
    return stopped


def answers(
    model: SimulatedModel, folder: Path, requests: list[GenerationRequest], scheduler_of: MakeScheduler, ranks: int = 1
) -> dict[int, WholeAnswer]:
    async def run() -> dict[int, WholeAnswer]:
        async with (
            simulated_shards(model, folder / "s", ranks),
            running_router(f"{folder}/s-0", FLAGS, scheduler_of=scheduler_of) as router,
        ):
            whole = await router.serve(requests)
            await asyncio.sleep(0.2)
            memory = router.engine.memory
            if isinstance(memory, PagedMemory):
                assert memory.held_blocks == 0, "blocks leaked"
                assert memory.free_blocks + memory.cached_blocks == memory.pool.total
            assert isinstance(memory, PaddedMemory | PagedMemory)
            return whole

    return asyncio.run(run())


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("ranks", [1, 2])
def test_every_answer_is_as_if_nobody_had_been_preempted(name: str, ranks: int, tmp_path: Path) -> None:
    requests = mixed_requests(60, 3)
    requests = with_stop_sequences(requests, answers(MODELS[name], tmp_path, requests, Scheduler))
    undisturbed = answers(MODELS[name], tmp_path, requests, Scheduler, ranks)
    meddlers: list[Meddler] = []

    def meddling(*parts: object) -> Meddler:
        meddlers.append(partial(Meddler, seed=5, often=0.2, drops=0.3)(*parts))  # type: ignore[arg-type]
        return meddlers[0]

    disturbed = answers(MODELS[name], tmp_path, requests, meddling, ranks)
    assert meddlers[0].meddled > 20
    for request in requests:
        alone, cut = undisturbed[request.request_id], disturbed[request.request_id]
        assert alone.failure is None, alone.failure
        assert cut.failure is None, cut.failure
        assert cut.ids == alone.ids
        assert cut.text == alone.text
        assert cut.end is not None
        assert alone.end is not None
        assert cut.end.finish_reason is alone.end.finish_reason
        assert cut.end.generated_tokens == alone.end.generated_tokens == len(alone.ids)
        if request.sampling.grammar_type or request.sampling.seed_given:
            assert cut.end.preemptions == 0
    assert {each.end.finish_reason for each in disturbed.values() if each.end} == set(FinishReason)
