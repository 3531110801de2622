"""Chat templates: what they write, what they refuse, and that a message can never act as one."""

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from freesh_plugin.adapters.tgi.http.errors import ApiError
from freesh_plugin.adapters.tgi.http.openai import templates
from freesh_plugin.adapters.tgi.http.openai.chat_messages import Message
from freesh_plugin.adapters.tgi.http.openai.templates import ChatTemplates, compile_template
from freesh_plugin.adapters.tgi.http.openai.tools import Tool, offered_tools
from tests.fakes.chat_templates import CHATML, HEADERS_WITH_TOOLS, STRICT_TURNS

WEATHER = msgspec.json.decode(
    b'[{"type": "function", "function": {"name": "get_weather", "description": "Weather of a city",'
    b' "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}]',
    type=list[Tool],
)


def messages(*turns: Mapping[str, object]) -> list[Message]:
    return msgspec.convert(list(turns), list[Message])


SYSTEM = {"role": "system", "content": "Be brief."}
HELLO = {"role": "user", "content": "Hello"}
HI = {"role": "assistant", "content": "Hi!"}
BYE = {"role": "user", "content": "Bye"}


def noon() -> datetime:
    return datetime(2026, 7, 26, 12, tzinfo=UTC)


def refused(source: str, *turns: Mapping[str, object]) -> ApiError:
    with pytest.raises(ApiError) as caught:
        compile_template(source, "<s>", "</s>").render(messages(*turns))
    return caught.value


def test_lines_that_hold_only_a_tag_leave_no_trace() -> None:
    assert compile_template(CHATML).render(messages(SYSTEM, SYSTEM, HELLO, HI, BYE)) == (
        "<|im_start|>system\nBe brief.<|im_end|>\n"
        "<|im_start|>system\nBe brief.<|im_end|>\n"
        "<|im_start|>user\nHello<|im_end|>\n"
        "<|im_start|>assistant\nHi!<|im_end|>\n"
        "<|im_start|>user\nBye<|im_end|>\n"
        "<|im_start|>assistant\n"
    )


def test_a_template_that_knows_tools_lists_them_and_gets_the_instruction_last() -> None:
    template = compile_template(HEADERS_WITH_TOOLS, "<s>", now=noon)
    assert template.uses_tools
    prompt = template.render(messages(SYSTEM, HELLO), offered_tools(WEATHER, "Answer with a call."))
    assert prompt == (
        "<s><|start|>system<|end|>\n\nToday Date: 26 Jul 2026\n\nBe brief.<|eot|><|start|>user<|end|>\n\n"
        '{\n    "function": {\n        "arguments": "{\\"type\\":\\"object\\",\\"properties\\":{\\"city\\":'
        '{\\"type\\":\\"string\\"}},\\"required\\":[\\"city\\"]}",\n        "description": "Weather of a city",\n'
        '        "name": "get_weather"\n    },\n    "type": "function"\n}\n\n'
        "Hello\n---\nAnswer with a call.<|eot|><|start|>assistant<|end|>\n\n"
    )


def test_a_template_that_knows_no_tools_gets_them_as_text() -> None:
    prompt = compile_template(STRICT_TURNS, "<s>", "</s>").render(messages(HELLO), offered_tools(WEATHER, "Call."))
    assert prompt == (
        "<s>[INST] Hello\n---\n"
        '[{"type":"function","function":{"description":"Weather of a city","name":"get_weather","arguments":'
        '"{\\"type\\":\\"object\\",\\"properties\\":{\\"city\\":{\\"type\\":\\"string\\"}},'
        '\\"required\\":[\\"city\\"]}"}}]\n'
        "Call. [/INST]"
    )


def test_tool_answers_keep_their_call_id() -> None:
    called = {"role": "assistant", "tool_calls": [{"id": "0", "function": {"name": "f", "arguments": {"a": 1}}}]}
    answer = {"role": "tool", "tool_call_id": "0", "content": "6 <°C>"}
    prompt = compile_template(HEADERS_WITH_TOOLS, "", now=noon).render(messages(HELLO, called, answer))
    assert (
        '<|start|>assistant<|end|>\n\n[{"id":"0","type":"function","function":{"description":null,"name":"f",'
        '"arguments":"{\\"a\\":1}"}}]<|eot|><|start|>ipython<|end|>\n\n0: "6 <°C>"<|eot|>'
    ) in prompt


