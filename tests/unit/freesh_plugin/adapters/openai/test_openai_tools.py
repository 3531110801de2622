"""Tools: the grammar made of them, what a choice leaves of them, and calls read from what a model wrote."""

import json
import re
from itertools import pairwise
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # it ships no types
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from freesh_plugin.adapters.tgi.http.errors import ApiError
from freesh_plugin.adapters.tgi.http.generate_types import JsonGrammar
from freesh_plugin.adapters.tgi.http.grammar import read_grammar
from freesh_plugin.adapters.tgi.http.openai.tool_answer import ToolAnswer, ToolCallReader, read_tool_answer
from freesh_plugin.adapters.tgi.http.openai.tools import (
    DEFAULT_PROMPT,
    Tool,
    ToolChoice,
    chosen_tools,
    offered_tools,
    tool_grammar,
)

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def tools(*functions: dict[str, Any]) -> list[Tool]:
    return msgspec.convert([{"type": "function", "function": f} for f in functions], list[Tool])


TWO = tools({"name": "weather", "description": "Now", "parameters": CITY}, {"name": "news", "arguments": {}})


def names(choice: ToolChoice) -> list[str]:
    return [tool.function.name for tool in chosen_tools(TWO, choice)]


def accepts(grammar: dict[str, Any], call: object) -> bool:
    jsonschema.Draft202012Validator.check_schema(grammar)
    return bool(jsonschema.Draft202012Validator(grammar).is_valid(call))


@pytest.mark.parametrize(
    ("choice", "left"),
    [
        ("null", ["weather", "news", "no_tool"]),
        ('"auto"', ["weather", "news", "no_tool"]),
        ('"required"', ["weather", "news"]),
        ('"none"', []),
        ('"news"', ["news"]),
        ('{"type": "function", "function": {"name": "weather"}}', ["weather"]),
    ],
)
def test_a_choice_leaves_the_tools_it_names(choice: str, left: list[str]) -> None:
    assert names(msgspec.json.decode(choice, type=ToolChoice)) == left


def test_a_function_may_be_named_like_a_choice() -> None:
    choice = msgspec.json.decode('{"type": "function", "function": {"name": "auto"}}', type=ToolChoice)
    with pytest.raises(ApiError, match="Tool error: Tool with name auto not found"):
        names(choice)


def test_a_choice_of_no_tool_of_the_list_is_an_error() -> None:
    with pytest.raises(ApiError, match="Tool error: Tool with name sports not found") as caught:
        names("sports")
    assert (caught.value.status, caught.value.body.error_type) == (422, "tool_error")


def test_the_grammar_takes_calls_of_these_tools_and_no_others() -> None:
    grammar = tool_grammar(chosen_tools(TWO, "auto"))
    assert accepts(grammar, {"function": {"_name": "weather", "city": "Paris"}})
    assert accepts(grammar, {"function": {"_name": "no_tool"}})
    assert not accepts(grammar, {"function": {"_name": "weather"}})
    assert not accepts(grammar, {"function": {"_name": "weather", "city": "Paris", "mood": "good"}})
    assert not accepts(grammar, {"function": {"_name": "sports"}})
    assert not accepts(grammar, {"function": {"city": "Paris"}})
    assert not accepts(grammar, {})


NESTED = {
    "$defs": {"Stop": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}},
    "type": "object",
    "properties": {
        "stops": {"type": "array", "items": {"$ref": "#/$defs/Stop"}, "minItems": 1},
        "mode": {"enum": ["train", "bus"]},
        "seats": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
    },
    "required": ["stops", "mode"],
}


@pytest.mark.parametrize(
    ("call", "fits"),
    [
        ({"_name": "weather", "city": "Paris"}, True),
        ({"_name": "trip", "stops": [{"city": "Rom"}, {"city": "Bari"}], "mode": "bus"}, True),
        ({"_name": "trip", "stops": [{"city": "Rom"}], "mode": "bus", "seats": None}, True),
        ({"_name": "no_tool"}, True),
        ({"_name": "weather"}, False),
        ({"_name": "trip", "stops": [], "mode": "bus"}, False),
        ({"_name": "trip", "stops": [{"city": "Rom"}], "mode": "car"}, False),
        ({"city": "Paris", "_name": "weather"}, False),
    ],
)
def test_the_grammar_compiles_into_what_shards_hold_answers_to(call: dict[str, Any], fits: bool) -> None:
    offered = [*TWO, *tools({"name": "trip", "parameters": NESTED})]
    expression = read_grammar(JsonGrammar(tool_grammar(chosen_tools(offered, "auto"))))
    assert bool(re.fullmatch(expression, json.dumps({"function": call}))) is fits


