"""What forecasts are worth in kilograms: the cells of forecast_value_cells.csv, one recorded file each. Modelled.

Carbon: hourly direct average intensity of three zones, one a location, as it came in 2023. Traffic: ServeGen's total
rates, amplitude scaled (every rate times one constant, so that days 1 to 7 have a mean of MEAN_RPS; how rates vary
relative to their mean is unchanged), split by the FREESH authors' mix of classes, held constant (assumed). Days 1 to 7
are history only; day 8 is put on the cell's first day, so hours of traffic are nominal. Fleet: the authors' profiles,
partition a, at three equal locations (assumed sizes, overheads and start costs below). A half hour is one step: its
carbon is one row and its routes stand still, so finer steps would tell a plan nothing more.

Usage: FREESH_DATA=FOLDER python -m bench.forecast_value [--quick | NAME ...]
"""

import csv
import os
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench import convert_hourly_zones, convert_servegen
from bench.record import ROOT, is_current, record
from freesh_plugin.core.plan import Plan
from models.allocation import allocate
from models.allocation.to_plan import to_plan
from models.domain.scenario import CarbonSignal, Scenario
from models.evaluate.comparison import Row
from models.evaluate.epoch import Epoch, epochs_between
from models.evaluate.forecast_value import QUESTIONS, Value, value_of_forecasts
from models.evaluate.study import Forecasts, study_of
from models.forecast.carbon import forecast_carbon
from models.forecast.demand import forecast_demand
from models.forecast.grid import Grid
from models.forecast.table import carbon_grids, demand_grids
from tests.fakes.authors_instance import authors_files, authors_scenario

CELLS = Path(__file__).parent / "forecast_value_cells.csv"
CODE = [
    *(ROOT / "models" / name for name in ("allocation", "domain", "evaluate", "forecast")),
    ROOT / "bench" / "forecast_value.py",
    ROOT / "tests" / "fakes" / "authors_instance.py",
]
GPUS = {"A100": 16, "H100": 8}
PUE = 1.2
STARTUP_S = 0.0
"""Instances start in the ten minutes between a plan's issue and its epoch and are ready then; their energy counts."""
STARTUP_J_PER_GPU = 40_000.0
MEAN_RPS = 30.0
LEAD_S = 600
CARBON_LAG_S = 3_600
GAP = 0.01
ANY_WINDOW = 20
"""Of the authors' day: only its mix over the whole day is used, profiles do not depend on it."""


@dataclass(frozen=True)
class Cell:
    """Three zones, a traffic trace, a week and how long a plan is held."""

    name: str
    zones: tuple[str, ...]
    traffic: str
    start: pd.Timestamp
    days: int
    step_s: int
    steps: int
    quick: bool


def cells() -> list[Cell]:
    """All of the committed list."""
    with CELLS.open(newline="", encoding="utf-8") as file:
        return [
            Cell(
                row["name"], tuple(row["zones"].split()), row["traffic"], pd.Timestamp(row["start"], tz="UTC"),
                int(row["days"]), int(row["step_s"]), int(row["steps"]), row["quick"] == "yes",
            )
            for row in csv.DictReader(file)
        ]  # fmt: skip


def fleet_of(cell: Cell, data: Path) -> Scenario:
    """The authors' profiles and mix at three equal locations."""
    bare = authors_scenario(data, ANY_WINDOW, 1.0, ("a",))
    mix = mean_mix(data)
    return replace(
        bare,
        name=cell.name,
        locations=tuple(
            replace(each, gpus=GPUS, pue=PUE, grid_zone=zone)
            for each, zone in zip(bare.locations, cell.zones, strict=True)
        ),
        modes=tuple(
            replace(each, startup_s=STARTUP_S, startup_energy_j=STARTUP_J_PER_GPU * sum(each.gpus.values()))
            for each in bare.modes
        ),
        demand=tuple(replace(each, demand_rps=mix[each.request_class]) for each in bare.demand),
        demand_margin=1.0,
        carbon_signal=CarbonSignal(),
        step_s=cell.step_s,
        steps=cell.steps,
    )


def mean_mix(data: Path) -> dict[str, float]:
    """Mean rate of each class over the authors' day, partition a, req/s."""
    rows = pd.read_csv(data / "profiles" / "freesh_authors_demand_a.csv")
    return {name.upper(): float(rows[name].mean()) for name in ("ss", "sl", "ls", "ll")}


