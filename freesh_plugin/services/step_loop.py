"""The step loop: the scheduler decides, shards compute, and tokens go out while the next pass is computed."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from freesh_plugin.adapters.router_metrics import RouterMetrics
from freesh_plugin.adapters.tgi.shard_error import ShardError, ShardFailure
from freesh_plugin.adapters.tgi.shards import Step
from freesh_plugin.core.generation import FailureEvent, FailureKind, GenerationEvent, GenerationRequest
from freesh_plugin.ports import Clock
from freesh_plugin.runtime.governor_signals import Dues
from freesh_plugin.runtime.pace import MeasuredPace
from freesh_plugin.runtime.step_decision import StepLimits
from freesh_plugin.runtime.token_times import TokenTimes
from freesh_plugin.services.guarded_scheduler import GuardedScheduler
from freesh_plugin.services.leg_batch import Leg
from freesh_plugin.services.request_book import RequestBook
from freesh_plugin.services.shard_batches import BatchLost, ShardBatches

log = logging.getLogger(__name__)

MAX_LOSSES = 2
"""A request whose batch is lost so often may be the cause: it fails instead of being tried again."""

_LOOK_AGAIN_S = 0.05


@dataclass(frozen=True)
class LoopLimits:
    """Limits of every step: requests in the batch, prompt tokens computed, and whether a prompt may be cut."""

    batch: int
    prefill_tokens: int
    chunked: bool


class StepLoop:
    """Runs one model on its shards. `submit` and `cancel` never block and take effect before the next pass."""

    def __init__(
        self,
        scheduler: GuardedScheduler,
        pace: MeasuredPace,
        book: RequestBook,
        batches: ShardBatches,
        limits: LoopLimits,
        clock: Clock,
        metrics: RouterMetrics,
        emit: Callable[[list[GenerationEvent]], None],
        times: TokenTimes,
    ) -> None:
        """`emit` gets the events of a step together; it may not block. `times` is told when tokens came."""
        self._scheduler = scheduler
        self._pace = pace
        self._book = book
        self._batches = batches
        self._limits = limits
        self._clock = clock
        self._metrics = metrics
        self._emit = emit
        self._times = times
        self._ended_s = 0.0
        self._inbox: list[GenerationRequest | int] = []
        self._work = asyncio.Event()
        batches.while_computing = self._publish
        self._gone: ShardError | None = None
        self.lost: ShardError | None = None
        """Why the shards cannot be used any more."""
        self.proven = True
        """Whether the last pass succeeded."""

    @property
    def load(self) -> tuple[int, int]:
        """Requests in the batch, and requests that wait."""
        waiting = self._scheduler.waiting + sum(isinstance(each, GenerationRequest) for each in self._inbox)
        return max(len(self._book) - self._scheduler.waiting, 0), waiting

    def dues(self, now_s: float) -> Dues:
        """What was promised and is not there yet."""
        return self._scheduler.dues(now_s)

    def submit(self, request: GenerationRequest) -> None:
        """Queue a request."""
        if self.lost is not None:
            self._emit([FailureEvent(request.request_id, FailureKind.GENERATION, str(self.lost))])
            return
        self._inbox.append(request)
        self._work.set()

    def cancel(self, request_id: int) -> None:
        """Nothing more of this request is wanted."""
        self._inbox.append(request_id)
        self._work.set()

    def give_up(self, error: ShardError) -> None:
        """The shards were seen to be gone, before a call failed over it."""
        self._gone = error
        self._work.set()

    async def run(self) -> None:
        """Step until the shards are lost; every request has its failure then, and so has each that comes later."""
        while self.lost is None:
            if self._gone is not None:
                self.lose_all(self._gone)
                break
            try:
                busy = await self._step()
            except BatchLost as loss:
                await self._after(loss)
                continue
            if not busy:
                await self._rest()

    async def _step(self) -> bool:
        """Decide and compute once; returns whether there was anything to compute."""
        now_s = self._clock.monotonic_s()
        if self._inbox:
            self._take_inbox(now_s)
        if len(self._batches) > 1:
            # Those who were prefilled alone are joined to the others first: else newcomers could stop all decoding.
            await self._batches.take_out_leavers()
            legs = []
        else:
            legs = await self._decided(now_s)
        if not legs and not self._batches:
            return False
        await self._compute(legs)
        return True

    async def _decided(self, now_s: float) -> list[Leg]:
        """Carry the scheduler's decision out; returns the legs that begin."""
        limits = self._step_limits()
        decision = self._scheduler.decide(limits, now_s)
        if decision.changes:
            self._book.refuse(decision.refuse)
            self._book.park(decision.preempt, decision.drop)
        joining = (*decision.resume, *decision.admit)
        try:
            await self._batches.take_out_leavers()
        except BatchLost:
            self._scheduler.left_batch(joining, now_s)
            raise
        return self._book.begin_legs(joining, limits.prefill_tokens, limits.chunked, now_s)

    async def _compute(self, legs: list[Leg]) -> None:
        if legs:
            self._metrics.queue_size.set(self._scheduler.waiting)
        prompt_tokens = self._batches.continuing_tokens + sum(leg.prefill_tokens for leg in legs)
        step = await (self._batches.prefill(legs) if legs else self._batches.decode())
        self.proven = True
        self._learn(step, prompt_tokens)
        self._ended_s = self._clock.monotonic_s()
        self._book.take(step.generations, self._ended_s)

    def _step_limits(self) -> StepLimits:
        limits, prefill = self._limits, self._limits.prefill_tokens
        if limits.chunked:
            prefill = max(prefill - self._batches.current_tokens, 0)
        return StepLimits(limits.batch, prefill, limits.chunked)

    def _learn(self, step: Step, prompt_tokens: int) -> None:
        batch = len(step.batch.request_ids) if step.batch else len(step.generations)
        self._pace.observe(batch, prompt_tokens, step.total_ns / 1e9)

    def _take_inbox(self, now_s: float) -> None:
        inbox, self._inbox = self._inbox, []
        self._work.clear()
        for each in inbox:
            if isinstance(each, int):
                self._book.forget(each)
                self._times.gone(each)
            else:
                self._times.arrived(each.request_id, each.arrival_s)
                self._book.arrive(each, now_s)
        self._metrics.queue_size.set(self._scheduler.waiting)

    async def _after(self, loss: BatchLost) -> None:
        """After a failed call: tried again once where nothing stands against it, else each request gets its failure."""
        error = loss.error
        log.error(
            "batch_lost rank=%d call=%s failure=%s reason=%s", error.rank, error.call, error.failure, error.reason
        )
        self.proven = False
        self._metrics.losses.inc()
        now_s = self._clock.monotonic_s()
        self._book.lose(loss.joining, True, now_s)
        # Those who were computed well before are no suspects where newcomers are.
        self._book.lose(loss.others, not loss.joining, now_s)
        if error.failure is ShardFailure.REFUSED:
            try:
                await self._batches.clear(loss)
            except ShardError as later:
                error = later
        if error.failure is ShardFailure.REFUSED:
            self._book.fail_hopeless(MAX_LOSSES, error.reason)
        else:
            self.lose_all(error)
        self._publish()

    def lose_all(self, error: ShardError) -> None:
        """Every request gets its failure, and so does each that comes later."""
        self.lost = error
        waiting = [each.request_id for each in self._inbox if not isinstance(each, int)]
        self._inbox.clear()
        self._book.abandon(waiting, str(error))
        self._batches.forget_all()
        self._publish()
        self._times.rest()

    async def _rest(self) -> None:
        """Until something arrives; where requests wait that could not start, only for a moment."""
        self._publish()
        self._batches.rest()
        self._times.rest()
        try:
            async with asyncio.timeout(_LOOK_AGAIN_S if len(self._book) else None):
                await self._work.wait()
        except TimeoutError:
            return

    def _publish(self) -> None:
        events = self._book.outbox()
        if events:
            self._emit(events)
            self._times.told(events, self._ended_s)
