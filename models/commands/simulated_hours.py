"""The hours that `simulate` is asked for, and their runs."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import cycle, islice
from math import ceil
from pathlib import Path

from freesh_plugin.core.errors import ConfigError
from models.commands.progress import Progress
from models.commands.results_folder import Found
from models.evaluate.bounded import bounded
from models.evaluate.cell import Cell, Policy, cell_of, simulate_cell
from models.evaluate.described import described
from models.evaluate.forecast_value import MakePlan
from models.evaluate.hour_data import HourData
from models.evaluate.hours import HOUR_S, LOCATIONS, ROW_S, HourKind, demo_hour
from models.evaluate.outcome_rows import BoundRow, HourRow
from models.evaluate.outlook import Forecasts, Outlook
from models.evaluate.own_checks import covering
from models.evaluate.own_hour import SYNTHETIC, OwnTraffic, own_hour
from models.evaluate.own_site import OwnFleet, own_site
from models.evaluate.planner import Planner
from models.evaluate.report.tradeoff_rows import TradeoffRow
from models.evaluate.tradeoff import tradeoff_of
from models.evaluate.tuned import read_tuned
from models.forecast.carbon import forecast_carbon
from models.forecast.demand import forecast_demand
from models.forecast.grid import Grid
from models.forecast.table import carbon_grids, demand_grids
from models.simulator.fleet_rows import RunNames, class_rows, run_row
from models.simulator.fleet_series import series_rows
from models.simulator.run_scores import ClassScores, RunScores, SeriesRow

LEAST_HOURS, MOST_HOURS = 0.1, 168.0

MakeCell = Callable[[HourData], Cell]


@dataclass(frozen=True)
class Asked:
    """What is simulated.

    Attributes:
        traffic: Requests of the first hour.
        hours: How many hours.
        start: When the first one starts; None = the demo's.
        zones: Grid zone of each location; empty = the scenario's, those of the carbon file, or synthetic ones.
        scenario: Folder of an operator's own fleet.
        carbon: Table of carbon intensities; None = synthetic.
        demand: Table of rates before the first hour; None = assumed.
    """

    traffic: OwnTraffic
    hours: float = 1.0
    start: datetime | None = None
    zones: Sequence[str] = ()
    scenario: Path | None = None
    carbon: Path | None = None
    demand: Path | None = None


@dataclass(frozen=True)
class Run:
    """Rows of one run."""

    scores: RunScores
    classes: tuple[ClassScores, ...]
    series: tuple[SeriesRow, ...]


def hours_asked(asked: Asked, own: OwnFleet | None = None) -> Iterator[HourData]:
    """The data of each hour; the last one may be shorter.

    Raises:
        FreeshError: a file is missing or wrong, or does not go with the others.
    """
    if not LEAST_HOURS <= asked.hours <= MOST_HOURS:
        raise ConfigError(f"--hours: {asked.hours:g}, must be from {LEAST_HOURS:g} to {MOST_HOURS:g}")
    carbon = {each.series: each for each in carbon_grids(asked.carbon)} if asked.carbon else None
    demand = _total(demand_grids(asked.demand)) if asked.demand else None
    traffic = asked.traffic if own is None else replace(asked.traffic, names=own.names)
    kind = HourKind.DEMO if asked.traffic.kind == SYNTHETIC and carbon is None else HourKind.OWN
    first = replace(
        demo_hour(), kind=kind, zones=_zones(asked, own, carbon), carbon_data="synthetic" if carbon is None else "own"
    )
    start = asked.start or first.start
    if demand is None and start.timestamp() % ROW_S:
        raise ConfigError(
            f"--start: {start:%Y-%m-%dT%H:%M:%SZ}, must be at whole {ROW_S // 60} minutes, as 12:00 or 12:10, for the "
            "rates before it are assumed in rows of that length; other starts need --demand"
        )
    if carbon is not None:  # of all hours, before the first is run
        covering(carbon, first.zones, start, asked.hours * HOUR_S)
    origins = None if own is None else dict.fromkeys(own.origins, 1 / len(own.origins))
    for index in range(ceil(asked.hours)):
        shift_s = index * HOUR_S
        seed = traffic.seed + index
        hour = replace(first, name=f"hour-{index + 1}", start=start + timedelta(seconds=shift_s), seed=seed)
        part = replace(
            traffic,
            start_s=traffic.start_s + shift_s,
            duration_s=min(HOUR_S, (asked.hours - index) * HOUR_S),
            seed=seed,
        )
        yield own_hour(hour, part, carbon=carbon, demand=demand, origins=origins)


def run_hours(
    hours: Iterable[HourData],
    policies: Sequence[Policy],
    make_cell: MakeCell,
    told: Progress | None = None,
    *,
    with_bound: bool = False,
) -> Found:
    """Every policy over every hour, and if asked the bound of each."""
    runs: list[Run] = []
    rows: list[HourRow] = []
    bounds: list[BoundRow] = []
    tradeoff: tuple[TradeoffRow, ...] = ()
    for data in hours:
        cell = make_cell(data)
        rows.append(described(cell))
        bounds += [bounded(cell)] if with_bound else []
        tradeoff = tradeoff or tradeoff_of(cell.site)
        runs += [run_one(cell, policy, told) for policy in policies]
    return Found(
        scores=[each.scores for each in runs],
        classes=[row for each in runs for row in each.classes],
        series=[row for each in runs for row in each.series],
        hours=rows,
        tradeoff=tradeoff,
        bounds=bounds,
    )


def cells(make_plan: MakePlan, power_model: str, own: OwnFleet | None = None) -> MakeCell:
    """Makes the cell of an hour: on the built-in fleet, or on an operator's own."""
    tuned, forecasts = read_tuned(), Forecasts(forecast_carbon, forecast_demand)

    def make_cell(data: HourData) -> Cell:
        if own is None:
            cell = cell_of(data, forecasts, make_plan, tuned)
            return cell if power_model == cell.site.power_model else cell.drawing(power_model)
        site = own_site(own, data.before, data.hour.zones, power_model)
        # The clocks that were tuned are of the built-in fleet.
        own_tuned = replace(tuned, clocks_mhz=dict(site.static_clocks_mhz))
        return Cell(data, site, Planner(Outlook(data, site, forecasts), make_plan), own_tuned)

    return make_cell


