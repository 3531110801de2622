"""Corners of the step loop, on simulated shards: each was a fault once."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from freesh_plugin.adapters.tgi import messages
from freesh_plugin.adapters.tgi.shard_error import ShardError, ShardFailure
from freesh_plugin.adapters.tgi.simulated.model import SimulatedModel
from freesh_plugin.adapters.tgi.simulated.server import simulated_shards
from freesh_plugin.adapters.tgi.simulated.vocabulary import VOCABULARY
from freesh_plugin.core.generation import FailureKind, GenerationRequest
from freesh_plugin.core.step_model import StepModel
from freesh_plugin.runtime.paged_memory import PagedMemory
from tests.fakes.running_router import RunningRouter, running_router

PADDED = SimulatedModel(step_model=None, padded=True)
PAGED = SimulatedModel(step_model=None, attention="paged", prefix_caching=False, memory_tokens=8_000)


def request(number: int, prompt_tokens: int, max_new_tokens: int, arrival_s: float = 0.0) -> GenerationRequest:
    text = "the grid is clean and the water is slow " * 200
    ids = [*VOCABULARY.encode(f"{number} {text}", True)[:prompt_tokens]]
    return GenerationRequest(number, arrival_s, text, ids, max_new_tokens, 4_000, ignore_eos_token=True)


def on_router(
    model: SimulatedModel,
    folder: Path,
    flags: Sequence[str],
    settings: dict[str, str],
    work: Callable[[RunningRouter], Awaitable[None]],
    ends: bool = False,
) -> None:
    async def run() -> None:
        async with simulated_shards(model, folder / "s"), running_router(f"{folder}/s-0", flags, settings) as router:
            async with asyncio.timeout(60):
                await work(router)
            if ends:
                await asyncio.wait_for(asyncio.shield(router.stepping), 10)
            assert router.stepping.done() is ends

    asyncio.run(run())


def flags_of(total: int, longest: int, prefill: int) -> list[str]:
    given = {"max-total-tokens": total, "max-input-tokens": longest, "max-batch-prefill-tokens": prefill}
    return [word for name, tokens in given.items() for word in (f"--{name}", str(tokens))]


def test_a_padded_answer_that_outgrows_the_prefill_budget_goes_on(tmp_path: Path) -> None:
    async def work(router: RunningRouter) -> None:
        answers = await router.serve([request(1, 50, 120), request(2, 50, 120)])
        assert [len(answers[number].ids) for number in (1, 2)] == [120, 120]

    on_router(PADDED, tmp_path, flags_of(400, 60, 64), {"FREESH_LEG_TOKENS": "16"}, work)


@pytest.mark.parametrize(("attention", "block"), [("paged", 16), ("flashdecoding", 256), ("flashinfer", 1)])
def test_the_limits_told_are_limits_that_memory_can_hold(attention: str, block: int, tmp_path: Path) -> None:
    memory = 10 * block + 2 * 16
    model = SimulatedModel(step_model=None, attention=attention, memory_tokens=memory, max_total_tokens=memory)

    async def work(router: RunningRouter) -> None:
        info = router.engine.info
        longest = request(1, info.max_input_tokens // 2, info.max_total_tokens - info.max_input_tokens // 2)
        answers = await router.serve([longest])
        assert len(answers[1].ids) == longest.max_new_tokens
        most = router.engine.memory.longest_tokens
        assert info.max_total_tokens <= most
        too_long = request(2, info.max_input_tokens // 2, most - info.max_input_tokens // 2 + 1)
        answers = await router.serve([too_long])
        assert answers[2].failure is not None
        assert answers[2].failure.kind is FailureKind.VALIDATION

    on_router(model, tmp_path, ["--max-batch-prefill-tokens", str(memory // 2)], {"FREESH_LEG_TOKENS": "16"}, work)


@pytest.mark.parametrize("model", [PADDED, PAGED], ids=["padded", "paged"])
def test_newcomers_do_not_keep_others_from_decoding(model: SimulatedModel, tmp_path: Path) -> None:
    async def work(router: RunningRouter) -> None:
        router.engine.loop.submit(request(1, 10, 40))
        for number in range(2, 120):
            router.engine.loop.submit(request(number, 10, 40))
            await asyncio.sleep(0.002)
            if len(router.answers.of.get(1, EMPTY).ids) >= 40:
                break
        assert len(router.answers.of[1].ids) >= 20, "while others arrived all the time"
        await router.answers.all_over(range(1, number + 1))

    on_router(model, tmp_path, flags_of(400, 100, 400), {}, work)


class _Empty:
    ids: tuple[int, ...] = ()


EMPTY = _Empty()


def test_a_refused_filter_loses_nobody_who_was_to_join(tmp_path: Path) -> None:
    async def work(router: RunningRouter) -> None:
        shards, refusals = router.engine.shards, [1]
        filter_ = shards.filter

        async def refuse_at_first(batch_id: int, keep_ids: Sequence[int]) -> messages.CachedBatch:
            if refusals[0]:
                refusals[0] -= 1
                await shards.clear_cache(batch_id)
                raise ShardError(0, "FilterBatch", ShardFailure.REFUSED, "not today")
            return await filter_(batch_id, keep_ids)

        shards.filter = refuse_at_first  # type: ignore[method-assign, assignment]
        for each in (request(1, 10, 5), request(2, 10, 60)):
            router.engine.loop.submit(each)
        for number in range(3, 40):  # one of them arrives just before the filter that lets the first one out
            router.engine.loop.submit(request(number, 10, 30))
            await asyncio.sleep(0.001)
        answers = await router.answers.all_over(range(1, 40))
        assert refusals == [0]
        assert [answers[number].failure for number in range(1, 40)] == [None] * 39
        assert [len(answers[number].ids) for number in range(3, 40)] == [30] * 37

    on_router(SimulatedModel(step_model=StepModel(), speed=5), tmp_path, flags_of(400, 100, 400), {}, work)


def test_a_prompt_without_tokens_is_refused_alone(tmp_path: Path) -> None:
    async def work(router: RunningRouter) -> None:
        answers = await router.serve([request(1, 0, 5), request(2, 5, 5)])
        assert answers[1].failure is not None
        assert answers[1].failure.kind is FailureKind.VALIDATION
        assert len(answers[2].ids) == 5

    on_router(PAGED, tmp_path, flags_of(400, 100, 400), {}, work)


@pytest.mark.parametrize("policy", ["fcfs", "edf", "srtf", "llf"])
def test_equal_requests_that_hold_all_memory_between_them_do_not_wait_for_each_other(
    policy: str, tmp_path: Path
) -> None:
    model = SimulatedModel(step_model=None, memory_tokens=101)

    async def work(router: RunningRouter) -> None:
        now_s = time.monotonic()
        answers = await router.serve([request(number, 20, 70, now_s) for number in (1, 2, 3)])
        assert [len(answers[number].ids) for number in (1, 2, 3)] == [70, 70, 70]

    settings = {"FREESH_LEG_TOKENS": "16", "FREESH_POLICY": policy}
    on_router(model, tmp_path, flags_of(100, 50, 50), settings, work)


def test_a_leg_ends_no_answer_and_hides_no_end(tmp_path: Path) -> None:
    """Whatever a leg's length, the answer ends where it would in one leg."""
    ends = {}
    for leg_tokens in ("16", "17", "18", "19", "23", "1024"):

        async def work(router: RunningRouter, leg_tokens: str = leg_tokens) -> None:
            asked = [
                GenerationRequest(n, 0.0, "", VOCABULARY.encode(f"ask {n}", True), 400, 4_000) for n in range(1, 25)
            ]
            answers = await router.serve(asked)
            ends[leg_tokens] = [(answer.ids, answer.end and answer.end.finish_reason) for answer in answers.values()]
            ends[leg_tokens].sort()

        on_router(
            SimulatedModel(step_model=None), tmp_path, flags_of(800, 200, 400), {"FREESH_LEG_TOKENS": leg_tokens}, work
        )
    assert all(each == ends["1024"] for each in ends.values())


