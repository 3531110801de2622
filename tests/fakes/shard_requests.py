"""Requests for a shard, given as ids, and a reader of the marker that stands for them in a text."""

from collections.abc import Sequence
from typing import Any

from freesh_plugin.adapters.tgi import messages
from freesh_plugin.adapters.tgi.simulated.engine import Engine, Pass
from freesh_plugin.adapters.tgi.simulated.model import SimulatedModel
from freesh_plugin.adapters.tgi.synthetic_batches import warmup_request


def read_ids(text: str) -> list[int] | None:
    """Ids of a text `ids:1,2,3`."""
    return [int(word) for word in text.removeprefix("ids:").split(",")] if text.startswith("ids:") else None


def engine(rank: int = 0, ranks: int = 1, max_prefill_tokens: int = 1000, **model: Any) -> Engine:
    """A simulated rank without time, warmed up."""
    made = Engine(SimulatedModel(**{"step_model": None, "memory_tokens": 6400, **model}), rank, ranks, read_ids)
    made.warmup(warmup_request(max_prefill_tokens, 500, 1000))
    return made


def slots_of(blocks: Sequence[int], block_size: int) -> list[int]:
    """All slots of some blocks."""
    return [slot for block in blocks for slot in range(block * block_size, (block + 1) * block_size)]


def request(
    request_id: int, ids: Sequence[int] | str, new_tokens: int, slots: Sequence[int] = (), **fields: Any
) -> messages.Request:
    """A request in blocks of one token unless `blocks` says else; `sampling`, `stopping`: fields of those messages."""
    text = ids if isinstance(ids, str) else "ids:" + ",".join(map(str, ids))
    sampling = {
        "temperature": 1.0,
        "top_p": 1.0,
        "typical_p": 1.0,
        "repetition_penalty": 1.0,
        **fields.pop("sampling", {}),
    }
    stopping = {"max_new_tokens": new_tokens, **fields.pop("stopping", {})}
    return messages.Request(
        id=request_id,
        inputs=text,
        input_chunks=messages.Input(chunks=[messages.InputChunk(text=text)]),
        truncate=fields.pop("truncate", 10_000),
        parameters=messages.NextTokenChooserParameters(**sampling),
        stopping_parameters=messages.StoppingCriteriaParameters(**stopping),
        blocks=fields.pop("blocks", slots),
        slots=slots,
        **fields,
    )


def prefill(
    shard: Engine, requests: Sequence[messages.Request], batch_id: int = 1, cached: messages.CachedBatch | None = None
) -> Pass:
    """One prefill."""
    batch = messages.Batch(id=batch_id, requests=requests, size=len(requests))
    return shard.prefill(messages.PrefillRequest(batch=batch, cached_batch=cached))


def ids_of(passed: Pass) -> dict[int, int]:
    """The new token of each request in a pass."""
    return {generation.request_id: generation.tokens.ids[0] for generation in passed.generations}


def to_the_end(shard: Engine, passed: Pass) -> list[messages.Generation]:
    """All generations from this pass on, decoding until every request has ended."""
    said, ended = list(passed.generations), set[int]()
    while passed.batch is not None:
        ended |= {generation.request_id for generation in said if generation.HasField("generated_text")}
        keep = [request_id for request_id in passed.batch.request_ids if request_id not in ended]
        if len(keep) < passed.batch.size:
            shard.filter(passed.batch.id, keep)
        passed = shard.decode([passed.batch.id])
        said += passed.generations
    return said
