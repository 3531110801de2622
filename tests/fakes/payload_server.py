"""A real HTTP server on 127.0.0.1 that replays payloads and misbehaves in every way that servers do."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PAYLOADS = Path(__file__).parents[1] / "golden" / "payloads"

Behaviour = Callable[["_Handler", threading.Event], None]


@dataclass
class PayloadServer:
    """What it was asked, and how it answers: behaviours in turn, the last one for ever."""

    url: str = ""
    behaviours: list[Behaviour] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)


def payload(name: str) -> bytes:
    """A payload by its file's name."""
    return (PAYLOADS / name).read_bytes()


def reply(body: bytes, status: int = 200, content_type: str = "application/json", **headers: str) -> Behaviour:
    """Answer properly."""

    def behave(handler: "_Handler", over: threading.Event) -> None:
        del over
        handler.send_response(status)
        handler.send_header("Content-Type", content_type)
        handler.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return behave


def html() -> Behaviour:
    """Answer 200 with a page for people, as captive portals and proxies do."""
    return reply(b"<!DOCTYPE html><html><body>Please log in</body></html>", content_type="text/html")


def hang() -> Behaviour:
    """Take the request and say nothing."""

    def behave(handler: "_Handler", over: threading.Event) -> None:
        del handler
        over.wait()

    return behave


def truncated(body: bytes) -> Behaviour:
    """Announce the whole body, send half of it and hang up."""

    def behave(handler: "_Handler", over: threading.Event) -> None:
        del over
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[: len(body) // 2])

    return behave


def drip(body: bytes, pause_s: float = 0.02, *, head: bool = False) -> Behaviour:
    """Send byte after byte, of the head or of the body, and never end."""

    def behave(handler: "_Handler", over: threading.Event) -> None:
        if not head:
            handler.send_response(200)
            handler.end_headers()
        while not over.wait(pause_s):
            handler.wfile.write(b"H" if head else body[:1])

    return behave


def huge() -> Behaviour:
    """Send a body without end, as fast as it goes."""

    def behave(handler: "_Handler", over: threading.Event) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not over.is_set():
            handler.wfile.write(b"[" * 65_536)

    return behave


def hang_up() -> Behaviour:
    """Close the connection without an answer."""

    def behave(handler: "_Handler", over: threading.Event) -> None:
        del handler, over

    return behave


@contextmanager
def payload_server(*behaviours: Behaviour) -> Iterator[PayloadServer]:
    """The running server; it and its connections are gone afterwards."""
    state = PayloadServer(behaviours=list(behaviours))
    over = threading.Event()
    handler = type("Handler", (_Handler,), {"state": state, "over": over})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield state
    finally:
        over.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    state: PayloadServer
    over: threading.Event

    def do_GET(self) -> None:
        self._behave()

    def do_PUT(self) -> None:
        self._behave()

    def _behave(self) -> None:
        self.close_connection = True
        state = self.state
        state.requests.append(f"{self.command} {self.path}")
        state.headers.append({name.lower(): value for name, value in self.headers.items()})
        state.bodies.append(self.rfile.read(int(self.headers.get("content-length", 0))))
        behave = state.behaviours[min(len(state.requests), len(state.behaviours)) - 1]
        try:
            behave(self, self.over)
        except OSError:
            # The client has gone: that is what many of these behaviours are for.
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing on standard error."""
