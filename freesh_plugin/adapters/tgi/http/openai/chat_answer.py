"""Writes chat answers, whole and in chunks, out of what was generated."""

import time
from dataclasses import dataclass

from freesh_plugin.adapters.tgi.http.inference import Answer, Step
from freesh_plugin.adapters.tgi.http.openai.chat_request import ChatRequest, answering_model
from freesh_plugin.adapters.tgi.http.openai.chat_types import (
    AnswerMessage,
    CallDelta,
    ChatChoice,
    ChatCompletion,
    ChatCompletionChunk,
    ChunkChoice,
    Delta,
    FunctionCall,
    Logprobs,
    TokenLogprob,
    ToolCall,
    ToolCallDelta,
    Usage,
    openai_reason,
)
from freesh_plugin.adapters.tgi.http.openai.tool_answer import ToolAnswer, ToolCallReader
from freesh_plugin.adapters.tgi.http.settings import RouterSettings


@dataclass(frozen=True, slots=True)
class ChatWriter:
    """Writes the answer to one request."""

    model: str
    system_fingerprint: str
    call_id: str
    logprobs: bool
    wants_usage: bool

    @classmethod
    def of(cls, chat: ChatRequest, settings: RouterSettings) -> "ChatWriter":
        """The writer that this request wants."""
        return cls(
            answering_model(chat.model, settings.model_id),
            settings.system_fingerprint,
            chat.call_id(),
            bool(chat.logprobs),
            chat.wants_usage,
        )

    def completion(self, answer: Answer, call: ToolAnswer | None) -> ChatCompletion:
        """A whole answer: its text, or a call in place of it."""
        message = AnswerMessage(content=answer.ended.text) if call is None else self._call_message(call)
        rivals = answer.top_tokens or [[] for _ in answer.tokens]
        logprobs = Logprobs([TokenLogprob.of(t, tops) for t, tops in zip(answer.tokens, rivals, strict=True)])
        end = answer.ended.end
        choice = ChatChoice(0, message, logprobs if self.logprobs else None, openai_reason(end.finish_reason))
        return ChatCompletion(
            created=int(time.time()),
            model=self.model,
            system_fingerprint=self.system_fingerprint,
            choices=[choice],
            usage=Usage.of(answer.ended.input_tokens, end),
        )

    def _call_message(self, call: ToolAnswer) -> AnswerMessage:
        return AnswerMessage(
            tool_calls=[ToolCall(self.call_id, "function", FunctionCall(None, call.name, call.arguments))]
        )

    def text_chunks(self, step: Step) -> list[ChatCompletionChunk]:
        """Chunks of one token of a text; special tokens add none."""
        return self._chunks(step, Delta(content="" if step.token.special else step.token.text))

    def call_chunks(self, step: Step, name: str | None, arguments: str) -> list[ChatCompletionChunk]:
        """Chunks of one token of a tool call; `name` comes with the first one."""
        piece = ToolCallDelta(0, self.call_id, "function", CallDelta(name, arguments))
        return self._chunks(step, Delta(tool_calls=[piece]))

    def _chunks(self, step: Step, delta: Delta) -> list[ChatCompletionChunk]:
        logprobs = Logprobs([TokenLogprob.of(step.token, step.top_tokens)]) if self.logprobs else None
        ended = step.ended
        if ended is None:
            return [self._chunk([ChunkChoice(0, delta, logprobs)])]
        last = self._chunk([ChunkChoice(0, delta, logprobs, openai_reason(ended.end.finish_reason))])
        return [last, self._chunk([], Usage.of(ended.input_tokens, ended.end))] if self.wants_usage else [last]

    def _chunk(self, choices: list[ChunkChoice], usage: Usage | None = None) -> ChatCompletionChunk:
        return ChatCompletionChunk(
            created=int(time.time()),
            model=self.model,
            system_fingerprint=self.system_fingerprint,
            choices=choices,
            usage=usage,
        )


class CallChunks:
    """Writes a streamed tool call: chunks begin with its name, and the last one tells why it ended."""

    def __init__(self, writer: ChatWriter) -> None:
        """Write by `writer`."""
        self._writer = writer
        self._named = False
        self.reader = ToolCallReader()

    def of(self, step: Step) -> list[ChatCompletionChunk]:
        """Chunks of one token, none while the name is not known."""
        added = "" if step.token.special else self.reader.feed(step.token.text)
        name = self.reader.name
        if name is None or not (added or step.ended):
            return []
        first, self._named = not self._named, True
        return self._writer.call_chunks(step, name if first else None, added)
