"""What a request keeps across its legs: ids, counts, stop sequences, half-written characters, seeds."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freesh_plugin.core.generation import FinishReason, GenerationRequest, GrammarType, Sampling, Token
from freesh_plugin.runtime.serving import Serving


@dataclass(frozen=True)
class Asked:
    stop: tuple[str, ...] = ()
    sampling: Sampling = field(default_factory=Sampling)
    max_new_tokens: int = 100


def serving(asked: Asked = Asked(), exact_ids: bool = True) -> Serving:
    request = GenerationRequest(
        1, 0.0, "a b", [7, 8], asked.max_new_tokens, 2, stop_sequences=asked.stop, sampling=asked.sampling
    )
    return Serving(request, exact_ids)


def said(text: str, token_id: int = 5, special: bool = False) -> list[Token]:
    return [Token(token_id, text, -1.0, special)]


def test_ids_are_the_prompt_and_all_that_was_made() -> None:
    one = serving()
    one.begin_leg(3.0)
    one.take(said("x", 11))
    one.begin_leg(9.0)
    one.take([Token(12, "y", -1.0), Token(13, "z", -1.0)])
    assert one.ids == [7, 8, 11, 12, 13]
    assert (one.generated, one.remaining, one.legs, one.started_s) == (3, 97, 2, 3.0)


def test_a_stop_sequence_over_a_cut_is_found_by_the_router() -> None:
    one = serving(Asked(stop=("STOP",)))
    one.begin_leg(0.0)
    assert not one.take(said("wait ST"))
    one.begin_leg(1.0)
    assert one.take(said("OP"))


def test_within_the_first_leg_the_shard_finds_it() -> None:
    one = serving(Asked(stop=("STOP",)))
    one.begin_leg(0.0)
    assert not one.take(said("STOP"))


@pytest.mark.parametrize(("text", "found"), [("OP\n", True), ("OP\n\n", False), ("OP.", False), ("O", False)])
def test_a_line_break_after_it_does_no_harm_as_in_the_shard(text: str, found: bool) -> None:
    one = serving(Asked(stop=("STOP",)))
    one.begin_leg(0.0)
    one.take(said("ST"))
    one.begin_leg(1.0)
    assert one.take(said(text)) is found


@given(st.text("ab", max_size=12), st.integers(0, 12), st.sampled_from(["ab", "aab", "b"]))
def test_any_cut_finds_what_an_undisturbed_shard_finds(text: str, cut: int, stop: str) -> None:
    """Character by character; the shard itself finds what lies within the later leg."""
    one = serving(Asked(stop=(stop,)))
    one.begin_leg(0.0)
    for position, letter in enumerate(text):
        if position == cut and position:
            one.begin_leg(1.0)
        found = one.take(said(letter))
        assert found == (one.in_later_leg and text[: position + 1].endswith(stop))


@pytest.mark.parametrize(
    ("texts", "cuttable"),
    [
        (["a"] * 4, False),  # the shard's window of five would begin within the prompt
        (["a"] * 5, True),
        (["a"] * 6, True),
        (["a"] * 5 + [""], False),  # half of a character
        (["a"] * 6 + ["", "é"], True),
        (["a", "", "é", "b", "c", "d", "e"], False),  # the window would begin inside the character
        (["a", "", "é", "b", "c", "d", "e", "f"], True),
    ],
)
def test_a_cut_neither_splits_a_character_nor_the_window_that_follows_it(texts: list[str], cuttable: bool) -> None:
    one = serving()
    one.begin_leg(0.0)
    assert not one.cuttable, "its prompt is still being computed"
    for text in texts:
        one.take(said(text))
    assert one.cuttable is cuttable
    one.begin_leg(1.0)
    assert not one.cuttable


def test_a_special_token_without_text_is_whole() -> None:
    one = serving()
    one.begin_leg(0.0)
    one.take([*said("a") * 5, *said("", special=True)])
    assert one.cuttable


@pytest.mark.parametrize(
    ("sampling", "restorable"),
    [
        (Sampling(), True),
        (Sampling(do_sample=True, seed=4), True),
        (Sampling(do_sample=True, seed=4, seed_given=True), False),
        (Sampling(seed=4, seed_given=True), True),
        (Sampling(temperature=0.5, seed=4, seed_given=True), False),
        (Sampling(grammar="[0-9]", grammar_type=GrammarType.REGEX), False),
    ],
)
def test_what_can_be_restored_from_ids(sampling: Sampling, restorable: bool) -> None:
    assert serving(Asked(sampling=sampling)).restorable is restorable
    assert not serving(Asked(sampling=sampling), exact_ids=False).restorable


def test_a_later_leg_has_another_seed_and_always_the_same() -> None:
    one, other = (serving(Asked(sampling=Sampling(do_sample=True, seed=4))) for _ in range(2))
    assert one.leg_seed() == 4
    for each in (one, other):
        each.begin_leg(0.0)
        each.take(said("x"))
    assert one.leg_seed() == other.leg_seed() != 4
    assert 0 <= one.leg_seed() < 2**64


def test_a_leg_that_used_up_its_share_ends_nothing() -> None:
    one = serving(Asked(max_new_tokens=3))
    one.begin_leg(0.0)
    one.take(said("x"))
    assert one.finish_reason(FinishReason.LENGTH) is None
    assert one.finish_reason(FinishReason.EOS) is FinishReason.EOS
    one.take([Token(1, "y", -1.0), Token(2, "z", -1.0)])
    assert one.finish_reason(FinishReason.LENGTH) is FinishReason.LENGTH


def test_a_share_is_used_up_only_where_a_cut_is_possible() -> None:
    one = serving()
    one.begin_leg(0.0)
    one.take(said("x") * 6)
    assert not one.used_up(7, 20)
    one.take(said(""))
    assert not one.used_up(7, 20), "half of a character"
    assert one.used_up(7, 8), "one more token would be the leg's last, and hide what ends the answer"
    one.take(said("é"))
    assert one.used_up(7, 20)
