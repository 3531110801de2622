"""Marginal intensity: recovered from made-up grids whose truth is known, from the past alone."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from freesh_plugin.core.errors import ForecastError
from models.forecast.grid import Grid
from models.forecast.marginal import DAYS, LEAST_DAYS, marginal_intensity

ROWS = 60 * 24


def grid(values: np.ndarray, start: str = "2024-03-01T00:00Z") -> Grid:
    return Grid("made", pd.Timestamp(start), 3_600, values, np.empty((len(values), 0)))


def made_up(marginal_by_hour: np.ndarray, seed: int = 0) -> tuple[Grid, np.ndarray]:
    """A grid with a sun that emits nothing and a last plant whose emissions per MWh depend on the hour of the day.

    Demand wanders; what it has more than the hour before is served by the last plant of that hour.
    """
    random, hours = np.random.default_rng(seed), np.arange(ROWS) % 24
    sun = 3_000 * np.maximum(np.sin((hours - 6) / 12 * np.pi), 0.0)
    wander = np.cumsum(random.normal(0, 100, ROWS)) * 0.2 + random.normal(0, 200, ROWS)
    generation = 20_000 + 2_000 * np.sin(hours / 24 * 2 * np.pi) + wander
    changes_kg = np.diff(wander, prepend=wander[0]) * marginal_by_hour[hours]
    emitted = 5_000_000 + 1_000 * np.cos(hours / 24 * 2 * np.pi) - 50 * sun + np.cumsum(changes_kg)
    return grid(emitted / generation), generation


def test_a_constant_truth_is_recovered_whatever_the_sun_does() -> None:
    carbon, generation = made_up(np.full(24, 450.0))
    found = marginal_intensity(carbon, generation)
    assert found.values[LEAST_DAYS * 24 + 24 :] == pytest.approx(450.0, rel=1e-6)
    assert found.values[-1] > 1.5 * carbon.values[-1], "the average is another number"
    assert "estimated" in found.notes[0]


def test_a_truth_by_hour_of_day_is_recovered_as_the_mean_of_three_hours() -> None:
    truth = np.where((np.arange(24) >= 8) & (np.arange(24) < 20), 300.0, 700.0)
    carbon, generation = made_up(truth, seed=1)
    by_hour = marginal_intensity(carbon, generation).values[-14 * 24 :].reshape(-1, 24).mean(axis=0)
    assert by_hour[[10, 14, 18]] == pytest.approx(300.0, rel=0.01)
    assert by_hour[[0, 3, 22]] == pytest.approx(700.0, rel=0.01)
    assert 300 < by_hour[8] < by_hour[7] < 700, "beside a step, hours of both sides count"


def test_a_negative_truth_stays_negative() -> None:
    carbon, generation = made_up(np.full(24, -40.0))
    assert marginal_intensity(carbon, generation).values[-24:] == pytest.approx(-40.0, rel=1e-6)


def test_nothing_of_the_day_itself_or_after_it_is_used() -> None:
    carbon, generation = made_up(np.full(24, 450.0))
    day = 40 * 24
    changed = replace(carbon, values=np.where(np.arange(ROWS) >= day, 999.0, carbon.values))
    before = marginal_intensity(carbon, generation).values
    after = marginal_intensity(changed, generation).values
    assert (before[: day + 24] == after[: day + 24])[LEAST_DAYS * 24 + 24 :].all()
    assert after[day + 24 + 1] != before[day + 24 + 1]


def test_days_longer_ago_than_four_weeks_are_forgotten() -> None:
    carbon, generation = made_up(np.full(24, 450.0))
    old = np.arange(ROWS) < 24 * 10
    changed = replace(carbon, values=np.where(old, carbon.values * 3, carbon.values))
    found = marginal_intensity(changed, generation).values
    assert found[-24 * (60 - 12 - DAYS) :] == pytest.approx(450.0, rel=1e-4)
    assert abs(found[24 * 20] - 450) > 1


def test_too_little_history_is_no_estimate_and_holes_cost_their_days_only() -> None:
    carbon, generation = made_up(np.full(24, 450.0))
    generation[24 * 20 : 24 * 21] = np.nan
    found = marginal_intensity(carbon, generation).values
    assert np.isnan(found[: LEAST_DAYS * 24]).all()
    assert np.isfinite(found[24 * (LEAST_DAYS + 2) :]).all()
    assert found[-24:] == pytest.approx(450.0, rel=1e-6)


def test_a_grid_that_begins_within_a_day_has_the_same_estimates() -> None:
    carbon, generation = made_up(np.full(24, 450.0))
    later = replace(carbon, start=carbon.start + pd.Timedelta(hours=7), values=carbon.values[7:])
    found = marginal_intensity(later, generation[7:])
    assert found.start == later.start
    assert found.rows == later.rows
    whole = marginal_intensity(carbon, generation).values
    assert found.values[24 * 30 :] == pytest.approx(whole[24 * 30 + 7 :], rel=1e-6)


def test_generation_that_never_changes_gives_no_estimate() -> None:
    found = marginal_intensity(grid(np.full(ROWS, 300.0)), np.full(ROWS, 10_000.0))
    assert np.isnan(found.values).all()


def test_rows_must_be_hourly() -> None:
    half = Grid("made", pd.Timestamp("2024-03-01T00:00Z"), 1_800, np.ones(48), np.empty((48, 0)))
    with pytest.raises(ForecastError, match="rows of 1800 s, must be of 3600 s"):
        marginal_intensity(half, np.ones(48))
