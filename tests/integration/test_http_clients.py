"""Clients that leave, stall, drip or come in crowds, and a server that is told to stop while it answers."""

import asyncio
import contextlib
import socket
from collections.abc import Sequence
from typing import Any

import pytest

from freesh_plugin.adapters.tgi.http.server import Patience
from freesh_plugin.core.generation import (
    FinishReason,
    GenerationEnd,
    GenerationEvent,
    GenerationRequest,
    Token,
    TokensEvent,
)
from tests.fakes.engine import FakeEngine, answering
from tests.fakes.http_front import Served, on_loop, served

BODY = b'{"inputs":"hi"}'
HASTY = Patience(head_s=0.4, idle_s=1, stall_s=0.5, drain_s=5)


def head(path: str, length: int = len(BODY)) -> bytes:
    return (
        f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    ).encode()


async def until(condition: Any) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


async def connect(s: Served) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(*s.address)


@pytest.mark.parametrize("path", ["/generate", "/generate_stream", "/v1/completions"])
@on_loop
async def test_a_client_that_leaves_cancels_its_generation_and_gives_its_place_back(path: str) -> None:
    engine = FakeEngine(answering("a", "b"), hold=asyncio.Event())
    content = b'{"prompt":"hi"}' if path.startswith("/v1") else BODY
    async with served(engine, max_concurrent_requests=1) as s:
        _, writer = await connect(s)
        writer.write(head(path) + content)
        await until(lambda: engine.streams)
        writer.transport.abort()
        await asyncio.wait_for(engine.streams[0].cancelled.wait(), 10)
        engine.hold = None
        assert (await s.client.post("/generate", json={"inputs": "hi"})).status_code == 200


@on_loop
async def test_a_client_that_leaves_ends_every_answer_of_best_of() -> None:
    engine = FakeEngine(answering("a", "b"), hold=asyncio.Event())
    async with served(engine) as s:
        _, writer = await connect(s)
        content = b'{"inputs":"hi","parameters":{"best_of":2,"do_sample":true}}'
        writer.write(head("/generate", len(content)) + content)
        await until(lambda: len(engine.streams) == 2)
        writer.transport.abort()
        for stream in engine.streams:
            await asyncio.wait_for(stream.cancelled.wait(), 10)


def flood(request: GenerationRequest) -> Sequence[GenerationEvent]:
    """Far more than buffers hold, for whoever asks for a long prompt; two tokens for others."""
    if request.inputs == "hi":
        return answering("a", "b")(request)
    end = GenerationEnd(FinishReason.LENGTH, 1, "")
    token = Token(1, "x" * 50_000, -1.0)
    return [TokensEvent(request.request_id, [token], end=end if i == 399 else None) for i in range(400)]


@on_loop
async def test_a_client_that_stalls_is_cut_and_holds_nobody_up() -> None:
    engine = FakeEngine(flood)
    async with served(engine, HASTY) as s:
        reader, writer = await connect(s)
        content = b'{"inputs":"flood"}'
        writer.write(head("/generate_stream", len(content)) + content)
        await until(lambda: engine.streams)
        others = [s.client.post("/generate_stream", json={"inputs": "hi"}) for _ in range(5)]
        assert all(response.content.count(b"data: ") == 2 for response in await asyncio.gather(*others))
        await asyncio.wait_for(engine.streams[0].cancelled.wait(), 10)
        with pytest.raises(asyncio.IncompleteReadError):
            await reader.readexactly(400 * 50_000)
        writer.close()


@on_loop
async def test_a_client_that_reads_slowly_is_served_to_the_end() -> None:
    async with served(FakeEngine(flood), HASTY) as s:
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        listening.setblocking(False)
        await asyncio.get_running_loop().sock_connect(listening, s.address)
        reader, writer = await asyncio.open_connection(sock=listening, limit=65_536)
        content = b'{"inputs":"flood"}'
        writer.write(head("/generate_stream", len(content)) + content)
        received = b""
        while not received.endswith(b"0\r\n\r\n"):
            chunk = await reader.read(2_000_000)
            assert chunk, "cut off"
            received = received[-100:] + chunk
            await asyncio.sleep(0.005)
        writer.close()


@pytest.mark.parametrize("sent", [b"", b"POST /gen", b"POST /generate HTTP/1.1\r\nhost: x\r\nx-a: "])
@on_loop
async def test_heads_that_drip_are_cut(sent: bytes) -> None:
    async with served(patience=HASTY) as s:
        reader, writer = await connect(s)
        writer.write(sent)
        assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()


