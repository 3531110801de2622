"""Capacities from published passes of Llama 2 70B and lengths of a production trace, against the simulation."""

import csv
import random
from pathlib import Path
from statistics import mean

import pytest

from freesh_plugin.core.profile import Basis, Phase, TokenLimits, TokenPoint, TokenTable
from freesh_plugin.core.request import Partition
from models.capacity import Bounds, ClassWork, Served, by_class, serve
from models.domain.lengths import RequestLength
from tests.fakes.batch_simulation import Instance, Request, poisson

pytestmark = pytest.mark.data

TDP_W = 400.0
ASSUMED_IDLE_W = 85.0
MAX_BATCH, KV_TOKENS = 16, 150_000
PARTITION = Partition("a", ("SS", "SL", "LS", "LL"), (1024,), (128,))
BOUNDS = Bounds(latency_s=30.0, ttft_s=3.0, tbt_s=0.15)


@pytest.fixture(scope="module")
def passes(freesh_data: Path) -> list[dict[str, str]]:
    """Rows of the published table for Llama 2 70B on A100s."""
    with (freesh_data / "profiles/splitwise_perf_model.csv").open() as file:
        rows = list(csv.DictReader(file))
    return [each for each in rows if (each["model"], each["hardware"]) == ("llama2-70b", "a100-80gb")]


@pytest.fixture(scope="module")
def lengths(freesh_data: Path) -> tuple[RequestLength, ...]:
    """Prompt and answer tokens of an hour of conversations; longer prompts than were measured left out."""
    with (freesh_data / "traffic/azure_llm_2023/AzureLLMInferenceTrace_conv.csv").open() as file:
        rows = [(int(each["ContextTokens"]), int(each["GeneratedTokens"])) for each in csv.DictReader(file)]
    return tuple(RequestLength(prompt, answer) for prompt, answer in rows if 0 < prompt <= 8192 and answer > 0)


def profile(passes: list[dict[str, str]], gpus: int) -> TokenTable:
    """Means over the published runs; the effect of context, published at batch 1, is taken to add for each request."""
    rows = [each for each in passes if int(each["tensor_parallel"]) == gpus and int(each["token_size"]) == 128]

    def milliseconds(column: str, batch: int, prompt: int) -> float:
        key = (str(batch), str(prompt))
        return mean(float(each[column]) for each in rows if (each["batch_size"], each["prompt_size"]) == key)

    prompts = (128, 256, 512, 1024, 2048, 4096, 8192)
    slope = (milliseconds("token_time", 1, 8192) - milliseconds("token_time", 1, 512)) / (8192 - 512)
    watts = gpus * TDP_W
    points = [TokenPoint(Phase.PREFILL, each, milliseconds("prompt_time", 1, each) / 1e3, watts) for each in prompts]
    for batch in (1, 2, 4, 8, 16):
        at_512 = milliseconds("token_time", batch, 512)
        share = mean(
            float(each["average_power"])
            for each in rows
            if (each["batch_size"], each["prompt_size"]) == (str(batch), "512")
        )
        points += [
            TokenPoint(Phase.DECODE, c, (at_512 + max(slope, 0.0) * batch * (c - 512)) / 1e3, share * watts, batch)
            for c in (512, 2048, 9000)
        ]
    limits = TokenLimits(MAX_BATCH, KV_TOKENS, gpus * ASSUMED_IDLE_W, None, Basis.MODELLED, chunked=False)
    return TokenTable.of(points, limits)


def derived(table: TokenTable, lengths: tuple[RequestLength, ...], request_class: str) -> Served:
    return serve(ClassWork.of(table, by_class(lengths, PARTITION)[request_class], 0.95), BOUNDS)


def test_twice_the_gpus_serve_more_of_every_class_and_less_than_twice_of_short_prompts(
    passes: list[dict[str, str]], lengths: tuple[RequestLength, ...]
) -> None:
    """Eight GPUs are left out: the published decode steps are no shorter than on four."""
    two, four = (profile(passes, gpus) for gpus in (2, 4))
    for name in PARTITION.classes:
        assert derived(two, lengths, name).capacity_rps < derived(four, lengths, name).capacity_rps
    assert derived(four, lengths, "SS").capacity_rps < 2 * derived(two, lengths, "SS").capacity_rps


@pytest.mark.parametrize("request_class", PARTITION.classes)
def test_one_conversation_in_twenty_is_late_at_capacity(
    passes: list[dict[str, str]], lengths: tuple[RequestLength, ...], request_class: str
) -> None:
    """19,000 lengths merged into at most 144 lead to the same capacity as drawing from all of them."""
    table = profile(passes, 4)
    own = [
        (int(each.prompt_tokens), int(each.answer_tokens))
        for each in lengths
        if PARTITION.classify(each.prompt_tokens, each.answer_tokens) == request_class
    ]
    capacity_rps = derived(table, lengths, request_class).capacity_rps
    below, above = (late(simulated(table, own, factor * capacity_rps)) for factor in (0.9, 1.15))
    assert below < 0.05 < above


def simulated(table: TokenTable, lengths: list[tuple[int, int]], rate_rps: float) -> list[Request]:
    def draw(rng: random.Random) -> tuple[int, int]:
        return rng.choice(lengths)

    instance = Instance(table.prefill_s, table.decode_step_s, MAX_BATCH, KV_TOKENS)
    return instance.run(poisson(rate_rps, 4000, 5, draw))[800:]


def late(requests: list[Request]) -> float:
    broken = (
        sum(each.latency_s > BOUNDS.latency_s for each in requests),
        sum(each.ttft_s > BOUNDS.ttft_s for each in requests),
        sum(each.tbt_s > BOUNDS.tbt_s for each in requests),
    )
    return max(broken) / len(requests)
