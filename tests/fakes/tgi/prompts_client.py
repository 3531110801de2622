"""A small client of TGI's shards for tests: prompts as ids or as text, and whole answers."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from freesh_plugin.adapters.tgi import messages
from freesh_plugin.adapters.tgi.exact_ids import encode
from freesh_plugin.adapters.tgi.exact_ids_file import read_secret
from freesh_plugin.adapters.tgi.shards import ShardGroup, Step
from freesh_plugin.adapters.tgi.synthetic_batches import warmup_request
from tests.fakes.tgi.server import Shards

BLOCK_SIZE = 64
"""Slots of a block in the flash attention that runs on a CPU."""


@dataclass(frozen=True)
class Prompt:
    """One request: ids are sent marked with each rank's secret, text as it is; blocks only where there are blocks."""

    request_id: int
    content: Sequence[int] | str
    new_tokens: int = 1
    blocks: Sequence[int] = ()
    cache_len: int = 0
    truncate: int = 1_000


class PromptsClient:
    """All ranks of one model, warmed up."""

    def __init__(self, group: ShardGroup, secrets: Sequence[str | None]) -> None:
        self.group = group
        self.secrets = secrets
        self._batches = 0

    async def prefill(self, prompts: Sequence[Prompt], cached: messages.CachedBatch | None = None) -> Step:
        """Send prompts as one batch, which may join a cached one."""
        self._batches += 1
        number = self._batches
        return await self.group.prefill([self._batch(number, prompts, secret) for secret in self.secrets], cached)

    async def answer(self, prompt: Prompt) -> list[int]:
        """The whole answer to a prompt that has the shards for itself."""
        step = await self.prefill([prompt])
        answer = [generation.tokens.ids[0] for generation in step.generations]
        while step.batch is not None:
            step = await self.group.decode([step.batch])
            answer += [generation.tokens.ids[0] for generation in step.generations]
        return answer

    def _batch(self, number: int, prompts: Sequence[Prompt], secret: str | None) -> messages.Batch:
        requests = [_request(prompt, secret) for prompt in prompts]
        return messages.Batch(id=number, requests=requests, size=len(requests))


@asynccontextmanager
async def connected(shards: Shards) -> AsyncIterator[PromptsClient]:
    """Connect as the router does: discovery, an empty cache, warm-up."""
    group = await ShardGroup.connect(shards.master_uds_path)
    try:
        await group.clear_cache()
        await group.warmup(warmup_request(max_prefill_tokens=256, max_input_tokens=128, max_total_tokens=256))
        secrets = await asyncio.to_thread(lambda: [read_secret(socket) for socket in group.sockets])
        yield PromptsClient(group, secrets)
    finally:
        await group.close()


def _request(prompt: Prompt, secret: str | None) -> messages.Request:
    text = prompt.content if isinstance(prompt.content, str) else encode(prompt.content, secret or "")
    return messages.Request(
        id=prompt.request_id,
        inputs=text,
        input_chunks=messages.Input(chunks=[messages.InputChunk(text=text)]),
        truncate=prompt.truncate,
        add_special_tokens=True,
        prefill_logprobs=True,
        parameters=messages.NextTokenChooserParameters(
            temperature=1.0, top_p=1.0, typical_p=1.0, repetition_penalty=1.0
        ),
        stopping_parameters=messages.StoppingCriteriaParameters(
            max_new_tokens=prompt.new_tokens, ignore_eos_token=True
        ),
        blocks=prompt.blocks,
        slots=[block * BLOCK_SIZE + offset for block in prompt.blocks for offset in range(BLOCK_SIZE)],
        cache_len=prompt.cache_len,
    )
