"""One request to the real front over a fake engine, and the events of a streamed answer."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import httpx
import msgspec

from freesh_plugin.adapters.tgi.http.openai.templates import ChatTemplates, compile_template
from tests.fakes.engine import INFO, FakeEngine, Script
from tests.fakes.http_front import served

TEMPLATES = ChatTemplates(
    {"default": compile_template("{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}")}
)
HELLO = [{"role": "user", "content": "Hello"}]


def roomy(script: Script) -> FakeEngine:
    """An engine whose limits leave room for tool definitions, at one token a byte."""
    return FakeEngine(script, msgspec.structs.replace(INFO, max_input_tokens=4000, max_total_tokens=8000))


def ask(
    path: str,
    body: Mapping[str, object] | None,
    engine: FakeEngine | None = None,
    templates: ChatTemplates = TEMPLATES,
    **settings: Any,
) -> httpx.Response:
    """The whole answer to a POST with this body, or to a GET without one."""

    async def run() -> httpx.Response:
        async with served(engine, templates=templates, **settings) as front:
            return await (front.client.get(path) if body is None else front.client.post(path, json=body))

    return asyncio.run(run())


def chat(engine: FakeEngine | None = None, **fields: Any) -> httpx.Response:
    """The answer to a greeting; `messages` may say something else."""
    return ask("/v1/chat/completions", {"messages": HELLO, **fields}, engine)


def complete(engine: FakeEngine | None = None, **fields: Any) -> httpx.Response:
    """What follows a prompt."""
    return ask("/v1/completions", {"prompt": "Hello", **fields}, engine)


def events(response: httpx.Response) -> list[Any]:
    """Data of a stream's events, the last of which must be `[DONE]`; comments are left out."""
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/event-stream"
    assert response.text.endswith("\n\n")
    lines = [line for line in response.text.split("\n\n") if line and not line.startswith(":")]
    assert all(line.startswith("data: ") for line in lines)
    *data, last = (line.removeprefix("data: ") for line in lines)
    assert last == "[DONE]"
    return [json.loads(text) for text in data]
