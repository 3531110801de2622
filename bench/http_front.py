"""What the HTTP front costs per token: many streams over an engine that gives each of them a token a step."""

import argparse
import asyncio
import json
import re
import resource
import socket
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import Any, cast

import msgspec
import uvloop

from bench.record import ROOT, calibration_us, is_current, record
from freesh_plugin.adapters.tgi.http.front import Front
from freesh_plugin.adapters.tgi.http.server import serve_front
from freesh_plugin.adapters.tgi.http.settings import RouterSettings
from freesh_plugin.adapters.tgi.http.surface import front_app
from freesh_plugin.adapters.tgi.http.tokenizer import Tokenizer
from freesh_plugin.core.generation import (
    EngineInfo,
    FinishReason,
    GenerationEnd,
    GenerationEvent,
    GenerationRequest,
    Token,
    TokensEvent,
)
from tests.fakes.engine import INFO
from tests.fakes.http_front import byte_tokenizer

STREAMS = (1, 16, 64, 128)
PACED_STEP_S = 0.02
PACED_TOKENS = 150
SATURATED_TOKENS = 400

ROOMY = msgspec.structs.replace(INFO, max_total_tokens=2_000)


@dataclass
class StepEngine:
    """Gives every stream one token a step; steps come at a pace, or as fast as the front takes them."""

    streams: int
    step_s: float
    info: EngineInfo = ROOMY
    started: asyncio.Event = field(default_factory=asyncio.Event)
    queues: list["asyncio.Queue[GenerationEvent]"] = field(default_factory=list)
    requests: list[GenerationRequest] = field(default_factory=list)

    def submit(self, request: GenerationRequest) -> "StepStream":
        """Wait until all streams are there, then go."""
        queue: asyncio.Queue[GenerationEvent] = asyncio.Queue()
        self.queues.append(queue)
        self.requests.append(request)
        if len(self.queues) == self.streams:
            self.started.set()
        return StepStream(queue)

    async def run(self) -> None:
        """Make steps."""
        await self.started.wait()
        for number in range(1, self.requests[0].max_new_tokens + 1):
            await asyncio.sleep(self.step_s)
            while self.step_s == 0 and any(not queue.empty() for queue in self.queues):
                await asyncio.sleep(0)
            now = f"{time.monotonic():.7f}"
            for request, queue in zip(self.requests, self.queues, strict=True):
                last = number == request.max_new_tokens
                end = GenerationEnd(FinishReason.LENGTH, number, "") if last else None
                queue.put_nowait(TokensEvent(request.request_id, [Token(1, now, -1.25)], end=end))

    async def health(self) -> bool:
        """Always well."""
        return True

    async def metrics(self) -> bytes:
        """None."""
        return b""


@dataclass
class StepStream:
    """Implements `TokenStream`."""

    queue: "asyncio.Queue[GenerationEvent]"

    def __aiter__(self) -> "StepStream":
        return self

    async def __anext__(self) -> GenerationEvent:
        return await self.queue.get()

    def cancel(self) -> None:
        """Nothing to stop."""


async def serve(streams: int, step_s: float) -> None:
    """Serve one run, then print the CPU seconds that it took."""
    listening = socket.create_server(("127.0.0.1", 0))
    engine = StepEngine(streams, step_s)
    settings = RouterSettings(model_id="bench", max_concurrent_requests=1024)
    front = Front.over(settings, engine, Tokenizer(byte_tokenizer()))
    stop = asyncio.Event()
    serving = asyncio.ensure_future(serve_front(front_app(front), [listening], stop))
    tell(listening.getsockname()[1])
    await engine.started.wait()
    before_s, start_s = cpu_s(), time.monotonic()
    await engine.run()
    while any(not queue.empty() for queue in engine.queues):
        await asyncio.sleep(0)
    used = {"cpu_s": cpu_s() - before_s, "wall_s": time.monotonic() - start_s}
    stop.set()
    await serving
    tell(used)


def tell(value: object) -> None:
    """Write a line that the other part reads."""
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def cpu_s() -> float:
    """CPU seconds of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


class StreamReader(asyncio.Protocol):
    """Notes when bytes of one stream come, and reads them only afterwards: reading would delay the others."""

    def __init__(self, request: bytes) -> None:
        """Ask with `request`."""
        self._request = request
        self._came: list[tuple[float, bytes]] = []
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        cast(asyncio.WriteTransport, transport).write(self._request)

    def data_received(self, data: bytes) -> None:
        """Note it."""
        self._came.append((time.monotonic(), data))
        if data.endswith(b"0\r\n\r\n") and not self.ended.done():
            self.ended.set_result(None)

    def delays_s(self) -> list[float]:
        """How long each token took from its step to here, where whole events came at once."""
        return [came_s - float(made) for came_s, data in self._came for made in _MADE.findall(data)]


_MADE = re.compile(rb'"text":"([0-9.]+)"')


async def clients(port: int, streams: int, tokens: int) -> list[float]:
    """All clients at once."""
    body = json.dumps({"inputs": "x", "parameters": {"max_new_tokens": tokens}}).encode()
    head = "POST /generate_stream HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: "
    request = f"{head}{len(body)}\r\n\r\n".encode() + body
    loop = asyncio.get_running_loop()
    opened = [await loop.create_connection(lambda: StreamReader(request), "127.0.0.1", port) for _ in range(streams)]
    await asyncio.gather(*(reader.ended for _, reader in opened))
    for transport, _ in opened:
        transport.close()
    return [delay_s for _, reader in opened for delay_s in reader.delays_s()]


def measure(streams: int, step_s: float, tokens: int) -> dict[str, Any]:
    """One run: a server of its own, and its clients here."""
    command = [sys.executable, "-m", "bench.http_front", "--serve", str(streams), str(step_s)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        delays_s = sorted(uvloop.run(clients(int(server.stdout.readline()), streams, tokens)))
        used = json.loads(server.stdout.readline())
    count = streams * tokens
    return {
        "streams": streams,
        "step_ms": step_s * 1000,
        "tokens_per_s": round(count / used["wall_s"]),
        "cpu_us_per_token": round(used["cpu_s"] / count * 1e6, 1),
        "delay_p50_ms": round(statistics.median(delays_s) * 1000, 3),
        "delay_p99_ms": round(delays_s[int(len(delays_s) * 0.99)] * 1000, 3),
        "calibration_us": round(calibration_us()["p50"], 1),
    }


def main() -> None:
    """Measure paced and saturated streams, and record them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--serve", nargs=2, metavar=("STREAMS", "STEP_S"), help="the server's part, started by the other"
    )
    given = parser.parse_args().serve
    if given:
        uvloop.run(serve(int(given[0]), float(given[1])))
        return
    code = [ROOT / "freesh_plugin" / "adapters" / "tgi" / "http", ROOT / "bench" / "http_front.py"]
    if is_current("http_front", [], code):
        return
    rows = [measure(streams, PACED_STEP_S, PACED_TOKENS) for streams in STREAMS]
    rows += [measure(streams, 0.0, SATURATED_TOKENS) for streams in STREAMS]
    record("http_front", command="python -m bench.http_front", inputs=[], code=code, results={"rows": rows})
    for row in rows:
        sys.stdout.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
