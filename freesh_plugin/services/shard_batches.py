"""The batches that shards hold: requests join and leave between forward passes."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from freesh_plugin.adapters.router_metrics import RouterMetrics
from freesh_plugin.adapters.tgi import messages
from freesh_plugin.adapters.tgi.shard_error import ShardError
from freesh_plugin.adapters.tgi.shards import ShardGroup, Step
from freesh_plugin.core.errors import FreeshError
from freesh_plugin.ports import Clock
from freesh_plugin.runtime.energy_shares import EnergyShares, Joining
from freesh_plugin.services.leg_batch import BatchWriter, Leg


class BatchLost(FreeshError):
    """A call failed, and the batches that it named are gone with it.

    Attributes:
        error: What the shard said.
        batch_ids: Batches that may still lie in the shards.
        joining: Requests that would have joined in this pass: one of them may be the cause.
        others: Requests that were in the batches.
    """

    def __init__(
        self, error: ShardError, batch_ids: Sequence[int], joining: Sequence[int], others: Sequence[int]
    ) -> None:
        super().__init__(str(error))
        self.error = error
        self.batch_ids = tuple(batch_ids)
        self.joining = tuple(joining)
        self.others = tuple(others)


class ShardBatches:
    """Batches of all ranks, and the only caller of their forward passes.

    Where prompts can be chunked there is one batch, which new requests join in their prefill. Elsewhere new requests
    are prefilled alone, and the next decoding pass makes one batch of all.
    """

    def __init__(
        self,
        shards: ShardGroup,
        writer: BatchWriter,
        chunked: bool,
        clock: Clock,
        metrics: RouterMetrics,
        energy: EnergyShares,
    ) -> None:
        """`energy` is told who is in each pass."""
        self._shards = shards
        self._writer = writer
        self._chunked = chunked
        self._clock = clock
        self._metrics = metrics
        self._energy = energy
        self._of_method = {method: _MethodMetrics(metrics, method) for method in ("prefill", "decode")}
        self._batches: list[messages.CachedBatch] = []
        self._leaving: set[int] = set()
        self._last_id = 0
        self._ended_at_s: float | None = None
        self.while_computing: Callable[[], None] = lambda: None
        """Called when a pass has begun: the time to hand on what the pass before brought."""

    def __len__(self) -> int:
        """How many batches there are."""
        return len(self._batches)

    @property
    def current_tokens(self) -> int:
        """Tokens that the next pass computes for those in the batch already."""
        return sum(batch.current_tokens for batch in self._batches)

    @property
    def continuing_tokens(self) -> int:
        """Prompt tokens among `current_tokens`: chunks of prompts computed in part, but for one token of each."""
        return sum(max(batch.current_tokens - batch.size, 0) for batch in self._batches)

    def leave(self, request_id: int) -> None:
        """Take a request out before the next pass."""
        self._leaving.add(request_id)
        self._energy.leave(request_id)

    def rest(self) -> None:
        """Nothing is computed for a while: the time from here to the next pass is nobody's delay."""
        self._ended_at_s = None
        self._metrics.batch_size.set(0)

    def forget_all(self) -> None:
        """The shards are lost, and every batch with them."""
        self._batches.clear()
        self._leaving.clear()

    async def take_out_leavers(self) -> None:
        """Tell shards who has left.

        Raises:
            BatchLost: a batch was lost over it.
        """
        if not self._leaving:
            return
        began_s = self._clock.monotonic_s()
        leaving, self._leaving = self._leaving, set()
        batches, self._batches = self._batches, []
        while batches:
            batch = batches.pop(0)
            keep = [request_id for request_id in batch.request_ids if request_id not in leaving]
            try:
                self._batches += await self._filtered(batch, keep)
            except ShardError as error:
                # The others are as they were, and those who leave them still have to.
                self._batches += batches
                self._leaving |= leaving
                raise BatchLost(error, [batch.id], [], keep) from error
        self._metrics.filter_s.labels("decode").observe(self._clock.monotonic_s() - began_s)

    async def prefill(self, legs: Sequence[Leg]) -> Step:
        """Begin these legs, with one more token for everybody in the batch that they join.

        Raises:
            BatchLost: the call failed.
        """
        self._last_id += 1
        joined = self._batches.pop() if self._chunked and self._batches else None
        self._metrics.next_size.observe(len(legs))
        if joined is not None:
            self._metrics.concat.labels("chunking").inc()
        call = self._shards.prefill(self._writer.write(self._last_id, legs), joined)
        return await self._pass("prefill", call, [joined] if joined else [], legs)

    async def decode(self) -> Step:
        """One more token for everybody; several batches become one.

        Raises:
            BatchLost: the call failed.
        """
        batches, self._batches = self._batches, []
        if len(batches) > 1:
            self._metrics.concat.labels("decode").inc()
        return await self._pass("decode", self._shards.decode(batches), batches, [])

    async def clear(self, loss: BatchLost) -> None:
        """Clear what a failed call may have left in the shards.

        Raises:
            ShardError: they do not even do that.
        """
        for batch_id in loss.batch_ids:
            await self._shards.clear_cache(batch_id)

    async def _filtered(self, batch: messages.CachedBatch, keep: Sequence[int]) -> list[messages.CachedBatch]:
        if len(keep) == len(batch.request_ids):
            return [batch]
        if keep:
            return [await self._shards.filter(batch.id, keep)]
        await self._shards.clear_cache(batch.id)
        return []

    async def _pass(
        self, method: str, call: Awaitable[Step], batches: Sequence[messages.CachedBatch], legs: Sequence[Leg]
    ) -> Step:
        began_s, counted = self._clock.monotonic_s(), self._of_method[method]
        if self._ended_at_s is not None:
            self._metrics.between_s.observe(began_s - self._ended_at_s)
        running = asyncio.ensure_future(call)
        await asyncio.sleep(0)
        self._note_work(began_s, batches, legs)
        self.while_computing()
        counted.began(len(legs) + sum(batch.size for batch in batches), sum(batch.max_tokens for batch in batches))
        try:
            step = await running
        except ShardError as error:
            self._ended_at_s = None
            counted.failed()
            batch_ids = [*(batch.id for batch in batches), *([self._last_id] if legs else [])]
            joining = [leg.request_id for leg in legs]
            others = [request_id for batch in batches for request_id in batch.request_ids]
            raise BatchLost(error, batch_ids, joining, others) from error
        ended_s = self._ended_at_s = self._clock.monotonic_s()
        self._energy.end(ended_s)
        counted.succeeded(step, ended_s - began_s)
        if step.batch is not None:
            self._batches.append(step.batch)
        return step

    def _note_work(self, began_s: float, batches: Sequence[messages.CachedBatch], legs: Sequence[Leg]) -> None:
        tokens = sum(batch.current_tokens for batch in batches)
        self._energy.begin(began_s, map(_joining, legs), tokens, alone=bool(legs) and not self._chunked)


