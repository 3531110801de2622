"""`text-generation-router`: the step loop, the HTTP process beside it, and the plan API, until a signal ends them."""

import asyncio
import gc
import logging
import os
import signal
from collections.abc import Callable
from functools import partial

from freesh_plugin.adapters import event_loop
from freesh_plugin.adapters.decision_file import DecisionFile
from freesh_plugin.adapters.plan_token import read_token_file
from freesh_plugin.adapters.router_metrics import RouterMetrics
from freesh_plugin.adapters.tgi.frames import Question
from freesh_plugin.adapters.tgi.http.settings import RouterSettings
from freesh_plugin.adapters.tgi.router_args import RouterArgs
from freesh_plugin.adapters.tgi.shard_error import ShardError, ShardFailure
from freesh_plugin.config import PluginConfig
from freesh_plugin.core.errors import FreeshError
from freesh_plugin.core.generation import EngineInfo, GenerationRequest
from freesh_plugin.core.plan import Plan
from freesh_plugin.ports import Clock
from freesh_plugin.runtime.decision_log import LoggedScheduler
from freesh_plugin.runtime.lengths import RunningLengths
from freesh_plugin.runtime.scheduler import Scheduler
from freesh_plugin.runtime.service_levels import ServiceLevels
from freesh_plugin.services.engine import RunningEngine, bring_up
from freesh_plugin.services.front import FrontSettings
from freesh_plugin.services.front_process import FrontError, FrontProcess
from freesh_plugin.services.governor_loop import EngineLoad
from freesh_plugin.services.gpu_side import GpuSide
from freesh_plugin.services.guarded_scheduler import MakeScheduler
from freesh_plugin.services.plan_side import plan_side

log = logging.getLogger(__name__)

_RETRY_S = 1.0


class EngineChangedError(FreeshError):
    """Shards came back as another model."""


OnReady = Callable[[int, str | None], None]
"""Gets the users' port, and the URL of the plan API if it is up."""


def run_router(args: RouterArgs, config: PluginConfig, version: str, clock: Clock, on_ready: OnReady) -> None:
    """Serve until SIGINT or SIGTERM, then drain.

    Raises:
        FreeshError: it cannot start, or the HTTP process is lost.
    """
    event_loop.run(Router(args, config, clock, RouterMetrics()).run(version, on_ready))


