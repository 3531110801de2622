"""What a longer history or a rarer fit is worth to the carbon forecast: the same issues, fitted in different ways.

Four zones by the hour, issued daily for a day ahead, a fortnight of September 2022: fitted anew at each issue or once
a week, on the last 60 days, the last year, or all there is.

Usage: FREESH_DATA=FOLDER python -m bench.carbon_refit
"""

import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.on_hourly_zones import measure
from bench.record import ROOT
from models.forecast.carbon_model import CarbonModel
from models.forecast.grid import Grid
from models.forecast.issues import Issues
from models.forecast.table import carbon_grids

ZONES = ("AU-VIC", "DE", "GB", "US-CAL-CISO")
START, DAYS = "2022-09-12", 14
EVERY, HOURS = 24, 24
CODE = [ROOT / "models" / "forecast", ROOT / "bench" / "carbon_refit.py"]


@dataclass(frozen=True)
class Way:
    """How a model is fitted: on so many days of history, anew after so many issues."""

    name: str
    history_days: int
    issues_a_fit: int


WAYS = (
    Way("each issue, 60 days", 60, 1),
    Way("each issue, 365 days", 365, 1),
    Way("weekly, 60 days", 60, 7),
    Way("weekly, all", 2_000, 7),
)


def walk(grid: Grid, way: Way) -> tuple[np.ndarray, np.ndarray]:
    """Actuals and forecasts, shapes (issue, target)."""
    first = grid.row_at(pd.Timestamp(START, tz="UTC"))
    origins = first + np.arange(0, 24 * DAYS, EVERY)
    said, actual = [], []
    for block in np.split(origins, np.arange(way.issues_a_fit, len(origins), way.issues_a_fit)):
        begin = max(0, int(block[0]) - 24 * way.history_days)
        part = replace(grid, start=grid.time_of(begin), values=grid.values[begin:], exogenous=grid.exogenous[begin:])
        issues, model = Issues(block - begin, EVERY, 0, 1, HOURS), CarbonModel()
        model.fit(part, issues, int(issues.origins[0]))
        said.append(model.predict(part, issues, (0.95,)).point)
        actual.append(issues.actuals(part))
    return np.concatenate(actual), np.concatenate(said)


def run(table: Path) -> dict[str, Any]:
    """MAPE of the first six hours and of the rest by way, mean over zones, and processor seconds an issue."""
    rows = []
    for grid in (each for each in carbon_grids(table) if each.series in ZONES):
        for way in WAYS:
            start_s = time.process_time()
            actual, said = walk(grid, way)
            error = 100 * np.abs(said / actual - 1)
            rows.append(
                {
                    "zone": grid.series,
                    "way": way.name,
                    "mape_first_6h": round(float(np.nanmean(error[:, :6])), 3),
                    "mape_later": round(float(np.nanmean(error[:, 6:])), 3),
                    "processor_s_an_issue": round((time.process_time() - start_s) / len(said), 3),
                }
            )
        sys.stdout.write(f"{grid.series}\n")
        sys.stdout.flush()
    table_of = pd.DataFrame(rows).drop(columns="zone").groupby("way", sort=False).mean().round(3)
    return {"mean": table_of.reset_index().to_dict("records"), "rows": rows}


if __name__ == "__main__":
    measure("carbon_refit", run, CODE)
