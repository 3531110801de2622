"""Shards that misbehave as told, on real sockets."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.message import Message
from grpc import aio

from freesh_plugin.adapters.tgi import messages, wire

Answers = Mapping[str, Message | Callable[[Any], Awaitable[Message]]]
"""What each call answers; a call that is not named is not implemented."""


async def hang(request: Any) -> Message:
    """No answer for a long time."""
    await asyncio.sleep(60)
    return request  # type: ignore[no-any-return]


@asynccontextmanager
async def canned_shards(uds_path: Path, ranks: Sequence[Answers]) -> AsyncIterator[list[aio.Server]]:
    """One server a rank, which also names all ranks."""
    urls = [f"unix://{uds_path}-{rank}" for rank in range(len(ranks))]
    servers = []
    for rank, answers in enumerate(ranks):
        found = messages.ServiceDiscoveryResponse(urls=urls)
        servers.append(
            await _server(f"{uds_path}-{rank}", {"ServiceDiscovery": found, "Info": messages.InfoResponse(), **answers})
        )
    try:
        yield servers
    finally:
        for server in servers:
            await server.stop(0)


async def _server(path: str, answers: Answers) -> aio.Server:
    server = aio.server()
    handlers = {name: _handler(name, answer) for name, answer in answers.items()}
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(wire.SERVICE, handlers)])
    server.add_insecure_port(f"unix:{path}")
    await server.start()
    return server


def _handler(name: str, answer: Message | Callable[[Any], Awaitable[Message]]) -> "grpc.RpcMethodHandler[Any, Any]":
    async def call(request: Any, context: Any) -> Message:
        return answer if isinstance(answer, Message) else await answer(request)

    request, response = wire.CALLS[name]
    return grpc.unary_unary_rpc_method_handler(
        call,
        request_deserializer=getattr(messages, request).FromString,
        response_serializer=getattr(messages, response).SerializeToString,
    )
