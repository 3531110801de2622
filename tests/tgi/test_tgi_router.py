"""The router on TGI's own shards: preempted at random steps, each greedy answer is the undisturbed one."""

import asyncio
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec
import pytest
from tokenizers import Tokenizer

from freesh_plugin.core.generation import FinishReason, GenerationRequest, Sampling
from freesh_plugin.runtime.paged_memory import PagedMemory
from freesh_plugin.runtime.scheduler import Scheduler
from freesh_plugin.services.guarded_scheduler import MakeScheduler
from tests.fakes.meddler import Meddler
from tests.fakes.running_router import WholeAnswer, running_router
from tests.tgi.conftest import TgiModel

pytestmark = [pytest.mark.tgi, pytest.mark.slow]

REQUESTS = 200
MAX_INPUT = 300
FLAGS = (
    *("--max-input-tokens", str(MAX_INPUT), "--max-total-tokens", "420"),
    *("--max-batch-prefill-tokens", "512", "--max-batch-size", "24"),
)
WORDS = ("the", "grid", "is", "clean", "now", "and", "ñandú", "☀️", "then", "slow", "steps", "follow")


@dataclass
class Run:
    """Answers of one run, and how often somebody was taken out of a batch."""

    answers: dict[int, WholeAnswer]
    preemptions: int
    leaked_blocks: int


def requests_for(folder: Path) -> list[GenerationRequest]:
    """Prompts of 1 to 300 tokens, some with a common beginning, answers of 1 to 80 tokens."""
    tokenizer, rng = Tokenizer.from_file(str(folder / "tokenizer.json")), random.Random(11)
    shared = " ".join(rng.choice(WORDS) for _ in range(60))
    made = []
    for number in range(1, REQUESTS + 1):
        text = " ".join(rng.choice(WORDS) for _ in range(rng.choice((1, 4, 12, 40))))
        if rng.random() < 0.4:
            text = f"{shared} {text}"
        ids = tokenizer.encode(text).ids[-MAX_INPUT:]
        penalty = 1.3 if rng.random() < 0.2 else 1.0
        sampling = Sampling(repetition_penalty=penalty)
        made.append(GenerationRequest(number, 0.0, text, ids, rng.randint(1, 80), MAX_INPUT, sampling=sampling))
    return made


def stopped_in_the_middle(
    requests: list[GenerationRequest], said: dict[int, WholeAnswer]
) -> Iterator[GenerationRequest]:
    """Every fourth answer is stopped by characters of its own middle, so that cuts fall into them."""
    for request in requests:
        text = said[request.request_id].text
        if request.request_id % 4 == 0 and len(text) > 24:
            request = msgspec.structs.replace(request, stop_sequences=(text[len(text) // 2 - 8 : len(text) // 2],))
        yield request


def run(
    socket: str, requests: list[GenerationRequest], scheduler_of: MakeScheduler, settings: dict[str, str] | None = None
) -> Run:
    async def serve() -> Run:
        async with running_router(socket, FLAGS, settings, scheduler_of) as router:
            answers = await router.serve(requests)
            await asyncio.sleep(0.2)
            memory = router.engine.memory
            leaked = memory.held_blocks if isinstance(memory, PagedMemory) else len(memory.running)
            preemptions = sum(answer.end.preemptions for answer in answers.values() if answer.end)
            return Run(answers, preemptions, leaked)

    return asyncio.run(serve())


@pytest.mark.parametrize(("kind", "ranks"), [("gpt2", 1), ("llama", 1), ("llama", 2)])
@pytest.mark.timeout(900)
def test_preempted_answers_are_the_undisturbed_ones(
    tgi_model: TgiModel, kind: str, ranks: int, capsys: pytest.CaptureFixture[str]
) -> None:
    shards = tgi_model(kind, ranks=ranks, hook=True)
    requests = requests_for(shards.model)
    socket = str(shards.master_uds_path)
    requests = list(stopped_in_the_middle(requests, run(socket, requests, Scheduler).answers))
    undisturbed = run(socket, requests, Scheduler)
    meddling = run(socket, requests, partial(Meddler, seed=2, often=0.4, drops=0.3), {"FREESH_LEG_TOKENS": "48"})
    tokens = sum(len(answer.ids) for answer in meddling.answers.values())
    with capsys.disabled():
        sys.stdout.write(
            f"\n{kind} x{ranks}: {REQUESTS} requests, {tokens} tokens, {meddling.preemptions} preemptions\n"
        )
    assert meddling.preemptions > 100
    assert undisturbed.leaked_blocks == meddling.leaked_blocks == 0
    different = [
        request.request_id
        for request in requests
        if undisturbed.answers[request.request_id].ids != meddling.answers[request.request_id].ids
    ]
    assert different == []
    for request in requests:
        alone, cut = undisturbed.answers[request.request_id], meddling.answers[request.request_id]
        assert cut.failure is alone.failure is None
        assert alone.end is not None
        assert cut.end is not None
        assert cut.text == alone.text
        assert cut.end.finish_reason is alone.end.finish_reason
        assert cut.end.generated_tokens == alone.end.generated_tokens == len(alone.ids)
    assert {answer.end.finish_reason for answer in undisturbed.answers.values() if answer.end} > {FinishReason.LENGTH}
