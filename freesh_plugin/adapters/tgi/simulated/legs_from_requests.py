"""Requests as they come over the wire, checked and made into legs."""

from collections.abc import Callable, Sequence

from freesh_plugin.adapters.tgi import messages
from freesh_plugin.adapters.tgi.simulated import language
from freesh_plugin.adapters.tgi.simulated.batch import Batch
from freesh_plugin.adapters.tgi.simulated.kv_memory import KvMemory
from freesh_plugin.adapters.tgi.simulated.leg import Leg
from freesh_plugin.adapters.tgi.simulated.model import SimulatedModel
from freesh_plugin.adapters.tgi.simulated.refusal import Refusal
from freesh_plugin.adapters.tgi.simulated.speakers import speaker_of
from freesh_plugin.adapters.tgi.simulated.vocabulary import BOS_ID, VOCABULARY
from freesh_plugin.adapters.tgi.synthetic_batches import ALIVE_ID


class LegMaker:
    """Makes legs for one model."""

    def __init__(self, model: SimulatedModel, exact_ids: Callable[[str], list[int] | None] | None) -> None:
        """`exact_ids` reads marked ids from a text."""
        self._model = model
        self._exact_ids = exact_ids
        self.memory: KvMemory | None = None

    def batch(self, batch: messages.Batch) -> Batch:
        """The batch of a prefill.

        Raises:
            Refusal: it is empty, one of its requests is malformed, or the memory was never warmed up.
        """
        if not self._model.padded and self.memory is None:
            raise Refusal("there is no memory before the warm-up")
        if len(batch.requests) != batch.size or not batch.size:
            raise Refusal(f"batch {batch.id}: size is {batch.size}, with {len(batch.requests)} requests")
        legs = [self._leg(request) for request in batch.requests]
        return Batch(batch.id, [], 0).joined([Batch(batch.id, legs, self.max_tokens(legs))])

    def max_tokens(self, legs: Sequence[Leg]) -> int:
        """Tokens that a batch of these grows to, as TGI counts them."""
        if not self._model.padded:
            return sum(leg.blocks for leg in legs) * self._model.tokens_a_block
        left = sum(leg.request.stopping_parameters.max_new_tokens - leg.generated for leg in legs)
        return len(legs) * max((len(leg.ids) for leg in legs), default=0) + left

    def length(self, request: messages.Request) -> int:
        """Length of a request's prompt in tokens."""
        return len(self._ids(request))

    def _leg(self, request: messages.Request) -> Leg:
        ids = self._ids(request)
        states = language.states_after(language.start_state(request.adapter_id), ids)
        chunk = self._chunk(request, len(ids))
        slots = [] if self._model.padded else self._slots(request, len(ids))
        return Leg(
            request=request,
            ids=ids,
            states=states,
            speaker=speaker_of(request, ids, states),
            slots=slots,
            blocks=len(request.blocks),
            computed=0 if self._model.padded else request.cache_len,
            chunk=chunk,
        )

    def _ids(self, request: messages.Request) -> list[int]:
        texts = [chunk.text for chunk in request.input_chunks.chunks if chunk.WhichOneof("chunk") == "text"]
        if len(texts) != 1:
            raise Refusal(f"request {request.id}: {len(texts)} text chunks, exactly one expected")
        ids = self._exact_ids(texts[0]) if self._exact_ids else None
        ids = self._tokenised(request, texts[0]) if ids is None else ids
        if not ids:
            raise Refusal(f"request {request.id}: the prompt is empty")
        if min(ids) < 0 or max(ids) >= VOCABULARY.size:
            raise Refusal(f"request {request.id}: ids from {min(ids)} to {max(ids)}, {VOCABULARY.size} are known")
        return ids

    def _tokenised(self, request: messages.Request, text: str) -> list[int]:
        # TGI's padded models do not look at `add_special_tokens`.
        begin = [BOS_ID] if request.add_special_tokens or self._model.padded else []
        ids = VOCABULARY.encode(text, add_special_tokens=False)
        room = max(request.truncate - len(begin), 0)
        return begin + (ids[-room:] if room else [])

    def _chunk(self, request: messages.Request, prompt_tokens: int) -> int:
        if self._model.padded:
            return prompt_tokens
        left = prompt_tokens - request.cache_len
        if left < 1:
            raise Refusal(f"request {request.id}: cache_len is {request.cache_len} of {prompt_tokens} prompt tokens")
        if request.cache_len and not self._model.keeps_prefixes:
            raise Refusal(f"request {request.id}: cache_len is {request.cache_len}, the attention reads no prefixes")
        if not request.HasField("chunk_len"):
            return left
        if not 0 < request.chunk_len <= left:
            raise Refusal(f"request {request.id}: chunk_len is {request.chunk_len}, {left} tokens are left")
        if request.chunk_len < left and not self._model.chunks:
            raise Refusal(f"request {request.id}: chunk_len is {request.chunk_len} of {left}, there is no chunking")
        return int(request.chunk_len)

    def _slots(self, request: messages.Request, prompt_tokens: int) -> list[int]:
        assert self.memory is not None
        slots = list(request.slots)
        if request.id == ALIVE_ID:
            if slots != [0] or list(request.blocks) != [0]:
                raise Refusal("the request that proves the shard alive has block 0 and slot 0")
            return slots
        needed = prompt_tokens + request.stopping_parameters.max_new_tokens - 1
        self.memory.check_table(request.id, request.blocks, slots, needed)
        return slots
