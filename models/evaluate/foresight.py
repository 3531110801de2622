"""What a plan is told of the future: by the forecasts, by simple rules, or by an oracle; carbon and demand apart."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from freesh_plugin.core.errors import ForecastError
from freesh_plugin.core.units import EPOCH_S
from models.domain.forecast import QuantileForecast
from models.evaluate.epoch import Epoch
from models.evaluate.truth import over, over_without_holes
from models.forecast.backtest import demand_issues
from models.forecast.baselines import Baseline, Rule, last_rows, same_time_before
from models.forecast.grid import Grid
from models.forecast.issues import Issues

CarbonView = Callable[[str, Epoch], np.ndarray]
"""Of a zone over an epoch: g/kWh by step, shape (step,)."""


@dataclass(frozen=True)
class DemandView:
    """Demand as a plan is told it, shapes (step,), req/s: the mean for energy, the peak that capacity is for."""

    mean: np.ndarray
    peak: np.ndarray


DemandForesight = Callable[[str, Epoch], DemandView]
"""Of a demand series over an epoch."""

ForecastCarbon = Callable[..., QuantileForecast]
"""As `models.forecast.carbon.forecast_carbon`."""

ForecastDemand = Callable[..., QuantileForecast]
"""As `models.forecast.demand.forecast_demand`."""

MEAN_DAYS = 365
"""A constant carbon is the mean of so many days before the first issue."""


def forecast_carbon_view(grids: Mapping[str, Grid], forecast: ForecastCarbon, lag_s: int) -> CarbonView:
    """Carbon as forecast at each issue from rows that had been published: `lag_s` after their end.

    Issues between the same two rows know the same, so they share a forecast.
    """
    rows = {name: _series(grid) for name, grid in grids.items()}
    ahead = {name: _exogenous(grid) for name, grid in grids.items()}
    made: dict[tuple[str, datetime, int, int], QuantileForecast] = {}

    def view(zone: str, epoch: Epoch) -> np.ndarray:
        known = _floor(epoch.issued_at - timedelta(seconds=lag_s), grids[zone].step_s)
        # As many for every issue, so that they share: at most a row, a step and the lag lie before the issue.
        ahead_s = (epoch.ends_at - epoch.issued_at).total_seconds() + lag_s + grids[zone].step_s + epoch.step_s
        intervals = -int(-ahead_s // epoch.step_s)
        key = (zone, known, intervals, epoch.step_s)
        if key not in made:
            made[key] = forecast(
                rows[zone], issued_at=known, intervals=intervals, step_s=epoch.step_s, exogenous=ahead[zone],
                series=zone,
            )  # fmt: skip
        first = int((epoch.starts_at - made[key].starts_at).total_seconds() // epoch.step_s)
        return made[key].mean[first : first + epoch.steps]

    return view


def persistent_carbon(grids: Mapping[str, Grid], lag_s: int) -> CarbonView:
    """The same time 24 h before: the latest such day whose row had been published at the issue."""
    return _carbon_rule(grids, same_time_before(1), lag_s)


def latest_carbon(grids: Mapping[str, Grid], lag_s: int) -> CarbonView:
    """The last row that had been published at the issue goes on."""
    return _carbon_rule(grids, last_rows(0), lag_s)


def _carbon_rule(grids: Mapping[str, Grid], rule: Rule, lag_s: int) -> CarbonView:

    def view(zone: str, epoch: Epoch) -> np.ndarray:
        grid = grids[zone]
        first, last = grid.row_at(epoch.starts_at), grid.row_at(epoch.ends_at - timedelta(seconds=1))
        origin = grid.row_at(_floor(epoch.issued_at - timedelta(seconds=lag_s), grid.step_s))
        issue = Issues(np.array([origin]), grid.day, first - origin, 1, last - first + 1)
        said = Grid(zone, grid.time_of(first), grid.step_s, rule(grid, issue)[0], np.empty((issue.count, 0)))
        return _known(over(said, epoch, epoch.step_s), zone, epoch)

    return view


def constant_carbon(grids: Mapping[str, Grid], before: datetime) -> CarbonView:
    """The mean of the zone over the year (or what is known of it) before a moment, at all times."""
    means = {name: _mean_before(grid, before) for name, grid in grids.items()}
    return lambda zone, epoch: np.full(epoch.steps, means[zone])


def uniform_carbon(grids: Mapping[str, Grid], before: datetime) -> CarbonView:
    """One number for all zones at all times, their mean: a plan that knows of no carbon at all."""
    mean = float(np.mean([_mean_before(grid, before) for grid in grids.values()]))
    return lambda _, epoch: np.full(epoch.steps, mean)


def true_carbon(grids: Mapping[str, Grid]) -> CarbonView:
    """What came true."""
    return lambda zone, epoch: over_without_holes(grids[zone], epoch).reshape(epoch.steps, -1).mean(axis=1)


def forecast_demand_view(grids: Mapping[str, Grid], forecast: ForecastDemand, level: float) -> DemandForesight:
    """Demand as forecast at each issue: its mean, and the quantile of that level where it lies above."""
    rows = {name: _series(grid) for name, grid in grids.items()}
    made: dict[tuple[str, Epoch], DemandView] = {}

    def view(series: str, epoch: Epoch) -> DemandView:
        if (series, epoch) not in made:
            said = forecast(
                rows[series], issued_at=epoch.issued_at, starts_at=epoch.starts_at, intervals=epoch.steps,
                step_s=epoch.step_s, levels=(level,), series=series,
            )  # fmt: skip
            made[series, epoch] = DemandView(said.mean, np.maximum(said.quantile(level), said.mean))
        return made[series, epoch]

    return view


def persistent_demand(grids: Mapping[str, Grid], level: float) -> DemandForesight:
    """The last 30 min go on (epochs up to an hour), or the same half hour of the day before; its own past errors
    give the quantile, as the forecast's give its.
    """  # noqa: D205

    def view(series: str, epoch: Epoch) -> DemandView:
        grid = grids[series]
        targets = -(-epoch.length_s // EPOCH_S)
        lead_s = int((epoch.starts_at - epoch.issued_at).total_seconds())
        issues = demand_issues(grid, [epoch.starts_at], lead_s, targets)
        rule = last_rows(EPOCH_S) if epoch.length_s <= 2 * EPOCH_S else same_time_before(1)
        said = Baseline("persistence", rule).predict(grid, issues, (level,))
        at = (epoch.step_s * np.arange(epoch.steps)) // EPOCH_S
        point = np.maximum(_known(said.point[0][at], series, epoch), 0.0)
        peak = said.quantiles[0, 0][at]
        return DemandView(point, np.maximum(np.where(np.isfinite(peak), peak, point), point))

    return view


def true_demand(grids: Mapping[str, Grid]) -> DemandForesight:
    """What came true; capacity is for the largest row of the epoch, since routes do not change within it."""

    def view(series: str, epoch: Epoch) -> DemandView:
        rates = over_without_holes(grids[series], epoch)
        return DemandView(rates.reshape(epoch.steps, -1).mean(axis=1), np.full(epoch.steps, rates.max()))

    return view


def _series(grid: Grid) -> "pd.Series[float]":
    return pd.Series(grid.values, index=_index(grid))


def _exogenous(grid: Grid) -> pd.DataFrame | None:
    return pd.DataFrame(grid.exogenous, index=_index(grid), columns=list(grid.columns)) if grid.columns else None


def _index(grid: Grid) -> pd.DatetimeIndex:
    return pd.date_range(grid.start, periods=grid.rows, freq=pd.Timedelta(seconds=grid.step_s))


def _floor(moment: datetime, step_s: int) -> datetime:
    return pd.Timestamp(moment).floor(pd.Timedelta(seconds=step_s)).to_pydatetime()


def _mean_before(grid: Grid, before: datetime) -> float:
    end = grid.row_at(before)
    rows = grid.values[max(0, end - MEAN_DAYS * grid.day) : max(0, end)]
    if not np.isfinite(rows).any():
        raise ForecastError(f"series {grid.series}: no row is known before {before:%Y-%m-%dT%H:%MZ}")
    return float(np.nanmean(rows))


def _known(values: np.ndarray, series: str, epoch: Epoch) -> np.ndarray:
    if not np.isfinite(values).all():
        raise ForecastError(f"series {series}: no history to go by at {epoch.issued_at:%Y-%m-%dT%H:%MZ}")
    return values
