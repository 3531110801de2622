"""Our OpenAPI document, made from the routes and their types."""

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any

import msgspec

from freesh_plugin.adapters.tgi.http.errors import ErrorResponse
from freesh_plugin.adapters.tgi.http.routes import Operation, Route
from freesh_plugin.adapters.tgi.http.settings import TGI_VERSION

_REF = "#/components/schemas/{name}"
_TEXT = {"text/plain": {"schema": {"type": "string"}}}
_REJECTIONS = {
    400: "The body is not JSON",
    408: "The body came too slowly",
    413: "The body is too large",
    415: "The content type is not JSON",
}
_WRONG_SHAPE = "The body has another shape"
_BEARER = "api_key"

Json = dict[str, Any]


def openapi(routes: Sequence[Route], secured: bool) -> Json:
    """The document; `secured` = an API key is asked for."""
    schemas = _Schemas(routes)
    paths: Json = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas, secured)
    components: Json = {"schemas": schemas.components}
    if secured:
        components["securitySchemes"] = {_BEARER: {"type": "http", "scheme": "bearer"}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Text Generation Inference, served by FREESH",
            "description": "The HTTP surface of Hugging Face's Text Generation Inference.",
            "version": TGI_VERSION,
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": components,
    }


class _Schemas:
    """Schemas of all types that the routes name."""

    def __init__(self, routes: Iterable[Route]) -> None:
        kinds: list[Any] = [ErrorResponse]
        for route in routes:
            operation = route.operation
            named = (operation.request, operation.response, operation.events, *operation.also)
            kinds += [kind for kind in named if kind is not None]
        schemas, self.components = msgspec.json.schema_components(kinds, ref_template=_REF)
        self._of = list(zip(kinds, schemas, strict=True))

    def of(self, kind: Any) -> Json:  # noqa: ANN401  # unions are not types
        return next(schema for known, schema in self._of if known is kind or known == kind)


def _operation(route: Route, schemas: _Schemas, secured: bool) -> Json:
    operation = route.operation
    described: Json = {
        "tags": [operation.tag],
        "summary": operation.summary,
        "operationId": f"{route.method.lower()}{route.path.replace('/', '_').replace('-', '_')}",
        "responses": {str(status): response for status, response in _responses(route, schemas, secured)},
    }
    if operation.request is not None:
        content = {"application/json": {"schema": schemas.of(operation.request)}}
        described["requestBody"] = {"required": True, "content": content}
    if route.secured and secured:
        described["security"] = [{_BEARER: []}]
    return described


def _responses(route: Route, schemas: _Schemas, secured: bool) -> Iterable[tuple[int, Json]]:
    operation = route.operation
    yield 200, _success(operation, schemas)
    error: Json = {"application/json": {"schema": schemas.of(ErrorResponse)}}
    if operation.request is not None:
        yield from ((status, {"description": text, "content": _TEXT}) for status, text in _REJECTIONS.items())
        yield (
            422,
            {
                "description": operation.errors.get(422, _WRONG_SHAPE),
                "content": {**_TEXT, **(error if 422 in operation.errors else {})},
            },
        )
    for status, text in operation.errors.items():
        if status != 422:
            yield status, {"description": text, "content": error}
    if route.secured and secured:
        yield 401, {"description": HTTPStatus.UNAUTHORIZED.phrase}


def _success(operation: Operation, schemas: _Schemas) -> Json:
    content: Json = {}
    if operation.response is str:
        content["text/plain"] = {"schema": {"type": "string"}}
    elif operation.response is bytes:
        content["text/html"] = {"schema": {"type": "string"}}
    elif operation.response is not None:
        content["application/json"] = {"schema": schemas.of(operation.response)}
    if operation.events is not None:
        content["text/event-stream"] = {"schema": schemas.of(operation.events)}
    return {"description": operation.summary, **({"content": content} if content else {})}
