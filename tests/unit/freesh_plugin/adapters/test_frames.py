"""Frames between the two processes, over a real socket pair: whole, in order, and said when the other end is gone."""

import asyncio
import socket
import struct
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freesh_plugin.adapters.tgi.engine_link import EngineLink
from freesh_plugin.adapters.tgi.frames import (
    MAX_FRAME_BYTES,
    Answer,
    Ask,
    Cancel,
    Drain,
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
    FinishReason,
    GenerationEnd,
    GenerationRequest,
    Token,
    TokensEvent,
)

INFO = EngineInfo("float16", "cuda", False, True, True, "flashinfer", 1, None, 0, 10, 20, 100)
REQUEST = GenerationRequest(7, 1.5, "hello", [1, 2], 20, 10)
END = GenerationEnd(FinishReason.EOS, 2, "hi")
WAIT_S = 20.0


class Peer:
    """The other end: keeps what comes."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.lost = asyncio.Event()
        self._came = asyncio.Event()
        self.channel: FrameChannel

    def take(self, frame: Frame) -> None:
        self.frames.append(frame)
        self._came.set()

    async def has(self, count: int) -> list[Frame]:
        while len(self.frames) < count:
            self._came.clear()
            await asyncio.wait_for(self._came.wait(), WAIT_S)
        return self.frames


async def peer_of() -> tuple[Peer, socket.socket]:
    ours, theirs = socket.socketpair()
    peer = Peer()
    peer.channel = await FrameChannel.over(ours, peer.take, peer.lost.set)
    return peer, theirs


async def linked(on_drain: Callable[[], None] = lambda: None) -> tuple[EngineLink, Peer]:
    peer, theirs = await peer_of()
    peer.channel.send(Hello(msgspec.Raw(msgspec.msgpack.encode({"a": 1})), INFO))
    link = EngineLink(on_drain)
    hello = await link.open(theirs)
    assert msgspec.msgpack.decode(hello.settings) == {"a": 1}
    return link, peer


@given(st.lists(st.integers(1, 40), max_size=12))
@settings(max_examples=30, deadline=None)
def test_frames_come_whole_and_in_order_however_bytes_are_cut(cuts: list[int]) -> None:
    async def run() -> None:
        sent: list[Frame] = [Submit(REQUEST), Cancel(7), Listening(80), Drain()]
        bodies = [msgspec.msgpack.encode(frame) for frame in sent]
        stream = b"".join(struct.pack("<I", len(body)) + body for body in bodies)
        peer, theirs = await peer_of()
        for cut in cuts:
            theirs.sendall(stream[:cut])
            stream = stream[cut:]
            await asyncio.sleep(0)
        theirs.sendall(stream)
        assert await peer.has(len(sent)) == sent
        peer.channel.close()
        theirs.close()

    asyncio.run(run())


@pytest.mark.parametrize("garbage", [struct.pack("<I", MAX_FRAME_BYTES + 1), struct.pack("<I", 3) + b"abc"])
def test_what_cannot_be_read_ends_the_link(garbage: bytes) -> None:
    async def run() -> None:
        peer, theirs = await peer_of()
        theirs.sendall(garbage)
        await asyncio.wait_for(peer.lost.wait(), WAIT_S)
        assert peer.frames == []
        theirs.close()

    asyncio.run(run())


def test_a_request_gets_its_events_and_no_others() -> None:
    async def run() -> None:
        link, peer = await linked()
        assert link.info == INFO
        stream = link.submit(REQUEST)
        assert await peer.has(1) == [Submit(REQUEST)]
        mine = [TokensEvent(7, [Token(1, "h", -1.0)]), TokensEvent(7, [Token(2, "i", -1.0)], end=END)]
        other = TokensEvent(8, [Token(3, "x", -1.0)])
        peer.channel.send(Events([other, mine[0]]))
        peer.channel.send(Events([mine[1]]))
        assert [event async for event in stream] == mine
        peer.channel.close()

    asyncio.run(run())


def test_a_cancelled_request_is_told_once_and_gets_nothing_more() -> None:
    async def run() -> None:
        link, peer = await linked()
        stream = link.submit(REQUEST)
        stream.cancel()
        stream.cancel()
        link.say_listening(1)
        assert await peer.has(3) == [Submit(REQUEST), Cancel(7), Listening(1)]
        assert [event async for event in stream] == []
        peer.channel.close()

    asyncio.run(run())


def test_questions_get_their_own_answers() -> None:
    async def run() -> None:
        link, peer = await linked()
        health = asyncio.create_task(link.health())
        metrics = asyncio.create_task(link.metrics())
        first, second = await peer.has(2)
        assert isinstance(first, Ask)
        assert isinstance(second, Ask)
        assert (first.question, second.question) == (Question.HEALTH, Question.METRICS)
        peer.channel.send(Answer(second.number, b"a 1\n"))
        peer.channel.send(Answer(first.number, b"1"))
        assert (await health, await metrics) == (True, b"a 1\n")
        peer.channel.close()

    asyncio.run(run())


def test_a_lost_step_loop_ends_every_stream_with_a_failure() -> None:
    async def run() -> None:
        link, peer = await linked()
        stream = link.submit(REQUEST)
        asking = asyncio.create_task(link.health())
        await peer.has(2)
        peer.channel.close()
        (event,) = [event async for event in stream]
        assert isinstance(event, FailureEvent)
        assert event.kind is FailureKind.GENERATION
        assert await asking is False
        (late,) = [event async for event in link.submit(REQUEST)]
        assert isinstance(late, FailureEvent)
        assert await link.metrics() == b""

    asyncio.run(run())


def test_drain_reaches_the_http_side() -> None:
    async def run() -> None:
        told = asyncio.Event()
        _, peer = await linked(told.set)
        peer.channel.send(Drain())
        await asyncio.wait_for(told.wait(), WAIT_S)
        peer.channel.close()

    asyncio.run(run())
