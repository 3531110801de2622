"""Messages between the step loop's process and the HTTP process: length-prefixed msgpack frames on a socket pair."""

import asyncio
import logging
import socket
from collections.abc import Callable, Iterable
from enum import StrEnum
from struct import Struct as Layout
from typing import cast

import msgspec

from freesh_plugin.core.errors import FreeshError
from freesh_plugin.core.generation import EngineInfo, FailureEvent, GenerationRequest, TokensEvent

log = logging.getLogger(__name__)

MAX_FRAME_BYTES = 64 * 1024 * 1024
"""Largest frame, and most bytes that may wait to be read by the other side."""

_LENGTH = Layout("<I")


class Question(StrEnum):
    """What the HTTP side may ask of the step loop."""

    HEALTH = "health"
    METRICS = "metrics"


class Hello(msgspec.Struct, frozen=True, tag=True):
    """First frame to the HTTP process: all that it needs; `settings` are encoded by their owner."""

    settings: msgspec.Raw
    info: EngineInfo


class Listening(msgspec.Struct, frozen=True, tag=True):
    """The HTTP process listens; with the port, since 0 takes a free one."""

    port: int


class Submit(msgspec.Struct, frozen=True, tag=True):
    """A request to queue."""

    request: GenerationRequest


class Cancel(msgspec.Struct, frozen=True, tag=True):
    """The client of a request is gone."""

    request_id: int


class Ask(msgspec.Struct, frozen=True, tag=True):
    """A question, answered by the `Answer` of the same number."""

    number: int
    question: Question


class Answer(msgspec.Struct, frozen=True, tag=True):
    """Answer to a question."""

    number: int
    body: bytes


class Events(msgspec.Struct, frozen=True, tag=True):
    """What one step brought, for all requests together."""

    events: list[TokensEvent | FailureEvent]


class Drain(msgspec.Struct, frozen=True, tag=True):
    """Take no new requests, let what runs end within the time of the settings, then say `Drained`."""


class Drained(msgspec.Struct, frozen=True, tag=True):
    """Every request that was taken has its whole answer, or its time is over."""


Frame = Hello | Listening | Submit | Cancel | Ask | Answer | Events | Drain | Drained


class FrameError(FreeshError):
    """The other process sent what cannot be read."""


class FrameChannel(asyncio.Protocol):
    """One end of the socket pair. Frames come to `on_frame` in order; `on_lost` once, when the other end is gone."""

    def __init__(self, on_frame: Callable[[Frame], None], on_lost: Callable[[], None]) -> None:
        """Call back within the event loop; neither may block."""
        self._on_frame = on_frame
        self._on_lost = on_lost
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(Frame)
        self._pending = bytearray()
        self._transport: asyncio.Transport | None = None

    @classmethod
    async def over(
        cls, end: socket.socket, on_frame: Callable[[Frame], None], on_lost: Callable[[], None]
    ) -> "FrameChannel":
        """Start on a connected socket, which is owned from here on."""
        end.setblocking(False)
        _, channel = await asyncio.get_running_loop().create_connection(lambda: cls(on_frame, on_lost), sock=end)
        return channel

    def send(self, frame: Frame) -> None:
        """Send one frame; never blocks. What the other side does not read for too long ends the channel."""
        if self._transport is None or self._transport.is_closing():
            return
        body = self._encoder.encode(frame)
        self._transport.write(_LENGTH.pack(len(body)) + body)
        if self._transport.get_write_buffer_size() > MAX_FRAME_BYTES:
            log.error("link_stalled limit_bytes=%d", MAX_FRAME_BYTES)
            self._transport.abort()

    def close(self) -> None:
        """Send what waits, then end."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is not derived from it

    def data_received(self, data: bytes) -> None:
        """Hand on every whole frame."""
        self._pending += data
        try:
            for frame in self._whole_frames():
                self._on_frame(frame)
        except (FrameError, msgspec.DecodeError) as error:
            log.error("link_broken reason=%s", error)
            assert self._transport is not None
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Say so."""
        self._on_lost()

    def _whole_frames(self) -> Iterable[Frame]:
        pending, start = self._pending, 0
        while len(pending) - start >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(pending, start)
            if length > MAX_FRAME_BYTES:
                raise FrameError(f"a frame of {length} bytes, limit {MAX_FRAME_BYTES} bytes")
            end = start + _LENGTH.size + length
            if len(pending) < end:
                break
            yield self._decoder.decode(memoryview(pending)[start + _LENGTH.size : end])
            start = end
        if start:
            self._pending = pending[start:]
