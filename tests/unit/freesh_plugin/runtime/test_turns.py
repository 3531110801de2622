"""Turns by weight: shares are kept within a request, sessions stay at home as long as that costs little."""

from collections import Counter
from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from freesh_plugin.runtime.turns import SESSION_DRIFT, Turns, unit_hash

WEIGHTS = st.dictionaries(st.sampled_from("abcdefgh"), st.floats(1e-3, 1.0), min_size=1)


def off_by(counts: Mapping[str, int], weights: Mapping[str, float], requests: int) -> float:
    """By how many requests a place is off its share, at most."""
    whole = sum(weights.values())
    return max(abs(counts.get(name, 0) - requests * weight / whole) for name, weight in weights.items())


@given(WEIGHTS, st.integers(1, 400))
def test_after_every_request_each_place_has_its_share_within_one_request(
    weights: dict[str, float], requests: int
) -> None:
    turns, counts = Turns(weights), Counter[str]()
    for number in range(1, requests + 1):
        counts[turns.next()] += 1
        assert off_by(counts, weights, number) < 1


def test_turns_of_three_to_one_are_spread_and_not_in_a_row() -> None:
    turns = Turns({"a": 3.0, "b": 1.0})
    assert "".join(turns.next() for _ in range(8)) in {"aabaaaba", "abaaabaa"}


@given(WEIGHTS, st.lists(st.integers(0, 5), min_size=1, max_size=300))
def test_sessions_take_a_place_beyond_its_share_by_a_bounded_number_of_requests(
    weights: dict[str, float], sessions: list[int]
) -> None:
    turns = Turns(weights)
    for session in sessions:
        turns.next(session)
        assert min(turns.behind.values()) > -SESSION_DRIFT - 1
        assert abs(sum(turns.behind.values())) < 1e-6


def test_a_session_goes_home_while_the_home_is_not_far_ahead() -> None:
    turns = Turns({"a": 0.5, "b": 0.5})
    homes = {turns.next(session=7) for _ in range(20)}
    assert len(homes) == 1
    assert {turns.next(session=7) for _ in range(40)} == {"a", "b"}


def test_homes_of_sessions_are_drawn_with_the_odds_of_the_weights() -> None:
    homes = Counter(Turns({"a": 0.7, "b": 0.2, "c": 0.1}).next(session) for session in range(1, 4001))
    assert abs(homes["a"] / 4000 - 0.7) < 0.03
    assert abs(homes["c"] / 4000 - 0.1) < 0.03


@given(WEIGHTS, WEIGHTS, st.integers(1, 50), st.integers(1, 50))
def test_other_weights_give_what_places_are_behind_and_keep_the_new_shares(
    before: dict[str, float], after: dict[str, float], first: int, second: int
) -> None:
    turns = Turns(before)
    for _ in range(first):
        turns.next()
    turns = Turns(after, turns.behind)
    counts = Counter(turns.next() for _ in range(second))
    assert off_by(counts, after, second) < 3


@given(st.integers(0, 1 << 63), st.integers(0, 1 << 32))
def test_the_hash_is_within_zero_and_one(number: int, key: int) -> None:
    assert 0 < unit_hash(number, key) < 1