def test_an_answer_that_was_begun_is_continued() -> None:
    begun = {"role": "assistant", "content": "The capital is"}
    assert compile_template(STRICT_TURNS, "<s>", "</s>").render(messages(HELLO, begun)) == (
        "<s>[INST] Hello [/INST]The capital is"
    )


def test_parts_of_text_are_joined() -> None:
    parts = {"role": "user", "content": [{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}]}
    assert compile_template(STRICT_TURNS, "").render(messages(parts)) == "[INST] Hello [/INST]"


def test_a_template_that_asks_for_the_first_part_gets_the_text() -> None:
    assert compile_template("{{ messages[0]['content'][0]['text'] }}!").render(messages(HELLO)) == "Hello!"


def test_wrong_turns_are_the_templates_own_words() -> None:
    error = refused(STRICT_TURNS, HELLO, BYE)
    assert (error.status, error.body.error_type) == (422, "template_error")
    assert error.body.error == ("Template error: Conversation roles must alternate user/assistant/user/assistant/...")


def test_a_missing_variable_is_named() -> None:
    error = refused("{{ persona.name }}", HELLO)
    assert (error.status, error.body.error_type) == (422, "missing_template_variable")
    assert "'persona' is undefined" in error.body.error


@pytest.mark.parametrize(
    "source",
    [
        "{{ messages[0]['content'] | int / 0 }}",
        "{{ messages[0]['content'] + 1 }}",
        "{{ strftime_now(1) }}",
        "{{ messages | tojson | fromjson }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ messages.append(1) }}",
        "{{ range(10000000) | list }}",
    ],
)
def test_what_a_template_may_not_or_cannot_do_is_a_template_error(source: str) -> None:
    with pytest.raises(ApiError) as caught:
        compile_template(source).render(messages(HELLO))
    assert caught.value.body.error_type == "template_error"


def test_a_template_that_is_none_is_refused_when_it_is_read() -> None:
    with pytest.raises(ApiError, match="Template error: "):
        compile_template("{% if %}")


def test_a_prompt_that_grows_without_end_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(templates, "MAX_PROMPT_CHARS", 1000)
    error = refused("{% for i in range(100000) %}{{ messages[0]['content'] }}{% endfor %}", HELLO)
    assert error.body.error == "Template error: the prompt is longer than 1000 characters"


def test_tools_take_the_template_made_for_them() -> None:
    both = ChatTemplates({"default": compile_template("plain"), "tool_use": compile_template("tools")})
    assert both.render(messages(HELLO)) == "plain"
    assert both.render(messages(HELLO), offered_tools(WEATHER, None)) == "tools"
    assert (
        ChatTemplates({"default": compile_template("plain")}).render(messages(HELLO), offered_tools(WEATHER, None))
        == "plain"
    )


def test_a_model_without_a_template_cannot_chat() -> None:
    with pytest.raises(ApiError, match="Template error: template not found"):
        ChatTemplates().render(messages(HELLO))


@given(content=st.text(), role=st.sampled_from(["user", "system", "{{ 7 * 7 }}"]))
def test_a_message_is_text_whatever_it_says(content: str, role: str) -> None:
    template = compile_template("{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}")
    assert template.render(messages({"role": role, "content": content})) == f"<{role}>{content}"


@pytest.mark.parametrize(
    "content",
    ["{{ messages }}", "{% raw %}", "{{ ''.__class__ }}", "{# #}", "%(x)s {0.__class__}", "{% generation %}"],
)
def test_markup_in_a_message_stays_what_it_is(content: str) -> None:
    assert compile_template(STRICT_TURNS, "").render(messages({"role": "user", "content": content})) == (
        f"[INST] {content} [/INST]"
    )