class Router:
    """One run of the router."""

    def __init__(
        self,
        args: RouterArgs,
        config: PluginConfig,
        clock: Clock,
        metrics: RouterMetrics,
        front_of: type[FrontProcess] = FrontProcess,
    ) -> None:
        """Count and measure in `metrics`, beside an HTTP process of this type."""
        self._args = args
        self._config = config
        self._clock = clock
        self._metrics = metrics
        self._front = front_of(self._submit, self._cancel, self._answer)
        self._plan: Plan | None = None
        self._lengths = RunningLengths()
        self._log = DecisionFile(config.decision_log) if config.decision_log else None
        self._gpus = GpuSide(config, clock, metrics.gpu, self._load)
        self._engine: RunningEngine

    async def run(self, version: str, on_ready: OnReady) -> None:
        """Serve until a signal.

        Raises:
            FreeshError: it cannot start, or the HTTP process is lost.
        """
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        stopping = asyncio.create_task(stop.wait())
        starting = asyncio.create_task(self._bring_up())
        await asyncio.wait((stopping, starting), return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
            return
        self._engine = starting.result()
        async with plan_side(self._config, version, self._clock, self._take_plan) as plan_url:
            stepping = asyncio.create_task(self._step())
            self._gpus.start(self._engine.shards.ranks)
            try:
                port = await self._front.start(self._front_settings(), self._engine.info)
                gc.freeze()  # what is here stays: no need to look at it again between steps
                on_ready(port, plan_url)
                await self._until(stopping, stepping)
            finally:
                stepping.cancel()
                await self._front.end()
                await self._gpus.close()
                if self._log is not None:
                    self._log.close()

    async def _until(self, stopping: asyncio.Task[bool], stepping: asyncio.Task[None]) -> None:
        lost = asyncio.create_task(self._front.lost.wait())
        await asyncio.wait((stopping, lost, stepping), return_when=asyncio.FIRST_COMPLETED)
        if stopping.done():
            log.info("draining within_s=%.0f", self._config.drain_s)
            draining = asyncio.create_task(self._front.drain(self._config.drain_s))
            await asyncio.wait((draining, stepping), return_when=asyncio.FIRST_COMPLETED)
            log.info("drained whole=%s", draining.done() and draining.result())
            draining.cancel()
        if stepping.done():
            stepping.result()
        if lost.done() and not stopping.done():
            raise FrontError("the HTTP process is gone; its log says why")
        lost.cancel()

    # The engine, and another one when its shards are lost

    async def _step(self) -> None:
        while True:
            watching = asyncio.create_task(self._watch_shards(self._engine))
            try:
                await self._engine.loop.run()
            except Exception as error:  # a fault of ours must not end the service
                log.exception("step_loop_failed: its requests fail, and it begins anew")
                self._engine.loop.lose_all(ShardError(0, "step", ShardFailure.REFUSED, f"internal error: {error!r}"))
            finally:
                watching.cancel()
                await self._engine.shards.close()
            self._engine = await self._brought_back(self._engine.info)

    @staticmethod
    async def _watch_shards(engine: RunningEngine) -> None:
        engine.loop.give_up(await engine.shards.until_lost())

    async def _brought_back(self, known: EngineInfo) -> RunningEngine:
        """Under TGI's launcher a lost shard ends everything; elsewhere somebody may start it again.

        Raises:
            EngineChangedError: they are back with other limits, which the HTTP process cannot take up.
        """
        while True:
            await asyncio.sleep(_RETRY_S)
            try:
                engine = await self._bring_up()
            except FreeshError as error:
                log.warning("still_lost reason=%s", error)
                continue
            if engine.info != known:
                raise EngineChangedError(f"shards came back as {engine.info}, they were {known}")
            log.info("shards_are_back")
            return engine

    async def _bring_up(self) -> RunningEngine:
        parts = (self._args, self._config, self._clock, self._metrics, self._front.emit)
        engine = await bring_up(*parts, self._lengths, self._scheduler_of(), self._gpus.energy, self._gpus.times)
        if self._plan is not None:
            engine.reception.levels = self._levels(self._plan)
        return engine

    def _scheduler_of(self) -> MakeScheduler:
        """A scheduler that logs its decisions, where that is wanted."""
        if self._log is None:
            return Scheduler
        lines = self._log
        return partial(LoggedScheduler, write=lambda record: lines.write(record.to_json()))

    def _take_plan(self, plan: Plan) -> None:
        self._plan = plan
        self._engine.reception.levels = self._levels(plan)
        self._gpus.take_plan(plan)

    def _load(self) -> EngineLoad:
        loop = self._engine.loop
        return EngineLoad(*loop.load, loop.dues(self._clock.monotonic_s()), up=loop.lost is None)

    def _levels(self, plan: Plan) -> ServiceLevels:
        config = self._config
        return ServiceLevels(plan, config.model, config.location, config.deadline_factor)

    # What the HTTP process asks

    def _submit(self, request: GenerationRequest) -> None:
        self._engine.loop.submit(request)

    def _cancel(self, request_id: int) -> None:
        self._engine.loop.cancel(request_id)

    async def _answer(self, question: Question) -> bytes:
        if question is Question.METRICS:
            return self._metrics.text()
        return b"1" if await self._engine.healthy() else b"0"

    def _front_settings(self) -> FrontSettings:
        args, config = self._args, self._config
        token = config.gateway_token
        if config.gateway_token_file is not None:
            token = read_token_file(config.gateway_token_file)
        router = RouterSettings(
            model_id=os.environ.get("MODEL_ID") or args.tokenizer_name,
            tokenizer_name=args.tokenizer_name,
            tokenizer_config_path=args.tokenizer_config_path,
            revision=args.revision,
            trust_remote_code=args.trust_remote_code,
            hostname=args.hostname,
            port=args.port,
            prometheus_port=args.prometheus_port,
            max_concurrent_requests=args.max_concurrent_requests,
            max_best_of=args.max_best_of,
            max_stop_sequences=args.max_stop_sequences,
            max_top_n_tokens=args.max_top_n_tokens,
            max_client_batch_size=args.max_client_batch_size,
            validation_workers=args.validation_workers,
            payload_limit=args.payload_limit,
            disable_grammar_support=args.disable_grammar_support,
            api_key=args.api_key,
            cors_allow_origin=args.cors_allow_origin,
            compute_type=os.environ.get("COMPUTE_TYPE") or "gpu+optimized",
            docker_label=os.environ.get("DOCKER_LABEL"),
            gateway_token=token,
        )
        return FrontSettings(router, config.stall_s, config.drain_s, config.log_level, args.json_output)
