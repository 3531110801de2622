"""Compiles JSON schemas into regular expressions, by which shards constrain what they generate."""

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from freesh_plugin.adapters.tgi.http.expression import MAX_CHARACTERS, ExpressionError, checked_expression
from freesh_plugin.core.errors import FreeshError

_SPACE = "[ ]?"
_CHARACTER = r'(?:[^"\\\x00-\x1f\x7f-\x9f]|\\["\\/bfnrt])'
_INTEGER = "-?(?:0|[1-9][0-9]*)"
_PATTERNS = {
    "string": f'"{_CHARACTER}*"',
    "integer": _INTEGER,
    "number": rf"{_INTEGER}(?:\.[0-9]+)?(?:[eE][+-][0-9]+)?",
    "boolean": "(?:true|false)",
    "null": "null",
}
_DATE = r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})?"
_FORMATS = {
    "date": _DATE,
    "time": _TIME,
    "date-time": f"{_DATE}T{_TIME}",
    "uuid": r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}",
}
_TYPES = (*_PATTERNS, "array", "object")

_ANY_DEPTH = 1
"""Nesting of values that a schema leaves open: a regular expression cannot nest without end."""

MAX_DEPTH = 40
MAX_VALUES = 5_000
_ALL_CHARACTERS = 5 * MAX_CHARACTERS
"""Of the expressions of all values: joined, they would be long before their length could be looked at."""

_NAMES: dict[type, str] = {list: "an array", dict: "an object", str: "a string"}


class SchemaError(FreeshError):
    """A JSON schema that no regular expression is made from."""


def schema_regex(schema: dict[str, Any]) -> str:
    """An expression that matches JSON texts of the schema, with at most one space between tokens.

    Properties come in the schema's order and no others are added; limits on numbers are not enforced.

    Raises:
        SchemaError: a malformed or recursive schema, a keyword that is not supported, or one that grows too large.
    """
    return _Compiler(schema).value(schema, 0)


class _Compiler:
    """Compiles the parts of one schema; `depth` counts nesting, so that recursion ends."""

    def __init__(self, root: dict[str, Any]) -> None:
        self._root = root
        self._values = 0
        self._characters = 0

    def value(self, schema: Any, depth: int) -> str:  # noqa: ANN401  # any JSON
        self._values += 1
        if depth > MAX_DEPTH or self._values > MAX_VALUES:
            raise SchemaError(f"it is recursive or too large, limits {MAX_DEPTH} levels and {MAX_VALUES} values")
        expression = _bounded(self._value(schema, depth))
        self._characters += len(expression)
        if self._characters > _ALL_CHARACTERS:
            raise SchemaError(f"its parts have {self._characters} characters, limit {_ALL_CHARACTERS}")
        return expression

    def _value(self, schema: Any, depth: int) -> str:  # noqa: ANN401  # any JSON
        if schema is True or schema == {}:
            return self._any(_ANY_DEPTH)
        schema = _expect(schema, dict, "a schema")
        for keyword, compiled in (
            ("$ref", self._reference),
            ("allOf", self._all_of),
            ("const", self._const),
            ("enum", self._enum),
            ("anyOf", self._any_of),
            ("oneOf", self._any_of),
            ("properties", self._object),
            ("prefixItems", self._array),
            ("type", self._typed),
        ):
            if keyword in schema:
                return compiled(schema, depth)
        return self._any(_ANY_DEPTH)

    def _reference(self, schema: dict[str, Any], depth: int) -> str:
        pointer = _expect(schema["$ref"], str, "$ref")
        if not pointer.startswith("#"):
            raise SchemaError(f"$ref {pointer!r} is not within the schema")
        found: Any = self._root
        for part in pointer[1:].split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            if not isinstance(found, dict) or name not in found:
                raise SchemaError(f"$ref {pointer!r} leads nowhere")
            found = found[name]
        return self.value(found, depth + 1)

    def _all_of(self, schema: dict[str, Any], depth: int) -> str:
        merged = {key: value for key, value in schema.items() if key != "allOf"}
        for part in _expect(schema["allOf"], list, "allOf"):
            merged = _merged(merged, _expect(part, dict, "a part of allOf"))
        return self.value(merged, depth + 1)

    def _const(self, schema: dict[str, Any], depth: int) -> str:
        return _literal(schema["const"])

    def _enum(self, schema: dict[str, Any], depth: int) -> str:
        return _either(_literal(value) for value in _expect(schema["enum"], list, "enum"))

    def _any_of(self, schema: dict[str, Any], depth: int) -> str:
        choices = _expect(schema.get("anyOf", schema.get("oneOf")), list, "anyOf")
        return _either(self.value(choice, depth + 1) for choice in choices)

    def _typed(self, schema: dict[str, Any], depth: int) -> str:
        kind = schema["type"]
        if isinstance(kind, list):
            return _either(self.value({**schema, "type": one}, depth + 1) for one in kind)
        match kind:
            case "string":
                return _string(schema)
            case "array":
                return self._array(schema, depth)
            case "object":
                return self._map(schema, depth)
            case "integer" | "number" | "boolean" | "null":
                return _PATTERNS[kind]
        raise SchemaError(f"type {kind!r} is none of {', '.join(_TYPES)}")

    def _array(self, schema: dict[str, Any], depth: int) -> str:
        first = [self.value(part, depth + 1) for part in _expect(schema.get("prefixItems", []), list, "prefixItems")]
        if first:
            return rf"\[{_SPACE}{f'{_SPACE},{_SPACE}'.join(first)}{_SPACE}\]"
        item = self.value(schema.get("items", True), depth + 1)
        return rf"\[{_SPACE}{_series(item, *_bounds(schema, 'minItems', 'maxItems'))}{_SPACE}\]"

    def _map(self, schema: dict[str, Any], depth: int) -> str:
        given = schema.get("additionalProperties", True)
        item = f"{_PATTERNS['string']}{_SPACE}:{_SPACE}{self.value(True if given is False else given, depth + 1)}"
        least, most = (0, 0) if given is False else _bounds(schema, "minProperties", "maxProperties")
        return rf"\{{{_SPACE}{_series(item, least, most)}{_SPACE}\}}"

    def _object(self, schema: dict[str, Any], depth: int) -> str:
        properties = _expect(schema["properties"], dict, "properties")
        required = _expect(schema.get("required", []), list, "required")
        members = [
            (f"{_literal(name)}{_SPACE}:{_SPACE}{self.value(part, depth + 1)}", name in required)
            for name, part in properties.items()
        ]
        return rf"\{{{_SPACE}{_members(members)}{_SPACE}\}}"

    def _any(self, depth: int) -> str:
        simple = list(_PATTERNS.values())
        if depth == 0:
            return _either(simple)
        inner = self._any(depth - 1)
        member = f"{_PATTERNS['string']}{_SPACE}:{_SPACE}{inner}"
        array = rf"\[{_SPACE}{_series(inner, 0, None)}{_SPACE}\]"
        return _either([*simple, array, rf"\{{{_SPACE}{_series(member, 0, None)}{_SPACE}\}}"])


