"""No model sees the future: what is changed after an issue, or was never said to be known ahead, changes nothing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.forecast.backtest import carbon_models, demand_issues, demand_models
from models.forecast.forecaster import Forecaster
from models.forecast.grid import Grid, to_grid
from models.forecast.issues import Issues
from models.forecast.table import carbon_grids
from tests.fakes.series import as_table, hourly_carbon, ten_minute_demand

ORIGIN = 24 * 40


def carbon_grid() -> Grid:
    values = hourly_carbon(50)
    ahead = np.random.default_rng(1).normal(size=(len(values), 2)) + values.to_numpy()[:, None] / 100
    return replace(
        to_grid(values.to_frame("value"), "z"),
        exogenous=ahead,
        columns=("forecast_wind_production", "forecast_gas_production"),
    )


@pytest.mark.parametrize("model", carbon_models(), ids=lambda model: str(model.name))
def test_carbon_forecasts_do_not_change_with_the_future(model: Forecaster) -> None:
    grid = carbon_grid()
    later = grid.values.copy()
    later[ORIGIN:] = -777.0
    beyond = grid.exogenous.copy()
    beyond[ORIGIN + 24 :] = 1e6
    other = replace(grid, values=later, exogenous=beyond)
    issue = Issues(np.array([ORIGIN]), 24, 0, 1, 24)

    said = []
    for each in (grid, other):
        model.fit(each, issue, ORIGIN)
        said.append(model.predict(each, issue, (0.5, 0.95)))

    np.testing.assert_array_equal(said[0].point, said[1].point)
    np.testing.assert_array_equal(said[0].mean, said[1].mean)
    np.testing.assert_array_equal(said[0].quantiles, said[1].quantiles)


@pytest.mark.parametrize("model", carbon_models(), ids=lambda model: str(model.name))
def test_an_issue_between_refits_sees_its_own_past_and_no_more(model: Forecaster) -> None:
    grid = carbon_grid()
    week = Issues(ORIGIN + 24 * np.arange(6), 24, 0, 1, 24)
    cut = ORIGIN + 24 * 3
    later = grid.values.copy()
    later[cut:] = -777.0

    said = []
    for each in (grid, replace(grid, values=later)):
        model.fit(each, week, ORIGIN)
        said.append(model.predict(each, week, (0.05, 0.95)))

    np.testing.assert_array_equal(said[0].point[:4], said[1].point[:4])
    np.testing.assert_array_equal(said[0].quantiles[:, :4], said[1].quantiles[:, :4])
    assert (said[0].quantiles[:, 4] != said[1].quantiles[:, 4]).any()  # the change does reach those after it


@pytest.mark.parametrize("model", demand_models(), ids=lambda model: str(model.name))
def test_demand_forecasts_do_not_change_with_the_rows_after_the_lead(model: Forecaster) -> None:
    grid = to_grid(ten_minute_demand(8).to_frame("value"), "d")
    slots = pd.date_range("2024-01-08", periods=6, freq="30min", tz="UTC")
    issues = demand_issues(grid, [slot.to_pydatetime() for slot in slots], 600, 1)
    cut = int(issues.origins[2])
    later = grid.values.copy()
    later[cut:] = 1e6

    said = []
    for each in (grid, replace(grid, values=later)):
        model.fit(each, issues, int(issues.origins[0]))
        said.append(model.predict(each, issues, (0.95,)))

    np.testing.assert_array_equal(said[0].point[:3], said[1].point[:3])
    np.testing.assert_array_equal(said[0].quantiles[:, :3], said[1].quantiles[:, :3])


def test_only_columns_named_forecast_are_known_ahead(tmp_path: Path) -> None:
    table = as_table(hourly_carbon(20), "carbon_gco2e_per_kwh", zone="z")
    table["solar"] = np.arange(float(len(table)))
    table["forecast_wind"] = np.arange(float(len(table)))
    table["forecast_empty"] = np.nan
    path = tmp_path / "carbon.parquet"
    table.to_parquet(path)

    assert carbon_grids(path)[0].columns == ("forecast_wind",)
