"""The ridge: agrees with an independent one, resists outliers when asked, and lives with missing features."""

import numpy as np
from sklearn.linear_model import Ridge  # type: ignore[import-untyped]  # scikit-learn ships no types
from sklearn.preprocessing import StandardScaler  # type: ignore[import-untyped]  # scikit-learn ships no types

from models.forecast.regression import MIN_ROWS, fit_regression


def test_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(3)
    features, weights = rng.normal(2.0, 3.0, (60, 4)), rng.uniform(0.5, 2.0, 60)
    target = features @ [1.0, -2.0, 0.5, 0.0] + rng.normal(0.0, 1.0, 60)

    fitted = fit_regression(features, target, weights, alpha=5.0, robust_rounds=0)

    standard = StandardScaler().fit_transform(features, sample_weight=weights)
    oracle = Ridge(alpha=5.0 * weights.mean()).fit(standard, target, sample_weight=weights)
    assert fitted is not None
    np.testing.assert_allclose(fitted.predict(features), oracle.predict(standard), rtol=1e-9)


def test_robust_rounds_resist_outliers() -> None:
    features = np.linspace(-1.0, 1.0, 101)[:, None]
    target = 2.0 * features[:, 0]
    target[::10] += 50.0

    plain, robust = (fit_regression(features, target, np.ones(101), 0.01, rounds) for rounds in (0, 10))

    assert plain is not None
    assert robust is not None
    at_zero = np.zeros((1, 1))
    assert abs(plain.predict(at_zero)[0]) > 4.0  # pulled by 11 of 101 rows
    assert abs(robust.predict(at_zero)[0]) < 2.0


def test_a_missing_feature_counts_as_its_mean() -> None:
    features = np.column_stack([np.arange(40.0), np.arange(40.0)[::-1]])
    fitted = fit_regression(features, 3.0 * features[:, 0], np.ones(40), 0.1, 0)

    assert fitted is not None
    missing, mean = np.array([[5.0, np.nan]]), np.array([[5.0, 19.5]])
    np.testing.assert_allclose(fitted.predict(missing), fitted.predict(mean))


def test_too_few_rows_fit_nothing() -> None:
    target = np.full(30, np.nan)
    target[: MIN_ROWS - 1] = 1.0

    assert fit_regression(np.ones((30, 2)), target, np.ones(30), 1.0, 0) is None


def test_constant_features_are_harmless() -> None:
    fitted = fit_regression(np.full((30, 2), 7.0), np.arange(30.0), np.ones(30), 1.0, 2)

    assert fitted is not None
    assert np.isfinite(fitted.predict(np.full((1, 2), 7.0))).all()
