"""What form an answer must have: TGI's forms, and OpenAI's of the same names."""

from typing import Any

import msgspec

from freesh_plugin.adapters.tgi.http.errors import invalid
from freesh_plugin.adapters.tgi.http.generate_types import (
    Grammar,
    JsonGrammar,
    JsonObjectGrammar,
    JsonSchemaConfig,
    JsonSchemaGrammar,
    RegexGrammar,
)


class TextFormat(msgspec.Struct, frozen=True, tag_field="type", tag="text"):
    """Any text: OpenAI's default."""


class ObjectFormat(msgspec.Struct, frozen=True, tag_field="type", tag="json_object"):
    """A JSON object that matches the schema in `value`."""

    value: Any = None


class SchemaFormat(msgspec.Struct, frozen=True, tag_field="type", tag="json_schema"):
    """A named JSON schema: under `value` as TGI takes it, under `json_schema` as OpenAI does."""

    value: JsonSchemaConfig | None = None
    json_schema: JsonSchemaConfig | None = None


ResponseFormat = JsonGrammar | RegexGrammar | ObjectFormat | SchemaFormat | TextFormat


def grammar_of(form: ResponseFormat | None) -> Grammar | None:
    """Grammar that makes answers have this form; None if any text will do.

    Raises:
        ApiError: the form needs a schema and has none.
    """
    match form:
        case None | TextFormat():
            return None
        case ObjectFormat(value=schema):
            if schema is None:
                raise invalid("response_format json_object needs a JSON schema in `value`")
            return JsonObjectGrammar(schema)
        case SchemaFormat():
            config = form.value or form.json_schema
            if config is None:
                raise invalid("response_format json_schema needs a schema, in `json_schema` or `value`")
            return JsonSchemaGrammar(config)
        case _:
            return form
