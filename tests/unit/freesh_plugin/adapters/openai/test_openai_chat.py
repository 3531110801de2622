"""Chat over HTTP: the shapes of answers, chunks and errors, over an engine that answers by script."""

import json
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from freesh_plugin.adapters.tgi.http.openai.templates import NO_TEMPLATES
from freesh_plugin.core.generation import (
    FailureEvent,
    FailureKind,
    FinishReason,
    GenerationEnd,
    GenerationEvent,
    GenerationRequest,
    Token,
    TokensEvent,
)
from tests.fakes.engine import FakeEngine, Script, answering
from tests.fakes.openai_talk import HELLO, ask, chat, events, roomy

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "Weather of a city",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    }
]
CALL = ['{"', "function", '": {"_name": "weather', '",', ' "city": "', "Paris", '"}}']
NO_CALL = ['{"function": {"_name": "', "no_tool", '"', "}}"]


def ended_by_eos(*texts: str) -> Script:
    """Texts, then the model's own end, a special token."""

    def script(request: GenerationRequest) -> Sequence[GenerationEvent]:
        told = [Token(10 + i, text, -0.5) for i, text in enumerate(texts)]
        eos = Token(1, "</s>", -0.1, special=True)
        end = GenerationEnd(FinishReason.EOS, len(told) + 1, "".join(texts))
        return [
            *(TokensEvent(request.request_id, [token]) for token in told),
            TokensEvent(request.request_id, [eos], end=end),
        ]

    return script


def calling_once(call: Sequence[str], *answer: str) -> Script:
    """A tool answer to a request with a grammar, words to one without."""

    def script(request: GenerationRequest) -> Sequence[GenerationEvent]:
        return ended_by_eos(*(call if request.sampling.grammar else answer))(request)

    return script


def failing(kind: FailureKind) -> Script:
    """One token, then a failure."""

    def script(request: GenerationRequest) -> Sequence[GenerationEvent]:
        return [
            TokensEvent(request.request_id, [Token(10, "a", -0.5)]),
            FailureEvent(request.request_id, kind, "it broke"),
        ]

    return script


def test_a_whole_answer_has_tgis_shape() -> None:
    response = chat(FakeEngine(ended_by_eos("Hi", "!")))
    body = response.json()
    assert body.pop("created") > 1_700_000_000
    assert body == {
        "object": "chat.completion",
        "id": "",
        "model": "tiny",
        "system_fingerprint": "3.3.7-native",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hi!"},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15},
    }
    assert response.headers["x-prompt-tokens"] == "12"
    assert response.headers["x-generated-tokens"] == "3"
    assert response.headers["x-compute-characters"] == str(len("user: Hello\n"))


def test_the_template_adds_special_tokens_and_nothing_else_does() -> None:
    engine = FakeEngine(ended_by_eos("Hi"))
    chat(engine)
    [request] = engine.requests
    assert request.inputs == "user: Hello\n"
    assert not request.add_special_tokens
    assert len(request.prompt_ids) == len("user: Hello\n")


@pytest.mark.parametrize(("model", "told"), [(None, "tiny"), ("tgi", "tiny"), ("my-adapter", "my-adapter")])
def test_the_answer_names_the_model_that_was_asked(model: str | None, told: str) -> None:
    assert chat(model=model, max_tokens=1).json()["model"] == told


@pytest.mark.parametrize(
    ("reason", "told"),
    [(FinishReason.LENGTH, "length"), (FinishReason.EOS, "stop"), (FinishReason.STOP, "stop_sequence")],
)
def test_reasons_are_told_in_tgis_words(reason: FinishReason, told: str) -> None:
    assert chat(FakeEngine(answering("a", reason=reason))).json()["choices"][0]["finish_reason"] == told


def test_log_probabilities_are_told_when_asked_for() -> None:
    def script(request: GenerationRequest) -> Sequence[GenerationEvent]:
        rivals = [Token(20 + i, f"r{i}", -1.0 - i) for i in range(request.top_n_tokens)]
        end = GenerationEnd(FinishReason.LENGTH, 1, "a")
        return [TokensEvent(request.request_id, [Token(10, "a", -0.5)], [rivals], end=end)]

    told = {
        "content": [
            {
                "token": "a",
                "logprob": -0.5,
                "top_logprobs": [{"token": "r0", "logprob": -1.0}, {"token": "r1", "logprob": -2.0}],
            }
        ]
    }
    whole = chat(FakeEngine(script), logprobs=True, top_logprobs=2).json()
    assert whole["choices"][0]["logprobs"] == told
    [chunk] = events(chat(FakeEngine(script), logprobs=True, top_logprobs=2, stream=True))
    assert chunk["choices"][0]["logprobs"] == told
    alone = chat(FakeEngine(script), logprobs=True).json()["choices"][0]["logprobs"]
    assert alone["content"][0]["top_logprobs"] == []


