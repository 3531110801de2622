"""A chat request, and the generation that it asks for."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated
from uuid import uuid4

import msgspec
from msgspec import Meta

from freesh_plugin.adapters.tgi.http.errors import invalid
from freesh_plugin.adapters.tgi.http.exchange import Call
from freesh_plugin.adapters.tgi.http.generate_types import GenerateParameters, Grammar, JsonGrammar
from freesh_plugin.adapters.tgi.http.openai.chat_errors import tool_error
from freesh_plugin.adapters.tgi.http.openai.chat_messages import Message, next_call_id
from freesh_plugin.adapters.tgi.http.openai.response_format import ResponseFormat, grammar_of
from freesh_plugin.adapters.tgi.http.openai.templates import OfferedTools
from freesh_plugin.adapters.tgi.http.openai.tools import Tool, ToolChoice, chosen_tools, offered_tools, tool_grammar

OWN_MODEL = "tgi"
"""The name under which clients ask for whatever model is served."""

_INLINE_BYTES = 65_536
"""Bodies up to this size are worked on by the event loop itself, in a few milliseconds."""

_U32 = Annotated[int, Meta(ge=0, le=2**32 - 1)]

Render = Callable[[list[Message], OfferedTools | None], str]
"""Makes a prompt of a conversation."""


class StreamOptions(msgspec.Struct, frozen=True):
    """Options of a streamed answer."""

    include_usage: bool = False


class ChatRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Body of a chat request. Fields that TGI ignores (`n`, `logit_bias`, …) are ignored."""

    messages: list[Message]
    model: str | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    logprobs: bool | None = None
    top_logprobs: _U32 | None = None
    max_tokens: _U32 | None = None
    max_completion_tokens: _U32 | None = None
    stop: list[str] | str | None = None
    stream: bool = False
    stream_options: StreamOptions | None = None
    seed: Annotated[int, Meta(ge=0)] | None = None
    temperature: float | None = None
    top_p: float | None = None
    tools: list[Tool] | None = None
    tool_prompt: str | None = None
    tool_choice: ToolChoice = None
    response_format: ResponseFormat | None = None

    def without_tools(self) -> "ChatRequest":
        """The same question, to be answered in plain words."""
        return msgspec.structs.replace(self, tools=None, response_format=None)

    def call_id(self) -> str:
        """Id for the tool call of the answer: the next number, or a random one where ids are no numbers."""
        return next_call_id(self.messages) or str(uuid4())

    @property
    def wants_usage(self) -> bool:
        """Whether a stream ends with a chunk of token counts."""
        return self.stream_options is not None and self.stream_options.include_usage


@dataclass(frozen=True, slots=True)
class ChatOrder:
    """What to generate for a chat request; the prompt holds its special tokens already."""

    inputs: str
    parameters: GenerateParameters
    using_tools: bool
    """Whether the answer is a tool call, to be read by `tool_answer`."""


def order_chat(chat: ChatRequest, render: Render) -> ChatOrder:
    """The generation that a chat request asks for.

    Raises:
        ApiError: the messages, tools or formats do not fit, or the template refuses them.
    """
    _check_messages(chat.messages)
    if chat.response_format is not None and chat.tools is not None:
        raise tool_error("Grammar and tools are mutually exclusive")
    tools = chosen_tools(chat.tools, chat.tool_choice) if chat.tools else []
    offered = offered_tools(tools, chat.tool_prompt) if tools else None
    grammar: Grammar | None = JsonGrammar(tool_grammar(tools)) if tools else grammar_of(chat.response_format)
    prompt = render(chat.messages, offered)
    return ChatOrder(prompt, _parameters(chat, grammar), bool(tools))


async def order_aside(call: Call, chat: ChatRequest, render: Render) -> ChatOrder:
    """The same, by a thread when the conversation is long: its prompt must not hold up everybody's tokens.

    Raises:
        ApiError: as `order_chat`.
    """
    if len(call.body) <= _INLINE_BYTES:
        return order_chat(chat, render)
    return await asyncio.to_thread(order_chat, chat, render)


def _check_messages(messages: list[Message]) -> None:
    for index, message in enumerate(messages):
        if message.has_image():
            raise invalid(f"messages[{index}] holds an image: this router serves text only")
        if message.is_empty():
            raise invalid(f"messages[{index}] has neither content nor tool calls")


def _parameters(chat: ChatRequest, grammar: Grammar | None) -> GenerateParameters:
    greedy, temperature = sampling(chat.temperature)
    return GenerateParameters(
        do_sample=not greedy,
        temperature=temperature,
        # TGI's own mapping of a scale around 0 to one around 1.
        repetition_penalty=None if chat.presence_penalty is None else chat.presence_penalty + 2.0,
        frequency_penalty=chat.frequency_penalty,
        top_p=chat.top_p,
        max_new_tokens=chat.max_tokens if chat.max_completion_tokens is None else chat.max_completion_tokens,
        stop=stop_texts(chat.stop),
        details=True,
        seed=chat.seed,
        top_n_tokens=chat.top_logprobs,
        grammar=grammar,
        adapter_id=adapter_of(chat.model),
    )


def sampling(temperature: float | None) -> tuple[bool, float | None]:
    """Whether an answer is greedy, and its temperature: OpenAI's 0 means greedy, all else samples."""
    return (True, None) if temperature == 0 else (False, temperature)


def stop_texts(stop: list[str] | str | None) -> list[str]:
    """Stop texts of a request; OpenAI also takes a single one."""
    return [stop] if isinstance(stop, str) else stop or []


def adapter_of(model: str | None) -> str | None:
    """Adapter that a model name stands for, as the shards look it up; unknown ones mean the base model there."""
    return None if model == OWN_MODEL else model


def answering_model(model: str | None, model_id: str) -> str:
    """Name of the model in an answer."""
    return model_id if model in (None, OWN_MODEL) else str(model)
