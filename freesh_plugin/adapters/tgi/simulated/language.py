"""What the simulated model says: every next token is a function of all ids before it, so one wrong id changes the rest.

The state after a position is a 64-bit number chained over all ids up to it: what a real model keeps in its KV memory.
A position of one prompt and the same position of another differ in it, even if their ids there are the same.
"""

import zlib
from collections.abc import Sequence
from functools import lru_cache
from math import exp, log
from statistics import NormalDist

from freesh_plugin.adapters.tgi.simulated.vocabulary import EOS_ID, FIRST_BYTE_ID, VOCABULARY

_MASK = (1 << 64) - 1
_MULTIPLIER = 0x9E3779B97F4A7C15

MEDIAN_ANSWER_TOKENS = 150
_SIGMA = 0.8
_ANSWER_TOKENS = (4, 2000)

_ids_by_text = {text: VOCABULARY.bytes_of.index(text.encode()) for text in (". ", ", ", "\n\n", " ", "\n")}
_LOWER = [i for i, text in enumerate(VOCABULARY.text_of) if text and text[0] == " " and text[1:].islower()]
_TITLED = [i for i, text in enumerate(VOCABULARY.text_of) if text and text.isalpha() and text.istitle()]
_FULL_STOP, _COMMA, _PARAGRAPH = (_ids_by_text[text] for text in (". ", ", ", "\n\n"))
_SENTENCE_BEGINS = (_FULL_STOP, _PARAGRAPH)
_UNSPACED = [VOCABULARY.bytes_of.index(VOCABULARY.bytes_of[i][1:]) for i in _LOWER if len(VOCABULARY.bytes_of[i]) > 2]
_EMOJI_LEAD = FIRST_BYTE_ID + 0xF0
_EMOJI_TAIL = {(0xF0,): 0x9F, (0xF0, 0x9F): 0x98}


def start_state(adapter_id: str) -> int:
    """State before the first token; adapters speak differently."""
    return mix(zlib.crc32(adapter_id.encode()))


def mix(value: int) -> int:
    """A 64-bit number in which every bit depends on all of `value`."""
    value = (value * _MULTIPLIER + 0x632BE59BD9B4E019) & _MASK
    return value ^ (value >> 31)


def states_after(state: int, ids: Sequence[int]) -> list[int]:
    """State after each of `ids`, read in order from `state`."""
    states = []
    for token_id in ids:
        state = ((state ^ token_id) * _MULTIPLIER + 1) & _MASK
        state ^= state >> 29
        states.append(state)
    return states


def next_id(state: int, before: Sequence[int]) -> int:
    """The token that follows, given the state and the ids that led to it (only the last few are looked at)."""
    draw = mix(state)
    inside = _inside_character(before)
    if inside:
        return FIRST_BYTE_ID + _EMOJI_TAIL.get(inside, 0x80 + draw % 64)
    last = before[-1]
    if last in _SENTENCE_BEGINS:
        return _TITLED[draw % len(_TITLED)]
    if last == _COMMA:
        return _UNSPACED[draw % len(_UNSPACED)]
    kind = draw >> 54  # of 1024
    if kind < 70:
        return _FULL_STOP
    if kind < 120:
        return _COMMA
    if kind < 126:
        return _PARAGRAPH
    if kind < 132:
        return _EMOJI_LEAD
    return _LOWER[draw % len(_LOWER)]


def ends_inside_character(ids: Sequence[int]) -> bool:
    """Whether the last character of what these ids say is not complete."""
    return bool(_inside_character(ids))


def _inside_character(ids: Sequence[int]) -> tuple[int, ...]:
    """Bytes of an unfinished four-byte character at the end."""
    last = ids[-1] - FIRST_BYTE_ID
    if not 0x80 <= last < 0x100:  # the common case: no byte of a character at all
        return ()
    for length in (1, 2, 3):
        if len(ids) >= length and ids[-length] == _EMOJI_LEAD:
            return tuple(token_id - FIRST_BYTE_ID for token_id in ids[-length:])
    return ()


@lru_cache(maxsize=4096)
def answer_tokens(state: int) -> int:
    """Length in tokens, its end included, of the answer that begins in this state: roughly lognormal."""
    uniform = (mix(state ^ 0x5851F42D4C957F2D) + 0.5) / 2**64
    length = exp(log(MEDIAN_ANSWER_TOKENS) + _SIGMA * NormalDist().inv_cdf(min(max(uniform, 1e-9), 1 - 1e-9)))
    least, most = _ANSWER_TOKENS
    return min(max(round(length), least), most)


def answer_begins(ids: Sequence[int], states: Sequence[int]) -> int:
    """Position at which the answer begins: ids from there on are what the model itself would have said.

    A request that was interrupted comes back with its prompt and its answer so far as one; the answer must then end
    where it would have ended.
    """
    begins = len(ids)
    while begins > 1 and next_id(states[begins - 2], ids[max(0, begins - 5) : begins - 1]) == ids[begins - 1]:
        begins -= 1
    return begins


def said(state: int, before: Sequence[int], position: int, length: int, ignore_eos: bool) -> int:
    """The token at `position` (from 0) of an answer of `length` tokens."""
    if not ignore_eos and position >= length - 1 and not ends_inside_character(before):
        return EOS_ID
    return next_id(state, before)
