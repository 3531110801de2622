"""The client of all ranks against simulated shards on real sockets, and against shards that misbehave."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from freesh_plugin.adapters.gpu.simulated_board import SimulatedBoard
from freesh_plugin.adapters.tgi import messages
from freesh_plugin.adapters.tgi.exact_ids import encode
from freesh_plugin.adapters.tgi.exact_ids_file import read_secret
from freesh_plugin.adapters.tgi.shard_error import ShardError, ShardFailure
from freesh_plugin.adapters.tgi.shards import ShardGroup, ShardTimes, Step
from freesh_plugin.adapters.tgi.simulated.engine import Engine
from freesh_plugin.adapters.tgi.simulated.model import SimulatedModel
from freesh_plugin.adapters.tgi.simulated.server import simulated_shards
from freesh_plugin.adapters.tgi.simulated.vocabulary import VOCABULARY
from freesh_plugin.adapters.tgi.synthetic_batches import warmup_request
from freesh_plugin.core.errors import FreeshError
from tests.fakes.canned_shards import canned_shards, hang
from tests.fakes.shard_requests import request

TEXT = "Tell me about the sea"
IDS = VOCABULARY.encode(TEXT, add_special_tokens=True)
QUICK = SimulatedModel(step_model=None, memory_tokens=6400)
TIMES = ShardTimes(connect_s=10, warmup_s=10, step_s=10)
Use = Callable[[ShardGroup, list[Engine]], Awaitable[None]]


def with_shards(folder: Path, use: Use, ranks: int = 1, model: SimulatedModel = QUICK) -> None:
    async def run() -> None:
        async with simulated_shards(model, folder / "shard", ranks) as engines:
            group = await ShardGroup.connect(folder / "shard-0", TIMES)
            try:
                await group.warmup(warmup_request(1000, 500, 1000))
                await use(group, engines)
            finally:
                await group.close()

    asyncio.run(run())


def batch(*requests: messages.Request, batch_id: int = 1) -> messages.Batch:
    return messages.Batch(id=batch_id, requests=requests, size=len(requests))


def told(request_id: int, new_tokens: int = 20, text: str = TEXT) -> messages.Request:
    slots = range(50 * request_id, 50 * request_id + 50)
    return request(request_id, text, new_tokens, slots, add_special_tokens=True)


async def answers_of(group: ShardGroup, step: Step) -> dict[int, list[int]]:
    """Ids of all answers from this step on."""
    answers: dict[int, list[int]] = {}
    ended = set[int]()
    while True:
        for generation in step.generations:
            answers.setdefault(generation.request_id, []).append(generation.tokens.ids[0])
            if generation.HasField("generated_text"):
                ended.add(generation.request_id)
        if step.batch is None:
            return answers
        kept = step.batch
        if ended & set(kept.request_ids):
            kept = await group.filter(kept.id, [r for r in kept.request_ids if r not in ended])
        step = await group.decode([kept])


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_all_calls_on_all_ranks(tmp_path: Path, ranks: int) -> None:
    async def use(group: ShardGroup, engines: list[Engine]) -> None:
        assert group.ranks == ranks
        assert group.sockets == tuple(tmp_path / f"shard-{rank}" for rank in range(ranks))
        assert (await group.info()).attention_impl == "flashinfer"
        assert (await group.warmup(warmup_request(1000, 500, 1000))).max_supported_total_tokens == 6400
        await group.health()
        await group.can_generate()
        step = await group.prefill(batch(told(1), told(2, 5)))
        step = await group.prefill(batch(told(3), batch_id=2), step.batch)
        assert step.batch is not None
        assert list(step.batch.request_ids) == [1, 2, 3]
        answers = await answers_of(group, step)
        assert {r: len(ids) for r, ids in answers.items()} == {1: 19, 2: 4, 3: 20}
        assert answers[3][:19] == answers[3][:1] + answers[1][:18]
        step = await group.prefill(batch(told(4), batch_id=9))
        assert [engine.batches for engine in engines] == [1] * ranks
        await group.clear_cache()
        assert [engine.batches for engine in engines] == [0] * ranks

    with_shards(tmp_path, use, ranks)


def test_times_are_those_of_the_model(tmp_path: Path) -> None:
    boards = [SimulatedBoard(tmp_path / f"gpu-{rank}") for rank in range(2)]

    async def run() -> list[Step]:
        model = SimulatedModel(memory_tokens=6400, speed=2)
        async with simulated_shards(model, tmp_path / "shard", 2, boards):
            group = await ShardGroup.connect(tmp_path / "shard-0", TIMES)
            await group.warmup(warmup_request(1000, 500, 1000))
            steps = [await group.prefill(batch(told(1)))]
            boards[1].limit(495)
            steps.append(await group.decode([messages.CachedBatch(id=1)]))
            await group.close()
            return steps

    fast, slow = asyncio.run(run())
    # (9 + 2.5 + ...) ms at 1980 MHz and (9 + 4 * 2.5 + ...) ms at a quarter of it, both twice as fast as modelled.
    assert 5.75e6 < fast.forward_ns <= fast.total_ns
    assert 9.5e6 < slow.forward_ns <= slow.total_ns


def test_exact_ids_differ_by_rank_and_need_the_secret(tmp_path: Path) -> None:
    async def use(group: ShardGroup, engines: list[Engine]) -> None:
        by_text = await answers_of(group, await group.prefill(batch(told(1))))
        secrets = [read_secret(path) for path in group.sockets]
        assert len(set(secrets)) == 2

        def marked(rank: int) -> messages.Batch:
            secret = secrets[rank]
            assert secret is not None
            return batch(told(1, text=encode(IDS, secret)))

        assert await answers_of(group, await group.prefill([marked(0), marked(1)])) == by_text
        forged = batch(told(1, text=encode(IDS, "x" * 43)))
        with pytest.raises(ShardError, match="slots"):  # it is text, and much longer than its slots
            await group.prefill(forged)

    with_shards(tmp_path, use, ranks=2)
    assert read_secret(tmp_path / "shard-0") is None


def test_a_shard_that_takes_text_only_publishes_no_secret(tmp_path: Path) -> None:
    async def use(group: ShardGroup, engines: list[Engine]) -> None:
        assert read_secret(group.sockets[0]) is None

    with_shards(tmp_path, use, model=SimulatedModel(step_model=None, memory_tokens=6400, exact_ids=False))


def test_a_refusal_is_told_in_the_shards_words_and_the_shard_lives_on(tmp_path: Path) -> None:
    async def use(group: ShardGroup, engines: list[Engine]) -> None:
        with pytest.raises(ShardError, match=r"rank \d: Decode refused: batch 5: there is none of this id") as caught:
            await group.decode([messages.CachedBatch(id=5)])
        assert caught.value.failure is ShardFailure.REFUSED
        assert isinstance(caught.value, FreeshError)
        assert not isinstance(caught.value, RuntimeError)
        assert len((await group.prefill(batch(told(1)))).generations) == 1

    with_shards(tmp_path, use, ranks=2)


def misbehaving(folder: Path, ranks: list[dict[str, object]], use: Callable[[ShardGroup], Awaitable[None]]) -> None:
    async def run() -> None:
        async with canned_shards(folder / "shard", ranks):  # type: ignore[arg-type]  # as each test says
            group = await ShardGroup.connect(folder / "shard-0", ShardTimes(connect_s=10, warmup_s=10, step_s=0.3))
            try:
                await use(group)
            finally:
                await group.close()

    asyncio.run(run())


def test_a_rank_that_hangs_is_named_with_the_time(tmp_path: Path) -> None:
    async def use(group: ShardGroup) -> None:
        with pytest.raises(ShardError, match=r"rank 1: Decode timed out: no answer within 0\.3 s") as caught:
            await group.decode([messages.CachedBatch(id=1)])
        assert (caught.value.rank, caught.value.call) == (1, "Decode")
        assert caught.value.failure is ShardFailure.TIMED_OUT

    misbehaving(tmp_path, [{"Decode": messages.DecodeResponse()}, {"Decode": hang}], use)


def test_one_failure_ends_the_wait_for_ranks_that_hang_on_it(tmp_path: Path) -> None:
    async def use(group: ShardGroup) -> None:
        with pytest.raises(ShardError, match="rank 1: Decode refused") as caught:
            await group.decode([messages.CachedBatch(id=1)])
        assert caught.value.failure is ShardFailure.REFUSED

    misbehaving(tmp_path, [{"Decode": hang}, {}], use)


def test_ranks_that_disagree_are_noticed(tmp_path: Path) -> None:
    async def use(group: ShardGroup) -> None:
        with pytest.raises(ShardError, match="rank 1: Decode disagreed") as caught:
            await group.decode([messages.CachedBatch(id=1)])
        assert caught.value.failure is ShardFailure.DISAGREED
        with pytest.raises(ShardError, match="rank 1: FilterBatch disagreed"):
            await group.filter(1, [5])

    one, two = ({"size": size, "request_ids": [5]} for size in (1, 2))
    ranks = [
        {
            "Decode": messages.DecodeResponse(batch=messages.CachedBatch(id=1, **of_rank)),  # type: ignore[arg-type]
            "FilterBatch": messages.FilterBatchResponse(batch=messages.CachedBatch(id=1, **of_rank)),  # type: ignore[arg-type]
        }
        for of_rank in (one, two)
    ]
    misbehaving(tmp_path, ranks, use)  # type: ignore[arg-type]


def test_the_least_of_all_ranks_holds_and_the_slowest_counts(tmp_path: Path) -> None:
    async def use(group: ShardGroup) -> None:
        warm = await group.warmup(warmup_request(10))
        assert (warm.max_supported_total_tokens, warm.max_input_tokens, warm.max_total_tokens) == (900, 40, 60)
        step = await group.decode([messages.CachedBatch(id=1)])
        assert [generation.request_id for generation in step.generations] == [3]
        assert (step.forward_ns, step.decode_ns, step.total_ns, step.concat_ns) == (70, 9, 80, 0)
        assert step.batch is None

    generation = messages.Generation(request_id=3)
    ranks: list[dict[str, object]] = [
        {
            "Warmup": messages.WarmupResponse(max_supported_total_tokens=900, max_input_tokens=50, max_total_tokens=60),
            "Decode": messages.DecodeResponse(forward_ns=70, decode_ns=1, total_ns=75),
        },
        {
            "Warmup": messages.WarmupResponse(max_supported_total_tokens=950, max_input_tokens=40, max_total_tokens=61),
            "Decode": messages.DecodeResponse(forward_ns=60, decode_ns=9, total_ns=80, generations=[generation]),
        },
    ]
    misbehaving(tmp_path, ranks, use)


def test_a_shard_that_is_gone(tmp_path: Path) -> None:
    async def run() -> None:
        async with simulated_shards(QUICK, tmp_path / "shard", 2):
            group = await ShardGroup.connect(tmp_path / "shard-0", TIMES)
        with pytest.raises(ShardError, match="Health gone: nobody answers at") as caught:
            await group.health()
        assert caught.value.failure is ShardFailure.GONE
        await group.close()

    asyncio.run(run())


def test_sockets_that_come_late_are_waited_for(tmp_path: Path) -> None:
    async def run() -> None:
        connecting = asyncio.create_task(ShardGroup.connect(tmp_path / "shard-0", TIMES))
        await asyncio.sleep(0.1)
        async with simulated_shards(QUICK, tmp_path / "shard", 2):
            group = await connecting
            assert group.ranks == 2
            await group.close()

    asyncio.run(run())


def test_sockets_that_never_come(tmp_path: Path) -> None:
    with pytest.raises(ShardError, match=r"rank 0: connect gone: no socket at .*shard-0"):
        asyncio.run(ShardGroup.connect(tmp_path / "shard-0", ShardTimes(connect_s=0.2)))


def test_a_socket_that_nobody_serves_any_longer(tmp_path: Path) -> None:
    (tmp_path / "shard-0").touch()
    with pytest.raises(ShardError, match="ServiceDiscovery"):
        asyncio.run(ShardGroup.connect(tmp_path / "shard-0", ShardTimes(connect_s=0.3)))


def test_the_event_loop_is_free_while_a_step_runs(tmp_path: Path) -> None:
    async def use(group: ShardGroup) -> None:
        decoding = asyncio.create_task(group.decode([messages.CachedBatch(id=1)]))
        beats = 0
        while not decoding.done():
            await asyncio.sleep(0.001)
            beats += 1
        assert beats > 10
        assert decoding.exception() is not None

    misbehaving(tmp_path, [{"Decode": hang}], use)


def test_large_batches_pass(tmp_path: Path) -> None:
    """More than gRPC's default limit of 4 MiB."""

    async def use(group: ShardGroup, engines: list[Engine]) -> None:
        big = told(1)
        big.inputs = "x" * 5_000_000
        assert len((await group.prefill(batch(big))).generations) == 1

    with_shards(tmp_path, use)
