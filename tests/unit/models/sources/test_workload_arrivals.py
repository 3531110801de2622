"""Arrivals from a rate: as many as the rate says, in order, as uneven as asked."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freesh_plugin.core.errors import ConfigError
from models.sources.workload.arrivals import BURST_S, Burstiness, RateAt, arrival_blocks
from models.sources.workload.dispersion import SecondCounts, dispersion


def constant(rate_rps: float) -> RateAt:
    return lambda times_s: np.full(len(times_s), rate_rps)


def drawn(rate_rps: float, duration_s: float, burstiness: Burstiness, seed: int = 0) -> np.ndarray:
    return np.concatenate(list(arrival_blocks(constant(rate_rps), duration_s, burstiness, seed)))


@settings(max_examples=40, deadline=None)
@given(
    rate_rps=st.floats(0, 20), duration_s=st.floats(1, 3_000), cv=st.floats(0.2, 4), level=st.floats(0, 3),
    seed=st.integers(0, 1_000),
)  # fmt: skip
def test_arrivals_are_in_order_and_within_the_time(
    rate_rps: float, duration_s: float, cv: float, level: float, seed: int
) -> None:
    found = drawn(rate_rps, duration_s, Burstiness(cv, level), seed)
    assert (np.diff(found) >= 0).all()
    assert not len(found) or 0 <= found[0] <= found[-1] <= duration_s
    assert (found == drawn(rate_rps, duration_s, Burstiness(cv, level), seed)).all()


def test_poisson_arrivals_have_an_index_of_one() -> None:
    found = drawn(8.0, 20_000.0, Burstiness())
    assert len(found) == pytest.approx(160_000, rel=0.02)
    assert dispersion([found], 20_000.0) == pytest.approx(1.0, abs=0.05)


def test_bursts_have_the_index_that_is_stated() -> None:
    # Azure's two traces together: 8.0 req/s, 5.1 at 1 s and 64 at 60 s.
    counts = [drawn(8.0, 40_000.0, Burstiness(level_variance=0.51), seed) for seed in range(2)]
    at_second = [dispersion([each], 40_000.0) for each in counts]
    by_minute = [np.bincount((each // 60).astype(int)) for each in counts]
    assert np.mean([each or 0.0 for each in at_second]) == pytest.approx(1 + 8 * 0.51, rel=0.1)
    assert np.mean([each.var() / each.mean() for each in by_minute]) == pytest.approx(64, rel=0.2)


def test_a_rate_that_rises_is_followed() -> None:
    found = np.concatenate(list(arrival_blocks(lambda times_s: times_s / 100, 2_000.0, Burstiness(), 1)))
    halves = np.histogram(found, [0, 1_000, 2_000])[0]
    assert halves == pytest.approx([5_000, 15_000], rel=0.05)


def test_the_variation_may_change_from_block_to_block() -> None:
    blocks = list(
        arrival_blocks(constant(10.0), 1_200.0, Burstiness(), 0, cv_at=lambda start_s: 0.1 if start_s else 2.0)
    )
    cvs = [np.diff(each).std() / np.diff(each).mean() for each in blocks]
    assert cvs == pytest.approx([2.0, 0.1], rel=0.15)


def test_no_rate_gives_no_arrival() -> None:
    assert not len(drawn(0.0, 10 * BURST_S, Burstiness()))


@pytest.mark.parametrize(("cv", "level"), [(0.0, 0.0), (-1.0, 0.0), (float("nan"), 0.0), (1.0, -0.1)])
def test_impossible_burstiness_is_refused(cv: float, level: float) -> None:
    with pytest.raises(ConfigError, match="must be"):
        Burstiness(cv, level)


def test_the_index_counts_seconds_without_a_request() -> None:
    counts = SecondCounts()
    counts.add(np.array([0.1, 0.2, 0.9, 5_000.5]))
    mean = 4 / 10_000
    expected = (9 + 1) / 10_000 - mean**2
    assert counts.index(10_000.0) == pytest.approx(expected / mean)
    assert counts.total == 4
    assert SecondCounts().index(100.0) is None
    assert counts.index(0.5) is None
