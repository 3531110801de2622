"""Every refusal of the HTTP front: status, body and content type, whole and streaming, and what is counted."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from freesh_plugin.core.generation import FailureEvent, FailureKind, GenerationEvent, GenerationRequest, TokensEvent
from tests.fakes.engine import FakeEngine, Script, answering, tokens
from tests.fakes.http_front import on_loop, served

INVALID: list[tuple[dict[str, Any], str]] = [
    ({"inputs": ""}, "`inputs` cannot be empty"),
    ({"temperature": 0.0}, "`temperature` must be strictly positive"),
    ({"temperature": 1e-300}, "`temperature` must be strictly positive"),
    ({"repetition_penalty": 0}, "`repetition_penalty` must be strictly positive"),
    ({"frequency_penalty": 2.5}, "`frequency_penalty` must be >= -2.0 and <= 2.0"),
    ({"frequency_penalty": -1e300}, "`frequency_penalty` must be >= -2.0 and <= 2.0"),
    ({"top_p": 1.0}, "`top_p` must be > 0.0 and < 1.0"),
    ({"top_p": 0}, "`top_p` must be > 0.0 and < 1.0"),
    ({"typical_p": 1.5}, "`typical_p` must be > 0.0 and < 1.0"),
    ({"top_k": 0}, "`top_k` must be strictly positive"),
    ({"top_k": -1}, "`top_k` must be strictly positive"),
    ({"max_new_tokens": 0}, "`max_new_tokens` must be strictly positive"),
    ({"stop": ["a"] * 5}, "`stop` supports up to 4 stop sequences. Given: 5"),
    ({"best_of": 2, "do_sample": True, "seed": 1}, "`seed` must not be set when `best_of` > 1"),
    ({"best_of": 2}, "you must use sampling when `best_of` is > 1"),
    ({"best_of": 3, "do_sample": True}, "`best_of` must be > 0 and <= 2. Given: 3"),
    ({"top_n_tokens": 6}, "`top_n_tokens` must be >= 0 and <= 5. Given: 6"),
    ({"truncate": 0}, "`truncate` must be strictly positive and less than 100. Given: 0"),
    ({"truncate": 101}, "`truncate` must be strictly positive and less than 100. Given: 101"),
    (
        {"max_new_tokens": 198},
        "`inputs` tokens + `max_new_tokens` must be <= 200. Given: 3 `inputs` tokens and 198 `max_new_tokens`",
    ),
    (
        {"max_new_tokens": 5_000},
        "`inputs` tokens + `max_new_tokens` must be <= 200. Given: 3 `inputs` tokens and 1024 `max_new_tokens`",
    ),
    ({"inputs": "x" * 100, "max_new_tokens": 1}, "`inputs` must have less than 100 tokens. Given: 101"),
    (
        {"inputs": "x" * 200},
        "`inputs` tokens + `max_new_tokens` must be <= 200. Given: 201 `inputs` tokens and 0 `max_new_tokens`",
    ),
    ({"grammar": {"type": "json", "value": 5}}, "grammar is not supported"),
    ({"grammar": {"type": "json", "value": {}}}, "grammar is not valid: Grammar must have a 'properties' field"),
    ({"grammar": {"type": "json_object", "value": "{"}}, "grammar is not valid: Input data was truncated"),
    ({"grammar": {"type": "regex", "value": "("}}, "grammar is not valid: missing ), unterminated subpattern"),
    (
        {"grammar": {"type": "json_schema", "value": {"schema": {"properties": {"a": {"$ref": "#/b"}}}}}},
        "cannot compile regex from schema: $ref '#/b' leads nowhere",
    ),
]


def body(given: dict[str, Any]) -> dict[str, Any]:
    return {
        "inputs": given.get("inputs", "hi"),
        "parameters": {key: value for key, value in given.items() if key != "inputs"},
    }


@on_loop
async def test_invalid_values_are_422_with_the_reason_whole_and_as_an_event() -> None:
    async with served() as s:
        for given, reason in INVALID:
            expected = {"error": f"Input validation error: {reason}", "error_type": "validation"}
            whole = await s.client.post("/generate", json=body(given))
            assert whole.status_code == 422, given
            assert whole.json()["error"].startswith(expected["error"])
            assert whole.json()["error_type"] == "validation"
            if "best_of" not in given:
                stream = await s.client.post("/generate_stream", json=body(given))
                assert stream.status_code == 200
                assert stream.content == b"data: " + whole.content + b"\n\n"
    assert s.engine.requests == []


@on_loop
async def test_streams_refuse_best_of_and_prompt_details() -> None:
    async with served() as s:
        for given, reason in (
            ({"best_of": 2, "do_sample": True}, "`best_of` != 1 is not supported when streaming tokens"),
            ({"best_of": 0}, "`best_of` != 1 is not supported when streaming tokens"),
            ({"decoder_input_details": True}, "`decoder_input_details` == true is not supported when streaming tokens"),
        ):
            response = await s.client.post("/generate_stream", json=body(given))
            assert msgspec.json.decode(response.content[6:]) == {
                "error": f"Input validation error: {reason}",
                "error_type": "validation",
            }


@on_loop
async def test_best_of_and_grammars_can_be_switched_off() -> None:
    async with served(max_best_of=1, disable_grammar_support=True) as s:
        best_of = await s.client.post("/generate", json=body({"best_of": 2, "do_sample": True}))
        assert "`best_of` != 1 is not allowed for this endpoint" in best_of.json()["error"]
        grammar = await s.client.post("/generate", json=body({"grammar": {"type": "regex", "value": "a"}}))
        assert grammar.json()["error"] == "Input validation error: grammar is not supported"


@pytest.mark.parametrize(
    ("content", "status", "text"),
    [
        (b"{", 400, "Failed to parse the request body as JSON: "),
        (b"", 400, "Failed to parse the request body as JSON: "),
        (b'{"inputs":"\xff"}', 400, "Failed to parse the request body as JSON: "),
        (b'{"inputs":"\\ud800"}', 400, "Failed to parse the request body as JSON: "),
        (b'{"inputs":"a"}x', 400, "Failed to parse the request body as JSON: "),
        (
            b'{"inputs":"a","z":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
            400,
            "Failed to parse the request body as JSON: nested too deeply",
        ),
        (b"[]", 422, "Failed to deserialize the JSON body into the target type: Expected `object`, got `array`"),
        (b"{}", 422, "Failed to deserialize the JSON body into the target type: "),
        (b'{"inputs":1}', 422, "Failed to deserialize the JSON body into the target type: inputs: "),
        (
            b'{"inputs":"a","parameters":{"max_new_tokens":-1}}',
            422,
            "Failed to deserialize the JSON body into the target type: parameters.max_new_tokens: ",
        ),
        (
            b'{"inputs":"a","parameters":{"seed":18446744073709551616}}',
            422,
            "Failed to deserialize the JSON body into the target type: parameters.seed: ",
        ),
        (
            b'{"inputs":"a","parameters":{"grammar":{"type":"xml","value":""}}}',
            422,
            "Failed to deserialize the JSON body into the target type: parameters.grammar.type: ",
        ),
    ],
)
@on_loop
async def test_bodies_that_are_no_requests_get_plain_text(content: bytes, status: int, text: str) -> None:
    async with served() as s:
        response = await s.client.post("/generate", content=content, headers={"content-type": "application/json"})
    assert response.status_code == status
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.text.startswith(text)


@on_loop
async def test_content_type_method_and_path() -> None:
    async with served() as s:
        plain = await s.client.post("/generate", content=b"{}", headers={"content-type": "text/plain"})
        assert (plain.status_code, plain.text) == (415, "Expected request with `Content-Type: application/json`")
        kind = {"content-type": "application/vnd.api+json; charset=utf-8"}
        assert (await s.client.post("/tokenize", content=b'{"inputs":""}', headers=kind)).status_code == 200
        wrong = await s.client.get("/generate")
        assert (wrong.status_code, wrong.content, wrong.headers["allow"]) == (405, b"", "POST")
        assert (await s.client.delete("/")).headers["allow"] == "POST,GET,HEAD"
        unknown = await s.client.get("/nowhere")
        assert (unknown.status_code, unknown.content) == (404, b"")


@on_loop
async def test_too_large_bodies_are_413_told_or_not() -> None:
    async def chunks() -> Any:
        for _ in range(10):
            yield b"x" * 200

    async with served(payload_limit=1_000) as s:
        for content in (b"x" * 1_001, chunks()):
            response = await s.client.post("/generate", content=content, headers={"content-type": "application/json"})
            assert response.status_code == 413
            assert response.text == "Failed to buffer the request body: length limit exceeded"
        limit = b'{"inputs":"' + b"x" * 50 + b'"}'
        assert (
            await s.client.post("/generate", content=limit, headers={"content-type": "application/json"})
        ).status_code == 200


@on_loop
async def test_the_key_is_asked_for_on_routes_that_generate() -> None:
    async with served(FakeEngine(answering("a")), api_key="secret") as s:
        for path in ("/", "/generate", "/generate_stream", "/tokenize", "/invocations", "/vertex"):
            for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "secret"}):
                refused = await s.client.post(path, json=body({}), headers=headers)
                assert (refused.status_code, refused.content) == (401, b"")
        allowed = await s.client.post("/generate", json=body({}), headers={"authorization": "bearer secret"})
        assert allowed.status_code == 200
        for path in ("/", "/health", "/info", "/metrics", "/docs"):
            assert (await s.client.get(path)).status_code == 200


def failing(kind: FailureKind, after: int) -> Script:
    def script(request: GenerationRequest) -> Sequence[GenerationEvent]:
        return [
            *(TokensEvent(request.request_id, tokens("a")) for _ in range(after)),
            FailureEvent(request.request_id, kind, "it broke"),
        ]

    return script


@pytest.mark.parametrize(
    ("kind", "status", "whole", "streamed"),
    [
        (FailureKind.GENERATION, 424, ("Request failed during generation: it broke", "generation"), None),
        (FailureKind.OVERLOADED, 429, ("Model is overloaded", "overloaded"), None),
        (FailureKind.VALIDATION, 422, ("Input validation error: it broke", "validation"), None),
        (
            FailureKind.INCOMPLETE,
            500,
            ("Incomplete generation", "incomplete_generation"),
            ("Incomplete generation stream", "incomplete_generation_stream"),
        ),
    ],
)
@on_loop
async def test_failures_of_the_engine(
    kind: FailureKind, status: int, whole: tuple[str, str], streamed: tuple[str, str] | None
) -> None:
    for after in (0, 2):
        async with served(FakeEngine(failing(kind, after))) as s:
            response = await s.client.post("/generate", json=body({}))
            assert response.status_code == status
            assert response.json() == {"error": whole[0], "error_type": whole[1]}
            stream = await s.client.post("/generate_stream", json=body({}))
            last = stream.content.split(b"\n\n")[-2]
            error, error_type = streamed or whole
            assert msgspec.json.decode(last[6:]) == {"error": error, "error_type": error_type}
            assert stream.content.count(b"data: ") == after + 1


@on_loop
async def test_an_answer_without_an_end_is_incomplete() -> None:
    async with served(FakeEngine(lambda request: [TokensEvent(request.request_id, tokens("a"))])) as s:
        response = await s.client.post("/generate", json=body({}))
        assert (response.status_code, response.json()["error_type"]) == (500, "incomplete_generation")


@on_loop
async def test_one_failure_of_several_ends_the_others() -> None:
    def script(request: GenerationRequest) -> Sequence[GenerationEvent]:
        return failing(FailureKind.GENERATION, 0)(request) if request.request_id == 2 else answering("a", "b")(request)

    engine = FakeEngine(script, hold=asyncio.Event())
    async with served(engine) as s:
        response = await s.client.post("/generate", json=body({"best_of": 2, "do_sample": True}))
        assert response.status_code == 424
        assert engine.streams[0].cancelled.is_set()
        assert not engine.streams[1].cancelled.is_set()


@on_loop
async def test_one_request_too_many_is_429_and_places_come_back() -> None:
    engine = FakeEngine(answering("a", "b"), hold=asyncio.Event())
    assert engine.hold is not None
    async with served(engine, max_concurrent_requests=2) as s:
        waiting = [asyncio.ensure_future(s.client.post("/generate", json=body({}))) for _ in range(2)]
        while len(engine.requests) < 2:
            await asyncio.sleep(0.01)
        refused = await s.client.post("/generate", json=body({}))
        assert (refused.status_code, refused.content) == (
            429,
            b'{"error":"Model is overloaded","error_type":"overloaded"}',
        )
        stream = await s.client.post("/generate_stream", json=body({}))
        assert stream.content == b"data: " + refused.content + b"\n\n"
        engine.hold.set()
        assert [response.status_code for response in await asyncio.gather(*waiting)] == [200, 200]
        for _ in range(5):
            assert (await s.client.post("/generate", json=body({}))).status_code == 200
            assert (await s.client.post("/generate", json=body({"top_k": 0}))).status_code == 422


@on_loop
async def test_what_nobody_foresaw_is_500_and_the_next_request_is_served() -> None:
    def script(request: GenerationRequest) -> Sequence[GenerationEvent]:
        if request.request_id == 1:
            raise LookupError("surprise")
        return answering("a")(request)

    async with served(FakeEngine(script)) as s:
        response = await s.client.post("/generate", json=body({}))
        assert (response.status_code, response.json()["error_type"]) == (500, "internal")
        assert (await s.client.post("/generate", json=body({}))).status_code == 200