def _joining(leg: Leg) -> Joining:
    tokens = len(leg.serving.ids)
    return Joining(leg.request_id, tokens, tokens - leg.cache_len, leg.prefill_tokens)


class _MethodMetrics:
    """Metrics of one method, looked up once instead of at each step."""

    def __init__(self, metrics: RouterMetrics, method: str) -> None:
        self._batch_size = metrics.batch_size
        self._batch_tokens = metrics.batch_tokens
        self._count = metrics.steps.labels(method)
        self._failures = metrics.step_failures.labels(method)
        self._successes = metrics.step_successes.labels(method)
        self._step_s = metrics.step_s.labels(method)
        self._forward_s = metrics.forward_s.labels(method)
        self._decode_s = metrics.decode_s.labels(method)
        self._concat_s = metrics.concat_s.labels(method)

    def began(self, requests: int, most_tokens: int) -> None:
        self._count.inc()
        self._batch_size.set(requests)
        self._batch_tokens.set(most_tokens)

    def failed(self) -> None:
        self._failures.inc()

    def succeeded(self, step: Step, step_s: float) -> None:
        self._successes.inc()
        self._step_s.observe(step_s)
        self._forward_s.observe(step.forward_ns / 1e9)
        self._decode_s.observe(step.decode_ns / 1e9)
        if step.concat_ns:
            self._concat_s.observe(step.concat_ns / 1e9)
