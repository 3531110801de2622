"""Exact ids in TGI's own shards: the ids that are sent are the ids that are used, and nothing else changes."""

import asyncio
import json
import os
import subprocess
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from freesh_plugin.adapters.tgi import messages
from freesh_plugin.adapters.tgi.exact_ids import SECRET_LENGTH, encode
from freesh_plugin.adapters.tgi.exact_ids_file import read_secret, secret_path
from freesh_plugin.adapters.tgi.shard_error import ShardError, ShardFailure
from tests.fakes.tgi.prompts_client import Prompt, PromptsClient, connected
from tests.fakes.tgi.server import (
    UDS_NAME,
    Shards,
    ShardSettings,
    TgiModel,
    serve_shards,
    serve_shards_in,
    socket_folder,
)

pytestmark = pytest.mark.tgi

MODELS = [("gpt2", 1), ("llama", 1), ("llama", 2)]
LONG = [300, 17, 300, 42, 7, 7, 255, 12, 101, 88, 3, 2, 379]
"""Ids in an order that no text has."""
SHORT = [9, 9, 350]
TEXT = "The grid is clean."


def blocks_of(kind: str, *numbers: int) -> Sequence[int]:
    return numbers if kind == "llama" else ()


def tokenizer_of(shards: Shards) -> Tokenizer:
    return Tokenizer.from_file(str(shards.model / "tokenizer.json"))


def prompt_ids(generations: Iterable[messages.Generation]) -> dict[int, list[int]]:
    return {generation.request_id: list(generation.prefill_tokens.ids) for generation in generations}


def log_messages(shards: Shards, rank: int = 0) -> list[str]:
    lines = [json.loads(line) for line in shards.log_text(rank).splitlines() if line.startswith('{"text"')]
    return [line["record"]["message"] for line in lines]


@pytest.mark.parametrize(("kind", "ranks"), MODELS)
def test_ids_sent_are_ids_used_beside_plain_text(tgi_model: TgiModel, kind: str, ranks: int) -> None:
    shards = tgi_model(kind, ranks)

    async def run() -> dict[int, list[int]]:
        async with connected(shards) as client:
            prompts = [
                Prompt(0, LONG, blocks=blocks_of(kind, 1)),
                Prompt(1, TEXT, blocks=blocks_of(kind, 2)),
                Prompt(2, SHORT, blocks=blocks_of(kind, 3)),
            ]
            return prompt_ids((await client.prefill(prompts)).generations)

    assert asyncio.run(run()) == {0: LONG, 1: tokenizer_of(shards).encode(TEXT).ids, 2: SHORT}


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_ids_that_their_text_does_not_tokenise_to(tgi_model: TgiModel, kind: str) -> None:
    shards = tgi_model(kind)
    tokenizer = tokenizer_of(shards)
    letters = [tokenizer.encode(letter, add_special_tokens=False).ids[0] for letter in "Thegridisclean"]
    assert tokenizer.encode(tokenizer.decode(letters), add_special_tokens=False).ids != letters

    async def run() -> dict[int, list[int]]:
        async with connected(shards) as client:
            return prompt_ids((await client.prefill([Prompt(0, letters, blocks=blocks_of(kind, 1))])).generations)

    assert asyncio.run(run()) == {0: letters}


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_neither_cut_nor_given_special_tokens(tgi_model: TgiModel, kind: str) -> None:
    async def run() -> dict[int, list[int]]:
        async with connected(tgi_model(kind)) as client:
            prompt = Prompt(0, LONG, blocks=blocks_of(kind, 1), truncate=4)
            return prompt_ids((await client.prefill([prompt])).generations)

    assert asyncio.run(run()) == {0: LONG}


async def cut_and_resumed(client: PromptsClient, kind: str, cut: int, total: int) -> list[int]:
    """An answer cut after `cut` tokens, its blocks kept, resumed beside another request."""
    step = await client.prefill([Prompt(0, LONG, total, blocks_of(kind, 1))])
    answer = list(step.generations[0].tokens.ids)
    while len(answer) < cut:
        assert step.batch is not None
        step = await client.group.decode([step.batch])
        answer += step.generations[0].tokens.ids
    assert step.batch is not None
    await client.group.clear_cache(step.batch.id)
    known = LONG + answer
    step = await client.prefill(
        [
            Prompt(0, known, total - cut, blocks_of(kind, 1), cache_len=len(known) - 1 if kind == "llama" else 0),
            Prompt(1, TEXT, total, blocks_of(kind, 2)),
        ]
    )
    while True:
        answer += [i for generation in step.generations if generation.request_id == 0 for i in generation.tokens.ids]
        if len(answer) == total:
            return answer
        assert step.batch is not None
        step = await client.group.decode([step.batch])


