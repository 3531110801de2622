"""LengthModel: quantiles, refinement and tails of a lognormal that is cut at the most tokens an answer may get."""

from math import exp, inf, log

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import lognorm

from freesh_plugin.core.length_model import CHECKPOINTS, Z90, LengthModel, last_checkpoint, next_checkpoint
from freesh_plugin.core.lengths import AnswerLength

models = st.builds(
    lambda q50, ratio, most: LengthModel(AnswerLength(q50, q50 * ratio), most),
    st.floats(1, 4000),
    st.floats(1, 20),
    st.integers(1, 8192),
)


def test_the_quantiles_are_those_given() -> None:
    model = LengthModel(AnswerLength(100, 300), 10_000)
    assert model.survival(100) == pytest.approx(0.5)
    assert model.survival(300) == pytest.approx(0.1)
    assert model.sigma == pytest.approx(log(3) / Z90)


@pytest.mark.parametrize("generated", [0, 50, 200, 900])
def test_expectation_agrees_with_numerical_integration(generated: int) -> None:
    most, sigma = 1000, log(3) / Z90
    length = lognorm(sigma, scale=100)
    alive = length.sf(generated)
    inner, _ = quad(lambda x: x * length.pdf(x), generated, most)
    expected = (inner + most * length.sf(most)) / alive
    model = LengthModel(AnswerLength(100, 300), most)
    assert model.expected(generated) == pytest.approx(max(expected, generated + 1), rel=1e-6)


def test_mean_of_an_answer_that_may_be_long() -> None:
    sigma = log(3) / Z90
    assert LengthModel(AnswerLength(100, 300), 10**9).expected(0) == pytest.approx(100 * exp(sigma**2 / 2))


def test_a_length_known_exactly_is_expected_until_it_is_passed() -> None:
    model = LengthModel(AnswerLength(100, 100), 1000)
    assert model.expected(0) == pytest.approx(100, rel=1e-4)
    assert model.expected(99) == pytest.approx(100, rel=1e-3)
    assert model.expected(150) == pytest.approx(151, abs=0.5)


@given(models, st.integers(0, 9000))
def test_more_is_expected_the_more_there_is_and_never_above_the_limit(model: LengthModel, generated: int) -> None:
    now, later = model.expected(generated), model.expected(generated + 7)
    assert min(generated + 1, model.most) <= now <= model.most
    # The two forms, near and far in the tail, meet within a few per cent.
    assert later >= now * 0.95


@given(models, st.integers(0, 5000), st.floats(-100, 9000), st.floats(-100, 9000), st.floats(-100, 9000))
def test_chances_add_up(model: LengthModel, generated: int, a: float, b: float, c: float) -> None:
    low, middle, high = sorted((a, b, c))
    whole = model.chance_between(generated, low, high)
    parts = model.chance_between(generated, low, middle) + model.chance_between(generated, middle, high)
    assert 0 <= whole <= 1
    if model.survival(generated) > 1e-9:
        assert parts == pytest.approx(whole, abs=1e-6)
        assert model.chance_between(generated, generated, inf) == pytest.approx(1)


def test_checkpoints_ascend_by_half_octaves() -> None:
    assert CHECKPOINTS[:5] == (16, 23, 32, 45, 64)
    assert next_checkpoint(0) == 16
    assert next_checkpoint(16) == 23
    assert next_checkpoint(CHECKPOINTS[-1]) == inf
    assert [last_checkpoint(tokens) for tokens in (0, 15, 16, 22, 23, 10**6)] == [0, 0, 16, 16, 23, CHECKPOINTS[-1]]
