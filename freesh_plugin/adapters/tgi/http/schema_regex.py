"""Compiles JSON schemas into regular expressions for constrained decoding."""

from typing import Any

from freesh_plugin.core.errors import FreeshError


class SchemaError(FreeshError):
    """A JSON schema that no regular expression is made from."""


def schema_regex(schema: dict[str, Any]) -> str:
    """An expression that matches the schema's JSON texts.

    Raises:
        SchemaError: a keyword or a shape that is not supported.
    """
    raise SchemaError("not supported yet")
