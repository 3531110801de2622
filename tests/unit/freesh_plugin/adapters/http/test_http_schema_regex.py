"""JSON schemas as regular expressions: what they let through, what they do not, and what is not compiled."""

import json
import re
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # it ships no types
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freesh_plugin.adapters.tgi.http.errors import ApiError
from freesh_plugin.adapters.tgi.http.generate_types import (
    JsonGrammar,
    JsonSchemaConfig,
    JsonSchemaGrammar,
    RegexGrammar,
)
from freesh_plugin.adapters.tgi.http.grammar import read_grammar
from freesh_plugin.adapters.tgi.http.schema_regex import SchemaError, schema_regex

PERSON: dict[str, Any] = {
    "type": "object",
    "properties": {
        "nick": {"type": "string", "maxLength": 3},
        "name": {"type": "string"},
        "age": {"type": ["integer", "null"]},
        "tags": {"type": "array", "items": {"enum": ["a b", 1.5, None, 'q"\\\n']}, "maxItems": 2},
        "mail": {"type": "string", "pattern": "^[a-z]+@[a-z]+$"},
        "born": {"type": "string", "format": "date"},
        "home": {"$ref": "#/$defs/place"},
        "kind": {"const": "person"},
        "pair": {"prefixItems": [{"type": "integer"}, {"type": "boolean"}]},
        "open": {"type": "object"},
        "counts": {"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 1},
        "either": {"oneOf": [{"type": "integer"}, {"type": "boolean"}]},
        "both": {"allOf": [{"properties": {"x": {"type": "integer"}}, "required": ["x"]}, {"properties": {"y": {}}}]},
    },
    "required": ["name"],
    "$defs": {"place": {"properties": {"city": {"type": "string"}}, "required": ["city"]}},
}


@pytest.mark.parametrize(
    ("members", "fits"),
    [
        ({"name": "Ada"}, True),
        ({"nick": "ad", "name": "Ada Zoë 文"}, True),
        ({"nick": "long", "name": "Ada"}, False),
        ({"nick": "ad"}, False),
        ({"name": "Ada", "nick": "ad"}, False),  # the schema's order
        ({"name": "Ada", "more": 1}, False),
        ({"name": 'quo"te\\'}, True),
        ({"name": "Ada", "age": -7}, True),
        ({"name": "Ada", "age": None}, True),
        ({"name": "Ada", "age": 1.5}, False),
        ({"name": "Ada", "tags": []}, True),
        ({"name": "Ada", "tags": ["a b", 1.5]}, True),
        ({"name": "Ada", "tags": [None, 'q"\\\n']}, True),
        ({"name": "Ada", "tags": [None, None, None]}, False),
        ({"name": "Ada", "mail": "ada@site"}, True),
        ({"name": "Ada", "mail": "ada"}, False),
        ({"name": "Ada", "born": "1815-12-10"}, True),
        ({"name": "Ada", "born": "1815-13-10"}, False),
        ({"name": "Ada", "home": {"city": "London"}}, True),
        ({"name": "Ada", "home": {}}, False),
        ({"name": "Ada", "kind": "person"}, True),
        ({"name": "Ada", "kind": "dog"}, False),
        ({"name": "Ada", "pair": [1, True]}, True),
        ({"name": "Ada", "pair": [True, 1]}, False),
        ({"name": "Ada", "open": {}}, True),
        ({"name": "Ada", "open": {"x": [1, "y"], "z": {"deep": 1e-5}}}, True),
        ({"name": "Ada", "counts": {"x": 1, "y": 2}}, True),
        ({"name": "Ada", "counts": {}}, False),
        ({"name": "Ada", "either": False}, True),
        ({"name": "Ada", "either": "x"}, False),
        ({"name": "Ada", "both": {"x": 1, "y": "z"}}, True),
        ({"name": "Ada", "both": {"y": "z"}}, False),
    ],
)
def test_a_schema_lets_through_what_fits(members: dict[str, Any], fits: bool) -> None:
    expression = schema_regex(PERSON)
    for separators in ((",", ":"), (", ", ": ")):
        text = json.dumps(members, ensure_ascii=False, separators=separators)
        assert bool(re.fullmatch(expression, text)) is fits
    if fits:
        jsonschema.validate(members, PERSON)


LEAVES: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [{"type": "integer"}, {"type": "boolean"}, {"type": "null"}, {"type": "string"}, {"enum": [1, "x"]}]
)
SCHEMAS: st.SearchStrategy[dict[str, Any]] = st.recursive(
    LEAVES,
    lambda inner: (
        st.builds(lambda item: {"type": "array", "items": item, "maxItems": 3}, inner)
        | st.builds(
            lambda parts, required: {
                "type": "object",
                "properties": parts,
                "required": [name for name in parts if name in required],
                "additionalProperties": False,
            },
            st.dictionaries(st.sampled_from("abcd"), inner, max_size=4),
            st.sets(st.sampled_from("abcd")),
        )
        | st.builds(lambda one, other: {"anyOf": [one, other]}, inner, inner)
    ),
    max_leaves=6,
)


