"""An engine without shards: it answers by script, fails, hangs or takes its time as told, and remembers everything."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field

from freesh_plugin.core.generation import (
    EngineInfo,
    FailureEvent,
    FinishReason,
    GenerationEnd,
    GenerationEvent,
    GenerationRequest,
    Token,
    TokensEvent,
)

INFO = EngineInfo(
    dtype="float32",
    device_type="cpu",
    requires_padding=False,
    support_chunking=True,
    use_prefix_caching=True,
    attention="flashinfer",
    block_size=1,
    window_size=None,
    speculate=0,
    max_input_tokens=100,
    max_total_tokens=200,
    max_batch_total_tokens=10_000,
)

Script = Callable[[GenerationRequest], Sequence[GenerationEvent]]


def tokens(*texts: str, logprob: float = -0.5) -> list[Token]:
    """Tokens of these texts, numbered from 10 on."""
    return [Token(10 + i, text, logprob) for i, text in enumerate(texts)]


def answering(
    *texts: str,
    reason: FinishReason = FinishReason.LENGTH,
    end: Callable[[GenerationEnd], GenerationEnd] = lambda end: end,
    logprob: float = -0.5,
) -> Script:
    """A script that answers every request with these texts, one event a token."""

    def script(request: GenerationRequest) -> Sequence[GenerationEvent]:
        said = tokens(*texts, logprob=logprob)
        seed = request.sampling.seed if request.sampling.do_sample else None
        last = end(GenerationEnd(reason, len(said), "".join(texts), seed))
        return [
            TokensEvent(request.request_id, [token], end=last if i == len(said) - 1 else None)
            for i, token in enumerate(said)
        ]

    return script


def counting(request: GenerationRequest) -> Sequence[GenerationEvent]:
    """A script that generates ` 0 1 2 …` for as many tokens as were asked for."""
    return answering(*(f" {i}" for i in range(request.max_new_tokens)))(request)


@dataclass
class FakeStream:
    """Implements `TokenStream`."""

    events: AsyncGenerator[GenerationEvent, None]
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    ended: bool = False

    def __aiter__(self) -> "FakeStream":
        return self

    async def __anext__(self) -> GenerationEvent:
        event = await anext(self.events)
        self.ended = isinstance(event, FailureEvent) or event.end is not None
        return event

    def cancel(self) -> None:
        if not self.ended:
            self.cancelled.set()


@dataclass
class FakeEngine:
    """Implements `Engine`."""

    script: Script = counting
    info: EngineInfo = INFO
    pause_s: float = 0.0
    """Time between events."""
    hold: asyncio.Event | None = None
    """When given, nothing comes after the first event until it is set."""
    healthy: bool = True
    requests: list[GenerationRequest] = field(default_factory=list)
    streams: list[FakeStream] = field(default_factory=list)

    def submit(self, request: GenerationRequest) -> FakeStream:
        """Answer by the script."""
        stream = FakeStream(self._events(request))
        self.requests.append(request)
        self.streams.append(stream)
        return stream

    async def health(self) -> bool:
        """As told."""
        return self.healthy

    async def metrics(self) -> bytes:
        """One gauge."""
        return b"# TYPE tgi_queue_size gauge\ntgi_queue_size 0\n"

    async def _events(self, request: GenerationRequest) -> AsyncGenerator[GenerationEvent, None]:
        for number, event in enumerate(self.script(request)):
            if number and self.hold is not None:
                await self.hold.wait()
            await asyncio.sleep(self.pause_s)
            yield event
