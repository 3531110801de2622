"""The HTTP process, as the step loop's process sees it: started, spoken to, drained, ended."""

import asyncio
import logging
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable

import msgspec

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
from freesh_plugin.core.errors import FreeshError
from freesh_plugin.core.generation import EngineInfo, GenerationEvent, GenerationRequest
from freesh_plugin.services.front import FrontSettings

log = logging.getLogger(__name__)

_START_S = 60.0
_END_S = 5.0


class FrontError(FreeshError):
    """The HTTP process did not start, or is gone."""


class FrontProcess:
    """One HTTP process. What it asks is answered by the callables given; they are called within the event loop."""

    def __init__(
        self,
        submit: Callable[[GenerationRequest], None],
        cancel: Callable[[int], None],
        answer: Callable[[Question], Awaitable[bytes]],
    ) -> None:
        """`answer` may take its time: other frames are handled meanwhile."""
        self._submit = submit
        self._cancel = cancel
        self._answer = answer
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: FrameChannel | None = None
        self._listening: asyncio.Future[int] | None = None
        self._answering: set[asyncio.Task[None]] = set()
        self._drained = asyncio.Event()
        self.lost = asyncio.Event()
        """Set when the process is gone."""

    async def start(self, settings: FrontSettings, info: EngineInfo) -> int:
        """Start it; returns the port on which it listens.

        Raises:
            FrontError: it ended, or did not listen in time.
        """
        ours, theirs = socket.socketpair()
        self._listening = asyncio.get_running_loop().create_future()
        with theirs:
            command = [sys.executable, "-m", "freesh_plugin.services.front", str(theirs.fileno())]
            self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()])
        self._channel = await FrameChannel.over(ours, self._take, self._lose)
        self._channel.send(Hello(msgspec.Raw(msgspec.msgpack.encode(settings)), info))
        try:
            async with asyncio.timeout(_START_S):
                return await self._listening
        except TimeoutError as error:
            raise FrontError(f"the HTTP process does not listen after {_START_S:.0f} s") from error

    def emit(self, events: list[GenerationEvent]) -> None:
        """Hand on the events of a step."""
        if self._channel is not None:
            self._channel.send(Events(events))

    async def drain(self, within_s: float) -> bool:
        """Let it finish what runs, and take nothing new; returns whether all of it ended in time."""
        if self._channel is None or self.lost.is_set():
            return False
        self._channel.send(Drain())
        gone = asyncio.create_task(self.lost.wait())
        drained = asyncio.create_task(self._drained.wait())
        await asyncio.wait((gone, drained), timeout=within_s + _END_S, return_when=asyncio.FIRST_COMPLETED)
        for task in (gone, drained):
            task.cancel()
        return self._drained.is_set()

    async def end(self) -> None:
        """Make sure that it is gone."""
        if self._channel is not None:
            self._channel.close()
        if self._process is None:
            return
        try:
            await asyncio.to_thread(self._process.wait, _END_S)
        except subprocess.TimeoutExpired:
            log.error("front_killed: it did not end within %.0f s", _END_S)
            self._process.kill()
            self._process.wait()

    def _take(self, frame: Frame) -> None:
        match frame:
            case Submit(request):
                self._submit(request)
            case Cancel(request_id):
                self._cancel(request_id)
            case Ask():
                task = asyncio.create_task(self._reply(frame))
                self._answering.add(task)
                task.add_done_callback(self._answering.discard)
            case Listening(port):
                assert self._listening is not None
                self._listening.set_result(port)
            case Drained():
                self._drained.set()
            case _:
                raise AssertionError(f"the HTTP process never sends {type(frame).__name__}")

    async def _reply(self, ask: Ask) -> None:
        body = await self._answer(ask.question)
        if self._channel is not None:
            self._channel.send(Answer(ask.number, body))

    def _lose(self) -> None:
        self.lost.set()
        if self._listening is not None and not self._listening.done():
            self._listening.set_exception(FrontError("the HTTP process ended before it listened; its log says why"))