@on_loop
async def test_a_second_head_that_drips_is_cut_too() -> None:
    async with served(FakeEngine(answering("a")), HASTY) as s:
        reader, writer = await connect(s)
        writer.write(head("/generate") + BODY)
        assert b'{"generated_text":"a"}' in await reader.readuntil(b"}")
        writer.write(b"GET /inf")
        assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()


@on_loop
async def test_heads_and_trailers_without_end_are_cut() -> None:
    chunked = b"POST /generate HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"
    for start in (b"GET / HTTP/1.1\r\n", chunked):
        async with served() as s:
            reader, writer = await connect(s)
            writer.write(start)
            with contextlib.suppress(ConnectionError):
                for _ in range(400):
                    writer.write(b"x-a: " + b"y" * 1_000 + b"\r\n")
                    await writer.drain()
                    await asyncio.sleep(0)
                assert await asyncio.wait_for(reader.read(), 10) == b""
            writer.close()


@on_loop
async def test_a_refused_body_without_end_is_cut() -> None:
    async with served(patience=HASTY) as s:
        reader, writer = await connect(s)
        writer.write(head("/generate", 10**12))
        assert (await asyncio.wait_for(reader.readline(), 10)).startswith(b"HTTP/1.1 413")
        with pytest.raises(ConnectionError):
            await asyncio.wait_for(write_on(writer), 10)


async def write_on(writer: asyncio.StreamWriter) -> None:
    while not writer.is_closing():  # a transport that was cut meanwhile refuses what is written, with another error
        writer.write(b"x" * 1_000)
        await writer.drain()
        await asyncio.sleep(0.01)
    raise ConnectionResetError


@on_loop
async def test_bodies_that_drip_are_408(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("freesh_plugin.adapters.tgi.http.body.BODY_TIMEOUT_S", 0.2)
    async with served() as s:
        reader, writer = await connect(s)
        writer.write(head("/generate") + BODY[:5])
        assert (await asyncio.wait_for(reader.readline(), 10)).startswith(b"HTTP/1.1 408")
        writer.close()


@on_loop
async def test_what_is_no_http_gets_400() -> None:
    async with served() as s:
        for sent in (b"\x16\x03\x01\x02\x00\x01\x00", b"GET / HTTP/1.1\r\nno colon\r\n\r\n"):
            reader, writer = await connect(s)
            writer.write(sent)
            assert (await asyncio.wait_for(reader.read(), 10)).startswith(b"HTTP/1.1 400")
            writer.close()


@on_loop
async def test_a_thousand_connections_at_once_are_served() -> None:
    async with served(FakeEngine(answering("a", "b")), max_concurrent_requests=1_000) as s:
        crowd = [await connect(s) for _ in range(1_000)]
        for _, writer in crowd:
            writer.write(head("/generate_stream") + BODY)
        answers = await asyncio.gather(*(reader.readuntil(b"0\r\n\r\n") for reader, _ in crowd))
        for _, writer in crowd:
            writer.close()
    assert {(answer[:15], answer.count(b"data: ")) for answer in answers} == {(b"HTTP/1.1 200 OK", 2)}


@on_loop
async def test_a_stop_lets_running_answers_end_whole_and_refuses_new_ones() -> None:
    engine = FakeEngine(answering("a", "b", "c"), hold=asyncio.Event())
    assert engine.hold is not None
    async with served(engine) as s:
        stream = asyncio.ensure_future(s.client.post("/generate_stream", json={"inputs": "hi"}))
        whole = asyncio.ensure_future(s.client.post("/generate", json={"inputs": "hi"}))
        _, idle = await connect(s)
        await until(lambda: len(engine.streams) == 2)
        s.stop.set()
        await until(lambda: is_refused(s.address))
        engine.hold.set()
        assert (await stream).content.count(b"data: ") == 3
        assert (await whole).json() == {"generated_text": "abc"}
        await asyncio.wait_for(s.serving, 10)
        idle.close()


def is_refused(address: tuple[str, int]) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(address) != 0


@on_loop
async def test_a_stop_does_not_wait_for_ever() -> None:
    engine = FakeEngine(answering("a", "b"), hold=asyncio.Event())
    async with served(engine, Patience(drain_s=1)) as s:
        reader, writer = await connect(s)
        writer.write(head("/generate_stream") + BODY)
        await until(lambda: engine.streams)
        s.stop.set()
        await asyncio.wait_for(s.serving, 10)
        assert engine.streams[0].cancelled.is_set()
        assert not (await reader.read()).endswith(b"0\r\n\r\n")
        writer.close()
