"""`python -m models value`: what forecasts would have been worth in the plans of a fleet, in kilograms. Modelled."""

import dataclasses
import json
import sys
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from freesh_plugin.core.errors import ConfigError, ForecastError
from freesh_plugin.core.plan import Plan
from models.allocation import SolveWorker, allocate
from models.allocation.to_plan import to_plan
from models.commands.figure import check_target, save
from models.commands.moments import is_whole_day, moment, seconds
from models.commands.progress import progress
from models.commands.value_figure import TITLES, value_figure, varied
from models.domain.scenario import Scenario
from models.evaluate.comparison import EQUAL_SERVICE, Row
from models.evaluate.epoch import Epoch, epochs_between
from models.evaluate.forecast_value import PERFECT, QUESTIONS, MakePlan, Value, value_of_forecasts
from models.evaluate.study import Forecasts, study_of
from models.forecast.carbon import forecast_carbon
from models.forecast.demand import forecast_demand
from models.forecast.table import carbon_grids, demand_grids
from models.sources.scenario_folder import load_scenario

SOLVE_LIMIT_S = 60.0


def value(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Scenario folder; its locations name grid zones.")],
    carbon: Annotated[Path, typer.Option(help="CSV or parquet: time, zone, carbon_gco2e_per_kwh.")],
    demand: Annotated[Path, typer.Option(help="CSV or parquet: time, demand_rps: totals, or series partition/class.")],
    start: Annotated[str, typer.Option(help="First epoch, UTC; everything before it is history.")],
    end: Annotated[str, typer.Option(help="End of the last epoch, UTC; a bare date is that whole day.")],
    horizon: Annotated[
        int | None, typer.Option(help="Steps that a plan covers and is held for; the scenario's.")
    ] = None,
    lead: Annotated[str, typer.Option(help="How long before its epoch a plan is made.")] = "10min",
    carbon_lag: Annotated[str, typer.Option(help="How long after its end a carbon row is known.")] = "0min",
    quantile: Annotated[float, typer.Option(help="Quantile of demand that capacity is for.")] = 0.95,
    gap: Annotated[float, typer.Option(help="Relative gap at which a solve stops.")] = 0.01,
    plot: Annotated[Path | None, typer.Option(help="Draw the comparison into this PNG.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Rows as JSON on standard output.")] = False,
) -> None:
    """Plan past epochs under forecasts, simple rules and perfect foresight; book what came true."""
    check_target(plot)
    fleet = load_scenario(folder)
    fleet = dataclasses.replace(fleet, steps=_horizon(horizon, fleet))
    epochs = _epochs(fleet, start, end, seconds("--lead", lead))
    forecasts = Forecasts(forecast_carbon, forecast_demand, _level(quantile), seconds("--carbon-lag", carbon_lag))
    with SolveWorker() as worker, progress(quiet=as_json) as told:
        study = study_of(fleet, carbon_grids(carbon), demand_grids(demand), forecasts, _planner(worker, gap), epochs[0])
        found = value_of_forecasts(study, epochs, told)
    if as_json:
        sys.stdout.write(json.dumps(as_object(found, mix_assumed=study.truth.mix_assumed), indent=1) + "\n")
    else:
        _show(found, Console(), mix_assumed=study.truth.mix_assumed)
    if plot is not None:
        days = (epochs[-1].ends_at - epochs[0].starts_at).total_seconds() / 86_400
        title = f"{fleet.name}, {days:g} days from {epochs[0].starts_at:%Y-%m-%d} (modelled)"
        save(value_figure({question: found.rows(question) for question in QUESTIONS}, title), plot)


def as_object(found: Value, *, mix_assumed: bool) -> dict[str, object]:
    """The comparison as plain JSON data."""
    return {
        "modelled": True,
        "mix_assumed": mix_assumed,
        "epochs": found.epochs,
        "asked_s": found.asked_s,
        "scored_s": found.scored_s,
        "questions": {name: [dataclasses.asdict(each) for each in found.rows(name)] for name in QUESTIONS},
    }


def _planner(worker: SolveWorker, gap: float) -> MakePlan:
    """Plans as the planner publishes them, solved in a worker under a hard limit."""

    def make_plan(scenario: Scenario, epoch: Epoch) -> Plan:
        result = allocate(scenario, gap=gap, time_limit_s=SOLVE_LIMIT_S, worker=worker)
        return to_plan(scenario, result, epoch=epoch.slot, revision=1, mode="advise")

    return make_plan


def _epochs(fleet: Scenario, start: str, end: str, lead_s: int) -> list[Epoch]:
    first, last = moment("--start", start), moment("--end", end)
    last += pd.Timedelta(days=1 if is_whole_day(end) else 0)
    if first >= last:
        raise ForecastError(f"--start {start} is not before --end {end}")
    return epochs_between(
        first.to_pydatetime(), last.to_pydatetime(), steps=fleet.steps, step_s=fleet.step_s, lead_s=lead_s
    )


def _horizon(steps: int | None, fleet: Scenario) -> int:
    if steps is not None and not 1 <= steps <= 288:
        raise ConfigError(f"--horizon: {steps} steps, must be from 1 to 288")
    return fleet.steps if steps is None else steps


def _level(quantile: float) -> float:
    if not 0.5 <= quantile < 1:
        raise ConfigError(f"--quantile: {quantile!r} is outside [0.5, 1)")
    return quantile


def _show(found: Value, console: Console, *, mix_assumed: bool) -> None:
    for question in QUESTIONS:
        console.print(_table(question, found.rows(question)))
    hours, asked = found.scored_s / 3_600, found.asked_s / 3_600
    notes = [
        f"{found.epochs} epochs, {hours:g} of {asked:g} h known and booked. Modelled: profiles and mean rates, all "
        "power counted (parked GPUs, hosts, starts, PUE).",
        "Interval: bootstrap over days. Gap: share of the way from persistence to perfect.",
        f"* unserved differs from perfect by over {100 * EQUAL_SERVICE:g} points: kilograms do not compare.",
    ]
    if mix_assumed:
        notes.append("Totals only: the mix of classes is the scenario's, held constant (assumed).")
    for note in notes:
        console.print(note, highlight=False, markup=False)


def _table(question: str, rows: list[Row]) -> Table:
    table = Table(title=TITLES[question], title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("foresight", no_wrap=True)
    for name in ("kWh", "kg", "above perfect", "95 % interval", "gap %", "unserved %"):
        table.add_column(name, justify="right", no_wrap=True)
    for each in rows:
        table.add_row(varied(question, each), *_cells(each))
    return table


def _cells(row: Row) -> list[str]:
    interval = None if (row.carbon, row.demand) == (PERFECT, PERFECT) else row.above_perfect_interval_kg
    return [
        _short(row.energy_kwh),
        _short(row.carbon_kg),
        _short(row.above_perfect_kg),
        "-" if interval is None else f"{_short(interval[0])} to {_short(interval[1])}",
        "-" if row.gap_closed is None else f"{100 * row.gap_closed:.0f}",
        f"{100 * row.unserved_share:.2f}{'' if row.equal_service else '*'}",
    ]


def _short(number: float) -> str:
    return f"{number:.1f}" if abs(number) < 1_000 else f"{number:.0f}"