def run_one(cell: Cell, policy: Policy, told: Progress | None = None) -> Run:
    """One policy over one hour."""
    hour = cell.data.hour
    names = RunNames(policy.name, hour.name, hour.kind.value, hour.seed)
    duration_s = int(cell.data.workload.duration_s)
    what = f"{hour.name}, {policy.name}"

    def at(_: int, now_s: float) -> None:
        if told is not None:
            told(what, min(int(now_s), duration_s), duration_s)

    at(0, 0.0)
    run = simulate_cell(cell, policy, progress=at)
    return Run(run_row(run, names), tuple(class_rows(run, names)), tuple(series_rows(run, names)))


def _zones(asked: Asked, own: OwnFleet | None, carbon: Mapping[str, Grid] | None) -> tuple[str, ...]:
    """Grid zone of each location: as named, as the scenario has them, or those of the carbon file; else synthetic."""
    count = len(LOCATIONS if own is None else own.scenario.locations)
    if own is not None and carbon is not None and not asked.zones:
        return tuple(str(each.grid_zone) for each in own.scenario.locations)
    zones = tuple(asked.zones) or tuple(carbon or islice(cycle(demo_hour().zones), count))
    if len(zones) != count:
        raise ConfigError(f"--zone: {len(zones)} zones for {count} locations; name one for each, in their order")
    return zones


def _total(grids: Sequence[Grid]) -> Grid:
    if len(grids) != 1:
        raise ConfigError(f"--demand: {len(grids)} series, must be one: the rate of all requests")
    return grids[0]
