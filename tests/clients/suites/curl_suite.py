"""Checks by curl: what goes over the wire, byte by byte and header by header."""

import json
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from checking import (  # type: ignore[import-not-found]  # it is beside this file, which runs as a program
    CHAT,
    HELD_TOKENS,
    QUESTION,
    WRONG_KEY,
    Target,
    check_that,
    equal,
    run,
    until_refused,
)

_TIMEOUT_S = 60
_LIMIT_BYTES = 2_000_000
"""TGI's default payload limit."""


@dataclass(frozen=True)
class Answer:
    """A response as it came; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, object]:
        """The body, which must be JSON and say so."""
        equal(self.headers["content-type"], "application/json")
        return dict(json.loads(self.body))


def command(target: Target, path: str, *options: str) -> list[str]:
    key = ["--header", f"Authorization: Bearer {target.key}"] if target.key else []
    return ["curl", "--silent", "--no-buffer", "--max-time", str(_TIMEOUT_S), *key, *options, f"{target.url}{path}"]


def posting(body: object) -> list[str]:
    return ["--header", "Content-Type: application/json", "--data-binary", json.dumps(body)]


def curl(target: Target, path: str, *options: str) -> Answer:
    done = subprocess.run(command(target, path, "--include", *options), capture_output=True, check=True)
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    while head.startswith(b"HTTP/1.1 100"):
        head, _, body = body.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return Answer(int(status.split()[1]), {name.lower(): value for name, value in headers.items()}, body)


def generating(target: Target, path: str, **fields: object) -> Answer:
    return curl(target, path, *posting({"inputs": QUESTION, "parameters": {"max_new_tokens": 8}, **fields}))


def whole_answer(target: Target) -> None:
    answer = generating(target, "/generate")
    equal(answer.status, 200)
    check_that(answer.json["generated_text"])
    equal(int(answer.headers["content-length"]), len(answer.body))
    for name in ("total", "validation", "queue", "inference"):
        check_that(answer.headers[f"x-{name}-time"].isdigit(), name)
    check_that(float(answer.headers["x-compute-time"]) >= 0)
    equal(int(answer.headers["x-compute-characters"]), len(QUESTION))
    check_that(1 <= int(answer.headers["x-generated-tokens"]) <= 8)
    check_that(answer.headers["x-compute-type"])
    equal(answer.headers["access-control-allow-origin"], "*")


def compatible_answer(target: Target) -> None:
    [one] = json.loads(generating(target, "/").body)
    check_that(one["generated_text"].startswith(QUESTION))


def events_of(answer: Answer) -> list[bytes]:
    """Data of a stream's events; every byte of the stream is an event or a comment that keeps the connection."""
    equal(answer.status, 200)
    equal(answer.headers["content-type"], "text/event-stream")
    equal(answer.headers["transfer-encoding"], "chunked")
    equal(answer.headers["x-accel-buffering"], "no")
    check_that(re.fullmatch(rb"(data: [^\n]+\n\n|:[^\n]*\n\n)+", answer.body), repr(answer.body))
    return re.findall(rb"^data: (.+)$", answer.body, flags=re.MULTILINE)


def native_stream(target: Target) -> None:
    for answer in (generating(target, "/generate_stream"), generating(target, "/", stream=True)):
        events = [json.loads(data) for data in events_of(answer)]
        equal([event["index"] for event in events], list(range(1, len(events) + 1)))
        check_that(all(event["generated_text"] is None for event in events[:-1]))
        check_that(events[-1]["generated_text"])


def chat_stream(target: Target) -> None:
    *chunks, done = events_of(
        curl(target, "/v1/chat/completions", *posting({"messages": CHAT, "max_tokens": 4, "stream": True}))
    )
    equal(done, b"[DONE]")
    check_that(all(json.loads(chunk)["object"] == "chat.completion.chunk" for chunk in chunks))


def error_in_a_stream(target: Target) -> None:
    refused = {"messages": CHAT, "max_tokens": 0, "stream": True}
    fault, done = events_of(curl(target, "/v1/chat/completions", *posting(refused)))
    equal((json.loads(fault)["error"]["http_status_code"], done), (422, b"[DONE]"))
    [fault] = events_of(generating(target, "/generate_stream", parameters={"max_new_tokens": 0}))
    equal(json.loads(fault)["error_type"], "validation")


def platform_routes(target: Target) -> None:
    for body in ({"inputs": QUESTION}, {"messages": CHAT, "max_tokens": 4}, {"prompt": QUESTION, "max_tokens": 4}):
        equal(curl(target, "/invocations", *posting(body)).status, 200)


