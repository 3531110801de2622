"""Grammars as shards take them: regular expressions, into which JSON schemas are compiled here."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec

from freesh_plugin.adapters.tgi.http.errors import invalid
from freesh_plugin.adapters.tgi.http.expression import ExpressionError, checked_expression
from freesh_plugin.adapters.tgi.http.generate_types import Grammar, JsonSchemaGrammar, RegexGrammar
from freesh_plugin.adapters.tgi.http.schema_regex import SchemaError, schema_regex

# One thread: large grammars take a while, during which tokens must flow, and parsing silences all threads' warnings.
_READER = ThreadPoolExecutor(1, thread_name_prefix="grammar")


async def grammar_expression(grammar: Grammar) -> str:
    """`read_grammar` beside the event loop.

    Raises:
        ApiError: as `read_grammar`.
    """
    return await asyncio.get_running_loop().run_in_executor(_READER, read_grammar, grammar)


def read_grammar(grammar: Grammar) -> str:
    """The regular expression that answers must match.

    Raises:
        ApiError: an expression or a schema that nothing can be compiled from: a shard would lose its batch over it.
    """
    if isinstance(grammar, RegexGrammar):
        try:
            return checked_expression(grammar.value)
        except ExpressionError as error:
            raise invalid(f"grammar is not valid: {error}") from error
    value = grammar.value.schema if isinstance(grammar, JsonSchemaGrammar) else grammar.value
    schema = _schema(value)
    if "properties" not in schema:
        raise invalid("grammar is not valid: Grammar must have a 'properties' field")
    try:
        return checked_expression(schema_regex(schema))
    except (SchemaError, ExpressionError) as error:
        raise invalid(f"cannot compile regex from schema: {error}") from error


def _schema(value: Any) -> dict[str, Any]:  # noqa: ANN401  # any JSON
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError) as error:
            raise invalid(f"grammar is not valid: {error}") from error
    if not isinstance(value, dict):
        raise invalid("grammar is not supported")
    return value
