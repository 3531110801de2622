"""RunningLengths: learns by prompt length and client, keeps quantiles in order, forgets in bounded memory."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freesh_plugin.core.lengths import AnswerLength
from freesh_plugin.runtime.lengths import PRIOR, RunningLengths


def test_the_prior_answers_first_within_the_limit() -> None:
    assert RunningLengths().estimate(100, 4096) == PRIOR
    assert RunningLengths().estimate(100, 200) == AnswerLength(129, 200)


def test_quantiles_of_what_was_seen_are_approached() -> None:
    lengths, rng = RunningLengths(), Random(7)
    for _ in range(500):
        lengths.observe(100, round(rng.lognormvariate(6, 0.5)))
    found = lengths.estimate(100, 100_000)
    assert found.q50 == pytest.approx(403, rel=0.2)
    assert found.q90 == pytest.approx(766, rel=0.25)


def test_clients_and_prompts_of_other_lengths_differ() -> None:
    lengths = RunningLengths()
    for _ in range(100):
        lengths.observe(100, 20, "a")
        lengths.observe(100, 900, "b")
        lengths.observe(3000, 50, "a")
    assert lengths.estimate(100, 4096, "a").q50 < 40 < 500 < lengths.estimate(100, 4096, "b").q50
    assert lengths.estimate(3000, 4096, "unknown").q90 < 100 < lengths.estimate(100, 4096, "unknown").q90


def test_what_changed_is_learnt_anew() -> None:
    lengths = RunningLengths()
    for _ in range(200):
        lengths.observe(100, 20)
    for _ in range(64):
        lengths.observe(100, 2000)
    assert lengths.estimate(100, 4096).q50 > 1000


def test_clients_without_number_take_bounded_memory() -> None:
    lengths = RunningLengths()
    for n in range(5000):
        lengths.observe(100, 20, f"client {n}")
    assert len(lengths._by_client) == 1024  # no other way to see it


@given(st.lists(st.tuples(st.integers(0, 9000), st.integers(0, 9000), st.sampled_from("ab"))), st.integers(0, 5000))
def test_quantiles_are_positive_in_order_and_within_the_limit(seen: list[tuple[int, int, str]], most: int) -> None:
    lengths = RunningLengths()
    for prompt, answer, client in seen:
        lengths.observe(prompt, answer, client)
    found = lengths.estimate(50, most, "a")
    assert 0 < found.q50 <= found.q90 <= max(most, 1)
