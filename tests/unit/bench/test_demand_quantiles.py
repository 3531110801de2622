"""Hindsight on demand quantiles: the best multiplier by hand, sums of clients without the test days."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench import demand_quantiles
from models.forecast.walk import Walk


def walk_of(actual: list[float], margin: float) -> Walk:
    """A walk whose point is 10 and whose 0.95 quantile lies a margin above."""
    values = np.array(actual)[:, None]
    return Walk("s", "freesh", values, np.full_like(values, 10.0), np.full_like(values, 10.0 + margin))


def test_the_best_multiplier_by_hand() -> None:
    walk = walk_of([12.0] * 10, margin=4.0)  # half the margin would have met every actual

    once = np.zeros(10, dtype=int)

    assert demand_quantiles._hindsight(walk, walk.q95 - walk.point, once) == pytest.approx(0, abs=1e-12)


def test_each_group_gets_its_own_multiplier() -> None:
    walk = walk_of([12.0] * 5 + [14.0] * 5, margin=4.0)
    margin = walk.q95 - walk.point

    once = demand_quantiles._hindsight(walk, margin, np.zeros(10, dtype=int))
    each = demand_quantiles._hindsight(walk, margin, np.repeat([0, 1], 5))

    assert once == pytest.approx(0.05 * 2 / 2)  # the whole margin: half the actuals lie 2 below it
    assert each == pytest.approx(0, abs=1e-12)


@pytest.mark.data
def test_sums_of_clients_end_before_the_test_days(freesh_data: Path) -> None:
    sums = list(demand_quantiles.client_sums(freesh_data))

    assert len(sums) == 12
    assert all(grid.rows <= 7 * 144 for grid in sums)
    assert all(grid.time_of(grid.rows) <= pd.Timestamp("2024-01-08", tz="UTC") for grid in sums)
    assert len({float(np.nanmean(grid.values)) for grid in sums}) == 12
