"""Texts that satisfy a grammar: the smallest instance of a JSON schema, the shortest match of a simple pattern."""

import json
import re
from collections.abc import Mapping
from re import _parser as pattern_parser  # the only parser of patterns there is
from typing import Any

from freesh_plugin.adapters.tgi.messages import GRAMMAR_TYPE_JSON
from freesh_plugin.adapters.tgi.simulated.refusal import Refusal

_DEEPEST = 50
_OF_CATEGORY = {"CATEGORY_DIGIT": "1", "CATEGORY_SPACE": " ", "CATEGORY_WORD": "a"}


def satisfying_text(grammar: str, grammar_type: int) -> str:
    """A text that the grammar allows.

    JSON schemas: type, properties, required, items, minItems, enum, const, minimum, minLength, anyOf, oneOf, allOf (the
    first branch), $ref within the document. Patterns: letters, classes, groups, alternatives (the first), repeats (the
    least number), anchors.

    Raises:
        Refusal: the grammar is malformed, or uses something else.
    """
    try:
        if grammar_type == GRAMMAR_TYPE_JSON:
            schema = json.loads(grammar)
            return json.dumps(_instance(schema, schema, 0), ensure_ascii=False)
        text = _match(pattern_parser.parse(grammar))
    except (ValueError, re.error, KeyError, TypeError, IndexError) as error:
        raise Refusal(f"grammar: cannot be satisfied: {error}") from error
    if not re.fullmatch(grammar, text):
        raise Refusal(f"grammar: no match found for pattern {grammar[:100]!r}")
    return text


def _instance(schema: Any, root: Any, depth: int) -> Any:  # noqa: ANN401  # JSON
    if depth > _DEEPEST:
        raise Refusal("grammar: the schema refers to itself without end")
    if not isinstance(schema, Mapping):
        return "" if schema is True else None
    if "$ref" in schema:
        return _instance(_referred(schema["$ref"], root), root, depth + 1)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    for branches in ("anyOf", "oneOf", "allOf"):
        if schema.get(branches):
            return _instance(schema[branches][0], root, depth + 1)
    return _typed(schema, root, depth)


def _typed(schema: Mapping[str, Any], root: Any, depth: int) -> Any:  # noqa: ANN401  # JSON
    kind = schema.get("type", "object" if "properties" in schema else "string")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        wanted = schema.get("required") or schema.get("properties", {})
        properties = schema.get("properties", {})
        return {name: _instance(properties.get(name, True), root, depth + 1) for name in wanted}
    if kind == "array":
        return [_instance(schema.get("items", True), root, depth + 1)] * int(schema.get("minItems", 1))
    if kind in ("integer", "number"):
        return schema.get("minimum", 1)
    if kind == "boolean":
        return True
    if kind == "null":
        return None
    if "pattern" in schema:
        return _match(pattern_parser.parse(schema["pattern"]))
    return "word".ljust(int(schema.get("minLength", 0)), "s")[: int(schema.get("maxLength", 1 << 20))]


def _referred(pointer: str, root: Any) -> Any:  # noqa: ANN401  # JSON
    found = root
    for step in pointer.removeprefix("#").strip("/").split("/"):
        found = found[step.replace("~1", "/").replace("~0", "~")]
    return found


def _match(parsed: Any) -> str:  # noqa: ANN401  # the parser has no types
    return "".join(_piece(str(operation), argument) for operation, argument in parsed)


def _piece(operation: str, argument: Any) -> str:  # noqa: ANN401  # the parser has no types
    if operation == "LITERAL":
        return chr(argument)
    if operation in ("MAX_REPEAT", "MIN_REPEAT"):
        least, _, repeated = argument
        return _match(repeated) * int(least)
    if operation == "SUBPATTERN":
        return _match(argument[-1])
    if operation == "BRANCH":
        return _match(argument[1][0])
    if operation in ("ANY", "NOT_LITERAL"):
        return "a" if operation == "ANY" or argument != ord("a") else "b"
    if operation == "IN":
        return _member(argument)
    if operation == "AT":
        return ""
    raise Refusal(f"grammar: patterns with {operation.lower()} are not supported")


def _member(choices: Any) -> str:  # noqa: ANN401
    """A character of a class."""
    operation, argument = choices[0]
    if str(operation) == "NEGATE":
        allowed = re.compile(f"[^{''.join(re.escape(_member([choice])) for choice in choices[1:])}]")
        return next(character for character in "a0 -_Z" if allowed.match(character))
    if str(operation) == "RANGE":
        return chr(argument[0])
    if str(operation) == "CATEGORY":
        return _OF_CATEGORY.get(str(argument), "-")
    return chr(argument)
