"""Routes that hosting platforms call: SageMaker's `/invocations` and Vertex AI's `/vertex`."""

from typing import Annotated, Any, TypeVar

import msgspec

from freesh_plugin.adapters.tgi.http.errors import ApiError, Rejection
from freesh_plugin.adapters.tgi.http.exchange import Call, EventStream, Reply, json_reply
from freesh_plugin.adapters.tgi.http.front import Front
from freesh_plugin.adapters.tgi.http.generate_routes import compat_generate
from freesh_plugin.adapters.tgi.http.generate_types import (
    DEFAULT_PARAMETERS,
    CompatGenerateRequest,
    GenerateParameters,
    GenerateResponse,
    StreamResponse,
)
from freesh_plugin.adapters.tgi.http.openai.chat_completions import chat_completions
from freesh_plugin.adapters.tgi.http.openai.chat_request import ChatRequest, order_chat
from freesh_plugin.adapters.tgi.http.openai.chat_types import ChatCompletion, ChatCompletionChunk
from freesh_plugin.adapters.tgi.http.openai.completion_types import Completion, CompletionChunk, CompletionRequest
from freesh_plugin.adapters.tgi.http.openai.completions import completions
from freesh_plugin.adapters.tgi.http.routes import GENERATION_ERRORS, Operation, Route
from freesh_plugin.adapters.tgi.http.together import together

T = TypeVar("T")


def _any_of(*kinds: type) -> Any:  # noqa: ANN401  # an annotation
    """An untagged choice between structs, which msgspec describes but does not decode."""
    references = [{"$ref": f"#/components/schemas/{kind.__name__}"} for kind in kinds]
    return Annotated[Any, msgspec.Meta(extra_json_schema={"anyOf": references})]


class VertexInstance(msgspec.Struct, frozen=True):
    """A prompt and how to go on from it."""

    inputs: str
    parameters: GenerateParameters | None = None


class VertexRequest(msgspec.Struct, frozen=True):
    """Several prompts or conversations at once."""

    instances: list[_any_of(VertexInstance, ChatRequest)]  # a schema made at import


class VertexResponse(msgspec.Struct, frozen=True):
    """Their answers in order."""

    predictions: list[str]


def routes(front: Front) -> list[Route]:
    """The routes, all of which ask for the API key."""

    async def invocations(call: Call) -> Reply | EventStream:
        request = call.json(Any)  # type: ignore[arg-type]  # any JSON
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
    "Generate, chat or complete, by the shape of the request",
    _any_of(CompatGenerateRequest, ChatRequest, CompletionRequest),
    Annotated[
        Any,
        msgspec.Meta(
            extra_json_schema={
                "anyOf": [
                    {"type": "array", "items": {"$ref": f"#/components/schemas/{GenerateResponse.__name__}"}},
                    {"$ref": f"#/components/schemas/{ChatCompletion.__name__}"},
                    {"$ref": f"#/components/schemas/{Completion.__name__}"},
                ]
            }
        ),
    ],
    _any_of(StreamResponse, ChatCompletionChunk, CompletionChunk),
    GENERATION_ERRORS,
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
