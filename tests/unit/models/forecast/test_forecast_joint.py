"""Parts scaled to a joint quantile or to a total: sums hold, proportions stay, faults are said."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from freesh_plugin.core.errors import ForecastError
from models.domain.forecast import QuantileForecast
from models.forecast import scaled_to_joint, scaled_to_total

NOW = datetime(2024, 1, 8, tzinfo=UTC)
LEVELS = (0.5, 0.95)
positive = st.floats(0.01, 1e5)


def forecast(mean: np.ndarray, quantiles: np.ndarray, series: str = "s") -> QuantileForecast:
    return QuantileForecast(series, NOW, NOW, 300, LEVELS, mean, quantiles, "freesh")


def parts_of(values: np.ndarray) -> list[QuantileForecast]:
    """Parts with median = mean and a 95 % quantile of half as much again; values have shape (part, step)."""
    return [forecast(each, np.stack([each, 1.5 * each])) for each in values]


def test_two_origins_that_do_not_peak_together() -> None:
    parts = parts_of(np.array([[4.0], [6.0]]))  # their 95 % quantiles sum to 15
    joint = forecast(np.array([10.0]), np.array([[10.0], [12.0]]))

    scaled = scaled_to_joint(parts, joint)

    np.testing.assert_allclose([each.quantiles[:, 0] for each in scaled], [[4.0, 4.8], [6.0, 7.2]])
    assert [each.mean[0] for each in scaled] == [4.0, 6.0]


@given(arrays(float, (3, 4), elements=positive), arrays(float, (2, 4), elements=positive))
def test_scaled_parts_sum_to_the_joint_quantile(values: np.ndarray, quantiles: np.ndarray) -> None:
    joint = forecast(values.sum(axis=0), np.sort(quantiles, axis=0))

    scaled = scaled_to_joint(parts_of(values), joint)

    np.testing.assert_allclose(sum(each.quantiles for each in scaled), joint.quantiles)
    assert all((np.diff(each.quantiles, axis=0) >= -1e-9 * each.quantiles[1]).all() for each in scaled)


@given(arrays(float, (3, 4), elements=positive), arrays(float, 4, elements=st.floats(1.0, 3.0)))
def test_scaling_keeps_a_quantile_above_the_mean_when_the_joint_one_is(values: np.ndarray, above: np.ndarray) -> None:
    total = values.sum(axis=0)
    joint = forecast(total, np.stack([total, above * total]))

    for part in scaled_to_joint(parts_of(values), joint):
        assert (part.quantile(0.95) >= part.mean * (1 - 1e-9)).all()


def test_a_joint_of_parts_that_were_all_zero_is_divided_evenly() -> None:
    joint = forecast(np.array([0.0]), np.array([[0.0], [3.0]]))

    scaled = scaled_to_joint(parts_of(np.zeros((2, 1))), joint)

    assert [each.quantile(0.95)[0] for each in scaled] == [1.5, 1.5]


@given(arrays(float, (3, 4), elements=positive), arrays(float, 4, elements=positive))
def test_means_sum_to_the_total_and_keep_their_proportion(values: np.ndarray, total: np.ndarray) -> None:
    parts = parts_of(values)

    scaled = scaled_to_total(parts, forecast(total, np.stack([total, 2 * total])))

    np.testing.assert_allclose(sum(each.mean for each in scaled), total)
    np.testing.assert_allclose([each.mean / total for each in scaled], values / values.sum(axis=0))
    np.testing.assert_allclose([each.quantile(0.95) for each in scaled], [1.5 * each.mean for each in scaled])


def test_parts_without_demand_take_the_total_evenly() -> None:
    scaled = scaled_to_total(parts_of(np.zeros((4, 1))), forecast(np.array([8.0]), np.array([[8.0], [9.0]])))

    assert [each.mean[0] for each in scaled] == [2.0] * 4


def test_faults_are_said() -> None:
    whole = forecast(np.array([1.0]), np.array([[1.0], [2.0]]), "whole")
    with pytest.raises(ForecastError, match="whole: no part to scale"):
        scaled_to_joint([], whole)
    with pytest.raises(ForecastError, match="different steps or levels"):
        scaled_to_total([replace(whole, step_s=600)], whole)
    with pytest.raises(ForecastError, match="different steps or levels"):
        scaled_to_joint([replace(whole, levels=(0.5, 0.99))], whole)
