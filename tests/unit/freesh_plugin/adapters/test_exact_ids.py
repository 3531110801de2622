"""Marked texts: every list of ids comes back, and nobody without the secret can write one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freesh_plugin.adapters.tgi.exact_ids import MARK, MAX_IDS, SECRET_LENGTH, ExactIdsError, decode, encode

SECRET = "s3cret-of-rank-zero_" + "A" * (SECRET_LENGTH - 20)
OTHER = "B" * SECRET_LENGTH

ids_lists = st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=300)
secrets = st.text("abcXYZ019-_", min_size=SECRET_LENGTH, max_size=SECRET_LENGTH)


@given(ids_lists, secrets)
def test_ids_come_back(ids: list[int], secret: str) -> None:
    assert decode(encode(ids, secret), secret) == ids


@given(ids_lists)
def test_another_secret_makes_it_a_plain_text(ids: list[int]) -> None:
    assert decode(encode(ids, OTHER), SECRET) is None


@given(st.text(max_size=200))
def test_what_people_write_is_plain_text(text: str) -> None:
    assert decode(text, SECRET) is None


@given(st.text(max_size=80))
def test_what_looks_like_a_mark_is_plain_text(text: str) -> None:
    assert decode(MARK + text, SECRET) is None
    assert decode(text + MARK + OTHER + text, SECRET) is None
    assert decode(MARK + SECRET[:-1], SECRET) is None


@given(st.lists(st.sampled_from([MARK, OTHER, SECRET[:20], "text", "\x00"]), max_size=30))
def test_pieces_of_marks_are_plain_text(pieces: list[str]) -> None:
    assert decode("".join(pieces), SECRET) is None


@given(ids_lists, st.data())
def test_damage_is_never_taken_for_text_or_for_other_ids(ids: list[int], data: st.DataObject) -> None:
    text = encode(ids, SECRET)
    place = data.draw(st.integers(len(MARK) + SECRET_LENGTH, len(text) - 1))
    with pytest.raises(ExactIdsError):
        decode(text[:place], SECRET)
    changed = data.draw(st.characters().filter(lambda character: character != text[place]))
    if text[place] != "=" and text[place + 1 : place + 2] != "=":  # padding bits say nothing
        with pytest.raises(ExactIdsError):
            decode(text[:place] + changed + text[place + 1 :], SECRET)


@pytest.mark.parametrize("around", ["x{}", "{}x", "{}\n", "{0}{0}", " {}"])
def test_a_mark_among_other_text_is_damage(around: str) -> None:
    with pytest.raises(ExactIdsError):
        decode(around.format(encode([1, 2, 3], SECRET)), SECRET)


def test_a_payload_beyond_the_limit_is_damage() -> None:
    with pytest.raises(ExactIdsError, match="limit"):
        decode(MARK + SECRET + "AAAA" * (MAX_IDS * 4 // 3 + 3), SECRET)


def test_the_longest_prompt_comes_back() -> None:
    ids = [2**32 - 1] * MAX_IDS
    assert decode(encode(ids, SECRET), SECRET) == ids


@pytest.mark.parametrize("ids", [[], [-1], [2**32], [0] * (MAX_IDS + 1)], ids=["none", "negative", "wide", "many"])
def test_what_cannot_be_marked_is_refused(ids: list[int]) -> None:
    with pytest.raises(ExactIdsError):
        encode(ids, SECRET)


@pytest.mark.parametrize("secret", ["", "short", "é" * SECRET_LENGTH])
def test_what_is_no_secret_is_refused(secret: str) -> None:
    with pytest.raises(ExactIdsError, match="secret"):
        encode([1], secret)


def test_the_error_does_not_end_a_shard() -> None:
    assert not issubclass(ExactIdsError, RuntimeError)
