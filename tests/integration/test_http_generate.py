"""TGI's own routes over real sockets: bodies, streams byte by byte, headers, and what reaches the engine."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from freesh_plugin.core.generation import (
    FinishReason,
    GenerationEnd,
    GenerationEvent,
    GenerationRequest,
    GrammarType,
    Token,
    TokensEvent,
)
from tests.fakes.engine import FakeEngine, answering, tokens
from tests.fakes.http_front import on_loop, served

HEADERS = {
    "x-compute-type",
    "x-compute-time",
    "x-compute-characters",
    "x-total-time",
    "x-validation-time",
    "x-queue-time",
    "x-inference-time",
    "x-time-per-token",
    "x-prompt-tokens",
    "x-generated-tokens",
}


def body(inputs: str = "hi", **parameters: Any) -> dict[str, Any]:
    return {"inputs": inputs, "parameters": parameters}


@on_loop
async def test_generate_answers_an_object_with_details_and_headers() -> None:
    async with served(FakeEngine(answering("Hello", " you", reason=FinishReason.STOP)), compute_type="1-test") as s:
        response = await s.client.post("/generate", json=body("hé", details=True, do_sample=True, seed=7))
    assert response.status_code == 200
    assert response.json() == {
        "generated_text": "Hello you",
        "details": {
            "finish_reason": "stop_sequence",
            "generated_tokens": 2,
            "seed": 7,
            "prefill": [],
            "tokens": [
                {"id": 10, "text": "Hello", "logprob": -0.5, "special": False},
                {"id": 11, "text": " you", "logprob": -0.5, "special": False},
            ],
        },
    }
    assert set(response.headers) >= HEADERS
    assert response.headers["x-compute-type"] == "1-test"
    assert response.headers["x-compute-characters"] == "2"
    assert response.headers["x-prompt-tokens"] == "4"  # <s>, h, and two bytes of é
    assert response.headers["x-generated-tokens"] == "2"
    assert "x-freesh-energy-j" not in response.headers


@on_loop
async def test_generate_without_details_answers_the_text_alone() -> None:
    async with served(FakeEngine(answering("a", "b"))) as s:
        response = await s.client.post("/generate", json=body())
        assert response.content == b'{"generated_text":"ab"}'
        whole = await s.client.post("/generate", json=body("x ", return_full_text=True))
        assert whole.json() == {"generated_text": "x ab"}


@on_loop
async def test_compat_answers_a_list_and_by_default_the_full_text() -> None:
    async with served(FakeEngine(answering("a", "b"))) as s:
        assert (await s.client.post("/", json=body("x "))).content == b'[{"generated_text":"x ab"}]'
        bare = await s.client.post("/", json=body("x ", return_full_text=False))
        assert bare.content == b'[{"generated_text":"ab"}]'
    async with served(FakeEngine(answering("a", "b")), model_pipeline_tag="text2text-generation") as s:
        assert (await s.client.post("/", json=body("x "))).content == b'[{"generated_text":"ab"}]'


GOLDEN_STREAM = (
    b'data: {"index":1,"token":{"id":10,"text":"H\xc3\xa9","logprob":-0.5,"special":false},'
    b'"generated_text":null,"details":null}\n\n'
    b'data: {"index":2,"token":{"id":11,"text":"\\"\\n","logprob":-0.5,"special":false},'
    b'"generated_text":"H\xc3\xa9\\"\\n","details":{"finish_reason":"length","generated_tokens":2,'
    b'"seed":null,"input_length":3}}\n\n'
)


@on_loop
async def test_stream_is_these_bytes() -> None:
    async with served(FakeEngine(answering("Hé", '"\n'))) as s:
        response = await s.client.post("/generate_stream", json=body(details=True))
        assert response.content == GOLDEN_STREAM
        assert response.headers["content-type"] == "text/event-stream"
        assert response.headers["cache-control"] == "no-cache"
        assert response.headers["x-accel-buffering"] == "no"
        assert response.headers["x-compute-characters"] == "2"
        switched = await s.client.post("/", json={**body(details=True, return_full_text=False), "stream": True})
        assert switched.content == GOLDEN_STREAM


@on_loop
async def test_tokens_of_one_event_are_events_of_their_own() -> None:
    def speculating(request: GenerationRequest) -> Sequence[GenerationEvent]:
        end = GenerationEnd(FinishReason.EOS, 3, "abc")
        return [
            TokensEvent(request.request_id, tokens("a", "b")),
            TokensEvent(request.request_id, [Token(1, "", float("nan"), True)], [tokens("c", "d")], end=end),
        ]

    async with served(FakeEngine(speculating)) as s:
        response = await s.client.post("/generate_stream", json=body(top_n_tokens=2))
    events = [msgspec.json.decode(line[6:]) for line in response.content.splitlines() if line]
    assert [event["index"] for event in events] == [1, 2, 3]
    assert [event["token"]["text"] for event in events] == ["a", "b", ""]
    assert events[2]["token"] == {"id": 1, "text": "", "logprob": None, "special": True}
    assert [top["text"] for top in events[2]["top_tokens"]] == ["c", "d"]
    assert "top_tokens" not in events[0]
    assert events[2]["details"] is None
    assert events[2]["generated_text"] == "abc"


@on_loop
async def test_energy_and_carbon_are_told_where_they_are_known() -> None:
    def known(end: GenerationEnd) -> GenerationEnd:
        return msgspec.structs.replace(end, energy_j=12.5, carbon_gco2e=0.25, carbon_kind="average")

    async with served(FakeEngine(answering("a", end=known))) as s:
        whole = await s.client.post("/generate", json=body())
        stream = await s.client.post("/generate_stream", json=body(details=True))
    assert whole.headers["x-freesh-energy-j"] == "12.5"
    assert whole.headers["x-freesh-carbon-gco2e"] == "0.25"
    event = msgspec.json.decode(stream.content[6:])
    assert event["details"]["freesh"] == {"energy_j": 12.5, "carbon_gco2e": 0.25, "carbon_kind": "average"}


@on_loop
async def test_prefill_and_rivals_are_told_when_asked_for() -> None:
    def script(request: GenerationRequest) -> Sequence[GenerationEvent]:
        prefill = [Token(0, "<s>", None), Token(5, "h", -1.0)]
        end = GenerationEnd(FinishReason.LENGTH, 1, "a")
        return [TokensEvent(request.request_id, tokens("a"), [tokens("a", "z")], prefill, end)]

    async with served(FakeEngine(script)) as s:
        response = await s.client.post("/generate", json=body(decoder_input_details=True, top_n_tokens=2))
    details = response.json()["details"]
    assert details["prefill"] == [
        {"id": 0, "text": "<s>", "logprob": None},
        {"id": 5, "text": "h", "logprob": -1.0},
    ]
    assert [[top["text"] for top in tops] for tops in details["top_tokens"]] == [["a", "z"]]
    assert s.engine.requests[0].prefill_logprobs
    assert s.engine.requests[0].top_n_tokens == 2


@on_loop
async def test_best_of_gives_the_likeliest_answer_per_token_and_tells_the_others() -> None:
    def script(request: GenerationRequest) -> Sequence[GenerationEvent]:
        # The second has the greater sum, the first the greater mean: the mean decides.
        texts, logprob = (("a", "b", "c"), -0.5) if request.request_id == 1 else (("z",), -1.0)
        return answering(*texts, logprob=logprob)(request)

    async with served(FakeEngine(script)) as s:
        response = await s.client.post("/generate", json=body(best_of=2, do_sample=True, details=True))
    answer = response.json()
    assert answer["generated_text"] == "abc"
    assert [other["generated_text"] for other in answer["details"]["best_of_sequences"]] == ["z"]
    first, second = s.engine.requests
    assert first.sampling.seed != second.sampling.seed
    assert not first.sampling.seed_given


@on_loop
async def test_legs_that_were_joined_are_decoded_here() -> None:
    text = "naïve 文"

    def script(request: GenerationRequest) -> Sequence[GenerationEvent]:
        ids = tokenizer.encode_now(text, add_special_tokens=False).ids
        end = GenerationEnd(FinishReason.LENGTH, len(ids), None)
        last = len(ids) - 1
        return [
            TokensEvent(request.request_id, [Token(id, "", -1.0)], end=end if i == last else None)
            for i, id in enumerate(ids)
        ]

    async with served(FakeEngine(script)) as s:
        tokenizer = s.front.tokenizer
        assert (await s.client.post("/generate", json=body())).json() == {"generated_text": text}


@on_loop
async def test_what_reaches_the_engine() -> None:
    async with served(FakeEngine(answering("a"))) as s:
        given = body(
            "hello", max_new_tokens=5, temperature=0.5, top_k=3, top_p=0.5, typical_p=0.25, repetition_penalty=1.5,
            frequency_penalty=-1.0, seed=2**64 - 1, stop=["x", "y"], truncate=4, watermark=True, do_sample=True,
            adapter_id="lora", grammar={"type": "regex", "value": "[a-z]+"}, unknown="ignored",
        )  # fmt: skip
        response = await s.client.post("/generate", json={**given, "also_unknown": [1]})
    assert response.status_code == 200
    request = s.engine.requests[0]
    assert request.inputs == "hello"
    assert s.front.tokenizer.decode(request.prompt_ids, skip_special_tokens=False) == "<s>llo"
    assert (request.max_new_tokens, request.truncate, request.stop_sequences) == (5, 4, ("x", "y"))
    assert request.adapter_id == "lora"
    sampling = request.sampling
    assert (sampling.temperature, sampling.top_k, sampling.top_p, sampling.typical_p) == (0.5, 3, 0.5, 0.25)
    assert (sampling.repetition_penalty, sampling.frequency_penalty) == (1.5, -1.0)
    assert (sampling.seed, sampling.seed_given, sampling.watermark, sampling.do_sample) == (2**64 - 1, True, True, True)
    assert (sampling.grammar, sampling.grammar_type) == ("[a-z]+", GrammarType.REGEX)


@on_loop
async def test_no_parameters_sample_and_empty_ones_do_not() -> None:
    async with served(FakeEngine(answering("a"))) as s:
        await s.client.post("/generate", json={"inputs": "hi"})
        await s.client.post("/generate", json={"inputs": "hi", "parameters": {}})
    assert [request.sampling.do_sample for request in s.engine.requests] == [True, False]
    assert [request.max_new_tokens for request in s.engine.requests] == [197, 197]  # all that fit


@on_loop
async def test_wishes_are_believed_with_the_gateways_token_alone() -> None:
    given = {
        "authorization": "Bearer key",
        "x-freesh-deadline-ms": "1500",
        "x-freesh-class": "SL",
        "x-freesh-tier": "gold",
        "x-freesh-client": "alice",
        "x-freesh-predicted-tokens": "30",
    }
    async with served(FakeEngine(answering("a")), gateway_token="g" * 16) as s:
        await s.client.post("/generate", json=body(), headers={**given, "x-freesh-token": "g" * 16})
        await s.client.post("/generate", json=body(), headers={**given, "x-freesh-token": "h" * 16})
    trusted, forged = (request.wish for request in s.engine.requests)
    assert (trusted.trusted, trusted.deadline_s, trusted.client) == (True, 1.5, "alice")
    assert (trusted.request_class, trusted.tier, trusted.predicted_tokens) == ("SL", "gold", 30)
    assert (forged.trusted, forged.deadline_s) == (False, 1.5)
    assert (forged.request_class, forged.tier, forged.predicted_tokens) == (None, None, None)
    assert forged.client not in ("", "alice")


@on_loop
async def test_tokenize_tells_places_in_bytes() -> None:
    async with served() as s:
        response = await s.client.post("/tokenize", json={"inputs": "é!"})
    found = response.json()
    assert [token["text"] for token in found] == ["", "é", "é", "!"]
    assert [(token["start"], token["stop"]) for token in found] == [(0, 0), (0, 2), (0, 2), (2, 3)]


@on_loop
async def test_long_prompts_are_encoded_beside_the_loop() -> None:
    async with served(FakeEngine(answering("a"))) as s:
        response = await s.client.post("/generate", json=body("x" * 5_000, truncate=50))
        assert response.headers["x-prompt-tokens"] == "50"


@on_loop
async def test_silence_is_filled_with_comments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("freesh_plugin.adapters.tgi.http.pulse.INTERVAL_S", 0.05)
    engine = FakeEngine(answering("a", "b"), hold=asyncio.Event())
    async with served(engine) as s, s.client.stream("POST", "/generate_stream", json=body()) as response:
        text = b""
        async for chunk in response.aiter_raw():
            text += chunk
            if text.count(b":\n\n") == 2:
                assert engine.hold is not None
                engine.hold.set()
    assert text.count(b"data: ") == 2


@on_loop
async def test_platforms_are_answered_by_the_shape_of_their_requests() -> None:
    async with served(FakeEngine(answering("a", "b")), predict_route="/predict") as s:
        generate = await s.client.post("/invocations", json=body("x "))
        assert generate.json() == [{"generated_text": "x ab"}]
        complete = await s.client.post("/invocations", json={"prompt": "x "})
        assert complete.json()["choices"][0]["text"] == "ab"
        chat = await s.client.post("/invocations", json={"messages": [{"role": "user", "content": "x"}]})
        assert chat.json()["error_type"] == "template_error"
        for path in ("/vertex", "/predict"):
            several = await s.client.post(path, json={"instances": [body("x", max_new_tokens=3), {"inputs": "y"}]})
            assert several.json() == {"predictions": ["ab", "ab"]}
        assert s.engine.requests[-2].max_new_tokens == 3
