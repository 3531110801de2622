"""One rank of a simulated model: what each call does to its batches and its memory, without time and without a wire."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from freesh_plugin.adapters.tgi import messages
from freesh_plugin.adapters.tgi.simulated.batch import Batch
from freesh_plugin.adapters.tgi.simulated.kv_memory import KvMemory
from freesh_plugin.adapters.tgi.simulated.leg import Leg
from freesh_plugin.adapters.tgi.simulated.legs_from_requests import LegMaker
from freesh_plugin.adapters.tgi.simulated.model import SimulatedModel
from freesh_plugin.adapters.tgi.simulated.refusal import Refusal


@dataclass(frozen=True, slots=True)
class Pass:
    """What one forward pass brought, and what it cost.

    Attributes:
        generations: New tokens that this rank tells.
        batch: The batch that is kept, or None when all its requests have ended.
        size: Requests that got a token.
        kv_tokens: Tokens in memory that were read.
        prefill_tokens: Prompt tokens that were computed.
    """

    generations: list[messages.Generation]
    batch: messages.CachedBatch | None
    size: int
    kv_tokens: int
    prefill_tokens: int


class Engine:
    """Batches by id, and the memory they read."""

    def __init__(
        self, model: SimulatedModel, rank: int, ranks: int, exact_ids: Callable[[str], list[int] | None] | None = None
    ) -> None:
        """`exact_ids` reads marked ids from a text; None where they are not understood."""
        self.model = model
        self._rank, self._ranks = rank, ranks
        self._maker = LegMaker(model, exact_ids)
        self._memory: KvMemory | None = None
        self._batches: dict[int, Batch] = {}
        self._max_prefill_tokens = 0

    @property
    def batches(self) -> int:
        """How many batches are cached."""
        return len(self._batches)

    @property
    def memory(self) -> KvMemory | None:
        """The KV memory, once warmed up; a padded model has none."""
        return self._memory

    def info(self) -> messages.InfoResponse:
        """What the model is."""
        model = self.model
        return messages.InfoResponse(
            requires_padding=model.padded,
            dtype="torch.float16",
            device_type="simulated",
            support_chunking=model.chunks,
            use_prefix_caching=model.prefix_caching and model.keeps_prefixes,
            attention_impl=model.attention,
            block_size=model.tokens_a_block,
        )

    def warmup(self, request: messages.WarmupRequest) -> messages.WarmupResponse:
        """Allocate the memory.

        Raises:
            Refusal: the largest prefill does not fit.
        """
        model = self.model
        prompt_tokens = sum(self._maker.length(one) for one in request.batch.requests)
        if not model.padded and prompt_tokens > model.memory_tokens:
            raise Refusal(f"not enough memory for {prompt_tokens} prefill tokens, there are {model.memory_tokens}")
        self._max_prefill_tokens = request.max_prefill_tokens
        if not model.padded:
            blocks = model.memory_tokens // model.tokens_a_block
            self._memory = KvMemory(blocks, model.tokens_a_block)
            self._maker.memory = self._memory
        most = request.max_total_tokens if request.HasField("max_total_tokens") else self._most(prompt_tokens)
        return messages.WarmupResponse(
            max_supported_total_tokens=None if model.padded else model.memory_tokens,
            max_input_tokens=request.max_input_tokens if request.HasField("max_input_tokens") else most - 1,
            max_total_tokens=most,
        )

    def clear(self, batch_id: int | None) -> None:
        """Forget a batch (one that is unknown is forgotten already), or all."""
        for one in list(self._batches) if batch_id is None else [batch_id]:
            if one in self._batches:
                self._let_go(self._batches.pop(one).legs)

    def filter(self, batch_id: int, keep_ids: Sequence[int]) -> messages.CachedBatch:
        """Keep these requests of a batch.

        Raises:
            Refusal: the batch is unknown, or they are not in it; it is gone then.
        """
        batch = self._popped([batch_id])[0]
        try:
            kept, others = batch.split(keep_ids)
        except Refusal:
            self._let_go(batch.legs)
            raise
        self._let_go(others)
        self._batches[batch_id] = Batch(batch_id, kept, self._maker.max_tokens(kept))
        return self._batches[batch_id].described()

    def prefill(self, request: messages.PrefillRequest) -> Pass:
        """Compute prompts, together with the cached batch if one is named.

        Raises:
            Refusal: a request is malformed, or memory would be spoilt; the cached batch is gone in the latter case.
        """
        new = self._maker.batch(request.batch)
        if new.id in self._batches:
            raise Refusal(f"batch {new.id}: there is one of this id")
        if not (request.HasField("cached_batch") and self.model.chunks):
            return self._passed(new)
        return self._joined([*self._popped([request.cached_batch.id]), new])

    def decode(self, batch_ids: Iterable[int]) -> Pass:
        """Compute one more token of each request in these batches, which become one.

        Raises:
            Refusal: a batch is unknown, a request has ended, or memory would be spoilt; the batches are gone then.
        """
        batches = self._popped(batch_ids)
        if not batches:
            raise Refusal("no batch to decode")
        return self._joined(batches)

    def _joined(self, batches: Sequence[Batch]) -> Pass:
        try:
            batch = batches[0].joined(batches[1:])
        except Refusal:
            for one in batches:
                self._let_go(one.legs)
            raise
        return self._passed(batch)

    def _popped(self, batch_ids: Iterable[int]) -> list[Batch]:
        popped: list[Batch] = []
        for batch_id in batch_ids:
            if batch_id not in self._batches:
                for batch in popped:
                    self._let_go(batch.legs)
                raise Refusal(f"batch {batch_id}: there is none of this id")
            popped.append(self._batches.pop(batch_id))
        return popped

    def _passed(self, batch: Batch) -> Pass:
        try:
            return self._forward(batch)
        except Refusal:
            self._let_go(batch.legs)
            raise

    def _forward(self, batch: Batch) -> Pass:
        legs = batch.legs
        prefilling = [leg.prefilling for leg in legs]
        prefill_tokens = sum(leg.chunk for leg, first in zip(legs, prefilling, strict=True) if first)
        for leg in legs:
            if leg.ended:
                raise Refusal(f"request {leg.request.id}: has ended and must be filtered out first")
            leg.compute(self._memory)
        kv_tokens = sum(leg.computed for leg in legs)
        self._next_chunks(legs)
        speaking = [(index, leg) for index, leg in enumerate(legs) if not leg.prefilling]
        said = [leg.say(self._is_told_here(index, leg)) for index, leg in speaking]
        if all(leg.ended for leg in legs):
            self._let_go(legs)
        else:
            self._batches[batch.id] = batch
        return Pass(
            generations=[generation for generation in said if generation is not None],
            batch=batch.described() if batch.id in self._batches else None,
            size=len(speaking),
            kv_tokens=kv_tokens,
            prefill_tokens=prefill_tokens,
        )

    def _next_chunks(self, legs: Sequence[Leg]) -> None:
        """Share the next pass out, the prompts that came last first; each other request needs one token of it."""
        budget = self._max_prefill_tokens - (len(legs) - 1)
        for leg in reversed(legs):
            left = leg.prompt_tokens - leg.computed
            if left > 0:
                leg.chunk = max(min(left, budget), 1)
                budget -= leg.chunk
            else:
                leg.chunk = 1

    def _is_told_here(self, index: int, leg: Leg) -> bool:
        return (index if self.model.padded else leg.request.id) % self._ranks == self._rank

    def _let_go(self, legs: Iterable[Leg]) -> None:
        for leg in legs:
            leg.leave(self._memory)

    def _most(self, prompt_tokens: int) -> int:
        if self.model.chunks:
            return min(self.model.memory_tokens, self.model.max_total_tokens)
        return prompt_tokens