@pytest.mark.parametrize(("kind", "ranks"), MODELS)
@pytest.mark.parametrize("cut", [1, 5, 19])
def test_a_cut_answer_goes_on_as_if_undisturbed(tgi_model: TgiModel, kind: str, ranks: int, cut: int) -> None:
    async def run() -> tuple[list[int], list[int]]:
        async with connected(tgi_model(kind, ranks)) as client:
            undisturbed = await client.answer(Prompt(0, LONG, 20, blocks_of(kind, 1)))
            return undisturbed, await cut_and_resumed(client, kind, cut, 20)

    undisturbed, resumed = asyncio.run(run())
    assert resumed == undisturbed


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_a_forged_mark_is_a_text_like_any_other(tgi_model: TgiModel, kind: str) -> None:
    shards = tgi_model(kind)
    forged = encode(SHORT, "x" * SECRET_LENGTH)

    async def run() -> dict[int, list[int]]:
        async with connected(shards) as client:
            prompts = [Prompt(0, forged, blocks=blocks_of(kind, 1, 2)), Prompt(1, LONG, blocks=blocks_of(kind, 3))]
            return prompt_ids((await client.prefill(prompts)).generations)

    assert asyncio.run(run()) == {0: tokenizer_of(shards).encode(forged).ids, 1: LONG}


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_a_damaged_mark_fails_its_batch_and_nothing_else(tgi_model: TgiModel, kind: str) -> None:
    async def run() -> list[int]:
        async with connected(tgi_model(kind)) as client:
            damaged = encode(LONG, client.secrets[0] or "")[:-1]
            with pytest.raises(ShardError, match="marked ids are not base64") as refused:
                await client.prefill([Prompt(0, damaged, blocks=blocks_of(kind, 1))])
            assert refused.value.failure is ShardFailure.REFUSED
            await client.group.can_generate()
            return await client.answer(Prompt(1, SHORT, 2, blocks_of(kind, 1)))

    assert len(asyncio.run(run())) == 2


@pytest.mark.parametrize(("kind", "ranks"), MODELS)
def test_every_rank_says_so_in_the_launchers_log(tgi_model: TgiModel, kind: str, ranks: int) -> None:
    shards = tgi_model(kind, ranks)
    for rank in range(ranks):
        (said,) = [message for message in log_messages(shards, rank) if "Exact token ids" in message]
        assert said.startswith("Exact token ids are taken by ")
    assert len({read_secret(f"{shards.uds_path}-{rank}") for rank in range(ranks)} - {None}) == ranks


def test_the_secret_is_in_no_log(tgi_model: TgiModel) -> None:
    shards = tgi_model("llama")
    secret = read_secret(shards.master_uds_path)
    assert secret is not None
    assert secret not in shards.log_text()


def test_installed_but_not_switched_on_it_does_nothing(
    tgi_python: Path, tgi_hooked_python: Path, tgi_model_folder: Callable[[str], Path]
) -> None:
    settings = ShardSettings(tgi_hooked_python, tgi_python, tgi_model_folder("gpt2"), flash=False)
    with serve_shards(settings) as shards:
        assert read_secret(shards.master_uds_path) is None
        assert not secret_path(shards.master_uds_path).exists()
        assert not [message for message in log_messages(shards) if "Exact token ids" in message]

        async def run() -> dict[int, list[int]]:
            async with connected(shards) as client:
                return prompt_ids((await client.prefill([Prompt(0, TEXT)])).generations)

        assert asyncio.run(run()) == {0: tokenizer_of(shards).encode(TEXT).ids}


def test_the_file_goes_with_the_shard_and_a_killed_shards_is_not_believed(
    tgi_python: Path, tgi_hooked_python: Path, tgi_model_folder: Callable[[str], Path]
) -> None:
    settings = ShardSettings(tgi_hooked_python, tgi_python, tgi_model_folder("gpt2"), flash=False, hook=True)
    with serve_shards(settings) as shards:
        path = secret_path(shards.master_uds_path)
        assert read_secret(shards.master_uds_path) is not None
        (process,) = shards.processes
        process.kill()
        process.wait()
        assert path.exists()
        assert read_secret(shards.master_uds_path) is None


def test_a_shard_that_ends_removes_its_file(
    tgi_python: Path, tgi_hooked_python: Path, tgi_model_folder: Callable[[str], Path]
) -> None:
    settings = ShardSettings(tgi_hooked_python, tgi_python, tgi_model_folder("gpt2"), flash=False, hook=True)
    with serve_shards(settings) as shards:
        (process,) = shards.processes
        process.terminate()
        process.wait(30)
        assert not secret_path(shards.master_uds_path).exists()


def test_without_a_place_for_the_secret_the_shard_takes_texts_only(
    tgi_python: Path, tgi_hooked_python: Path, tgi_model_folder: Callable[[str], Path]
) -> None:
    settings = ShardSettings(tgi_hooked_python, tgi_python, tgi_model_folder("gpt2"), flash=False, hook=True)
    with socket_folder() as folder:
        secret_path(folder / f"{UDS_NAME}-0").mkdir()
        with serve_shards_in(folder, settings) as shards:
            assert read_secret(shards.master_uds_path) is None
            (said,) = [message for message in log_messages(shards) if "Exact token ids" in message]
            assert said.startswith("Exact token ids are not taken, texts are tokenised as ever: IsADirectoryError")

            async def run() -> dict[int, list[int]]:
                async with connected(shards) as client:
                    return prompt_ids((await client.prefill([Prompt(0, TEXT)])).generations)

            assert asyncio.run(run()) == {0: tokenizer_of(shards).encode(TEXT).ids}


def test_download_weights_is_left_alone(
    tgi_python: Path, tgi_hooked_python: Path, tgi_model_folder: Callable[[str], Path]
) -> None:
    command = [str(tgi_hooked_python), str(tgi_python.parent / "text-generation-server"), "download-weights"]
    options = ["--extension", ".safetensors", "--logger-level", "INFO", "--json-output", "--merge-lora"]
    environment = {**os.environ, "FREESH_EXACT_IDS": "1", "ATTENTION": "paged", "PREFIX_CACHING": "0"}
    done = subprocess.run(
        [*command, str(tgi_model_folder("gpt2")), *options],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "Files are already present" in done.stdout
    assert "Exact token ids" not in done.stdout + done.stderr
