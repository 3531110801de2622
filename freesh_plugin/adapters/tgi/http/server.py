"""Serves the front: connections bounded in time, a stop that lets running answers end."""

import asyncio
import contextlib
import resource
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 65_536
"""Greatest head of a request; a larger one is cut off."""

_OPEN_FILES = 65_536


@dataclass(frozen=True)
class Patience:
    """How long the server waits, in seconds."""

    head_s: float = 30.0
    """For the head of a request, from its first byte or from a new connection on."""
    idle_s: float = 75.0
    """For the next request on a connection."""
    stall_s: float = 60.0
    """For a client to take any of what is ready for it; then its connection is cut and its answer cancelled."""
    drain_s: float = 80.0
    """For running answers to end when the server is told to stop; TGI's launcher kills after 90 s."""


class GuardedProtocol(HttpToolsProtocol):
    """HTTP/1.1 that remembers since when a connection makes no progress; uvicorn itself waits for ever."""

    _head_since_s: float | None = None
    _head_bytes = 0
    _unread_since_s: float | None = None
    _unsent_bytes = 0
    _unsent_since_s = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn narrows it
        """A head is awaited from now on."""
        self._head_since_s = time.monotonic()
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Read on, unless the head grows without end."""
        super().data_received(data)
        self._head_bytes += len(data) if self._head_since_s is not None else 0
        if self._head_bytes > MAX_HEAD_BYTES:
            self.transport.abort()

    def on_message_begin(self) -> None:
        """A head has begun, unless one was awaited already."""
        self._head_since_s = self._head_since_s or time.monotonic()
        self._head_bytes = 0
        self._unread_since_s = None
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one in, also one that comes after the body."""
        self._head_bytes += len(name) + len(value)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._head_since_s = None
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """Answered; what is left of a body that was refused is read and thrown away, for a while."""
        self._unread_since_s = time.monotonic() if self.cycle.more_body else None
        super().on_response_complete()

    def stuck(self, now_s: float, patience: Patience) -> bool:
        """Whether to cut the connection: a head or a refused body does not end, or nothing is taken from it."""
        since_s = self._unread_since_s if self._head_since_s is None else self._head_since_s
        return (since_s is not None and now_s - since_s > patience.head_s) or self._stalls(now_s, patience)

    def _stalls(self, now_s: float, patience: Patience) -> bool:
        unsent = self.transport.get_write_buffer_size()
        if unsent == 0 or unsent < self._unsent_bytes or self._unsent_bytes == 0:
            self._unsent_since_s = now_s
        self._unsent_bytes = unsent
        return unsent > 0 and now_s - self._unsent_since_s > patience.stall_s


class FrontServer(uvicorn.Server):
    """Serves until told to stop, then drains: new connections are refused, running answers end whole."""

    def __init__(self, app: ASGIApp, on_ready: Callable[[], None], patience: Patience = Patience()) -> None:
        """Serve `app`; call `on_ready` once connections are answered."""
        super().__init__(_config(app, patience))
        self._on_ready = on_ready
        self._patience = patience
        self._guard: asyncio.Task[None] | None = None

    def stop(self) -> None:
        """Drain, from the loop that serves."""
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, look after the connections, and say so."""
        await super().startup(sockets)
        self._guard = asyncio.get_running_loop().create_task(self._look_after())
        self._on_ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to whoever started the server."""
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain; whatever lasts longer than it may is cut off."""
        await super().shutdown(sockets)
        if self._guard is not None:
            self._guard.cancel()
        for connection in list(self.server_state.connections):
            connection.transport.abort()

    async def _look_after(self) -> None:
        while True:
            await asyncio.sleep(min(1.0, self._patience.stall_s / 4, self._patience.head_s / 4))
            now_s = time.monotonic()
            for connection in list(self.server_state.connections):
                if isinstance(connection, GuardedProtocol) and connection.stuck(now_s, self._patience):
                    connection.transport.abort()


async def serve_front(
    app: ASGIApp,
    sockets: list[socket.socket],
    stop: asyncio.Event,
    on_ready: Callable[[], None] = lambda: None,
    patience: Patience = Patience(),
) -> None:
    """Serve on bound sockets until `stop` is set and running answers have ended, or `patience.drain_s` is over."""
    _allow_many_connections()
    server = FrontServer(app, on_ready, patience)
    serving = asyncio.ensure_future(server.serve(sockets))
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
    server.stop()
    stopping.cancel()
    await serving


def _allow_many_connections() -> None:
    """Lift the soft limit of open files, often 1,024: every connection is one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _config(app: ASGIApp, patience: Patience) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=GuardedProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=2048,
        timeout_keep_alive=int(patience.idle_s),
        timeout_graceful_shutdown=max(1, int(patience.drain_s)),
    )
