"""The blend picks what was best lately, prefers the simple on a tie, and never lacks an answer that exists."""

import numpy as np

from models.forecast.blend import best_pair, blend, choose_by_group


def candidates(*values: float) -> np.ndarray:
    return np.array(values)[:, None, None] * np.ones((1, 10, 2))


def every(weights: list[float]) -> np.ndarray:
    return np.repeat(np.array(weights)[:, None], 2, axis=1)


def test_the_best_alone_wins() -> None:
    weights = best_pair(candidates(3.0, 1.0, 8.0), np.full((10, 2), 1.0), np.ones((10, 2)))

    np.testing.assert_equal(weights, [0.0, 1.0, 0.0])


def test_a_pair_on_both_sides_is_mixed() -> None:
    weights = best_pair(candidates(0.0, 10.0), np.full((10, 2), 3.0), np.ones((10, 2)))

    np.testing.assert_allclose(weights, [0.7, 0.3])


def test_a_tie_goes_to_the_simplest() -> None:
    weights = best_pair(candidates(2.0, 2.0, 2.0), np.full((10, 2), 2.0), np.ones((10, 2)))

    np.testing.assert_equal(weights, [0.0, 0.0, 1.0])


def test_cost_decides_which_errors_matter() -> None:
    actual = np.concatenate([np.full((5, 1), 1.0), np.full((5, 1), 100.0)])
    said = np.stack([np.full((10, 1), 1.0), np.full((10, 1), 100.0)])

    np.testing.assert_equal(best_pair(said, actual, 1 / actual), [1.0, 0.0])


def test_a_candidate_without_answers_is_left_out() -> None:
    said = candidates(np.nan, 5.0, 7.0)

    np.testing.assert_equal(best_pair(said, np.full((10, 2), 5.0), np.ones((10, 2))), [0.0, 1.0, 0.0])


def test_each_group_of_targets_has_weights_of_its_own() -> None:
    said = np.stack([np.full((10, 3), 1.0), np.full((10, 3), 2.0)])
    actual = np.tile([1.0, 2.0, 2.0], (10, 1))

    weights = choose_by_group(best_pair, said, actual, np.ones((10, 3)), np.array([0, 1, 1]))

    np.testing.assert_equal(weights, [[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]])


def test_blend_falls_to_the_first_that_speaks() -> None:
    said = np.array([[[np.nan, 1.0]], [[4.0, 3.0]], [[6.0, 5.0]]])

    np.testing.assert_equal(blend(said, every([1.0, 0.0, 0.0])), [[4.0, 1.0]])
    np.testing.assert_equal(blend(said, every([0.5, 0.5, 0.0])), [[4.0, 2.0]])
    assert np.isnan(blend(np.full((2, 1, 1), np.nan), every([1.0, 0.0]))).all()
