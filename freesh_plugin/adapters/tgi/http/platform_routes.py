"""Routes that hosting platforms call: SageMaker's `/invocations` and Vertex AI's `/vertex`."""

from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from freesh_plugin.adapters.tgi.http.errors import ApiError, Rejection
from freesh_plugin.adapters.tgi.http.exchange import Call, EventStream, Reply, json_reply
from freesh_plugin.adapters.tgi.http.front import Front
from freesh_plugin.adapters.tgi.http.generate_routes import compat_generate
from freesh_plugin.adapters.tgi.http.generate_types import (
    DEFAULT_PARAMETERS,
    CompatGenerateRequest,
    GenerateParameters,
)
from freesh_plugin.adapters.tgi.http.openai.chat_completions import chat_completions
from freesh_plugin.adapters.tgi.http.openai.chat_request import ChatRequest, order_chat
from freesh_plugin.adapters.tgi.http.openai.completion_types import CompletionRequest
from freesh_plugin.adapters.tgi.http.openai.completions import completions
from freesh_plugin.adapters.tgi.http.routes import GENERATION_ERRORS, Operation, Route
from freesh_plugin.adapters.tgi.http.together import together

T = TypeVar("T")


def _any_of(*names: str) -> dict[str, Any]:
    """Schema of an untagged choice between structs, which msgspec does not decode by itself."""
    return {"anyOf": [{"$ref": f"#/components/schemas/{name}"} for name in names]}


_ONE = {"type": "array", "items": {"$ref": "#/components/schemas/GenerateResponse"}}
_Instance = Annotated[Any, Meta(extra_json_schema=_any_of("VertexInstance", "ChatRequest"))]
_Request = Annotated[Any, Meta(extra_json_schema=_any_of("CompatGenerateRequest", "ChatRequest", "CompletionRequest"))]
_Response = Annotated[Any, Meta(extra_json_schema={"anyOf": [_ONE, *_any_of("ChatCompletion", "Completion")["anyOf"]]})]
_Event = Annotated[Any, Meta(extra_json_schema=_any_of("StreamResponse", "ChatCompletionChunk", "CompletionChunk"))]


class VertexInstance(msgspec.Struct, frozen=True):
    """A prompt and how to go on from it."""

    inputs: str
    parameters: GenerateParameters | None = None


class VertexRequest(msgspec.Struct, frozen=True):
    """Several prompts or conversations at once."""

    instances: list[_Instance]


class VertexResponse(msgspec.Struct, frozen=True):
    """Their answers in order."""

    predictions: list[str]


def routes(front: Front) -> list[Route]:
    """The routes, all of which ask for the API key."""

    async def invocations(call: Call) -> Reply | EventStream:
        request = call.json(Any)
        if (generate := _as(CompatGenerateRequest, request)) is not None:
            return await compat_generate(front, call, generate)
        if (chat := _as(ChatRequest, request)) is not None:
            return await chat_completions(front, call, chat)
        if (completion := _as(CompletionRequest, request)) is not None:
            return await completions(front, call, completion)
        raise _no_variant("", "SagemakerRequest")

    async def vertex(call: Call) -> Reply:
        return await _vertex(front, call, call.json(VertexRequest))

    paths = ["/vertex", *([front.settings.predict_route] if front.settings.predict_route else [])]
    return [
        Route("POST", "/invocations", invocations, _INVOCATIONS, secured=True),
        *(Route("POST", path, vertex, _VERTEX, secured=True) for path in paths),
    ]


_INVOCATIONS = Operation(
    "Generate, chat or complete, by the shape of the request", _Request, _Response, _Event, GENERATION_ERRORS
)
_VERTEX = Operation(
    "Generate for every instance", VertexRequest, VertexResponse, errors=GENERATION_ERRORS, also=(VertexInstance,)
)


async def _vertex(front: Front, call: Call, request: VertexRequest) -> Reply:
    front.metrics.arrived()
    if not request.instances:
        raise front.inference.failed(ApiError(422, "Input validation error", "Input validation error", "validation"))
    orders = [_order(front, instance, index) for index, instance in enumerate(request.instances)]
    answers = await together(front.inference.whole(call, *order) for order in orders)
    return json_reply(VertexResponse([answer.ended.text for answer in answers]))


def _order(front: Front, instance: Any, index: int) -> tuple[str, GenerateParameters, bool]:  # noqa: ANN401
    """Prompt, parameters, and whether special tokens are to be added."""
    if (given := _as(VertexInstance, instance)) is not None:
        return given.inputs, given.parameters or DEFAULT_PARAMETERS, True
    if (chat := _as(ChatRequest, instance)) is None:
        raise _no_variant(f"instances[{index}]: ", "VertexInstance")
    try:
        order = order_chat(chat, front.templates.render)
    except ApiError as error:
        raise front.inference.failed(error) from error
    return order.inputs, order.parameters, False


def _as(kind: type[T], value: Any) -> T | None:  # noqa: ANN401  # any JSON
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return None


def _no_variant(place: str, name: str) -> Rejection:
    return Rejection(
        422,
        f"Failed to deserialize the JSON body into the target type: {place}"
        f"data did not match any variant of untagged enum {name}",
    )