def tokens(target: Target) -> None:
    listed = json.loads(curl(target, "/tokenize", *posting({"inputs": QUESTION})).body)
    check_that(QUESTION in "".join(token["text"] for token in listed))
    templated = curl(target, "/chat_tokenize", *posting({"messages": CHAT})).json
    check_that(QUESTION in str(templated["templated_text"]))


def service_routes(target: Target) -> None:
    for path in ("/health", "/ping"):
        equal((curl(target, path).status, curl(target, path).body), (200, b""))
    check_that(curl(target, "/info").json["model_id"])
    equal(curl(target, "/v1/models").json["object"], "list")
    check_that(b"tgi_request_count" in curl(target, "/metrics").body)
    equal(curl(target, "/docs", "--location").status, 200)
    check_that(curl(target, "/api-doc/openapi.json").json["openapi"])


def one_connection_serves_many(target: Target) -> None:
    url = f"{target.url}/info"
    options = ["--output", "/dev/null", "--write-out", "%{num_connects} "]
    done = subprocess.run([*command(target, "/info", *options), *options[:2], url], capture_output=True, check=True)
    equal(done.stdout.split(), [b"1", b"0"])


def older_http(target: Target) -> None:
    body = posting({"inputs": QUESTION, "parameters": {"max_new_tokens": 4}})
    answer = curl(target, "/generate_stream", "--http1.0", *body)
    check_that(answer.status == 200 and answer.body.endswith(b"}\n\n"))


def bodies_that_are_refused(target: Target) -> None:
    def status(*options: str) -> int:
        return curl(target, "/generate", *options).status

    equal(status("--data-binary", '{"inputs": "a"}'), 415)
    equal(status("--header", "Content-Type: application/json", "--data-binary", "{"), 400)
    equal(status(*posting({"inputs": 3})), 422)
    answer = generating(target, "/generate", parameters={"max_new_tokens": 0})
    equal((answer.status, answer.json["error_type"]), (422, "validation"))


def large_bodies_are_refused(target: Target) -> None:
    with tempfile.TemporaryDirectory() as folder:
        large = Path(folder) / "large.json"
        large.write_bytes(b'{"inputs": "' + b"a" * _LIMIT_BYTES + b'"}')
        options = ["--header", "Content-Type: application/json", "--data-binary", f"@{large}"]
        equal(curl(target, "/generate", *options).status, 413)


def unknown_routes(target: Target) -> None:
    equal(curl(target, "/nowhere").status, 404)
    equal(curl(target, "/generate").status, 405)


def browsers(target: Target) -> None:
    origin = ["--header", "Origin: https://example.com", "--header", "Access-Control-Request-Method: POST"]
    answer = curl(target, "/generate", "--request", "OPTIONS", *origin)
    equal((answer.status, answer.headers["access-control-allow-origin"]), (200, "*"))


def keyed_wrong_key(target: Target) -> None:
    wrong = Target(target.url, WRONG_KEY, 0)
    for path in ("/generate", "/generate_stream", "/v1/chat/completions", "/v1/completions", "/invocations"):
        answer = curl(wrong, path, *posting({}))
        equal((answer.status, answer.body), (401, b""))
    equal(curl(wrong, "/health").status, 200)


def full_house(target: Target) -> None:
    long = posting({"inputs": QUESTION, "parameters": {"max_new_tokens": HELD_TOKENS}})
    held: list[subprocess.Popen[bytes]] = []

    def attempts() -> Iterator[bool]:
        while True:
            held.append(subprocess.Popen(command(target, "/generate_stream", *long), stdout=subprocess.PIPE))
            check_that(held[-1].stdout and held[-1].stdout.readline().startswith(b"data: "))
            answer = generating(target, "/generate", parameters={"max_new_tokens": 1})
            if answer.status == 429:
                equal(answer.json, {"error": "Model is overloaded", "error_type": "overloaded"})
            yield answer.status == 429

    try:
        until_refused(attempts())
    finally:
        for client in held:
            client.kill()
            client.communicate()
    # Clients that went away leave their places to others.
    until_refused(generating(target, "/generate").status == 200 for _ in range(200))


if __name__ == "__main__":
    run(
        [
            whole_answer,
            compatible_answer,
            native_stream,
            chat_stream,
            error_in_a_stream,
            platform_routes,
            tokens,
            service_routes,
            one_connection_serves_many,
            older_http,
            bodies_that_are_refused,
            large_bodies_are_refused,
            unknown_routes,
            browsers,
            keyed_wrong_key,
            full_house,
        ]
    )