def test_a_stream_is_one_chunk_a_token() -> None:
    response = chat(FakeEngine(ended_by_eos("Hi", "!")), stream=True)
    chunks = events(response)
    for chunk in chunks:
        assert chunk.pop("created") > 1_700_000_000
    common = {"object": "chat.completion.chunk", "id": "", "model": "tiny", "system_fingerprint": "3.3.7-native"}
    assert chunks == [
        {
            **common,
            "choices": [
                {
                    "index": 0,
                    "delta": {"role": "assistant", "content": text, "tool_calls": None},
                    "logprobs": None,
                    "finish_reason": reason,
                }
            ],
            "usage": None,
        }
        for text, reason in [("Hi", None), ("!", None), ("", "stop")]
    ]
    assert response.headers["x-accel-buffering"] == "no"


def test_usage_comes_last_when_it_is_asked_for() -> None:
    chunks = events(chat(FakeEngine(answering("a", "b")), stream=True, stream_options={"include_usage": True}))
    assert [len(chunk["choices"]) for chunk in chunks] == [1, 1, 0]
    assert [chunk["usage"] for chunk in chunks] == [
        None,
        None,
        {"prompt_tokens": 12, "completion_tokens": 2, "total_tokens": 14},
    ]


def test_energy_and_carbon_are_told_with_the_usage() -> None:
    def known(end: GenerationEnd) -> GenerationEnd:
        return msgspec.structs.replace(end, energy_j=1.5, carbon_gco2e=0.25, carbon_kind="average")

    told = {"energy_j": 1.5, "carbon_gco2e": 0.25, "carbon_kind": "average"}
    whole = chat(FakeEngine(answering("a", end=known)))
    assert whole.json()["usage"]["freesh"] == told
    assert whole.headers["x-freesh-energy-j"] == "1.5"
    streamed = chat(FakeEngine(answering("a", end=known)), stream=True, stream_options={"include_usage": True})
    assert events(streamed)[-1]["usage"]["freesh"] == told


def test_a_tool_call_has_arguments_as_text_and_no_content() -> None:
    message = chat(roomy(calling_once(CALL)), tools=TOOLS).json()["choices"][0]["message"]
    assert message == {
        "role": "assistant",
        "tool_calls": [
            {
                "id": "0",
                "type": "function",
                "function": {"description": None, "name": "weather", "arguments": '{"city":"Paris"}'},
            }
        ],
    }


def test_a_tool_call_streams_its_name_then_its_arguments() -> None:
    chunks = events(chat(roomy(calling_once(CALL)), tools=TOOLS, tool_choice="required", stream=True))
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert all(set(delta) == {"role", "tool_calls"} for delta in deltas)
    calls = [delta["tool_calls"][0] for delta in deltas]
    assert all((call["index"], call["id"], call["type"]) == (0, "0", "function") for call in calls)
    assert [call["function"]["name"] for call in calls] == ["weather"] + [None] * (len(calls) - 1)
    assert json.loads("".join(call["function"]["arguments"] for call in calls)) == {"city": "Paris"}
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks] == [None] * (len(chunks) - 1) + ["stop"]


@pytest.mark.parametrize("stream", [False, True])
def test_a_model_that_wants_no_tool_is_asked_again_without(stream: bool) -> None:
    engine = roomy(calling_once(NO_CALL, "Hi", "!"))
    response = chat(engine, tools=TOOLS, stream=stream)
    if stream:
        said = "".join(chunk["choices"][0]["delta"]["content"] for chunk in events(response))
    else:
        said = response.json()["choices"][0]["message"]["content"]
    assert said == "Hi!"
    assert [bool(request.sampling.grammar) for request in engine.requests] == [True, False]
    assert engine.requests[1].inputs == "user: Hello\n"


def test_a_stream_that_turned_to_words_cancels_the_call() -> None:
    engine = roomy(calling_once(NO_CALL, "Hi"))
    chat(engine, tools=TOOLS, stream=True)
    assert engine.streams[0].cancelled.is_set()


def test_words_where_a_call_should_be_are_a_tool_error() -> None:
    engine = roomy(ended_by_eos("It is", " warm"))
    whole = chat(engine, tools=TOOLS)
    assert whole.status_code == 422
    assert whole.json()["error_type"] == "tool_error"
    assert whole.json()["error"].startswith("Tool error: Failed to parse generated text")
    [fault] = events(chat(engine, tools=TOOLS, stream=True))
    assert fault["error"]["type"] == "tool_error"


