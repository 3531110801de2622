"""The HTTP process's end of the link: the step loop of the other process, as an `Engine`."""

import asyncio
import socket
from collections import deque
from collections.abc import Callable

from freesh_plugin.adapters.tgi.frames import (
    Answer,
    Ask,
    Cancel,
    Drain,
    Drained,
    Events,
    Frame,
    FrameChannel,
    Hello,
    Listening,
    Question,
    Submit,
)
from freesh_plugin.core.generation import (
    EngineInfo,
    FailureEvent,
    FailureKind,
    GenerationEvent,
    GenerationRequest,
    TokensEvent,
)

_ASK_TIMEOUT_S = 20.0
_LOST = "the scheduler's process is gone"


class LinkedStream:
    """Implements `TokenStream`: events that the link delivers, read by one task."""

    __slots__ = ("_cancel", "_ended", "_events", "_waiting")

    def __init__(self, cancel: Callable[[], None]) -> None:
        """Call `cancel` when nothing more is wanted."""
        self._cancel = cancel
        self._events: deque[GenerationEvent] = deque()
        self._waiting: asyncio.Future[None] | None = None
        self._ended = False

    def __aiter__(self) -> "LinkedStream":
        """Itself."""
        return self

    async def __anext__(self) -> GenerationEvent:
        """The next event."""
        while not self._events:
            if self._ended:
                raise StopAsyncIteration
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting
        event = self._events.popleft()
        self._ended = self._ended or is_last(event)
        return event

    def cancel(self) -> None:
        """The client is gone."""
        self._ended = True
        self._cancel()

    def deliver(self, event: GenerationEvent) -> None:
        """Hand over an event to whoever reads."""
        self._events.append(event)
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)


def is_last(event: GenerationEvent) -> bool:
    """Whether a request gets nothing more after this event."""
    return isinstance(event, FailureEvent) or event.end is not None


class EngineLink:
    """Implements `Engine` over the link. When the other process goes, every stream ends with a failure."""

    def __init__(self, on_drain: Callable[[], None]) -> None:
        """Call `on_drain` when the step loop says that it is time to end."""
        self._on_drain = on_drain
        self._streams: dict[int, LinkedStream] = {}
        self._answers: dict[int, asyncio.Future[bytes]] = {}
        self._asked = 0
        self._channel: FrameChannel | None = None
        self._hello: asyncio.Future[Hello] | None = None
        self.lost = asyncio.Event()

    async def open(self, end: socket.socket) -> Hello:
        """Start on a connected socket; returns what the step loop says first.

        Raises:
            ConnectionError: it went before it said anything.
        """
        self._hello = asyncio.get_running_loop().create_future()
        self._channel = await FrameChannel.over(end, self._take, self._lose)
        return await self._hello

    @property
    def info(self) -> EngineInfo:
        """What shards and warm-up said."""
        assert self._hello is not None, "the link is not open"
        return self._hello.result().info

    def submit(self, request: GenerationRequest) -> LinkedStream:
        """Queue a request."""
        request_id = request.request_id
        stream = LinkedStream(lambda: self._cancel(request_id))
        if self.lost.is_set():
            stream.deliver(FailureEvent(request_id, FailureKind.GENERATION, _LOST))
        else:
            self._streams[request_id] = stream
            self._send(Submit(request))
        return stream

    async def health(self) -> bool:
        """Whether the shards answer; no answer in time is a no."""
        return await self._ask(Question.HEALTH) == b"1"

    async def metrics(self) -> bytes:
        """The step loop's metrics; empty when it does not answer."""
        return await self._ask(Question.METRICS)

    def say_listening(self, port: int) -> None:
        """Tell the step loop that HTTP is answered."""
        self._send(Listening(port))

    def say_drained(self) -> None:
        """Tell the step loop that nothing is under way any more."""
        self._send(Drained())

    async def _ask(self, question: Question) -> bytes:
        if self.lost.is_set():
            return b""
        self._asked += 1
        number = self._asked
        self._answers[number] = asyncio.get_running_loop().create_future()
        self._send(Ask(number, question))
        try:
            async with asyncio.timeout(_ASK_TIMEOUT_S):
                return await self._answers[number]
        except TimeoutError:
            return b""
        finally:
            del self._answers[number]

    def _cancel(self, request_id: int) -> None:
        if self._streams.pop(request_id, None) is not None:
            self._send(Cancel(request_id))

    def _send(self, frame: Frame) -> None:
        assert self._channel is not None, "the link is not open"
        self._channel.send(frame)

    def _take(self, frame: Frame) -> None:
        match frame:
            case Events(events):
                for event in events:
                    self._deliver(event)
            case Answer(number, body):
                if number in self._answers and not self._answers[number].done():
                    self._answers[number].set_result(body)
            case Hello():
                assert self._hello is not None
                self._hello.set_result(frame)
            case Drain():
                self._on_drain()
            case _:
                raise AssertionError(f"the step loop never sends {type(frame).__name__}")

    def _deliver(self, event: TokensEvent | FailureEvent) -> None:
        stream = self._streams.get(event.request_id)
        if stream is None:
            return  # cancelled while this event was on its way
        if is_last(event):
            del self._streams[event.request_id]
        stream.deliver(event)

    def _lose(self) -> None:
        self.lost.set()
        if self._hello is not None and not self._hello.done():
            self._hello.set_exception(ConnectionError(_LOST))
        for request_id, stream in self._streams.items():
            stream.deliver(FailureEvent(request_id, FailureKind.GENERATION, _LOST))
        self._streams.clear()
        for answer in self._answers.values():
            if not answer.done():
                answer.set_result(b"")
