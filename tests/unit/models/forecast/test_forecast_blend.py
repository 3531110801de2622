"""The blend picks what was best lately, prefers the simple on a tie, and never lacks an answer that exists."""

import numpy as np

from models.forecast.blend import blend, choose_weights


def candidates(*values: float) -> np.ndarray:
    return np.array(values)[:, None, None] * np.ones((1, 10, 2))


def test_the_best_alone_wins() -> None:
    weights = choose_weights(candidates(3.0, 1.0, 8.0), np.full((10, 2), 1.0), np.ones((10, 2)))

    np.testing.assert_equal(weights, [0.0, 1.0, 0.0])


def test_a_pair_on_both_sides_is_mixed() -> None:
    weights = choose_weights(candidates(0.0, 10.0), np.full((10, 2), 3.0), np.ones((10, 2)))

    np.testing.assert_allclose(weights, [0.7, 0.3])


def test_a_tie_goes_to_the_simplest() -> None:
    weights = choose_weights(candidates(2.0, 2.0, 2.0), np.full((10, 2), 2.0), np.ones((10, 2)))

    np.testing.assert_equal(weights, [0.0, 0.0, 1.0])


def test_cost_decides_which_errors_matter() -> None:
    actual = np.concatenate([np.full((5, 1), 1.0), np.full((5, 1), 100.0)])
    said = np.stack([np.full((10, 1), 1.0), np.full((10, 1), 100.0)])

    np.testing.assert_equal(choose_weights(said, actual, 1 / actual), [1.0, 0.0])


def test_a_candidate_without_answers_is_left_out() -> None:
    said = candidates(np.nan, 5.0, 7.0)

    np.testing.assert_equal(choose_weights(said, np.full((10, 2), 5.0), np.ones((10, 2))), [0.0, 1.0, 0.0])


def test_blend_falls_to_the_first_that_speaks() -> None:
    said = np.array([[[np.nan, 1.0]], [[4.0, 3.0]], [[6.0, 5.0]]])

    np.testing.assert_equal(blend(said, np.array([1.0, 0.0, 0.0])), [[4.0, 1.0]])
    np.testing.assert_equal(blend(said, np.array([0.5, 0.5, 0.0])), [[4.0, 2.0]])
    assert np.isnan(blend(np.full((2, 1, 1), np.nan), np.array([1.0, 0.0]))).all()
