"""Reads a tool call from the text that a model generated, whole or token by token."""

import re
from dataclasses import dataclass
from typing import Any

import msgspec

from freesh_plugin.adapters.tgi.http.errors import ApiError
from freesh_plugin.adapters.tgi.http.openai.chat_errors import tool_error
from freesh_plugin.adapters.tgi.http.openai.tools import NO_TOOL

_NAME = re.compile(r'\s*\{\s*"function"\s*:\s*\{\s*"_name"\s*:\s*("(?:[^"\\]|\\.)*")')
_MAX_QUOTED_CHARS = 1000


class _Call(msgspec.Struct):
    function: dict[str, Any]


@dataclass(frozen=True)
class ToolAnswer:
    """A function that the model wants called."""

    name: str
    arguments: str
    """JSON text of an object."""


def read_tool_answer(text: str) -> ToolAnswer | None:
    """The call in a whole answer; None when the model chose to answer without a tool.

    Raises:
        ApiError: the text is no tool call.
    """
    try:
        arguments = msgspec.json.decode(text, type=_Call).function
    except (msgspec.DecodeError, RecursionError) as error:
        raise no_tool_call(text, str(error)) from error
    name = arguments.pop("_name", None)
    if not isinstance(name, str):
        raise no_tool_call(text, "it names no function")
    return None if name == NO_TOOL else ToolAnswer(name, msgspec.json.encode(arguments).decode())


def no_tool_call(text: str, reason: str) -> ApiError:
    """An answer that should be a tool call and is not."""
    return tool_error(f"Failed to parse generated text: {reason}: {text[:_MAX_QUOTED_CHARS]!r}")


class ToolCallReader:
    """Follows a tool call while it is generated: first its name, then its arguments as they come.

    It depends on the text alone, not on where one token ends and the next begins.
    """

    def __init__(self) -> None:
        self.text = ""
        """All text so far."""
        self.name: str | None = None
        """Name of the function, once it is known; `no_tool` when the model chose to answer without one."""
        self._arguments = _ArgumentsText()

    def feed(self, text: str) -> str:
        """Take the text of the next token; returns the JSON text that it adds to the arguments, often none."""
        self.text += text
        if self.name is not None:
            return self._arguments.feed(text)
        found = _NAME.match(self.text)
        if found is None:
            return ""
        self.name = _unquoted(found[1])
        return "{" + self._arguments.feed(self.text[found.end() :])


def _unquoted(quoted: str) -> str:
    try:
        return msgspec.json.decode(quoted, type=str)
    except msgspec.DecodeError:
        return quoted[1:-1]


class _ArgumentsText:
    """Cuts the arguments out of what follows the name: after its comma, up to the brace that ends the call."""

    def __init__(self) -> None:
        self._begun = False
        self._depth = 1
        self._in_string = False
        self._escaped = False

    def feed(self, text: str) -> str:
        if not self._begun:
            text = text.lstrip()
            if not text:
                return ""
            self._begun = True
            text = text.removeprefix(",")
        return text[: self._end(text)]

    def _end(self, text: str) -> int:
        for index, char in enumerate(text):
            if self._depth == 0:
                return index
            self._step(char)
        return len(text)

    def _step(self, char: str) -> None:
        if self._in_string:
            self._in_string = self._escaped or char != '"'
            self._escaped = not self._escaped and char == "\\"
        elif char == '"':
            self._in_string = True
        else:
            self._depth += (char in "{[") - (char in "}]")
