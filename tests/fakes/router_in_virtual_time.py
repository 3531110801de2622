"""The live router's step loop and a simulated shard in one process, on a clock that moves by what passes take."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import msgspec

from freesh_plugin.adapters.router_metrics import RouterMetrics
from freesh_plugin.adapters.tgi import messages
from freesh_plugin.adapters.tgi.exact_ids import SECRET_LENGTH, decode
from freesh_plugin.adapters.tgi.shards import ShardGroup, Step
from freesh_plugin.adapters.tgi.simulated.engine import Engine, Pass
from freesh_plugin.adapters.tgi.simulated.model import SimulatedModel
from freesh_plugin.adapters.tgi.synthetic_batches import warmup_request
from freesh_plugin.core.generation import FailureEvent, GenerationEvent, GenerationRequest, ServiceWish
from freesh_plugin.core.lengths import AnswerLength
from freesh_plugin.core.plan import ClockBounds, Plan, PlanPartition, Slo
from freesh_plugin.core.power_model import IDLE, power_w, shares
from freesh_plugin.core.step_model import step_s
from freesh_plugin.runtime.energy_shares import EnergyShares
from freesh_plugin.runtime.energy_weights import ASSUMED_WEIGHTS
from freesh_plugin.runtime.governor import Governor
from freesh_plugin.runtime.governor_signals import Applied, GovernorSignals
from freesh_plugin.runtime.lengths import RunningLengths
from freesh_plugin.runtime.pace import MeasuredPace
from freesh_plugin.runtime.paged_memory import PagedMemory, PagedShape
from freesh_plugin.runtime.service_levels import ServiceLevels
from freesh_plugin.runtime.token_times import TokenTimes
from freesh_plugin.services.guarded_scheduler import GuardedScheduler
from freesh_plugin.services.leg_batch import BatchWriter
from freesh_plugin.services.reception import Reception
from freesh_plugin.services.request_book import RequestBook
from freesh_plugin.services.shard_batches import ShardBatches
from freesh_plugin.services.step_loop import LoopLimits, StepLoop
from models.domain.engine import EngineModel
from models.domain.workload import WorkloadRequest
from models.simulator.instance_types import InstanceSettings
from tests.fakes.clock import FakeClock
from tests.fakes.plans import sample_plan

_SECRET = "s" * SECRET_LENGTH
_LOOK_AGAIN_S = 0.05


@dataclass
class LiveAnswer:
    """What a client saw of its request."""

    token_s: list[float] = field(default_factory=list)
    refused: bool = False
    preemptions: int = 0


class Board:
    """A clock that a governor sets at every tick, and the joules drawn."""

    def __init__(self, engine: EngineModel, settings: InstanceSettings, slo: Slo, times: TokenTimes) -> None:
        self.engine = engine
        self.mhz = engine.clocks_mhz[-1]
        self.changes = 0
        self.energy_j = 0.0
        self.loop: StepLoop | None = None
        self._times = times
        self._tick_s = settings.governor.tick_s
        self._governor = Governor(settings.governor, engine.clocks_mhz)
        self._governor.adopt(slo, ClockBounds())
        self._ticks = 0
        self._applied: Applied | None = None

    def spend(self, clock: FakeClock, until_s: float, used: tuple[int, int, float] | None) -> None:
        """Let time pass with a pass of this size, these prompt tokens and seconds, or with nothing."""
        passing = IDLE
        if used is not None:
            passing = shares(self.engine.step, self.mhz, *used, self.engine.shares)
        while self._ticks * self._tick_s <= until_s:
            self._draw(clock, max(self._ticks * self._tick_s, clock.now_s), passing)
            self._tick(clock.now_s)
        self._draw(clock, until_s, passing)

    def _draw(self, clock: FakeClock, until_s: float, passing: object) -> None:
        watts = self.engine.gpus * power_w(self.engine.power, self.mhz, passing)  # type: ignore[arg-type]
        self.energy_j += watts * (until_s - clock.now_s)
        clock.now_s = until_s

    def _tick(self, now_s: float) -> None:
        assert self.loop is not None
        self._ticks += 1
        ttft_s, tbt_s = self._times.take(now_s)
        running, waiting = self.loop.load
        age_s = self._times.waiting_age_s(now_s)
        due = self.loop.dues(now_s)
        signals = GovernorSignals(now_s, tbt_s, ttft_s, age_s, running, waiting, due, applied=self._applied)
        decision = self._governor.tick(now_s, signals)
        self._applied = None
        if decision.target_mhz is not None:
            self._applied = Applied(decision.target_mhz)
            self.changes += decision.target_mhz != self.mhz
            self.mhz = decision.target_mhz


class VirtualShards(ShardGroup):
    """A simulated shard without sockets, whose passes move the clock."""

    def __init__(self, shard: Engine, clock: FakeClock, board: Board) -> None:
        super().__init__(())
        self._shard = shard
        self._clock = clock
        self._board = board

    async def clear_cache(self, batch_id: int | None = None) -> None:
        self._shard.clear(batch_id)

    async def filter(self, batch_id: int, keep_ids: Sequence[int]) -> messages.CachedBatch:  # type: ignore[override]
        return self._shard.filter(batch_id, keep_ids)

    async def prefill(  # type: ignore[override]
        self, batch: Sequence[messages.Batch], cached: messages.CachedBatch | None = None
    ) -> Step:
        await asyncio.sleep(0)
        return self._timed(self._shard.prefill(messages.PrefillRequest(batch=batch[0], cached_batch=cached)))

    async def decode(self, batches: Sequence[messages.CachedBatch]) -> Step:
        await asyncio.sleep(0)
        return self._timed(self._shard.decode([batch.id for batch in batches]))

    def _timed(self, passed: Pass) -> Step:
        step = self._board.engine.step
        for generation in passed.generations:
            # A token that ends no character yet cannot be the last of a leg, which is not simulated.
            generation.tokens.texts[:] = [text or "x" for text in generation.tokens.texts]
        took_s = step_s(step, self._board.mhz, passed.size, passed.kv_tokens, passed.prefill_tokens)
        self._board.spend(self._clock, self._clock.now_s + took_s, (passed.size, passed.prefill_tokens, took_s))
        # In nanoseconds on the wire; here as exact as the clock, or the pace would differ in its ninth digit.
        return Step(passed.generations, passed.batch, 0, 0, took_s * 1e9, 0)  # type: ignore[arg-type]


class SteppedLoop(StepLoop):
    """A step loop that rests in virtual time."""

    async def step(self) -> bool:
        """One pass, if there is anything to compute."""
        return await self._step()

    def rest(self) -> bool:
        """What it does before it waits; whether it would look again by itself."""
        self._publish()
        self._batches.rest()
        self._times.rest()
        return len(self._book) > 0


def _plan(slo: Slo) -> Plan:
    """A plan that promises all requests the same."""
    base = sample_plan()
    (pool,) = base.pools
    only = msgspec.structs.replace(pool, request_class="R", tier="default", slo=slo)
    partition = PlanPartition("one", ("R",), (), ())
    return msgspec.structs.replace(base, partition={pool.model: partition}, pools=(only,), cells={})


class RouterInVirtualTime:
    """One model served by the live router; `answers` holds what clients saw."""

    def __init__(
        self,
        engine: EngineModel,
        settings: InstanceSettings,
        slo: Slo,
        *,
        prefix_caching: bool = False,
    ) -> None:
        self.clock = FakeClock(0.0)
        self.answers: dict[int, LiveAnswer] = {}
        times, pace, metrics = TokenTimes(), MeasuredPace(), RouterMetrics()
        self.board = Board(engine, settings, slo, times)
        model = SimulatedModel(
            prefix_caching=prefix_caching, memory_tokens=engine.kv_tokens, max_total_tokens=engine.kv_tokens
        )
        shard = Engine(model, 0, 1, partial(decode, secret=_SECRET))
        shard.warmup(warmup_request(engine.chunk_tokens, engine.chunk_tokens, engine.kv_tokens))
        self.memory = PagedMemory(PagedShape(engine.kv_tokens, 1, prefix_caching=prefix_caching))
        limited = replace(settings.scheduler, total_tokens_limit=self.memory.longest_tokens)
        scheduler = GuardedScheduler(limited, pace, self.memory)
        levels = ServiceLevels(_plan(slo), None, None, settings.deadline_factor)
        reception = Reception(levels, RunningLengths(AnswerLength(1, 1)), pace, metrics, None)
        energy = EnergyShares(ASSUMED_WEIGHTS)
        batches = ShardBatches(
            VirtualShards(shard, self.clock, self.board), BatchWriter([_SECRET]), True, self.clock, metrics, energy
        )
        book = RequestBook(scheduler, self.memory, batches, reception, True, 1024, metrics, energy)
        limits = LoopLimits(engine.max_batch, engine.chunk_tokens, chunked=True)
        self._loop = SteppedLoop(
            scheduler, pace, book, batches, limits, self.clock, metrics, self._emit, times
        )  # fmt: skip
        self.board.loop = self._loop

    def serve(self, requests: Sequence[WorkloadRequest], prompts: Sequence[list[int]]) -> dict[int, LiveAnswer]:
        """Serve them all; ids are their places in the list, estimates have a q90 of twice the median."""
        coming = deque(self._asked(i, *each) for i, each in enumerate(zip(requests, prompts, strict=True)))
        self.answers = {request.request_id: LiveAnswer() for request in coming}
        asyncio.run(self._serve(coming))
        return self.answers

    async def _serve(self, coming: deque[GenerationRequest]) -> None:
        while True:
            while coming and coming[0].arrival_s <= self.clock.now_s:
                self._loop.submit(coming.popleft())
            if await self._loop.step():
                continue
            until_s = coming[0].arrival_s if coming else self.clock.now_s
            if self._loop.rest():
                until_s = min(until_s, self.clock.now_s + _LOOK_AGAIN_S) if coming else self.clock.now_s + _LOOK_AGAIN_S
            elif not coming:
                return
            self.board.spend(self.clock, until_s, None)

    def _asked(self, request_id: int, request: WorkloadRequest, prompt: list[int]) -> GenerationRequest:
        wish = ServiceWish(
            trusted=True,
            client=str(request.client),
            predicted_tokens=int(request.estimate.q50),
        )
        return GenerationRequest(
            request_id=request_id,
            arrival_s=request.arrival_s,
            inputs="",
            prompt_ids=prompt,
            max_new_tokens=request.max_new_tokens,
            truncate=len(prompt),
            wish=wish,
        )

    def _emit(self, events: list[GenerationEvent]) -> None:
        ended_s = self._loop._ended_s
        for event in events:
            answer = self.answers[event.request_id]
            if isinstance(event, FailureEvent):
                answer.refused = True
                continue
            answer.token_s.append(ended_s)
            if event.end is not None:
                answer.preemptions = event.end.preemptions
