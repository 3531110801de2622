"""A simulated rank on the wire: one call at a time, each forward pass as long as the step model says."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from grpc import aio

from freesh_plugin.adapters.gpu.simulated_board import SimulatedBoard
from freesh_plugin.adapters.tgi import messages, wire
from freesh_plugin.adapters.tgi.simulated.engine import Engine, Pass
from freesh_plugin.adapters.tgi.simulated.refusal import Refusal
from freesh_plugin.core.power_model import IDLE, shares
from freesh_plugin.core.step_model import step_s

_Handler = Callable[[Any], Awaitable[Any]]


class ShardService:
    """The eight calls of one rank."""

    def __init__(self, engine: Engine, urls: list[str], board: SimulatedBoard | None = None) -> None:
        """`urls` are those of all ranks; `board` is the GPU's, without one it runs at the step model's top clock."""
        self._engine = engine
        self._urls = urls
        self._board = board
        # A real shard computes inside its event loop: every call waits behind the step under way.
        self._turn = asyncio.Lock()

    def handler(self) -> grpc.GenericRpcHandler:
        """All calls, for a gRPC server."""
        calls: dict[str, _Handler] = {
            "Info": self._info,
            "ServiceDiscovery": self._discovery,
            "ClearCache": self._clear,
            "FilterBatch": self._filter,
            "Warmup": self._warmup,
            "Prefill": self._prefill,
            "Decode": self._decode,
            "Health": self._health,
        }
        return grpc.method_handlers_generic_handler(
            wire.SERVICE, {name: self._unary(call, *wire.CALLS[name]) for name, call in calls.items()}
        )

    def _unary(self, call: _Handler, request: str, response: str) -> "grpc.RpcMethodHandler[Any, Any]":
        async def answer(received: Any, context: "aio.ServicerContext[Any, Any]") -> Any:  # noqa: ANN401  # as grpc types it
            async with self._turn:
                try:
                    return await call(received)
                except Refusal as refusal:
                    await context.abort(grpc.StatusCode.INTERNAL, str(refusal))

        return grpc.unary_unary_rpc_method_handler(
            answer,
            request_deserializer=getattr(messages, request).FromString,
            response_serializer=getattr(messages, response).SerializeToString,
        )

    async def _info(self, request: messages.InfoRequest) -> messages.InfoResponse:
        return self._engine.info()

    async def _discovery(self, request: messages.ServiceDiscoveryRequest) -> messages.ServiceDiscoveryResponse:
        return messages.ServiceDiscoveryResponse(urls=self._urls)

    async def _health(self, request: messages.HealthRequest) -> messages.HealthResponse:
        return messages.HealthResponse()

    async def _clear(self, request: messages.ClearCacheRequest) -> messages.ClearCacheResponse:
        self._engine.clear(request.id if request.HasField("id") else None)
        return messages.ClearCacheResponse()

    async def _filter(self, request: messages.FilterBatchRequest) -> messages.FilterBatchResponse:
        return messages.FilterBatchResponse(batch=self._engine.filter(request.batch_id, request.request_ids))

    async def _warmup(self, request: messages.WarmupRequest) -> messages.WarmupResponse:
        return self._engine.warmup(request)

    async def _prefill(self, request: messages.PrefillRequest) -> messages.PrefillResponse:
        start_ns = time.perf_counter_ns()
        passed = self._engine.prefill(request)
        joined = request.HasField("cached_batch") and self._engine.model.chunks
        return messages.PrefillResponse(**await self._timed(passed, start_ns, joined))

    async def _decode(self, request: messages.DecodeRequest) -> messages.DecodeResponse:
        start_ns = time.perf_counter_ns()
        passed = self._engine.decode([batch.id for batch in request.batches])
        return messages.DecodeResponse(**await self._timed(passed, start_ns, len(request.batches) > 1))

    async def _timed(self, passed: Pass, start_ns: int, joined: bool) -> dict[str, Any]:
        """Wait until the pass would have ended, then tell its times."""
        left_s = self._begun(passed) - (time.perf_counter_ns() - start_ns) / 1e9
        if left_s > 0:
            await asyncio.sleep(left_s)
        if self._board is not None:
            self._board.run(IDLE)
        total_ns = time.perf_counter_ns() - start_ns
        return {
            "generations": passed.generations,
            "batch": passed.batch,
            "forward_ns": total_ns,
            "decode_ns": 0,
            "total_ns": total_ns,
            "concat_ns": 0 if joined else None,
        }

    def _begun(self, passed: Pass) -> float:
        """Put the pass on the board; returns the seconds that it takes."""
        step, board = self._engine.model.step_model, self._board
        if step is None:
            return 0.0
        clock_mhz = step.top_clock_mhz if board is None else board.clock_mhz()
        took_s = step_s(step, clock_mhz, passed.size, passed.kv_tokens, passed.prefill_tokens)
        if board is not None:
            board.run(shares(step, clock_mhz, passed.size, passed.prefill_tokens, took_s))
        return took_s / self._engine.model.speed
