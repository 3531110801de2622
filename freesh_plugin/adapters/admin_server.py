"""The HTTP server of the admin port: bound with care, bounded in time and number."""

import asyncio
import ipaddress
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from freesh_plugin.core.errors import ConfigError

MAX_HEAD_BYTES = 16_384

SHUTDOWN_S = 1.0
"""Time for requests under way to end when the server is told to stop; then their connections are cut."""

_LAST_RESORT_S = 10


@dataclass(frozen=True)
class ConnectionLimits:
    """How many connections there may be, and how long one may live; each carries one request."""

    head_s: float = 10.0
    """Time for a request's head to arrive."""
    total_s: float = 60.0
    """Time for everything: slow bodies and slow readers end here."""
    connections: int = 64


class BoundedProtocol(H11Protocol):
    """HTTP/1.1 on connections that live for a bounded time, since uvicorn waits for ever for a head or a reader."""

    limits: ClassVar[ConnectionLimits]

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn narrows it
        """Start both timers."""
        super().connection_made(transport)
        self._timers = (
            self.loop.call_later(self.limits.head_s, self._cut_if_no_head),
            self.loop.call_later(self.limits.total_s, transport.abort),
        )

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop both timers."""
        for timer in self._timers:
            timer.cancel()
        super().connection_lost(exc)

    def _cut_if_no_head(self) -> None:
        # uvicorn has no cycle until it has read a whole head.
        if self.cycle is None:
            self.transport.abort()  # type: ignore[unreachable]  # declared as never null


def bind(host: str, port: int, allow_remote: bool, name: str = "admin host") -> socket.socket:
    """A listening socket; `name` is what errors call the host.

    Raises:
        ConfigError: the address is taken, unknown, or open to other machines without `allow_remote`.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise ConfigError(f"{name} {host!r} is not an address of this machine: {error.strerror}") from error
    if not (allow_remote or ipaddress.ip_address(str(address[0]).partition("%")[0]).is_loopback):
        raise ConfigError(f"{name} {host!r} is open to other machines, which --allow-remote must allow")
    try:
        return socket.create_server((str(address[0]), port), family=family)
    except OSError as error:
        raise ConfigError(f"cannot listen on {host} port {port}: {os.strerror(error.errno or 0)}") from error


def url_of(listening: socket.socket) -> str:
    """The URL at which a bound socket is reached on this machine."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class AdminServer(uvicorn.Server):
    """Serves one application until `should_exit` is set, then ends within a second or two."""

    def __init__(
        self, app: Starlette, on_ready: Callable[[], None], limits: ConnectionLimits = ConnectionLimits()
    ) -> None:
        """Call `on_ready` once connections are answered."""
        super().__init__(_uvicorn_config(app, limits))
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        if self.started:
            self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening and end what is under way; a client that hangs is cut off like one that left."""
        timer = asyncio.get_running_loop().call_later(SHUTDOWN_S, self._cut_all)
        try:
            await super().shutdown(sockets)
        finally:
            timer.cancel()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to whoever started the server, and sets `should_exit`."""
        yield

    def _cut_all(self) -> None:
        for connection in list(self.server_state.connections):
            connection.transport.abort()


def _uvicorn_config(app: Starlette, limits: ConnectionLimits) -> uvicorn.Config:
    class Protocol(BoundedProtocol):
        pass

    Protocol.limits = limits
    return uvicorn.Config(
        app,
        http=Protocol,
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        headers=[("connection", "close")],
        limit_concurrency=limits.connections,
        h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        timeout_graceful_shutdown=_LAST_RESORT_S,
    )
