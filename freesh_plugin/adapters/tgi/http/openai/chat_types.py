"""JSON of chat answers, whole and streamed."""

from typing import Literal, Self

import msgspec

from freesh_plugin.adapters.tgi.http.generate_types import FreeshUsage
from freesh_plugin.core.generation import FinishReason, GenerationEnd, Token


class Usage(msgspec.Struct, frozen=True):
    """Token counts of an answer; energy and carbon when they are known."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    freesh: FreeshUsage | msgspec.UnsetType = msgspec.UNSET

    @classmethod
    def of(cls, prompt_tokens: int, end: GenerationEnd) -> Self:
        """Counts of one answer."""
        total = prompt_tokens + end.generated_tokens
        return cls(prompt_tokens, end.generated_tokens, total, FreeshUsage.of(end) or msgspec.UNSET)


class TopLogprob(msgspec.Struct, frozen=True):
    """A likely token at one place."""

    token: str
    logprob: float | None


class TokenLogprob(msgspec.Struct, frozen=True):
    """A generated token with its rivals."""

    token: str
    logprob: float | None
    top_logprobs: list[TopLogprob]

    @classmethod
    def of(cls, token: Token, rivals: list[Token]) -> Self:
        """As OpenAI tells it."""
        return cls(token.text, token.logprob, [TopLogprob(rival.text, rival.logprob) for rival in rivals])


class Logprobs(msgspec.Struct, frozen=True):
    """Log-probabilities of an answer's tokens."""

    content: list[TokenLogprob]


class CallDelta(msgspec.Struct, frozen=True):
    """A further piece of a call's arguments; the name comes with the first one."""

    name: str | None
    arguments: str


class ToolCallDelta(msgspec.Struct, frozen=True):
    """A further piece of a tool call."""

    index: int
    id: str
    type: Literal["function"]
    function: CallDelta


class Delta(msgspec.Struct, frozen=True):
    """A further piece of an answer: text, or of a tool call."""

    role: Literal["assistant"] = "assistant"
    content: str | msgspec.UnsetType = msgspec.UNSET
    tool_calls: list[ToolCallDelta] | None = None
    """Null beside text: version 0.7.0 of TGI's Python client takes a chunk without it for an error."""


class ChunkChoice(msgspec.Struct, frozen=True):
    """The piece in a chunk; one chunk holds one."""

    index: int
    delta: Delta
    logprobs: Logprobs | None = None
    finish_reason: str | None = None


class ChatCompletionChunk(msgspec.Struct, frozen=True, kw_only=True, tag_field="object", tag="chat.completion.chunk"):
    """One event of a streamed chat answer."""

    id: str = ""
    created: int
    model: str
    system_fingerprint: str
    choices: list[ChunkChoice]
    usage: Usage | None = None


class FunctionCall(msgspec.Struct, frozen=True):
    """A function to call; `arguments` is JSON as text."""

    description: str | None
    name: str
    arguments: str


class ToolCall(msgspec.Struct, frozen=True):
    """A tool to call."""

    id: str
    type: Literal["function"]
    function: FunctionCall


class AnswerMessage(msgspec.Struct, frozen=True):
    """The answer: text, or tool calls and no content at all."""

    role: Literal["assistant"] = "assistant"
    content: str | msgspec.UnsetType = msgspec.UNSET
    tool_calls: list[ToolCall] | msgspec.UnsetType = msgspec.UNSET


class ChatChoice(msgspec.Struct, frozen=True):
    """The one answer; more are not made, whatever `n` says."""

    index: int
    message: AnswerMessage
    logprobs: Logprobs | None
    finish_reason: str


class ChatCompletion(msgspec.Struct, frozen=True, kw_only=True, tag_field="object", tag="chat.completion"):
    """A whole chat answer."""

    id: str = ""
    created: int
    model: str
    system_fingerprint: str
    choices: list[ChatChoice]
    usage: Usage


def openai_reason(reason: FinishReason) -> str:
    """Why an answer ended, in OpenAI's word where TGI uses it: `stop` for the model's own end."""
    return "stop" if reason is FinishReason.EOS else reason.value