def test_no_pass_computes_more_prompt_tokens_than_it_may(tmp_path: Path) -> None:
    seen: list[int] = []

    async def work(router: RunningRouter) -> None:
        shards = router.engine.shards
        prefill = shards.prefill

        async def noting(batches: Sequence[messages.Batch], cached: messages.CachedBatch | None = None) -> object:
            requests = batches[0].requests
            computed = [each.chunk_len or len(each.slots) - each.cache_len for each in requests]
            prompts = [
                each.chunk_len or min(size, len(asked[each.id - 1].prompt_ids) - each.cache_len)
                for each, size in zip(requests, computed, strict=True)
            ]
            seen.append(sum(prompts) + (cached.current_tokens if cached else 0))
            return await prefill(batches, cached)

        shards.prefill = noting  # type: ignore[method-assign, assignment]
        asked = [request(number, 20 + 7 * (number % 20), 6) for number in range(1, 200)]
        await router.serve(asked)
        assert isinstance(router.engine.memory, PagedMemory)

    on_router(SimulatedModel(step_model=None, memory_tokens=900), tmp_path, flags_of(300, 180, 200), {}, work)
    assert max(seen) <= 200


def test_a_fault_of_the_books_fails_its_requests_and_no_others(tmp_path: Path) -> None:
    async def work(router: RunningRouter) -> None:
        loop = router.engine.loop
        for number in (1, 2):
            loop.submit(request(number, 10, 40))
        while len(router.answers.of) < 2:
            await asyncio.sleep(0)
        loop.submit(request(3, 10, 40))
        loop.lose_all(ShardError(0, "step", ShardFailure.REFUSED, "internal error"))
        answers = await router.answers.all_over((1, 2, 3))
        assert all(answers[number].failure for number in (1, 2, 3))
        loop.submit(request(4, 10, 5))
        answers = await router.answers.all_over((4,))
        assert answers[4].failure is not None

    model = SimulatedModel(step_model=StepModel(), speed=5)
    on_router(model, tmp_path, flags_of(400, 100, 400), {}, work, ends=True)
