"""Tools that a conversation offers: what clients send, the grammar that an answer must follow, what templates see."""

from typing import Any

import msgspec

from freesh_plugin.adapters.tgi.http.openai.chat_errors import tool_error
from freesh_plugin.adapters.tgi.http.openai.templates import OfferedTools

NO_TOOL = "no_tool"
"""Name of the function that stands for an answer without a tool, offered when the model may choose."""

DEFAULT_PROMPT = (
    "\nGiven the functions available, please respond with a JSON for a function call with its proper arguments that "
    "best answers the given prompt. Respond in the format {name: function name, parameters: dictionary of argument "
    "name and its value}.Do not use variables.\n"
)
"""TGI's own words, since models answer to the words they are given."""


class ToolFunction(msgspec.Struct, frozen=True):
    """A function that the model may call; OpenAI names its schema `parameters`, TGI's answers `arguments`."""

    name: str
    description: str | None = None
    parameters: Any = msgspec.UNSET
    arguments: Any = msgspec.UNSET

    @property
    def schema(self) -> Any:  # noqa: ANN401 (any JSON value)
        """JSON schema of its arguments."""
        found = self.arguments if self.parameters is msgspec.UNSET else self.parameters
        return {} if found is msgspec.UNSET else found


class Tool(msgspec.Struct, frozen=True):
    """One tool of a request; only functions are known."""

    function: ToolFunction
    type: str = "function"


class FunctionName(msgspec.Struct, frozen=True):
    """The function of a choice."""

    name: str


class NamedChoice(msgspec.Struct, frozen=True):
    """A choice of one function, in OpenAI's form."""

    function: FunctionName
    type: str = "function"


ToolChoice = str | NamedChoice | None
"""`auto` (also null), `none`, `required`, or one function: by its bare name, as TGI reads it, or in OpenAI's form."""


def chosen_tools(tools: list[Tool], choice: ToolChoice) -> list[Tool]:
    """Tools that the answer may call, `no_tool` among them if it need not call any; empty for a plain answer.

    Raises:
        ApiError: the choice names no tool of the list.
    """
    name = choice.function.name if isinstance(choice, NamedChoice) else choice
    if isinstance(choice, NamedChoice) or name not in (None, "auto", "none", "required"):
        return [_named_tool(tools, str(name))]
    if name == "none":
        return []
    if name == "required":
        return tools
    free = ToolFunction(NO_TOOL, "Open ended response with no specific tool selected", {"type": "object"})
    return [*tools, Tool(free)]


def _named_tool(tools: list[Tool], name: str) -> Tool:
    for tool in tools:
        if tool.function.name == name:
            return tool
    raise tool_error(f"Tool with name {name} not found")


def tool_grammar(tools: list[Tool]) -> dict[str, Any]:
    """JSON schema of an answer `{"function": {"_name": …, arguments…}}` that calls one of these tools.

    The answers are TGI's, with two additions: the call is required (TGI's schema also lets `{}` pass), and definitions
    that the tools' schemas refer to come along.

    Raises:
        ApiError: two tools define different things under one name.
    """
    return {
        "type": "object",
        "properties": {"function": {"anyOf": [_function_schema(tool.function) for tool in tools]}},
        "required": ["function"],
        **_definitions(tools),
    }


def _function_schema(function: ToolFunction) -> dict[str, Any]:
    schema = function.schema if isinstance(function.schema, dict) else {}
    properties, required = schema.get("properties"), schema.get("required")
    return {
        "type": "object",
        "description": function.description or "",
        "additionalProperties": False,
        "properties": {
            "_name": {"type": "string", "const": function.name},
            **(properties if isinstance(properties, dict) else {}),
        },
        "required": ["_name", *(required if isinstance(required, list) else [])],
    }


def _definitions(tools: list[Tool]) -> dict[str, Any]:
    merged: dict[str, dict[str, Any]] = {}
    for tool in tools:
        schema = tool.function.schema
        for keyword in ("$defs", "definitions"):
            found = schema.get(keyword) if isinstance(schema, dict) else None
            for name, value in found.items() if isinstance(found, dict) else ():
                if merged.setdefault(keyword, {}).setdefault(name, value) != value:
                    raise tool_error(f"Tools define {name!r} in two ways under {keyword!r}")
    return merged


def offered_tools(tools: list[Tool], prompt: str | None) -> OfferedTools:
    """What the chat template needs of the tools; an empty or missing prompt is TGI's own."""
    functions = [(tool.type, tool.function, msgspec.json.encode(tool.function.schema).decode()) for tool in tools]
    # TGI lists the keys in another order inside templates than in text.
    as_text = [
        {"type": kind, "function": {"description": f.description, "name": f.name, "arguments": arguments}}
        for kind, f, arguments in functions
    ]
    in_template = [
        {"function": {"arguments": arguments, "description": f.description, "name": f.name}, "type": kind}
        for kind, f, arguments in functions
    ]
    return OfferedTools(in_template, msgspec.json.encode(as_text).decode(), prompt or DEFAULT_PROMPT)
