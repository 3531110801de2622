"""What each foresight says, by hand, and that none knows what had not been published."""

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from freesh_plugin.core.errors import ForecastError
from models.domain.forecast import QuantileForecast
from models.evaluate import foresight
from models.evaluate.epoch import Epoch
from models.forecast.carbon import forecast_carbon
from models.forecast.demand import forecast_demand
from models.forecast.grid import Grid
from tests.fakes.evaluated import HISTORY, START, epoch, series

HOUR_S = 3_600


def ramp(step_s: int, days: int = 9) -> Grid:
    """A series whose value is its row's number of hours since START; a week of them before it."""
    rows = days * 86_400 // step_s
    grid = series("Z", [0.0], step_s)
    values = (np.arange(rows) * step_s - HISTORY.total_seconds()) / HOUR_S
    return Grid(grid.series, grid.start, step_s, values, np.empty((rows, 0)))


def test_persistent_carbon_is_the_day_before_or_the_latest_day_that_was_published() -> None:
    view = foresight.persistent_carbon({"Z": ramp(HOUR_S)}, lag_s=0)
    whole_day = Epoch(START - timedelta(minutes=10), START, 24, HOUR_S)

    assert view("Z", epoch(0)).tolist() == [-24] * 6
    assert view("Z", epoch(3)).tolist() == [-23] * 6
    # Issued at 11:50, the row of 11:00 has not ended: tomorrow's 11:00 is that of the day before.
    assert view("Z", whole_day).tolist() == [hour - 24 for hour in range(23)] + [23 - 48]


@pytest.mark.parametrize(
    ("lag_s", "said"), [(0, -2), (HOUR_S, -3), (600, -2), (3_000, -2), (3_601, -3), (4_201, -3), (6_601, -4)]
)
def test_latest_carbon_is_the_last_row_that_was_published(lag_s: int, said: float) -> None:
    view = foresight.latest_carbon({"Z": ramp(HOUR_S)}, lag_s=lag_s)

    # Issued at 11:50: the row 10:00-11:00 had ended; 50 min later it is known, an hour later the one before.
    assert view("Z", epoch(0)).tolist() == [said] * 6


def test_constant_carbon_is_the_mean_before_and_uniform_that_of_all_zones() -> None:
    grids = {"A": series("A", [900.0], HOUR_S, before=100.0), "B": series("B", [900.0], HOUR_S, before=300.0)}

    assert foresight.constant_carbon(grids, START)("B", epoch(0)).tolist() == [300] * 6
    assert foresight.uniform_carbon(grids, START)("B", epoch(0)).tolist() == [200] * 6
    with pytest.raises(ForecastError, match="no row is known before"):
        foresight.constant_carbon(grids, START - 2 * HISTORY)


def test_forecasts_know_nothing_that_was_not_published_and_are_made_once() -> None:
    asked: list[tuple[datetime, int]] = []

    def forecast(history: Any, *, issued_at: datetime, intervals: int, step_s: int, **_: Any) -> QuantileForecast:
        asked.append((issued_at, intervals))
        counted = np.arange(intervals, dtype=float)
        return QuantileForecast("Z", issued_at, issued_at, step_s, (), counted, np.empty((0, intervals)), "f")

    view = foresight.forecast_carbon_view({"Z": ramp(HOUR_S)}, forecast, lag_s=HOUR_S)

    # Issued at 11:50 for 12:00, known until 10:00: step 24 of 300 s is 12:00. At 12:20 for 12:30: until 11:00, step 18.
    assert view("Z", epoch(0)).tolist() == [24, 25, 26, 27, 28, 29]
    assert view("Z", epoch(1)).tolist() == [18, 19, 20, 21, 22, 23]
    assert view("Z", epoch(2)).tolist() == [24, 25, 26, 27, 28, 29]
    assert [moment - START for moment, _ in asked] == [timedelta(hours=-2), timedelta(hours=-1)]


