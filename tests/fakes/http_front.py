"""The real HTTP front on loopback over a fake engine, with a tokenizer of words."""

import asyncio
import functools
import socket
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, ParamSpec

import httpx
import tokenizers
import uvloop
from tokenizers import decoders, models, pre_tokenizers, processors

from freesh_plugin.adapters.tgi.http.front import Front
from freesh_plugin.adapters.tgi.http.openai.templates import NO_TEMPLATES, ChatTemplates
from freesh_plugin.adapters.tgi.http.server import Patience, serve_front
from freesh_plugin.adapters.tgi.http.settings import RouterSettings
from freesh_plugin.adapters.tgi.http.surface import front_app
from freesh_plugin.adapters.tgi.http.tokenizer import Tokenizer
from tests.fakes.engine import FakeEngine

PATIENCE = Patience()


def byte_tokenizer() -> tokenizers.Tokenizer:
    """One token a byte, `<s>` before them, as a byte-level model without merges has it."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {"<s>": 0, "</s>": 1, **{letter: i + 2 for i, letter in enumerate(alphabet)}}
    tokenizer = tokenizers.Tokenizer(models.BPE(vocabulary, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<s>", "</s>"])
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    return tokenizer


P = ParamSpec("P")


def on_loop(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run a test on an event loop of its own, of the kind that serves."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        uvloop.run(test(*args, **kwargs))

    return run


@dataclass
class Served:
    """A front that serves, and a client of it."""

    engine: FakeEngine
    front: Front
    client: httpx.AsyncClient
    address: tuple[str, int]
    stop: asyncio.Event
    serving: "asyncio.Task[None]"


@asynccontextmanager
async def served(
    engine: FakeEngine | None = None,
    patience: Patience = PATIENCE,
    templates: ChatTemplates = NO_TEMPLATES,
    **settings: Any,
) -> AsyncGenerator[Served, None]:
    """Serve on a free port for as long as the block lasts."""
    engine = engine or FakeEngine()
    listening = socket.create_server(("127.0.0.1", 0))
    address = listening.getsockname()[:2]
    given = RouterSettings(**{"model_id": "tiny", **settings})
    front = Front.over(given, engine, Tokenizer(byte_tokenizer()), templates)
    stop, ready = asyncio.Event(), asyncio.Event()
    serving = asyncio.ensure_future(serve_front(front_app(front), [listening], stop, ready.set, patience or Patience()))
    await ready.wait()
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{address[1]}", timeout=20) as client:
            yield Served(engine, front, client, address, stop, serving)
    finally:
        for stream in engine.streams:
            stream.ended = True
        stop.set()
        await serving
        front.tokenizer.close()
