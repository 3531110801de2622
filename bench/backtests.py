"""Backtests of the public data sets named by FREESH_DATA, one recorded result each; what has not changed is skipped.

Usage: FREESH_DATA=FOLDER python -m bench.backtests [NAME ...]
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from bench import convert_dacf, convert_hourly_zones, convert_servegen
from bench.record import ROOT, is_current, record
from models.forecast.backtest import (
    DAILY,
    CarbonIssues,
    Span,
    Walk,
    backtest_carbon,
    backtest_demand,
    carbon_models,
    demand_models,
)
from models.forecast.table import carbon_grids, demand_grids

CODE = [ROOT / "models" / "forecast", *sorted((ROOT / "bench").glob("convert_*.py")), ROOT / "bench" / "backtests.py"]


@dataclass(frozen=True)
class Case:
    """One backtest: its data, how it is converted, its first and last day, and when carbon is issued."""

    name: str
    kind: str
    source: str
    convert: Callable[[Path, Path], None]
    table: str
    start: str
    end: str
    asked: CarbonIssues = DAILY


SIX_HOURS = CarbonIssues(horizon=6, every_s=10_800)

CASES = (
    Case(
        "backtest_carbon_zones_2023_may_june", "carbon", convert_hourly_zones.SOURCE, convert_hourly_zones.convert,
        "zones.parquet", "2023-05-01", "2023-06-30",
    ),
    Case(
        "backtest_carbon_zones_2023", "carbon", convert_hourly_zones.SOURCE, convert_hourly_zones.convert,
        "zones.parquet", "2023-01-01", "2023-12-31",
    ),
    Case(
        "backtest_carbon_dacf_2021_h1", "carbon", convert_dacf.SOURCE, convert_dacf.convert,
        "dacf.parquet", "2021-01-01", "2021-06-30",
    ),
    Case(
        "backtest_carbon_six_hours_2023_may", "carbon", convert_hourly_zones.SOURCE, convert_hourly_zones.convert,
        "zones.parquet", "2023-05-01", "2023-05-31", SIX_HOURS,
    ),
    Case(
        "backtest_carbon_six_hours_2023_march_may", "carbon", convert_hourly_zones.SOURCE, convert_hourly_zones.convert,
        "zones.parquet", "2023-03-01", "2023-05-31", SIX_HOURS,
    ),
    Case(
        "backtest_carbon_six_hours_2023_march_late", "carbon", convert_hourly_zones.SOURCE,
        convert_hourly_zones.convert, "zones.parquet", "2023-03-01", "2023-03-31",
        replace(SIX_HOURS, publication_lag_s=7_200),
    ),
    Case(
        "backtest_carbon_six_hours_dacf_2021_q2", "carbon", convert_dacf.SOURCE, convert_dacf.convert,
        "dacf.parquet", "2021-04-01", "2021-06-30", SIX_HOURS,
    ),
    Case(
        "backtest_demand_servegen_days_8_14", "demand", convert_servegen.SOURCE, convert_servegen.convert,
        "servegen.csv", "2024-01-08", "2024-01-14",
    ),
)  # fmt: skip


def walks(case: Case, table: Path) -> list[Walk]:
    """Every series and model of a case."""
    span = Span(pd.Timestamp(case.start, tz="UTC"), pd.Timestamp(case.end, tz="UTC") + pd.Timedelta("23h59min"))
    if case.kind == "carbon":
        models = carbon_models(case.asked)
        return [w for grid in carbon_grids(table) for w in backtest_carbon(grid, span, models, case.asked)]
    return [walk for grid in demand_grids(table) for walk in backtest_demand(grid, span, demand_models())]


def summary(case: Case, walked: Sequence[Walk]) -> list[dict[str, Any]]:
    """Scores of each series and model over all horizons, beside the better of the simple forecasts by its error."""
    measure = "mape" if case.kind == "carbon" else "wape"
    rows = [{"series": walk.series, "model": walk.model} | asdict(walk.pooled()) for walk in walked]
    for row in rows:
        simple = [r for r in rows if r["series"] == row["series"] and r["model"] != "freesh"]
        better = min(simple, key=lambda r: float(r[measure]))
        row |= {f"{each}_over_better_baseline": row[each] / better[each] for each in (measure, "pinball95")}
    return [{k: round(v, 5) if isinstance(v, float) else v for k, v in row.items()} for row in rows]


def run(case: Case, data: Path) -> None:
    """Converts, walks and records one case."""
    source = data / case.source
    if is_current(case.name, [source], CODE):
        sys.stdout.write(f"{case.name}: unchanged\n")
        return
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / case.table
        case.convert(source, table)
        start, start_cpu = time.perf_counter(), time.process_time()
        walked = walks(case, table)
        wall_s, processor_s = time.perf_counter() - start, time.process_time() - start_cpu
    by_hand = f"python -m models backtest {case.kind} --data {case.table} --start {case.start} --end {case.end}"
    if case.asked != DAILY:
        every_s, late_s = case.asked.every_s, case.asked.publication_lag_s
        by_hand += f" --horizon {case.asked.horizon} --every {every_s}s --publication-lag {late_s}s"
    results = {
        "by_hand": f"{by_hand} --json",
        "wall_s": round(wall_s, 1),
        "processor_s": round(processor_s, 1),
        "rows": summary(case, walked),
    }
    path = record(
        case.name, command=f"python -m bench.backtests {case.name}", inputs=[source], code=CODE, results=results
    )
    sys.stdout.write(f"{case.name}: {path.relative_to(ROOT)}, {wall_s:.0f} s\n")


def main() -> None:
    """Runs the named cases, all by default."""
    folder, names = os.environ.get("FREESH_DATA"), sys.argv[1:]
    if not folder:
        raise SystemExit("FREESH_DATA is not set: it names the folder of the public data sets")
    for case in CASES:
        if not names or case.name in names:
            run(case, Path(folder))


if __name__ == "__main__":
    main()