@pytest.mark.parametrize("lag_s", [0, HOUR_S])
def test_no_carbon_foresight_changes_when_the_future_does(lag_s: int) -> None:
    known, other = ramp(HOUR_S), ramp(HOUR_S)
    cut = known.row_at(START - timedelta(hours=1, seconds=lag_s))
    other.values[cut:] = -1_000.0

    for make in (foresight.persistent_carbon, foresight.latest_carbon):
        assert make({"Z": known}, lag_s)("Z", epoch(0)).tolist() == make({"Z": other}, lag_s)("Z", epoch(0)).tolist()
    views = [foresight.forecast_carbon_view({"Z": grid}, forecast_carbon, lag_s) for grid in (known, other)]
    assert views[0]("Z", epoch(0)).tolist() == views[1]("Z", epoch(0)).tolist()


def test_no_demand_foresight_changes_when_the_future_does() -> None:
    noise = np.random.default_rng(3).uniform(0, 10, 7 * 144)
    known, other = (series("d", [1.0] * 6, 600) for _ in range(2))
    known.values[: len(noise)] = other.values[: len(noise)] = 50 + noise
    other.values[-7:] = 9_000.0  # the row of 11:50 is the first that has not ended at the issue

    for grids in ({"d": known}, {"d": other}):
        simple = foresight.persistent_demand(grids, 0.95)("d", epoch(0))
        assert simple.mean == pytest.approx(np.full(6, 50 + noise[-4:-1].mean()), abs=1.5)
    before, after = (
        foresight.forecast_demand_view({"d": grid}, forecast_demand, 0.95)("d", epoch(0)) for grid in (known, other)
    )
    assert before.mean.tolist() == after.mean.tolist()
    assert before.peak.tolist() == after.peak.tolist()
    assert (before.peak >= before.mean).all()


def test_persistent_demand_is_the_last_half_hour_and_its_own_errors() -> None:
    rows = series("d", [9.0] * 3, 600, before=0.0)
    week = 7 * 144
    rows.values[:week] = np.tile([1.0, 2.0, 3.0], week // 3)
    said = foresight.persistent_demand({"d": rows}, 0.95)("d", epoch(0))

    # Every half hour has a mean of 2; so have the last three rows at each issue, a row before it: no error was made.
    assert said.mean == pytest.approx([2.0] * 6)
    assert said.peak == pytest.approx([2.0] * 6)


def test_persistent_demand_of_a_long_epoch_is_the_day_before() -> None:
    whole_day = Epoch(START - timedelta(minutes=10), START, 24, HOUR_S)

    said = foresight.persistent_demand({"d": ramp(600, days=7)}, 0.95)("d", whole_day)

    # A ramp of one an hour from -168: a day before, and 24 below what comes; below 0 there is no demand. Of the
    # half hour that starts each step, the last one of the day ends after the issue: two days before.
    assert said.mean.tolist() == [0.0] * 24
    assert said.peak.tolist() == pytest.approx(np.maximum(np.arange(24) + 0.25 - 1 / 12, 0.0), abs=0.3)


def test_perfect_demand_is_the_mean_and_the_largest_row() -> None:
    said = foresight.true_demand({"d": series("d", [1.0, 2.0, 6.0], 600)})("d", epoch(0))

    assert said.mean.tolist() == [1, 1, 2, 2, 6, 6]
    assert said.peak.tolist() == [6] * 6


def test_perfect_carbon_is_the_hour() -> None:
    view = foresight.true_carbon({"Z": ramp(HOUR_S)})

    assert view("Z", epoch(1)).tolist() == [0] * 6
    assert view("Z", epoch(2)).tolist() == [1] * 6


@pytest.mark.parametrize(
    ("row_s", "step_s", "steps"), [(300, 1_800, 1), (300, 1_800, 2), (300, 3_600, 1), (900, 3_600, 1)]
)
def test_a_forecast_of_fine_rows_covers_every_coarse_step(row_s: int, step_s: int, steps: int) -> None:
    def forecast(history: Any, *, issued_at: datetime, intervals: int, step_s: int, **_: Any) -> QuantileForecast:
        starts_at = issued_at.replace(minute=issued_at.minute // (step_s // 60) * (step_s // 60) % 60)
        return QuantileForecast(
            "Z", issued_at, starts_at, step_s, (), np.ones(intervals), np.empty((0, intervals)), "f"
        )

    view = foresight.forecast_carbon_view({"Z": ramp(row_s)}, forecast, lag_s=0)
    assert len(view("Z", Epoch(START - timedelta(minutes=10), START, steps, step_s))) == steps
