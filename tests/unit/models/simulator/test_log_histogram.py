"""Log-binned histograms: quantiles are within 1 % of those of all the numbers."""

from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.simulator.log_histogram import LogHistogram


def of(values: list[float]) -> LogHistogram:
    made = LogHistogram()
    for each in values:
        made.add(each)
    return made


@given(st.lists(st.floats(1e-6, 1e8), min_size=1, max_size=200), st.floats(0.001, 1))
def test_a_quantile_is_within_one_percent(values: list[float], share: float) -> None:
    exact = sorted(values)[max(ceil(share * len(values) - 1e-9), 1) - 1]
    assert of(values).quantile(share) == pytest.approx(exact, rel=0.01)


def test_of_none_a_quantile_is_zero() -> None:
    assert LogHistogram().quantile(0.5) == 0.0


def test_zero_is_zero() -> None:
    assert of([0.0, 0.0, 5.0]).quantile(0.5) == 0.0


@given(st.lists(st.floats(0, 1e4), max_size=50), st.lists(st.floats(0, 1e4), max_size=50))
def test_two_together_are_as_one(first: list[float], second: list[float]) -> None:
    together, whole = of(first), of(first + second)
    together.merge(of(second))
    assert len(together) == len(whole)
    assert [together.quantile(q / 10) for q in range(1, 11)] == [whole.quantile(q / 10) for q in range(1, 11)]