def values(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that fit a schema of `SCHEMAS`."""
    match schema:
        case {"enum": choices}:
            return st.sampled_from(choices)
        case {"anyOf": choices}:
            return st.one_of([values(choice) for choice in choices])
        case {"type": "array", "items": item}:
            return st.lists(values(item), max_size=3)
        case {"properties": parts, "required": required}:
            optional = [name for name in parts if name not in required]
            names = st.sets(st.sampled_from(optional)) if optional else st.just(set())
            return names.flatmap(
                lambda chosen: st.tuples(
                    *(
                        st.tuples(st.just(name), values(part))
                        for name, part in parts.items()
                        if name in required or name in chosen
                    )
                ).map(dict)
            )
    leaves: dict[str, st.SearchStrategy[Any]] = {
        "integer": st.integers(),
        "boolean": st.booleans(),
        "null": st.none(),
        "string": st.text(st.characters(min_codepoint=0xA0, exclude_categories=["Cs"]), max_size=5),
    }
    return leaves[schema["type"]]


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_whatever_fits_a_schema_matches_its_expression(data: st.DataObject) -> None:
    schema = data.draw(SCHEMAS)
    value = data.draw(values(schema))
    assert re.fullmatch(schema_regex(schema), json.dumps(value, ensure_ascii=False, separators=(",", ":")))


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_whatever_matches_an_expression_fits_its_schema(data: st.DataObject) -> None:
    schema = data.draw(SCHEMAS)
    text = data.draw(st.from_regex(schema_regex(schema), fullmatch=True))
    jsonschema.validate(json.loads(text), schema)


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"$ref": "#"}, "it is recursive or too large, limits 40 levels and 5000 values"),
        ({"$ref": "other.json"}, "$ref 'other.json' is not within the schema"),
        ({"$ref": "#/x"}, "$ref '#/x' leads nowhere"),
        ({"type": "text"}, "type 'text' is none of string, integer, number, boolean, null, array, object"),
        ({"type": {}}, "type {} is none of string, integer, number, boolean, null, array, object"),
        ({"anyOf": []}, "a choice of nothing"),
        ({"enum": "x"}, "enum is not an array"),
        ({"properties": {"a": 5}}, "a schema is not an object"),
        ({"properties": []}, "properties is not an object"),
        ({"type": "string", "minLength": 3, "maxLength": 2}, "minLength 3 and maxLength 2 are not counts in order"),
        ({"type": "array", "minItems": -1}, "minItems -1 and maxItems None are not counts in order"),
        ({"type": "string", "pattern": 5}, "pattern is not a string"),
    ],
)
def test_what_is_not_compiled(schema: dict[str, Any], reason: str) -> None:
    with pytest.raises(SchemaError, match=f"^{re.escape(reason)}$"):
        schema_regex(schema)


LONG = {"type": "string", "pattern": "a" * 19_000}


@pytest.mark.parametrize(
    "schema",
    [
        {
            "$ref": "#/l0",
            **{f"l{i}": {"properties": {n: {"$ref": f"#/l{i + 1}"} for n in "abcdefgh"}} for i in range(30)},
            "l30": {"type": "integer"},
        },
        {"properties": {f"p{i}": {"type": "integer"} for i in range(4_000)}},
        {"prefixItems": [{"$ref": "#/long"}] * 4_000, "long": LONG},
        {"anyOf": [{"$ref": "#/long"}] * 4_000, "long": LONG},
        {"type": ["string"] * 10_000},
    ],
)
def test_schemas_that_explode_are_refused_soon(schema: dict[str, Any]) -> None:
    with pytest.raises(SchemaError, match="limit"):
        schema_regex(schema)


def test_grammars_become_expressions() -> None:
    schema = {"properties": {"a": {"type": "integer"}}, "required": ["a"]}
    expected = schema_regex(schema)
    assert read_grammar(JsonGrammar(schema)) == expected
    assert read_grammar(JsonGrammar(json.dumps(schema))) == expected
    assert read_grammar(JsonSchemaGrammar(JsonSchemaConfig(schema, "name"))) == expected
    assert read_grammar(RegexGrammar("[a-z]{3}")) == "[a-z]{3}"


@pytest.mark.parametrize("pattern", ["(", "a)|(b", "[", "(?P<a>x)(?P<a>y)"])
def test_a_pattern_that_is_no_expression_is_refused(pattern: str) -> None:
    with pytest.raises(ApiError, match="cannot compile regex from schema: pattern"):
        read_grammar(JsonGrammar({"properties": {"a": {"type": "string", "pattern": pattern}}}))
