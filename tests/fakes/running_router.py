"""The router's engine in this process, without HTTP: requests in, whole answers out."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from freesh_plugin.adapters.clock import SystemClock
from freesh_plugin.adapters.router_metrics import RouterMetrics
from freesh_plugin.adapters.tgi.router_args import RouterArgs
from freesh_plugin.config import PluginConfig
from freesh_plugin.core.generation import FailureEvent, GenerationEnd, GenerationEvent, GenerationRequest, TokensEvent
from freesh_plugin.runtime.energy_shares import EnergyShares
from freesh_plugin.runtime.lengths import RunningLengths
from freesh_plugin.runtime.scheduler import Scheduler
from freesh_plugin.runtime.token_times import TokenTimes
from freesh_plugin.services.engine import RunningEngine, bring_up
from freesh_plugin.services.guarded_scheduler import MakeScheduler


@dataclass
class WholeAnswer:
    """What one request got."""

    ids: list[int] = field(default_factory=list)
    text: str = ""
    end: GenerationEnd | None = None
    failure: FailureEvent | None = None
    prefill: int = 0

    @property
    def over(self) -> bool:
        """Whether it gets nothing more."""
        return self.end is not None or self.failure is not None


class Answers:
    """Collects events."""

    def __init__(self) -> None:
        self.of: dict[int, WholeAnswer] = {}
        self._news = asyncio.Event()

    def take(self, events: list[GenerationEvent]) -> None:
        for event in events:
            answer = self.of.setdefault(event.request_id, WholeAnswer())
            assert not answer.over, f"request {event.request_id} got something after its end"
            if isinstance(event, TokensEvent):
                answer.ids += [token.id for token in event.tokens]
                answer.text += "".join(token.text for token in event.tokens)
                answer.prefill += len(event.prefill)
                answer.end = event.end
            else:
                answer.failure = event
        self._news.set()

    async def all_over(self, request_ids: Iterable[int], within_s: float = 120.0) -> dict[int, WholeAnswer]:
        wanted = list(request_ids)
        async with asyncio.timeout(within_s):
            while not all(each in self.of and self.of[each].over for each in wanted):
                self._news.clear()
                await self._news.wait()
        return self.of


@dataclass
class RunningRouter:
    """An engine whose loop runs, and what came out of it."""

    engine: RunningEngine
    answers: Answers
    metrics: RouterMetrics
    stepping: asyncio.Task[None]

    async def serve(self, requests: Iterable[GenerationRequest]) -> dict[int, WholeAnswer]:
        """Submit all, and wait for their ends."""
        asked = list(requests)
        for request in asked:
            self.engine.loop.submit(request)
        return await self.answers.all_over(each.request_id for each in asked)


@asynccontextmanager
async def running_router(
    master_socket: str,
    flags: Iterable[str] = (),
    settings: dict[str, str] | None = None,
    scheduler_of: MakeScheduler = Scheduler,
    energy: EnergyShares | None = None,
    times: TokenTimes | None = None,
) -> AsyncIterator[RunningRouter]:
    """An engine over shards that listen already."""
    args = RouterArgs.parse(["--master-shard-uds-path", master_socket, *flags], {})
    config = PluginConfig.from_env({"HOME": "/nonexistent", **(settings or {})})
    answers, metrics = Answers(), RouterMetrics()
    engine = await bring_up(
        args, config, SystemClock(), metrics, answers.take, RunningLengths(), scheduler_of, energy, times
    )
    stepping = asyncio.create_task(engine.loop.run())
    try:
        yield RunningRouter(engine, answers, metrics, stepping)
    finally:
        stepping.cancel()
        await asyncio.gather(stepping, return_exceptions=True)
        await engine.shards.close()
