"""Hostile requests made from our own OpenAPI document: documented answers only, and never a server error."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from freesh_plugin.adapters.tgi.http.front import Front
from freesh_plugin.adapters.tgi.http.openai.templates import ChatTemplates, compile_template
from freesh_plugin.adapters.tgi.http.openapi import openapi
from freesh_plugin.adapters.tgi.http.settings import RouterSettings
from freesh_plugin.adapters.tgi.http.surface import all_routes
from freesh_plugin.adapters.tgi.http.tokenizer import Tokenizer
from tests.fakes.chat_templates import CHATML
from tests.fakes.engine import FakeEngine, answering
from tests.fakes.http_front import byte_tokenizer, served

CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)


@contextmanager
def served_in_thread() -> Iterator[str]:
    """The URL of a front that serves in a thread of its own."""
    loop = asyncio.new_event_loop()
    urls: list[str] = []
    ready, stop = threading.Event(), asyncio.Event()

    async def serve() -> None:
        templates = ChatTemplates({"default": compile_template(CHATML)})
        async with served(FakeEngine(answering("a", "b")), templates=templates) as s:
            urls.append(str(s.client.base_url))
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(10)
    try:
        yield urls[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


def cases() -> list[tuple[Any, GenerationMode]]:
    """Every operation with requests that fit, and those that take a body with requests that do not."""
    front = Front.over(RouterSettings(model_id="tiny"), FakeEngine(), Tokenizer(byte_tokenizer()))
    schema = schemathesis.openapi.from_dict(openapi(all_routes(front), secured=False))
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    return [
        (operation, mode)
        for operation in operations
        for mode in GenerationMode
        if mode is GenerationMode.POSITIVE or operation.body
    ]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with served_in_thread() as found:
        yield found


@pytest.mark.parametrize(
    ("operation", "mode"), cases(), ids=[f"{operation.label} {mode.value}" for operation, mode in cases()]
)
def test_every_route_answers_as_it_is_documented(url: str, operation: Any, mode: GenerationMode) -> None:
    @settings(max_examples=15, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def answers(case: Any) -> None:
        response = case.call(base_url=url)
        # A stream is not one JSON text: its status and content type are checked here, its events elsewhere.
        streams = response.headers.get("content-type") == ["text/event-stream"]
        case.validate_response(response, checks=list(CHECKS[:3] if streams else CHECKS))

    answers()