def test_a_refused_conversation_is_an_error_even_for_a_stream() -> None:
    response = chat(messages=[{"role": "user", "content": None}], stream=True)
    assert response.status_code == 422
    assert response.json()["error_type"] == "validation"


def test_a_long_conversation_is_templated_like_a_short_one() -> None:
    turn = {"role": "user", "content": "a" * 500}
    body = ask("/chat_tokenize", {"messages": [turn] * 200}).json()
    assert body["templated_text"] == f"user: {'a' * 500}\n" * 200
    refused = ask("/v1/chat/completions", {"messages": [turn] * 200 + [{"role": "user"}]})
    assert (refused.status_code, refused.json()["error_type"]) == (422, "validation")


def test_a_model_without_template_cannot_chat() -> None:
    response = ask("/v1/chat/completions", {"messages": HELLO}, templates=NO_TEMPLATES)
    assert response.status_code == 422
    assert response.json()["error_type"] == "template_error"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"temperature": -1.0}, "Input validation error: `temperature` must be strictly positive"),
        ({"max_tokens": 0}, "Input validation error: `max_new_tokens` must be strictly positive"),
    ],
)
def test_values_that_do_not_fit_are_told(fields: dict[str, Any], reason: str) -> None:
    whole = chat(**fields)
    assert whole.status_code == 422
    assert whole.json() == {"error": reason, "error_type": "validation"}
    assert events(chat(stream=True, **fields)) == [
        {"error": {"message": reason, "http_status_code": 422, "type": "validation"}, "error_type": "validation"}
    ]


@pytest.mark.parametrize(
    ("kind", "status", "error_type"),
    [
        (FailureKind.GENERATION, 424, "generation"),
        (FailureKind.OVERLOADED, 429, "overloaded"),
        (FailureKind.INCOMPLETE, 500, "incomplete_generation"),
        (FailureKind.VALIDATION, 422, "validation"),
    ],
)
def test_a_failing_engine_is_told_by_kind(kind: FailureKind, status: int, error_type: str) -> None:
    whole = chat(FakeEngine(failing(kind)))
    assert (whole.status_code, whole.json()["error_type"]) == (status, error_type)
    token, fault = events(chat(FakeEngine(failing(kind)), stream=True))
    assert token["choices"][0]["delta"]["content"] == "a"
    assert fault["error"]["http_status_code"] == 422
    assert fault["error"]["type"].startswith(error_type)


def test_too_many_at_once_are_refused() -> None:
    response = ask("/v1/chat/completions", {"messages": HELLO}, max_concurrent_requests=0)
    assert (response.status_code, response.json()) == (
        429,
        {"error": "Model is overloaded", "error_type": "overloaded"},
    )


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"messages": "Hello"},
        {"messages": [{"role": "user", "content": 3}]},
        {"messages": [{"content": "Hello"}]},
        {"messages": [{"role": "user", "content": [{"type": "video"}]}]},
        {"messages": HELLO, "max_tokens": -1},
        {"messages": HELLO, "tools": [{"type": "function"}]},
        {"messages": HELLO, "tool_choice": 3},
        {"messages": HELLO, "response_format": {"type": "xml"}},
        {"messages": HELLO, "stream_options": []},
    ],
)
def test_bodies_of_another_shape_are_refused_in_plain_text(body: dict[str, object]) -> None:
    response = ask("/v1/chat/completions", body)
    assert response.status_code == 422
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.text.startswith("Failed to deserialize the JSON body into the target type: ")


def test_the_key_is_asked_for() -> None:
    body: dict[str, object] = {"messages": HELLO, "prompt": "Hello"}
    assert ask("/v1/chat/completions", body, api_key="secret").status_code == 401
    assert ask("/v1/completions", body, api_key="secret").status_code == 401
    assert ask("/v1/models", None, api_key="secret").status_code == 200
    assert ask("/chat_tokenize", body, api_key="secret").status_code == 200


def test_the_one_model_is_listed() -> None:
    card = {"id": "tiny", "object": "model", "created": 0, "owned_by": "tiny"}
    assert ask("/v1/models", None).json() == {"object": "list", "data": [card]}


def test_a_conversation_is_tokenised_as_the_template_writes_it() -> None:
    body = ask("/chat_tokenize", {"messages": [{"role": "user", "content": "é"}]}).json()
    assert body["templated_text"] == "user: é\n"
    assert body["tokenize_response"][0] == {
        "id": body["tokenize_response"][0]["id"],
        "text": "u",
        "start": 0,
        "stop": 1,
    }
    assert len(body["tokenize_response"]) == len("user: é\n".encode())


def test_a_conversation_that_cannot_be_templated_cannot_be_tokenised() -> None:
    response = ask("/chat_tokenize", {"messages": [{"role": "user"}]})
    assert (response.status_code, response.json()["error_type"]) == (422, "validation")
