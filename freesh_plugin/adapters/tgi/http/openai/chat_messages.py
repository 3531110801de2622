"""Messages of a conversation as clients send them, and as the model's chat template sees them."""

from typing import Any

import msgspec

_MAX_ID_DIGITS = 18
"""A call id that is longer is taken for a name, not for a number to count on from."""


class TextPart(msgspec.Struct, frozen=True, tag="text"):
    """A piece of text in a message of several parts."""

    text: str


class ImagePart(msgspec.Struct, frozen=True, tag="image_url"):
    """A picture in a message; read so that it can be refused by name."""

    image_url: Any = None


Content = str | list[TextPart | ImagePart]


class CalledFunction(msgspec.Struct, frozen=True):
    """The function that an earlier answer called; `arguments` is JSON as text, or the object itself."""

    name: str
    arguments: Any = ""
    description: str | None = None


class CalledTool(msgspec.Struct, frozen=True):
    """One tool call of an earlier answer."""

    function: CalledFunction
    id: str | int = ""
    type: str = "function"


class Message(msgspec.Struct, frozen=True):
    """One message of a conversation; the content may be null only where tools were called."""

    role: str
    content: Content | None = None
    tool_calls: list[CalledTool] | None = None
    tool_call_id: str | None = None
    name: str | None = None

    def has_image(self) -> bool:
        """Whether any part of it is a picture."""
        return isinstance(self.content, list) and any(isinstance(part, ImagePart) for part in self.content)

    def is_empty(self) -> bool:
        """Whether it says nothing and calls nothing."""
        return self.content is None and not self.tool_calls

    def text(self) -> str:
        """Its text, parts joined; of a message that only calls tools, the calls as JSON."""
        if isinstance(self.content, list):
            return "".join(part.text for part in self.content if isinstance(part, TextPart))
        if not self.content and self.tool_calls:
            return called_tools_json(self.tool_calls)
        return self.content or ""


def called_tools_json(calls: list[CalledTool]) -> str:
    """Tool calls of an earlier answer as the text that TGI puts into the prompt for them."""
    rows = [
        {
            "id": str(call.id),
            "type": call.type,
            "function": {
                "description": call.function.description,
                "name": call.function.name,
                # TGI writes whatever value it read as JSON text: arguments that came as text are quoted once more.
                "arguments": msgspec.json.encode(call.function.arguments).decode(),
            },
        }
        for call in calls
    ]
    return msgspec.json.encode(rows).decode()


class TemplateMessage(msgspec.Struct, frozen=True, omit_defaults=True):
    """A message as the chat template sees it."""

    role: str
    content: str
    tool_call_id: str | None = None


def template_messages(messages: list[Message], last_suffix: str = "") -> list[TemplateMessage]:
    """The conversation for the template; `last_suffix` is added to the text of the last message."""
    plain = [TemplateMessage(m.role, m.text(), m.tool_call_id) for m in messages]
    if last_suffix and plain and messages[-1].content is not None:
        plain[-1] = msgspec.structs.replace(plain[-1], content=plain[-1].content + last_suffix)
    return plain


def next_call_id(messages: list[Message]) -> str | None:
    """Id of the next tool call, counted on from those in the conversation; None when they are not numbers."""
    ids = [str(call.id) for message in messages for call in message.tool_calls or ()]
    if not all(text.isascii() and text.isdigit() and len(text) <= _MAX_ID_DIGITS for text in ids):
        return None
    return str(max((int(text) + 1 for text in ids), default=0))
