"""Routes that describe the others: `/docs` and `/api-doc/openapi.json`."""

from collections.abc import Sequence

from freesh_plugin.adapters.tgi.http.docs_page import docs_page
from freesh_plugin.adapters.tgi.http.exchange import Call, Reply, json_reply
from freesh_plugin.adapters.tgi.http.openapi import openapi
from freesh_plugin.adapters.tgi.http.routes import Operation, Route

_HTML = (b"content-type", b"text/html; charset=utf-8")


def doc_routes(others: Sequence[Route], secured: bool) -> list[Route]:
    """Routes that describe `others` and themselves; `secured` = an API key is asked for."""

    async def document(call: Call) -> Reply:
        return described

    async def page(call: Call) -> Reply:
        return shown

    routes = [
        Route("GET", "/docs", page, Operation("This page", response=bytes)),
        Route("GET", "/api-doc/openapi.json", document, Operation("The OpenAPI document", response=dict)),
    ]
    content = openapi([*others, *routes], secured)
    described, shown = json_reply(content), Reply(200, docs_page(content), [_HTML])
    return routes
