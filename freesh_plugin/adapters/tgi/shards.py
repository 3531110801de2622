"""All ranks of a model as one: every call goes to every rank in the same order, and their answers become one."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from google.protobuf.message import Message

from freesh_plugin.adapters.tgi import messages
from freesh_plugin.adapters.tgi.rank_channel import UNIX, RankChannel
from freesh_plugin.adapters.tgi.shard_error import ShardError, ShardFailure
from freesh_plugin.adapters.tgi.synthetic_batches import alive_batch

_SOCKET_POLL_S = 0.05

RankBatches = messages.Batch | Sequence[messages.Batch]
"""A batch for all ranks alike, or one for each (exact ids carry each rank's own secret)."""


@dataclass(frozen=True, slots=True)
class ShardTimes:
    """Time limits in seconds."""

    connect_s: float = 60.0
    """For all sockets to be there and to answer."""
    warmup_s: float = 1800.0
    """Memory is sized and graphs are captured."""
    step_s: float = 120.0
    """One forward pass, and whatever waits behind one."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one forward pass brought.

    Attributes:
        generations: New tokens of all ranks, in no order that means anything; none for a prompt still being computed.
        batch: The batch kept in the shards, or None when every request in it has ended.
        forward_ns: Time of the forward pass, in nanoseconds, of the slowest rank (as the others too).
        decode_ns: Time from there to the tokens' texts.
        total_ns: Time of the whole call inside the shard.
        concat_ns: Of this, the time to join batches; 0 where there was nothing to join.
    """

    generations: Sequence[messages.Generation]
    batch: messages.CachedBatch | None
    forward_ns: int
    decode_ns: int
    total_ns: int
    concat_ns: int


@dataclass(frozen=True, slots=True)
class WarmedUp:
    """Limits in tokens that hold on every rank; a None means that the model does not say."""

    max_supported_total_tokens: int | None
    max_input_tokens: int
    max_total_tokens: int


class ShardGroup:
    """Client of all ranks. Calls that touch batches run one at a time, so that all ranks see them in one order."""

    def __init__(self, channels: Sequence[RankChannel], times: ShardTimes = ShardTimes()) -> None:
        self._channels = tuple(channels)
        self._times = times
        self._turn = asyncio.Lock()

    @classmethod
    async def connect(cls, master_socket: str | Path, times: ShardTimes = ShardTimes()) -> "ShardGroup":
        """Connect to rank 0 at `master_socket` and to all ranks that it names.

        Raises:
            ShardError: one of them is not there within `times.connect_s`.
        """
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + times.connect_s
        master = RankChannel(0, str(master_socket))
        try:
            await _socket_there(master, deadline_s)
            left_s = max(deadline_s - loop.time(), 0.1)
            found = await master.ask("ServiceDiscovery", messages.ServiceDiscoveryRequest(), left_s, True)
        finally:
            await master.close()
        channels = [RankChannel(rank, url.removeprefix(UNIX)) for rank, url in enumerate(found.urls)]
        group = cls(channels, times)
        try:
            await group._all_there(deadline_s)
        except BaseException:
            await group.close()
            raise
        return group

    @property
    def sockets(self) -> tuple[Path, ...]:
        """Socket of each rank."""
        return tuple(Path(channel.socket_path) for channel in self._channels)

    @property
    def ranks(self) -> int:
        """How many ranks there are."""
        return len(self._channels)

    async def until_lost(self) -> ShardError:
        """Wait until a rank's connection is gone: a shard that starts again knows nothing of what was before."""
        watches = [asyncio.ensure_future(channel.until_lost()) for channel in self._channels]
        try:
            done, _ = await asyncio.wait(watches, return_when=asyncio.FIRST_COMPLETED)
            return done.pop().result()
        finally:
            for watch in watches:
                watch.cancel()

    async def close(self) -> None:
        """End all calls and connections."""
        for channel in self._channels:
            await channel.close()

    async def info(self) -> messages.InfoResponse:
        """What the model is and can, as the last rank says (they agree).

        Raises:
            ShardError: a rank did not answer.
        """
        answers = await self._everywhere("Info", messages.InfoRequest(), self._times.step_s)
        return cast(messages.InfoResponse, answers[-1])

    async def health(self) -> None:
        """Ask each rank whether its device answers; waits behind a step under way.

        Raises:
            ShardError: one does not.
        """
        await self._everywhere("Health", messages.HealthRequest(), self._times.step_s)

    async def can_generate(self) -> None:
        """Generate one token on block 0, which costs a step.

        Raises:
            ShardError: a rank could not.
        """
        await self.prefill(alive_batch())

    async def clear_cache(self, batch_id: int | None = None) -> None:
        """Forget a batch, or all of them.

        Raises:
            ShardError: a rank did not answer.
        """
        await self._in_turn("ClearCache", messages.ClearCacheRequest(id=batch_id), self._times.step_s)

    async def filter(self, batch_id: int, keep_ids: Iterable[int]) -> messages.CachedBatch:
        """Keep these requests of a batch, named in the order in which the batch holds them, and let the others go.

        Raises:
            ShardError: a rank refused; the batch is gone then.
        """
        request = messages.FilterBatchRequest(batch_id=batch_id, request_ids=keep_ids)
        answers = await self._in_turn("FilterBatch", request, self._times.step_s)
        return cast(messages.CachedBatch, _agreed("FilterBatch", [answer.batch for answer in answers]))

    async def warmup(self, request: messages.WarmupRequest) -> WarmedUp:
        """Size the memory with the largest batch; returns the least of all ranks.

        Raises:
            ShardError: a rank has not enough memory, or did not answer.
        """
        answers: list[messages.WarmupResponse] = await self._in_turn("Warmup", request, self._times.warmup_s)
        said = [a.max_supported_total_tokens for a in answers if a.HasField("max_supported_total_tokens")]
        return WarmedUp(
            max_supported_total_tokens=min(said) if len(said) == len(answers) else None,
            max_input_tokens=min(a.max_input_tokens for a in answers),
            max_total_tokens=min(a.max_total_tokens for a in answers),
        )

    async def prefill(self, batch: RankBatches, cached: messages.CachedBatch | None = None) -> Step:
        """Compute prompts (or chunks of them), together with one more token of the `cached` batch if given.

        Raises:
            ShardError: a rank failed; the cached batch is gone then.
        """
        requests = [messages.PrefillRequest(batch=b, cached_batch=cached) for b in self._for_each_rank(batch)]
        return _step("Prefill", await self._in_turn("Prefill", requests, self._times.step_s))

    async def decode(self, batches: Sequence[messages.CachedBatch]) -> Step:
        """Compute one more token of each request in these batches, which become one.

        Raises:
            ShardError: a rank failed; the batches are gone then.
        """
        request = messages.DecodeRequest(batches=batches)
        return _step("Decode", await self._in_turn("Decode", request, self._times.step_s))

    def _for_each_rank(self, batch: RankBatches) -> Sequence[messages.Batch]:
        if isinstance(batch, messages.Batch):
            return [batch] * len(self._channels)
        return batch

    async def _in_turn(self, call: str, request: Message | Sequence[Message], timeout_s: float) -> list[Any]:
        async with self._turn:
            return await self._everywhere(call, request, timeout_s)

    async def _everywhere(
        self, call: str, request: Message | Sequence[Message], timeout_s: float, wait_for_ready: bool = False
    ) -> list[Any]:
        """Answers of all ranks; the first failure ends the wait: ranks that compute together hang when one is lost."""
        requests = [request] * len(self._channels) if isinstance(request, Message) else request
        started = [
            channel.start(call, each, timeout_s, wait_for_ready)
            for channel, each in zip(self._channels, requests, strict=True)
        ]
        if len(started) == 1:
            return [await self._channels[0].finish(call, started[0], timeout_s)]
        pairs = zip(self._channels, started, strict=True)
        try:
            return await asyncio.gather(*(channel.finish(call, one, timeout_s) for channel, one in pairs))
        except ShardError:
            for one in started:
                one.cancel()
            raise

    async def _all_there(self, deadline_s: float) -> None:
        for channel in self._channels:
            await _socket_there(channel, deadline_s)
        left_s = max(deadline_s - asyncio.get_running_loop().time(), 0.1)
        await self._everywhere("Info", messages.InfoRequest(), left_s, wait_for_ready=True)


async def _socket_there(channel: RankChannel, deadline_s: float) -> None:
    loop = asyncio.get_running_loop()
    while not Path(channel.socket_path).exists():
        if loop.time() > deadline_s:
            raise ShardError(channel.rank, "connect", ShardFailure.GONE, f"no socket at {channel.socket_path}")
        await asyncio.sleep(_SOCKET_POLL_S)


def _agreed(call: str, of_ranks: Sequence[Message | None]) -> Message | None:
    first = of_ranks[0]
    for rank, other in enumerate(of_ranks):
        if other is not first and other != first:
            raise ShardError(rank, call, ShardFailure.DISAGREED, "its batch is not that of rank 0")
    return first


def _step(call: str, answers: Sequence[messages.DecodeResponse]) -> Step:
    # Prefill and Decode answer with the same fields.
    if len(answers) == 1:
        (only,) = answers
        generations: Sequence[messages.Generation] = only.generations
    else:
        generations = [generation for answer in answers for generation in answer.generations]
    batches = [answer.batch if answer.HasField("batch") else None for answer in answers]
    return Step(
        generations=generations,
        batch=cast(messages.CachedBatch | None, _agreed(call, batches)),
        forward_ns=max(answer.forward_ns for answer in answers),
        decode_ns=max(answer.decode_ns for answer in answers),
        total_ns=max(answer.total_ns for answer in answers),
        concat_ns=max(answer.concat_ns for answer in answers),
    )
