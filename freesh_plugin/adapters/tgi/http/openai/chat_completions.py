"""POST /v1/chat/completions: answers a conversation, in words or by a tool call, whole or streamed."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from freesh_plugin.adapters.tgi.http.errors import ApiError
from freesh_plugin.adapters.tgi.http.exchange import DONE, Call, EventStream, Reply, event, json_reply
from freesh_plugin.adapters.tgi.http.front import Front
from freesh_plugin.adapters.tgi.http.inference import Answer
from freesh_plugin.adapters.tgi.http.openai.chat_answer import CallChunks, ChatWriter
from freesh_plugin.adapters.tgi.http.openai.chat_request import ChatOrder, ChatRequest, order_aside
from freesh_plugin.adapters.tgi.http.openai.openai_errors import StreamErrorEvent
from freesh_plugin.adapters.tgi.http.openai.tool_answer import ToolAnswer, no_tool_call, read_tool_answer
from freesh_plugin.adapters.tgi.http.openai.tools import NO_TOOL
from freesh_plugin.adapters.tgi.http.timings import answer_headers, stream_headers


async def chat_completions(front: Front, call: Call, chat: ChatRequest) -> Reply | EventStream:
    """Answer a conversation; errors before the first token of a stream are events of it, except the template's.

    Raises:
        ApiError: the request does not fit, the template refuses it, or the answer could not be generated.
    """
    chatting = _Chatting(front, call, chat)
    order = await chatting.order(chat)
    return chatting.stream(order) if chat.stream else await chatting.whole(order)


class _Chatting:
    """One conversation that is being answered."""

    def __init__(self, front: Front, call: Call, chat: ChatRequest) -> None:
        self._front = front
        self._call = call
        self._chat = chat
        self._writer = ChatWriter.of(chat, front.settings)

    async def order(self, chat: ChatRequest) -> ChatOrder:
        self._front.metrics.arrived()
        try:
            return await order_aside(self._call, chat, self._front.templates.render)
        except ApiError as error:
            raise self._front.inference.failed(error) from error

    async def whole(self, order: ChatOrder) -> Reply:
        answer = await self._generate(order)
        tool: ToolAnswer | None = None
        if order.using_tools:
            tool = read_tool_answer(answer.ended.text)
            if tool is None:
                order = await self.order(self._chat.without_tools())
                answer = await self._generate(order)
        ended = answer.ended
        headers = answer_headers(
            self._front.settings.compute_type, len(order.inputs), ended.timings, ended.input_tokens, ended.end
        )
        return json_reply(self._writer.completion(answer, tool), headers)

    async def _generate(self, order: ChatOrder) -> Answer:
        return await self._front.inference.whole(self._call, order.inputs, order.parameters, add_special_tokens=False)

    def stream(self, order: ChatOrder) -> EventStream:
        headers = stream_headers(self._front.settings.compute_type, len(order.inputs))
        return EventStream(self._events(order), headers)

    async def _events(self, order: ChatOrder) -> AsyncGenerator[bytes, None]:
        chunks = self._call_events(order) if order.using_tools else self._text_events(order)
        async with aclosing(chunks):
            try:
                async for chunk in chunks:
                    yield chunk
            except ApiError as error:
                yield event(StreamErrorEvent.of(error))
        yield DONE

    async def _text_events(self, order: ChatOrder) -> AsyncGenerator[bytes, None]:
        with await self._front.inference.open(
            self._call, order.inputs, order.parameters, add_special_tokens=False
        ) as generation:
            async for step in generation.steps():
                for chunk in self._writer.text_chunks(step):
                    yield event(chunk)

    async def _call_events(self, order: ChatOrder) -> AsyncGenerator[bytes, None]:
        chunks = CallChunks(self._writer)
        with await self._front.inference.open(
            self._call, order.inputs, order.parameters, add_special_tokens=False
        ) as generation:
            async for step in generation.steps():
                made = chunks.of(step)
                if chunks.reader.name == NO_TOOL:
                    break
                for chunk in made:
                    yield event(chunk)
        if chunks.reader.name is None:
            raise no_tool_call(chunks.reader.text, "it names no function")
        if chunks.reader.name == NO_TOOL:
            async for text_event in self._text_events(await self.order(self._chat.without_tools())):
                yield text_event