def test_a_calls_name_comes_first_so_that_it_is_known_early() -> None:
    [weather] = tool_grammar(TWO[:1])["properties"]["function"]["anyOf"]
    assert list(weather["properties"]) == ["_name", "city"]


def test_definitions_that_schemas_refer_to_come_along() -> None:
    unit = {"$defs": {"Unit": {"enum": ["C", "F"]}}, "properties": {"unit": {"$ref": "#/$defs/Unit"}}}
    grammar = tool_grammar(tools({"name": "warm", "parameters": unit}))
    assert accepts(grammar, {"function": {"_name": "warm", "unit": "C"}})
    assert not accepts(grammar, {"function": {"_name": "warm", "unit": "K"}})


def test_two_meanings_of_one_definition_are_refused() -> None:
    one, two = ({"$defs": {"Unit": {"enum": [value]}}} for value in "CF")
    with pytest.raises(ApiError, match=re.escape("Tool error: Tools define 'Unit' in two ways under '$defs'")):
        tool_grammar(tools({"name": "a", "parameters": one}, {"name": "b", "parameters": two}))


@pytest.mark.parametrize("schema", [None, 3, "text", [], {"properties": 1, "required": 2, "$defs": 3}])
def test_a_schema_that_is_none_means_no_arguments(schema: object) -> None:
    grammar = tool_grammar(tools({"name": "f", "parameters": schema}))
    assert accepts(grammar, {"function": {"_name": "f"}})


def test_an_empty_prompt_is_the_default_one() -> None:
    assert offered_tools(TWO, "").prompt == offered_tools(TWO, None).prompt == DEFAULT_PROMPT
    assert offered_tools(TWO, "Call!").prompt == "Call!"


def test_a_whole_answer_is_read() -> None:
    assert read_tool_answer('{"function": {"_name": "weather", "city": "Paris"}}') == ToolAnswer(
        "weather", '{"city":"Paris"}'
    )
    assert read_tool_answer(' { "function" : {"_name":"no_tool"} } ') is None


@pytest.mark.parametrize(
    "text",
    ["", "Paris", '{"function": {"_name": "wea', '{"function": 3}', "{}", '{"function": {"_name": 3}}', "[" * 99_999],
)
def test_an_answer_that_is_no_call_is_a_tool_error(text: str) -> None:
    with pytest.raises(ApiError, match="Tool error: Failed to parse generated text") as caught:
        read_tool_answer(text)
    assert (caught.value.status, caught.value.body.error_type) == (422, "tool_error")
    assert len(caught.value.body.error) < 1500


def test_a_call_is_followed_token_by_token() -> None:
    tokens = ['{"', "function", '":', ' {"', "_", "name", '":', ' "', "get", "_weather", '",']
    tokens += [' "', "city", '":', ' "', "San", " Francisco", ", CA", '",', ' "', "unit", '":', ' "C', '"}}']
    reader = ToolCallReader()
    pieces = [reader.feed(token) for token in tokens]
    assert reader.name == "get_weather"
    assert pieces == [""] * 10 + ["{", ' "', "city", '":', ' "', "San", " Francisco", ", CA"] + [
        '",',
        ' "',
        "unit",
        '":',
        ' "C',
        '"}',
    ]


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(
    name=st.text(min_size=1),
    arguments=st.dictionaries(st.text(min_size=1).filter(lambda key: key != "_name"), JSON_VALUES),
    indent=st.sampled_from([None, 1]),
    cuts=st.lists(st.integers(0, 200)),
)
def test_where_tokens_end_makes_no_difference(
    name: str, arguments: dict[str, Any], indent: int | None, cuts: list[int]
) -> None:
    text = json.dumps({"function": {"_name": name, **arguments}}, indent=indent) + " \n"
    edges = [0, *sorted(cut for cut in cuts if cut < len(text)), len(text)]
    reader = ToolCallReader()
    followed = "".join(reader.feed(text[a:b]) for a, b in pairwise(edges))
    assert reader.name == name
    assert json.loads(followed) == arguments
    assert reader.text == text


@given(text=st.text())
def test_text_that_is_no_call_adds_nothing(text: str) -> None:
    reader = ToolCallReader()
    assert reader.feed("It is" + text) == ""
    assert reader.name is None