def traffic_of(cell: Cell, table: Path) -> Grid:
    """The trace, scaled, with its eighth day on the cell's first."""
    grid = next(each for each in demand_grids(table) if each.series == cell.traffic)
    history = grid.values[: 7 * grid.day]
    return replace(
        grid, start=cell.start - pd.Timedelta(days=7), values=grid.values * (MEAN_RPS / float(np.nanmean(history)))
    )


def make_plan(scenario: Scenario, epoch: Epoch) -> Plan:
    """As the planner does every half hour, in this process."""
    result = allocate(scenario, solver="highs", gap=GAP)
    return to_plan(scenario, result, epoch=epoch.slot, revision=1, mode="advise")


def value_of(cell: Cell, data: Path) -> Value:
    """Every policy over the week."""
    fleet = fleet_of(cell, data)
    with tempfile.TemporaryDirectory() as folder:
        zones, rates = Path(folder) / "zones.parquet", Path(folder) / "servegen.csv"
        convert_hourly_zones.convert(data / convert_hourly_zones.SOURCE, zones)
        convert_servegen.convert(data / convert_servegen.SOURCE, rates)
        carbon, demand = carbon_grids(zones), [traffic_of(cell, rates)]
    end = cell.start + pd.Timedelta(days=cell.days)
    epochs = epochs_between(
        cell.start.to_pydatetime(), end.to_pydatetime(), steps=cell.steps, step_s=cell.step_s, lead_s=LEAD_S
    )
    forecasts = Forecasts(forecast_carbon, forecast_demand, carbon_lag_s=CARBON_LAG_S)
    study = study_of(fleet, carbon, demand, forecasts, make_plan, epochs[0])
    return value_of_forecasts(study, epochs, partial(_tell, cell.name))


def run(cell: Cell, data: Path) -> None:
    """Measures and records one cell."""
    name = f"forecast_value_{cell.name}"
    inputs = [data / convert_hourly_zones.SOURCE, data / convert_servegen.SOURCE, *authors_files(data)]
    if is_current(name, inputs, CODE):
        sys.stdout.write(f"{name}: unchanged\n")
        return
    start = time.perf_counter()
    value = value_of(cell, data)
    wall_s = time.perf_counter() - start
    results = {
        "cell": asdict(cell) | {"start": f"{cell.start:%Y-%m-%d}"},
        "assumed": {
            "gpus": GPUS, "pue": PUE, "startup_s": STARTUP_S, "startup_j_per_gpu": STARTUP_J_PER_GPU,
            "mean_rps": MEAN_RPS, "lead_s": LEAD_S, "carbon_lag_s": CARBON_LAG_S, "gap": GAP,
        },
        "wall_s": round(wall_s, 1),
        "epochs": value.epochs,
        "asked_s": value.asked_s,
        "scored_s": value.scored_s,
        "questions": {question: [_plain(each) for each in value.rows(question)] for question in QUESTIONS},
        "daily_carbon_kg": {
            f"carbon {carbon}, demand {demand}": [round(g / 1_000, 4) for g in booked.by_day("carbon_g")]
            for (carbon, demand), booked in value.booked.items()
        },
    }  # fmt: skip
    path = record(
        name, command=f"python -m bench.forecast_value {cell.name}", inputs=inputs, code=CODE, results=results
    )
    sys.stdout.write(f"{name}: {path.relative_to(ROOT)}, {wall_s:.0f} s\n")


def _plain(row: Row) -> dict[str, Any]:
    return {key: _rounded(value) for key, value in asdict(row).items()}


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return round(value, 5)
    return [_rounded(each) for each in value] if isinstance(value, tuple) else value


def _tell(cell: str, policy: str, done: int, total: int) -> None:
    if done == total:
        sys.stdout.write(f"{cell}: {policy}, {done} epochs\n")
        sys.stdout.flush()


def main() -> None:
    """Runs the quick cell, the named ones, or all."""
    folder, names = os.environ.get("FREESH_DATA"), sys.argv[1:]
    if not folder:
        raise SystemExit("FREESH_DATA is not set: it names the folder of the public data sets")
    for cell in cells():
        if cell.name in names or not names or (names == ["--quick"] and cell.quick):
            run(cell, Path(folder))


if __name__ == "__main__":
    main()
