"""A gRPC channel to one rank, and its calls."""

from typing import Any, cast

import grpc
from google.protobuf.message import Message
from grpc import aio

from freesh_plugin.adapters.tgi import messages, wire
from freesh_plugin.adapters.tgi.shard_error import ShardError, ShardFailure

UNIX = "unix://"

_OPTIONS = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.default_authority", "localhost"),  # the socket's path is no host name
    ("grpc.enable_http_proxy", 0),
    # A shard that comes back is next door: the usual back-off of up to two minutes is for far away.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.client_idle_timeout_ms", 2**31 - 1),  # a channel leaves READY only when its shard is gone
    ("grpc.use_local_subchannel_pool", 1),  # a new channel to a shard that came back must not inherit a back-off
)


class RankChannel:
    """Calls of one rank over its Unix socket. Every call has a time limit."""

    def __init__(self, rank: int, socket_path: str) -> None:
        self.rank = rank
        self.socket_path = socket_path
        self._channel = aio.insecure_channel(f"unix:{socket_path}", options=_OPTIONS)
        self._calls = {name: self._unary(name, *kinds) for name, kinds in wire.CALLS.items()}

    def start(self, call: str, request: Message, timeout_s: float, wait_for_ready: bool = False) -> Any:  # noqa: ANN401
        """Send a request; the answer is awaited by `finish`."""
        return self._calls[call](request, timeout=timeout_s, wait_for_ready=wait_for_ready)

    async def finish(self, call: str, started: Any, timeout_s: float) -> Any:  # noqa: ANN401  # as grpc types it
        """Answer of a call that was started.

        Raises:
            ShardError: there is none.
        """
        try:
            return await started
        except aio.AioRpcError as error:
            raise self._failed(call, error, timeout_s) from error

    async def ask(self, call: str, request: Message, timeout_s: float, wait_for_ready: bool = False) -> Any:  # noqa: ANN401
        """Send a request and await the answer.

        Raises:
            ShardError: there is none.
        """
        return await self.finish(call, self.start(call, request, timeout_s, wait_for_ready), timeout_s)

    async def until_lost(self) -> ShardError:
        """Wait until the connection that was made is gone."""
        state = self._channel.get_state()
        while state is grpc.ChannelConnectivity.READY:
            await self._channel.wait_for_state_change(state)
            state = self._channel.get_state()
        return ShardError(self.rank, "connection", ShardFailure.GONE, "the shard's process has closed it")

    async def close(self) -> None:
        """End all calls and the connection."""
        await self._channel.close()

    def _unary(self, name: str, request: str, response: str) -> aio.UnaryUnaryMultiCallable[Any, Any]:
        kind = cast(type[Message], getattr(messages, response))
        sent = cast(type[Message], getattr(messages, request))
        return self._channel.unary_unary(
            f"/{wire.SERVICE}/{name}",
            request_serializer=sent.SerializeToString,
            response_deserializer=kind.FromString,
        )

    def _failed(self, call: str, error: aio.AioRpcError, timeout_s: float) -> ShardError:
        if error.code() == grpc.StatusCode.DEADLINE_EXCEEDED:
            return ShardError(self.rank, call, ShardFailure.TIMED_OUT, f"no answer within {timeout_s:g} s")
        if error.code() == grpc.StatusCode.UNAVAILABLE:
            return ShardError(self.rank, call, ShardFailure.GONE, f"nobody answers at {self.socket_path}")
        reason = error.details() or f"gRPC status {error.code().name}"
        return ShardError(self.rank, call, ShardFailure.REFUSED, reason)
