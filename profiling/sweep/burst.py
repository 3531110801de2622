"""One batch of answers, all asked for at once, and the time in which all of them were being decoded."""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

from profiling.sweep.endpoint import Arrivals, Endpoint
from profiling.sweep.meter import Drawn, Meter, drawn


@dataclass(frozen=True)
class Burst:
    """What came of it, while the whole batch was decoding.

    Attributes:
        batch: Requests.
        window_s: From the last first token to the first last token.
        tokens: That came meanwhile, over all requests.
        context_tokens: Mean answer tokens that a request had, half-way.
        prompt_tokens: As the endpoint counts them; None where no answer ended.
        drawn: By the GPUs.
    """

    batch: int
    window_s: float
    tokens: int
    context_tokens: float
    prompt_tokens: float | None
    drawn: Drawn

    @property
    def step_s(self) -> float:
        """Mean time between two tokens of a request."""
        return self.window_s * self.batch / self.tokens


class _Watch:
    """Knows when all have begun and when the first has ended."""

    def __init__(self, batch: int) -> None:
        self._waiting = batch
        self.all_begun = asyncio.Event()

    def on_token(self, arrivals: Arrivals) -> None:
        if len(arrivals.tokens_s) == 1:
            self._waiting -= 1
            if not self._waiting:
                self.all_begun.set()


async def burst(endpoint: Endpoint, meter: Meter, prompts: Sequence[str], answer_tokens: int) -> Burst | None:
    """Ask for all answers at once; when one has ended the others are cancelled. None where none overlapped all others.

    Raises:
        ProfileError: the endpoint fails.
    """
    watch = _Watch(len(prompts))
    kept: list[Arrivals] = []

    def on_token(arrivals: Arrivals) -> None:
        if len(arrivals.tokens_s) == 1:
            kept.append(arrivals)
        watch.on_token(arrivals)

    streams = [asyncio.create_task(endpoint.stream(each, answer_tokens, on_token)) for each in prompts]
    begun = asyncio.create_task(watch.all_begun.wait())
    try:
        await asyncio.wait([begun, *streams], return_when=asyncio.FIRST_COMPLETED)
        before = await meter.look() if watch.all_begun.is_set() else None
        done, _ = await asyncio.wait(streams, return_when=asyncio.FIRST_COMPLETED)
        after = await meter.look()
        ended = [stream.result() for stream in done]
    finally:
        await _cancelled([begun, *streams])
    if before is None:
        return None
    return _whole(kept, ended, drawn(before, after))


def _whole(kept: Sequence[Arrivals], ended: Sequence[Arrivals], drawn: Drawn) -> Burst | None:
    """The stretch between the last first token and the first last token."""
    start_s = max(each.tokens_s[0] for each in kept)
    stop_s = min(each.tokens_s[-1] for each in ended)
    inside = [sum(start_s < at_s <= stop_s for at_s in each.tokens_s) for each in kept]
    if stop_s <= start_s or not all(inside):
        return None
    had = [sum(at_s <= start_s for at_s in each.tokens_s) for each in kept]
    counted = [each.prompt_tokens for each in ended if each.prompt_tokens is not None]
    return Burst(
        batch=len(kept),
        window_s=stop_s - start_s,
        tokens=sum(inside),
        context_tokens=mean(begun + more / 2 for begun, more in zip(had, inside, strict=True)),
        prompt_tokens=mean(counted) if counted else None,
        drawn=drawn,
    )


async def _cancelled(tasks: Sequence["asyncio.Task[object]"]) -> None:
    """End tasks and wait until they have."""
    for each in tasks:
        each.cancel()
    for each in tasks:
        with contextlib.suppress(asyncio.CancelledError, Exception):  # the first fault was raised already
            await each