def _bounded(expression: str) -> str:
    if len(expression) > MAX_CHARACTERS:
        raise SchemaError(f"its expression has {len(expression)} characters, limit {MAX_CHARACTERS}")
    return expression


def _members(members: list[tuple[str, bool]]) -> str:
    """Members (expression, whether required) in order, with commas between those that are there."""
    after = ""  # what may follow once a member has been written
    start = ""  # what may follow when none has been written yet
    for member, required in reversed(members):
        following = f"{_SPACE},{_SPACE}{member}"
        start = _bounded(f"{member}{after}" if required else _either([f"{member}{after}", start]))
        after = _bounded(f"{following}{after}" if required else f"(?:{following})?{after}")
    return start


def _series(item: str, least: int, most: int | None) -> str:
    """`item` between `least` and `most` times, with commas."""
    if most == 0:
        return ""
    more = f"(?:{_SPACE},{_SPACE}{item})"
    times = f"{{{max(0, least - 1)},{'' if most is None else most - 1}}}"
    return f"{item}{more}{times}" if least > 0 else f"(?:{item}{more}{times})?"


def _string(schema: dict[str, Any]) -> str:
    if "pattern" in schema:
        return f'"(?:{_pattern(schema["pattern"])})"'
    if schema.get("format") in _FORMATS:
        return f'"{_FORMATS[schema["format"]]}"'
    if "minLength" not in schema and "maxLength" not in schema:
        return _PATTERNS["string"]
    least, most = _bounds(schema, "minLength", "maxLength")
    return f'"{_CHARACTER}{{{least},{"" if most is None else most}}}"'


def _pattern(pattern: Any) -> str:  # noqa: ANN401  # any JSON
    """A pattern without its anchors; it is checked alone, since it could close the group that it is put in."""
    try:
        return checked_expression(_expect(pattern, str, "pattern"))
    except ExpressionError as error:
        raise SchemaError(f"pattern {pattern!r} is not valid: {error}") from error


def _bounds(schema: dict[str, Any], least: str, most: str) -> tuple[int, int | None]:
    low, high = schema.get(least, 0), schema.get(most)
    if not (_is_count(low) and (high is None or _is_count(high))) or (high is not None and high < low):
        raise SchemaError(f"{least} {low!r} and {most} {high!r} are not counts in order")
    return low, high


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_CHARACTERS


def _merged(left: dict[str, Any], right: dict[str, Any]) -> dict[str, Any]:
    merged = {**left, **right}
    for keyword in ("properties", "required"):
        if keyword in left and keyword in right:
            kind = dict if keyword == "properties" else list
            one, other = _expect(left[keyword], kind, keyword), _expect(right[keyword], kind, keyword)
            merged[keyword] = {**one, **other} if kind is dict else [*one, *other]
    return merged


def _either(expressions: Iterable[str]) -> str:
    choices = list(expressions)
    if not choices:
        raise SchemaError("a choice of nothing")
    return f"(?:{'|'.join(choices)})"


def _literal(value: Any) -> str:  # noqa: ANN401  # any JSON
    return re.escape(msgspec.json.encode(value).decode())


def _expect(value: Any, kind: type, name: str) -> Any:  # noqa: ANN401  # any JSON
    if not isinstance(value, kind):
        raise SchemaError(f"{name} is not {_NAMES[kind]}")
    return value
