"""A cell of the evaluation that needs no data set and no solver: a short synthetic hour, plans by a rule of thumb."""

from dataclasses import replace
from datetime import datetime
from functools import lru_cache

import numpy as np

from freesh_plugin.core.plan import Plan
from models.allocation.fallback import fall_back
from models.allocation.to_plan import to_plan
from models.domain.scenario import Scenario
from models.domain.workload import Workload
from models.evaluate.cell import Cell, cell_of
from models.evaluate.epoch import Epoch
from models.evaluate.hour_data import HourData, hour_data
from models.evaluate.hours import demo_hour
from models.evaluate.outlook import Forecasts
from models.forecast.carbon import forecast_carbon
from models.forecast.demand import forecast_demand
from models.forecast.grid import Grid

FORECASTS = Forecasts(forecast_carbon, forecast_demand)


def rule_of_thumb(scenario: Scenario, epoch: Epoch) -> Plan:
    """A plan without a solver."""
    return to_plan(scenario, fall_back(scenario, ()), epoch=epoch.slot, revision=1, mode="advise")


def _made(workload: Workload) -> Workload:
    requests = tuple(workload.requests())
    return replace(workload, requests=lambda: iter(requests))


@lru_cache(maxsize=1)
def demo_data() -> HourData:
    """The synthetic hour, its requests made once."""
    data = hour_data(demo_hour())
    return replace(data, workload=_made(data.workload), before=_made(data.before))


@lru_cache(maxsize=1)
def demo_cell() -> Cell:
    """The synthetic hour on the fleet of three locations; seconds to make, so made once."""
    return cell_of(demo_data(), FORECASTS, rule_of_thumb)


def shortened(cell: Cell, duration_s: float) -> Cell:
    """The same with the first requests alone."""
    whole = cell.data.workload
    requests = tuple(each for each in whole.requests() if each.arrival_s < duration_s)
    workload = replace(whole, duration_s=duration_s, requests=lambda: iter(requests))
    return replace(cell, data=replace(cell.data, workload=workload))


def changed_from(grid: Grid, moment: datetime) -> Grid:
    """The same until a moment, something else from then on."""
    values = grid.values.copy()
    values[grid.row_at(moment) :] = 7.0
    return replace(grid, values=np.asarray(values))
