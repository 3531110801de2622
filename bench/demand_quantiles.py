"""What the demand model was chosen on (days 3 to 7, sums of clients too), and what hindsight reaches on days 8 to 14.

Two recorded results. `demand_choice`: every series that the demand model was chosen on; no day from 8 on is read.
`demand_limits`: on the test days, the pinball loss of the 0.95 quantile as forecast, and as it would be had the margin
above the point been multiplied by what turned out best: once for all days, or anew for each day (each seventh of the
issues).

Usage: FREESH_DATA=FOLDER python -m bench.demand_quantiles
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from bench import convert_servegen
from bench.record import ROOT, is_current, record
from models.forecast.backtest import Span, Walk, backtest_demand, demand_models
from models.forecast.grid import Grid, to_grid
from models.forecast.scores import score
from models.forecast.table import demand_grids

CLIENTS = "traffic/servegen_m-small_client_rates_10min.parquet"
CODE = [ROOT / "models" / "forecast", ROOT / "bench" / "convert_servegen.py", ROOT / "bench" / "demand_quantiles.py"]
HISTORY_ROWS = 7 * 144
HALVES, LEFT_OUT = 8, 4
LEAST_RPS = 5.0
"""Clients of a lower mean rate over the first week are not drawn."""

MULTIPLIERS = np.arange(0.0, 8.01, 0.05)


def totals(data: Path) -> list[Grid]:
    """The two totals, fourteen days each."""
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "servegen.csv"
        convert_servegen.convert(data / convert_servegen.SOURCE, table)
        return demand_grids(table)


def client_sums(data: Path) -> Iterator[Grid]:
    """Sums of seeded halves of m-small's clients, and of all but each of the largest; seven days each."""
    frame = pd.read_parquet(data / CLIENTS)
    wide = frame.pivot_table(index="t_s", columns="client", values="rate", aggfunc="sum").iloc[:HISTORY_ROWS]
    whole, means = wide.sum(axis=1) > 0, wide.mean().sort_values(ascending=False)
    drawn = means[means > LEAST_RPS].sort_index().index.to_numpy()
    rng = np.random.default_rng(0)
    for number in range(HALVES):
        picked = rng.choice(drawn, size=len(drawn) // 2, replace=False)
        yield _grid(wide[picked].sum(axis=1).where(whole), f"half {number}")
    for client in means.index[:LEFT_OUT]:
        yield _grid(wide.drop(columns=client).sum(axis=1).where(whole), f"without client {client}")


def _grid(rates: "pd.Series[float]", series: str) -> Grid:
    times = convert_servegen.START + pd.to_timedelta(rates.index, unit="s")
    return to_grid(pd.DataFrame({"value": rates.where(rates > 0).to_numpy()}, index=times), series)


def walked(grid: Grid, first_day: int, last_day: int) -> tuple[Walk, Walk]:
    """The model, and the better by WAPE of persistence and the last 30 minutes, over days counted from 1."""
    start = convert_servegen.START + pd.Timedelta(days=first_day - 1)
    span = Span(start, convert_servegen.START + pd.Timedelta(days=last_day) - pd.Timedelta("1min"))
    model, *simple = backtest_demand(grid, span, demand_models()[:3])
    return model, min(simple, key=lambda walk: walk.pooled().wape or np.inf)


def choice(grid: Grid) -> dict[str, object]:
    """Scores over days 3 to 7, relative to the better simple forecast."""
    model, simple = (each.pooled() for each in walked(grid, 3, 7))
    return {
        "series": grid.series,
        "wape_over_simple": _ratio(model.wape, simple.wape),
        "pinball95_over_simple": _ratio(model.pinball95, simple.pinball95),
        "coverage95": round(model.coverage95 or 0.0, 4),
        "targets": model.targets,
    }


def limits(grid: Grid) -> dict[str, object]:
    """Pinball losses over days 8 to 14, relative to the better simple forecast, as forecast and in hindsight."""
    model, simple = walked(grid, 8, 14)
    yardstick = simple.pooled().pinball95
    margin = model.q95 - model.point
    once, daily = np.zeros(len(margin), dtype=int), np.arange(len(margin)) * 7 // len(margin)
    flat = np.full_like(margin, float(margin.mean()))
    return {
        "series": grid.series,
        "simple": simple.model,
        "as_forecast": _ratio(model.pooled().pinball95, yardstick),
        "best_multiplier": _ratio(_hindsight(model, margin, once), yardstick),
        "best_multiplier_of_each_day": _ratio(_hindsight(model, margin, daily), yardstick),
        "best_constant_margin": _ratio(_hindsight(model, flat, once), yardstick),
        "simple_with_best_multiplier": _ratio(_hindsight(simple, simple.q95 - simple.point, once), yardstick),
    }


def _hindsight(walk: Walk, margin: np.ndarray, groups: np.ndarray) -> float:
    """Mean pinball loss with the margin of each group multiplied by what turned out best for it."""
    losses = 0.0
    for group in np.unique(groups):
        mine = groups == group
        tried = [
            score(walk.actual[mine], walk.point[mine], walk.point[mine] + each * margin[mine]).pinball95 or 0.0
            for each in MULTIPLIERS
        ]
        losses += min(tried) * float(mine.sum())
    return losses / len(groups)


def _ratio(part: float | None, whole: float | None) -> float:
    return round((part or 0.0) / (whole or np.inf), 4)


def main() -> None:
    """Records both results; what has not changed is skipped."""
    if not (folder := os.environ.get("FREESH_DATA")):
        raise SystemExit("FREESH_DATA is not set: it names the folder of the public data sets")
    data = Path(folder)
    inputs = [data / convert_servegen.SOURCE, data / CLIENTS]
    for name in ("demand_choice", "demand_limits"):
        if is_current(name, inputs, CODE):
            sys.stdout.write(f"{name}: unchanged\n")
            continue
        whole = totals(data)
        if name == "demand_choice":
            rows = [choice(grid) for grid in (*map(_first_week, whole), *client_sums(data))]
        else:
            rows = [limits(grid) for grid in whole]
        command = "python -m bench.demand_quantiles"
        path = record(name, command=command, inputs=inputs, code=CODE, results={"rows": rows})
        sys.stdout.write(f"{name}: {path.relative_to(ROOT)}\n")


def _first_week(grid: Grid) -> Grid:
    """The grid without the test days."""
    return replace(grid, values=grid.values[:HISTORY_ROWS], exogenous=grid.exogenous[:HISTORY_ROWS])


if __name__ == "__main__":
    main()
