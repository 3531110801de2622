"""OpenAI's routes, and TGI's `/chat_tokenize`."""

import msgspec

from freesh_plugin.adapters.tgi.http.exchange import Call, EventStream, Reply, json_reply
from freesh_plugin.adapters.tgi.http.front import Front
from freesh_plugin.adapters.tgi.http.generate_routes import simple_tokens
from freesh_plugin.adapters.tgi.http.generate_types import SimpleToken
from freesh_plugin.adapters.tgi.http.openai.chat_completions import chat_completions
from freesh_plugin.adapters.tgi.http.openai.chat_request import ChatRequest, order_aside
from freesh_plugin.adapters.tgi.http.openai.chat_types import ChatCompletion, ChatCompletionChunk
from freesh_plugin.adapters.tgi.http.openai.completion_types import Completion, CompletionChunk, CompletionRequest
from freesh_plugin.adapters.tgi.http.openai.completions import completions
from freesh_plugin.adapters.tgi.http.routes import GENERATION_ERRORS, Operation, Route


class ModelCard(msgspec.Struct, frozen=True):
    """The model that is served."""

    id: str
    object: str
    created: int
    owned_by: str


class ModelList(msgspec.Struct, frozen=True):
    """The models that are served: one."""

    object: str
    data: list[ModelCard]


class ChatTokens(msgspec.Struct, frozen=True):
    """The prompt that a conversation makes, and its tokens."""

    tokenize_response: list[SimpleToken]
    templated_text: str


def routes(front: Front) -> list[Route]:
    """The routes; those that generate ask for the API key."""

    async def chat(call: Call) -> Reply | EventStream:
        return await chat_completions(front, call, call.json(ChatRequest))

    async def complete(call: Call) -> Reply | EventStream:
        return await completions(front, call, call.json(CompletionRequest))

    async def models(call: Call) -> Reply:
        model_id = front.settings.model_id
        return json_reply(ModelList("list", [ModelCard(model_id, "model", 0, model_id)]))

    async def tokenize(call: Call) -> Reply:
        order = await order_aside(call, call.json(ChatRequest), front.templates.render)
        text = order.inputs
        encoded = await front.tokenizer.encode(text, add_special_tokens=False)
        return json_reply(ChatTokens(simple_tokens(text, encoded.ids, encoded.offsets), text))

    return [
        Route("POST", "/v1/chat/completions", chat, _CHAT, secured=True),
        Route("POST", "/v1/completions", complete, _COMPLETE, secured=True),
        Route("GET", "/v1/models", models, Operation("The served model", response=ModelList)),
        Route("POST", "/chat_tokenize", tokenize, _CHAT_TOKENIZE),
    ]


_CHAT = Operation("Answer a conversation", ChatRequest, ChatCompletion, ChatCompletionChunk, GENERATION_ERRORS)
_COMPLETE = Operation("Go on from a prompt", CompletionRequest, Completion, CompletionChunk, GENERATION_ERRORS)
_CHAT_TOKENIZE = Operation(
    "Apply the chat template and tokenise", ChatRequest, ChatTokens, errors={422: "The template refuses the messages"}
)
