"""The hook around TGI's server: active only when proved, gone with the shard, aside at every surprise."""

from pathlib import Path
from typing import Any

import pytest

from freesh_plugin.adapters.tgi import messages
from freesh_plugin.adapters.tgi.exact_ids import ExactIdsError, encode
from freesh_plugin.adapters.tgi.exact_ids_file import read_secret, secret_path
from freesh_plugin.adapters.tgi.exact_ids_hook import hook_server
from freesh_plugin.adapters.tgi.exact_ids_start import is_shard
from tests.fakes.tgi.tokenizing_server import (
    FakeServer,
    ListLog,
    OneByOneBatch,
    PaddedBatch,
    SeeingBatch,
    WordTokenizer,
)

IDS = [500, 3, 3, 999, 14]
ASIDE = "Exact token ids are not taken, texts are tokenised as ever: "


def request(text: str, truncate: int = 100) -> messages.Request:
    chunks = messages.Input(chunks=[messages.InputChunk(text=text)])
    return messages.Request(input_chunks=chunks, truncate=truncate, add_special_tokens=True)


def read(server: FakeServer, *requests: messages.Request) -> list[list[int]]:
    model = server.model
    batch = model.batch_type.from_pb(messages.Batch(requests=requests), model.tokenizer, None, None)
    rows = zip(batch.all_input_ids, batch.input_lengths, strict=True)
    return [list(ids)[-length:] for ids, length in rows]


def served(tmp_path: Path, batch_type: type, while_serving: Any, sharded: bool = False) -> ListLog:
    log = ListLog()
    server = FakeServer(batch_type, while_serving)
    hook_server(server, log)
    assert server.serve("model", sharded=sharded, uds_path=tmp_path / "shard") == "served"
    return log


@pytest.mark.parametrize("batch_type", [OneByOneBatch, PaddedBatch, SeeingBatch])
def test_ids_are_taken_while_the_shard_serves(tmp_path: Path, batch_type: type) -> None:
    socket = tmp_path / "shard-0"
    plain = "three plain words"

    def while_serving(server: FakeServer) -> None:
        secret = read_secret(socket)
        assert secret is not None
        expected = server.model.tokenizer(plain)["input_ids"]
        requests = request(encode(IDS, secret)), request(plain), request(encode(IDS[:2], secret), truncate=1)
        assert read(server, *requests) == [IDS, expected, IDS[:2]]
        with pytest.raises(ExactIdsError):
            read(server, request(encode(IDS, secret)[:-4]))

    log = served(tmp_path, batch_type, while_serving)
    assert log.lines == [f"Exact token ids are taken by {batch_type.__name__}: secret in {socket}.freesh-ids"]
    assert not secret_path(socket).exists()


def test_afterwards_the_tokenizer_is_as_it_was(tmp_path: Path) -> None:
    before = vars(WordTokenizer)["__call__"]
    served(tmp_path, PaddedBatch, lambda server: None)
    assert vars(WordTokenizer)["__call__"] is before


def test_each_rank_has_its_own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "3")
    found: list[str | None] = []
    served(tmp_path, OneByOneBatch, lambda server: found.append(read_secret(tmp_path / "shard-3")), sharded=True)
    assert None not in found
    assert len(found) == 1


def test_plain_texts_reach_the_tokenizer_as_ever(tmp_path: Path) -> None:
    def while_serving(server: FakeServer) -> None:
        server.model.tokenizer.calls.clear()
        read(server, request("plain words"))
        options = {"truncation": True, "max_length": 100, "add_special_tokens": True}
        assert server.model.tokenizer.calls == [options]

    served(tmp_path, OneByOneBatch, while_serving)


class LosingBatch(OneByOneBatch):
    """Drops each prompt's last id."""

    @classmethod
    def from_pb(cls, pb: messages.Batch, tokenizer: WordTokenizer, dtype: object, device: object) -> OneByOneBatch:
        batch = super().from_pb(pb, tokenizer, dtype, device)
        return cls([ids[:-1] for ids in batch.all_input_ids], [length - 1 for length in batch.input_lengths])


class OddBatch:
    """Reads batches in a way of its own."""

    @classmethod
    def from_pb(cls, pb: messages.Batch) -> "OddBatch":
        return cls()


class OtherCallBatch(OneByOneBatch):
    """Asks its tokenizer for something we do not know."""

    @classmethod
    def from_pb(cls, pb: messages.Batch, tokenizer: WordTokenizer, dtype: object, device: object) -> OneByOneBatch:
        rows = [tokenizer(one.input_chunks.chunks[0].text, stride=2)["input_ids"] for one in pb.requests]
        return cls(rows, [len(row) for row in rows])


@pytest.mark.parametrize("batch_type", [LosingBatch, OddBatch, OtherCallBatch])
def test_what_cannot_be_proved_is_not_offered(tmp_path: Path, batch_type: type) -> None:
    def while_serving(server: FakeServer) -> None:
        assert not secret_path(tmp_path / "shard-0").exists()

    before = vars(WordTokenizer)["__call__"]
    log = served(tmp_path, batch_type, while_serving)
    assert len(log.lines) == 1
    assert log.lines[0].startswith(ASIDE)
    assert vars(WordTokenizer)["__call__"] is before


def test_a_tokenizer_of_another_kind_is_left_alone(tmp_path: Path) -> None:
    log = ListLog()
    server = FakeServer(OneByOneBatch, lambda server: None)
    server.model.tokenizer = object()
    hook_server(server, log)
    server.serve("model", sharded=False, uds_path=tmp_path / "shard")
    assert log.lines == [f"{ASIDE}ExactIdsError: a tokenizer of type object is not one of transformers'"]


def test_another_serve_is_left_alone() -> None:
    log = ListLog()
    server = FakeServer(OneByOneBatch, lambda server: None)

    def serve(model_id: str, address: str) -> None:
        """Of a TGI to come."""

    server.serve = serve
    hook_server(server, log)
    assert server.serve is serve
    assert log.lines == [f"{ASIDE}ExactIdsError: TGI's serve has no sharded, uds_path"]


def test_a_rank_that_is_no_number_is_served_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "first")
    log = served(tmp_path, OneByOneBatch, lambda server: None, sharded=True)
    assert len(log.lines) == 1
    assert log.lines[0].startswith(f"{ASIDE}ValueError")


def test_an_error_while_ids_are_used_does_not_end_the_shard(tmp_path: Path) -> None:
    def while_serving(server: FakeServer) -> None:
        secret = read_secret(tmp_path / "shard-0")
        assert secret is not None

        def failing(*_: object, **__: object) -> None:
            raise RuntimeError("CUDA error")

        server.model.tokenizer.pad = failing
        with pytest.raises(ExactIdsError, match="RuntimeError: CUDA error"):
            read(server, request(encode(IDS, secret)))

    served(tmp_path, PaddedBatch, while_serving)


@pytest.mark.parametrize(
    ("argv", "is_one"),
    [
        (["/v/bin/python", "/v/bin/text-generation-server", "serve", "model"], True),
        (["python3", "text-generation-server", "serve"], True),
        (["/v/bin/python", "/v/bin/text-generation-server", "download-weights", "serve"], False),
        (["/v/bin/python", "/v/bin/text-generation-router", "serve"], False),
        (["/v/bin/python", "/v/bin/text-generation-server"], False),
        (["/v/bin/python", "-c", "pass"], False),
        ([], False),
    ],
)
def test_only_shards_are_hooked(argv: list[str], is_one: bool) -> None:
    assert is_shard(argv) is is_one
