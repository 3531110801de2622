"""Tokenizers of the HTTP front: truncation as shards do it, answers decoded by two offsets, files that are found."""

import asyncio
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer as Backend
from tokenizers import decoders, models

from freesh_plugin.adapters.tgi.http.settings import RouterSettings
from freesh_plugin.adapters.tgi.http.tokenizer import Tokenizer
from freesh_plugin.adapters.tgi.http.tokenizer_files import find_model_file, load_tokenizer
from freesh_plugin.core.errors import ConfigError
from tests.fakes.http_front import byte_tokenizer

BYTES = Tokenizer(byte_tokenizer())


@given(st.text(max_size=40), st.integers(1, 50), st.booleans())
def test_truncation_keeps_the_end_and_the_special_tokens(text: str, truncate: int, special: bool) -> None:
    whole = BYTES.encode_now(text, add_special_tokens=special).ids
    cut = BYTES.encode_now(text, add_special_tokens=special, truncate=truncate).ids
    content = whole[1:] if special else whole
    keep = max(0, min(len(content), truncate - special))
    assert cut == ([0] if special else []) + content[len(content) - keep :]
    assert len(cut) == min(len(whole), truncate)


def test_what_the_file_says_of_truncation_and_padding_is_not_heeded() -> None:
    backend = byte_tokenizer()
    backend.enable_truncation(3)
    backend.enable_padding(length=10)
    assert len(Tokenizer(backend).encode_now("hello").ids) == 6


def test_long_texts_are_encoded_the_same_in_a_thread() -> None:
    text = "naïve " * 1_000
    assert asyncio.run(BYTES.encode(text, truncate=99)) == BYTES.encode_now(text, truncate=99)


@given(st.text(max_size=20), st.text(min_size=1, max_size=20))
def test_an_answer_is_the_text_that_its_tokens_add(prompt: str, answer: str) -> None:
    prompt_ids = BYTES.encode_now(prompt).ids
    answer_ids = BYTES.encode_now(answer, add_special_tokens=False).ids
    if not answer.endswith("\ufffd"):
        assert BYTES.answer(prompt_ids, answer_ids) == answer


def test_special_tokens_are_left_out_and_a_broken_character_at_the_end_gives_nothing() -> None:
    ids = BYTES.encode_now("né", add_special_tokens=False).ids
    assert BYTES.answer([0], [*ids, 1]) == "né"
    assert BYTES.answer([0], ids[:-1]) == ""


def test_a_word_keeps_its_space_by_the_token_before_it() -> None:
    backend = Backend(models.WordLevel({"▁a": 0, "▁b": 1}, "▁a"))
    backend.decoder = decoders.Metaspace()
    words = Tokenizer(backend)
    assert words.decode([1]) == "b"  # alone, the first word has lost its space
    assert words.answer([0], [1]) == " b"


def test_spaces_are_cleaned_up_where_the_model_says_so(tmp_path: Path) -> None:
    byte_tokenizer().save(str(tmp_path / "tokenizer.json"))
    settings = RouterSettings(model_id=str(tmp_path))
    ids = BYTES.encode_now("do n't , she 's .", add_special_tokens=False).ids
    assert load_tokenizer(settings).decode(ids) == "do n't , she 's ."
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"clean_up_tokenization_spaces": True}))
    assert load_tokenizer(settings).decode(ids) == "don't, she's."


def test_a_tokenizer_is_found_in_a_folder_a_file_and_the_hubs_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = tmp_path / "hub" / "models--org--tiny" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    file = snapshot / "tokenizer.json"
    byte_tokenizer().save(str(file))
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for name in ("HUGGINGFACE_HUB_CACHE", "HF_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    (snapshot.parent.parent / "refs").mkdir()
    (snapshot.parent.parent / "refs" / "main").write_text("abc")
    for source, revision in ((str(snapshot), None), (str(file), None), ("org/tiny", None), ("org/tiny", "abc")):
        settings = RouterSettings(model_id="x", tokenizer_name=source, revision=revision)
        assert find_model_file(settings, "tokenizer.json") == file
        assert load_tokenizer(settings).encode_now("a").ids == BYTES.encode_now("a").ids


def test_what_was_tried_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ConfigError, match=r"no fast tokenizer for 'org/none'; tried: cache .*models--org--none; hub "):
        load_tokenizer(RouterSettings(model_id="org/none"))
    with pytest.raises(ConfigError, match=r"no fast tokenizer for .*; tried: folder "):
        load_tokenizer(RouterSettings(model_id=str(tmp_path)))
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ConfigError, match="is not a tokenizer"):
        load_tokenizer(RouterSettings(model_id=str(tmp_path)))
