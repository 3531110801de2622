"""One policy over one hour of one fleet: what is compared, and how it is simulated."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from math import ceil

from freesh_plugin.core.units import STEP_S
from models.domain.lengths import RequestLength
from models.evaluate.forecast_value import MakePlan
from models.evaluate.hour_data import HourData
from models.evaluate.length_sample import length_sample
from models.evaluate.outlook import FORECAST, Forecasts, Outlook
from models.evaluate.planner import Planner
from models.evaluate.site import ONE_CLASS, PARTITIONS, Site, three_locations
from models.evaluate.start_state import FULL, Routes, all_on, capacity_at, round_trip, routes_in_order
from models.evaluate.tuned import Tuned
from models.forecast.grid import Grid
from models.simulator.fleet import run_fleet
from models.simulator.fleet_run import FleetRun
from models.simulator.fleet_target import Controller, FleetTarget
from models.simulator.instance_types import InstanceSettings
from models.simulator.signals import Signals

Progress = Callable[[int, float], None]
"""Told now and then: requests so far, and seconds simulated."""


@dataclass(frozen=True)
class Cell:
    """An hour on a fleet, with the planner that all its policies share.

    Attributes:
        data: The hour.
        site: Its fleet.
        planner: Plans of the hour, each made once.
        tuned: Settings chosen on other hours.
    """

    data: HourData
    site: Site
    planner: Planner
    tuned: Tuned = field(default_factory=Tuned)

    @property
    def outlook(self) -> Outlook:
        """What may be known ahead."""
        return self.planner.outlook

    def drawing(self, power_model: str) -> "Cell":
        """The same under another power model, with the very plans: no planner knows how its GPUs draw."""
        return Cell(self.data, self.site.drawing(power_model), self.planner, self.tuned)


@dataclass(frozen=True)
class Policy:
    """How a fleet is run.

    Attributes:
        name: Its name.
        says: What it is, in a sentence.
        controller: Decides what the fleet is to be.
        settings: How instances serve.
    """

    name: str
    says: str
    controller: Callable[[Cell], Controller]
    settings: InstanceSettings


def cell_of(data: HourData, forecasts: Forecasts, make_plan: MakePlan, tuned: Tuned | None = None) -> Cell:
    """The cell of an hour on the fleet of three locations; capacities come from the lengths of the hour before."""
    hour = data.hour
    allowed = tuple(hour.allowed.items())
    site = _site(length_sample(data.before, PARTITIONS), hour.zones, allowed)
    return Cell(data, site, Planner(Outlook(data, site, forecasts), make_plan), tuned or Tuned())


def simulate_cell(cell: Cell, policy: Policy, *, progress: Progress | None = None) -> FleetRun:
    """Run a policy over the hour of a cell. What is random is in the hour's requests, so that it is equal for all."""
    fleet = replace(cell.site.fleet, start=starting_target(cell))
    return run_fleet(
        fleet, cell.data.workload, policy.controller(cell), policy.settings, signals_of(cell), progress=progress
    )


def nearest_routes(cell: Cell) -> Routes:
    """Each origin to the nearest location that has room for the demand that is forecast."""
    room = {name: FULL * rps for name, rps in capacity_at(cell.site).items()}
    return routes_in_order(cell.site, forecast_rps(cell), room, round_trip)


def forecast_rps(cell: Cell) -> dict[str, float]:
    """Demand by origin that the first plan reckons with, the quantile that capacity is for, req/s."""
    rows = cell.outlook.demand(cell.planner.epoch(0.0), FORECAST)
    total_rps = max(
        sum(row.demand_rps for row in rows if (row.partition, row.step) == (ONE_CLASS.name, step))
        for step in {row.step for row in rows}
    )
    return {origin: share * total_rps for (_, origin), share in cell.outlook.mix(ONE_CLASS).items()}


def starting_target(cell: Cell, ceilings_mhz: Mapping[str, int] | None = None) -> FleetTarget:
    """All on, near its users."""
    return all_on(cell.site, nearest_routes(cell), ceilings_mhz)


def signals_of(cell: Cell) -> Signals:
    """What a kilowatt-hour of each location emits and costs in each slot of the hour."""
    return Signals(*(_slots(cell, series) for series in (cell.data.carbon, cell.data.marginal, cell.data.prices)))


def _slots(cell: Cell, series: Mapping[str, Grid]) -> dict[str, list[float | None]]:
    # A last slot that the workload fills in part is a slot too: without it a piece below STEP_S had no signals at all.
    start, slots = cell.data.hour.start, ceil(cell.data.workload.duration_s / STEP_S)
    found: dict[str, list[float | None]] = {}
    for location in cell.site.scenario.locations:
        grid = series.get(str(location.grid_zone))
        if grid is not None:
            first_s = (start - grid.start.to_pydatetime()).total_seconds()
            found[location.name] = [_value(grid, first_s + slot * STEP_S) for slot in range(slots)]
    return found


def _value(grid: Grid, after_s: float) -> float | None:
    row = int(after_s // grid.step_s)
    value = float(grid.values[row]) if 0 <= row < grid.rows else float("nan")
    return None if value != value else value  # NaN: not known


@lru_cache(maxsize=4)
def _site(
    lengths: tuple[RequestLength, ...], zones: tuple[str, ...], allowed: tuple[tuple[str, tuple[str, ...] | None], ...]
) -> Site:
    return three_locations(lengths, zones, allowed_origins=dict(allowed))
