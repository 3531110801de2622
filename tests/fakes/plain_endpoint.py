"""An endpoint that speaks just enough of TGI's HTTP API for a sweep, and can be told to answer amiss."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

INFO = {"model_id": "m", "router": "r", "version": "1"}


class _Handler(BaseHTTPRequestHandler):
    """Answers from the server's `info`, `spans` and `events`; counts what it was asked."""

    server: "_Server"
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(json.dumps(self.server.info))

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path == "/tokenize":
            self._answer(json.dumps(_spans(asked["inputs"]) if self.server.spans is None else self.server.spans))
            return
        own = _events(asked["parameters"]["max_new_tokens"]) if self.server.events is None else self.server.events
        self._answer("".join(f"data:{each}\n\n" for each in own))

    def log_message(self, *said: object) -> None:
        """Nothing on standard error."""

    def _answer(self, text: str) -> None:
        self.send_response(200)
        self.send_header("content-length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    info: dict[str, Any]
    spans: object
    events: list[str] | None


def _spans(text: str) -> list[dict[str, int]]:
    """A token a word."""
    spans, start = [], 0
    for word in text.split(" "):
        spans.append({"start": start, "stop": start + len(word)})
        start += len(word) + 1
    return spans


def _events(tokens: int) -> list[str]:
    rest = [json.dumps({"details": None}, separators=(",", ":"))] * (tokens - 1)
    return [*rest, json.dumps({"details": {"input_length": 16}})]


@contextmanager
def plain_endpoint(
    info: dict[str, Any] | None = None, spans: object = None, events: list[str] | None = None
) -> Iterator[str]:
    """Its URL; what is not given is answered as it should be."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.info, server.spans, server.events = INFO | (info or {}), spans, events
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
