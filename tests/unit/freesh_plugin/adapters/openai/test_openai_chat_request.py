"""Chat requests: what TGI's and OpenAI's fields ask of a generation."""

from typing import Any

import msgspec
import pytest

from freesh_plugin.adapters.tgi.http.errors import ApiError
from freesh_plugin.adapters.tgi.http.generate_types import (
    GenerateParameters,
    JsonGrammar,
    JsonObjectGrammar,
    JsonSchemaConfig,
    JsonSchemaGrammar,
    RegexGrammar,
)
from freesh_plugin.adapters.tgi.http.openai.chat_messages import Message
from freesh_plugin.adapters.tgi.http.openai.chat_request import ChatOrder, ChatRequest, order_chat
from freesh_plugin.adapters.tgi.http.openai.templates import OfferedTools

HELLO = [{"role": "user", "content": "Hello"}]
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]


def chat(**fields: Any) -> ChatRequest:
    return msgspec.json.decode(msgspec.json.encode({"messages": HELLO, **fields}), type=ChatRequest)


def plain(messages: list[Message], offered: OfferedTools | None) -> str:
    return "|".join(m.text() for m in messages) + (f"+{offered.prompt}" if offered else "")


def order(**fields: Any) -> ChatOrder:
    return order_chat(chat(**fields), plain)


def parameters(**fields: Any) -> GenerateParameters:
    return order(**fields).parameters


def refusal(**fields: Any) -> str:
    with pytest.raises(ApiError) as caught:
        order(**fields)
    assert caught.value.status == 422
    return caught.value.body.error


def test_a_bare_request_samples_and_takes_as_many_tokens_as_fit() -> None:
    assert parameters() == GenerateParameters(do_sample=True, details=True)


def test_fields_go_where_tgi_puts_them() -> None:
    given = parameters(
        model="my-adapter",
        max_tokens=7,
        seed=42,
        stop=["a", "b"],
        temperature=0.5,
        top_p=0.9,
        top_logprobs=3,
        frequency_penalty=0.1,
        presence_penalty=-0.5,
    )
    assert given == GenerateParameters(
        do_sample=True,
        details=True,
        adapter_id="my-adapter",
        max_new_tokens=7,
        seed=42,
        stop=["a", "b"],
        temperature=0.5,
        top_p=0.9,
        top_n_tokens=3,
        frequency_penalty=0.1,
        repetition_penalty=1.5,
    )


def test_temperature_zero_is_greedy() -> None:
    for zero in (0, 0.0):
        given = parameters(temperature=zero)
        assert (given.do_sample, given.temperature) == (False, None)


def test_the_served_model_goes_by_tgi() -> None:
    assert parameters(model="tgi").adapter_id is None


def test_a_single_stop_text_and_the_newer_name_of_max_tokens_are_read() -> None:
    assert parameters(stop="###").stop == ["###"]
    assert parameters(max_completion_tokens=9).max_new_tokens == 9


def test_fields_without_effect_are_accepted() -> None:
    assert parameters(n=3, logit_bias={"50256": -100}, user="me", parallel_tool_calls=False, store=None) == parameters()


def test_tools_make_a_grammar_and_an_instruction() -> None:
    made = order(tools=TOOLS, tool_prompt="Call!")
    assert made.using_tools
    assert made.inputs == "Hello+Call!"
    assert isinstance(made.parameters.grammar, JsonGrammar)


@pytest.mark.parametrize("fields", [{"tools": TOOLS, "tool_choice": "none"}, {"tools": []}, {"tools": None}])
def test_without_a_tool_to_choose_the_answer_is_plain(fields: dict[str, Any]) -> None:
    made = order(**fields)
    assert not made.using_tools
    assert made.parameters.grammar is None
    assert made.inputs == "Hello"


SCHEMA = {"properties": {"a": {"type": "integer"}}}


@pytest.mark.parametrize(
    ("form", "grammar"),
    [
        ({"type": "json", "value": SCHEMA}, JsonGrammar(SCHEMA)),
        ({"type": "json_object", "value": SCHEMA}, JsonObjectGrammar(SCHEMA)),
        ({"type": "regex", "value": "a+"}, RegexGrammar("a+")),
        (
            {"type": "json_schema", "value": {"name": "n", "schema": SCHEMA}},
            JsonSchemaGrammar(JsonSchemaConfig(SCHEMA, "n")),
        ),
        (
            {"type": "json_schema", "json_schema": {"name": "n", "strict": True, "schema": SCHEMA}},
            JsonSchemaGrammar(JsonSchemaConfig(SCHEMA, "n")),
        ),
        ({"type": "text"}, None),
        (None, None),
    ],
)
def test_response_formats_are_grammars(form: object, grammar: object) -> None:
    assert parameters(response_format=form).grammar == grammar


def test_a_format_without_its_schema_is_refused() -> None:
    assert "json_object needs a JSON schema" in refusal(response_format={"type": "json_object"})
    assert "json_schema needs a schema" in refusal(response_format={"type": "json_schema"})


def test_tools_and_formats_exclude_each_other() -> None:
    assert refusal(tools=TOOLS, response_format={"type": "regex", "value": "a"}) == (
        "Tool error: Grammar and tools are mutually exclusive"
    )


def test_images_are_refused_by_name() -> None:
    image = {"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}}
    turns = [*HELLO, {"role": "user", "content": [{"type": "text", "text": "See"}, image]}]
    assert refusal(messages=turns) == (
        "Input validation error: messages[1] holds an image: this router serves text only"
    )


def test_a_message_must_say_or_call_something() -> None:
    assert refusal(messages=[{"role": "user", "content": None}]) == (
        "Input validation error: messages[0] has neither content nor tool calls"
    )


def test_call_ids_count_on_from_the_conversation() -> None:
    def asked_after(*ids: str) -> str:
        calls = [{"id": call_id, "function": {"name": "f", "arguments": "{}"}} for call_id in ids]
        return chat(messages=[*HELLO, {"role": "assistant", "tool_calls": calls}] if ids else HELLO).call_id()

    assert asked_after() == "0"
    assert asked_after("0", "4", "2") == "5"
    assert len(asked_after("call_x")) == 36
    assert len(asked_after("9" * 5000)) == 36


def test_content_wins_over_calls_unless_it_is_empty() -> None:
    call = {"function": {"name": "f", "arguments": "{}"}}
    said, silent = chat(
        messages=[
            {"role": "assistant", "content": "I look", "tool_calls": [call]},
            {"role": "assistant", "content": "", "tool_calls": [call]},
        ]
    ).messages
    assert said.text() == "I look"
    assert '"name":"f"' in silent.text()
