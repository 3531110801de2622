"""`python -m models backtest`: how good each forecast would have been on a table of past rows."""

import json
import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer
from rich.console import Console
from rich.table import Table

from freesh_plugin.core.errors import ForecastError
from models.commands.moments import is_whole_day, moment, seconds
from models.commands.progress import progress
from models.forecast.backtest import (
    CarbonIssues,
    Span,
    Walk,
    backtest_carbon,
    backtest_demand,
    carbon_models,
    demand_models,
)
from models.forecast.grid import Grid
from models.forecast.scores import Scores
from models.forecast.table import carbon_grids, demand_grids


class Kind(StrEnum):
    """What is forecast."""

    CARBON = "carbon"
    DEMAND = "demand"


def backtest(
    kind: Annotated[Kind, typer.Argument(help="What the table holds.")],
    data: Annotated[Path, typer.Option(help="CSV or parquet: time, zone, carbon_gco2e_per_kwh | time, demand_rps.")],
    start: Annotated[str, typer.Option(help="First target, UTC; everything before it is history.")],
    end: Annotated[str, typer.Option(help="Last target, UTC, included; a bare date is that whole day.")],
    horizon: Annotated[int | None, typer.Option(help="Carbon: targets (24). Demand: slots of 30 min (1).")] = None,
    lead: Annotated[str, typer.Option(help="Demand: how long before its slot a forecast is issued.")] = "10min",
    every: Annotated[str, typer.Option(help="Carbon: from one issue to the next, counted from 00:00 UTC.")] = "1d",
    step: Annotated[str, typer.Option(help="Carbon: length of a target, at most an hour.")] = "1h",
    publication_lag: Annotated[str, typer.Option(help="Carbon: how long after its end a row is known.")] = "0s",
    as_json: Annotated[bool, typer.Option("--json", help="Rows as JSON on standard output.")] = False,
) -> None:
    """Walk forward over past rows, forecast with what was known then, score against what came."""
    span = Span(moment("--start", start), _last_moment(end))
    lead_s = seconds("--lead", lead)
    grids = carbon_grids(data) if kind is Kind.CARBON else demand_grids(data)
    with progress(quiet=as_json) as told:
        if kind is Kind.CARBON:
            asked = CarbonIssues(
                horizon=_at_least_one(horizon, 24),
                step_s=seconds("--step", step),
                every_s=seconds("--every", every),
                publication_lag_s=seconds("--publication-lag", publication_lag),
            )
            walks = [w for g in grids for w in backtest_carbon(g, span, carbon_models(asked), asked, told)]
        else:
            slots = _at_least_one(horizon, 1)
            walks = [w for g in grids for w in backtest_demand(g, span, demand_models(), slots, lead_s, told)]
    if as_json:
        sys.stdout.write(json.dumps(_rows(walks), indent=1) + "\n")
    else:
        Console().print(_table(kind, walks))
    _tell_notes(grids)


def _rows(walks: Sequence[Walk]) -> list[dict[str, Any]]:
    """One row per series, horizon and model."""
    rows = []
    for walk in walks:
        for horizon, scores in enumerate(walk.by_horizon(), start=1):
            named = {"series": walk.series, "horizon": horizon, "model": walk.model}
            rows.append(named | {name: getattr(scores, name) for name in ("mape", "wape", "pinball95", "coverage95")})
    return rows


def _table(kind: Kind, walks: Sequence[Walk]) -> Table:
    """Scores of each series and model over all horizons."""
    unit = "g/kWh" if kind is Kind.CARBON else "req/s"
    title = f"backtest {kind}, all horizons pooled"
    table = Table(title=title, caption=f"pinball95 in {unit}; --json gives one row per horizon")
    for name in ("series", "model"):
        table.add_column(name, no_wrap=True)
    for name in ("targets", "MAPE %", "WAPE %", "pinball95", "coverage95"):
        table.add_column(name, justify="right")
    for i, walk in enumerate(walks):
        ends = i + 1 == len(walks) or walks[i + 1].series != walk.series
        table.add_row(walk.series, walk.model, *_cells(walk.pooled()), end_section=ends)
    return table


def _cells(scores: Scores) -> list[str]:
    """Scores as text; a dash where there is none."""
    numbers = [(scores.mape, 2), (scores.wape, 2), (scores.pinball95, 3), (scores.coverage95, 3)]
    return [str(scores.targets), *("-" if number is None else f"{number:.{digits}f}" for number, digits in numbers)]


def _tell_notes(grids: Sequence[Grid]) -> None:
    """What was wrong with the rows, on standard error."""
    for grid in grids:
        for note in grid.notes:
            sys.stderr.write(f"note: series {grid.series}: {note}\n")


def _last_moment(text: str) -> pd.Timestamp:
    """The last moment of a span: the moment itself, or the last one of a bare date."""
    last = moment("--end", text)
    return last + pd.Timedelta(days=1) - pd.Timedelta(microseconds=1) if is_whole_day(text) else last


def _at_least_one(horizon: int | None, default: int) -> int:
    """The horizon asked for, or the default."""
    count = default if horizon is None else horizon
    if not 1 <= count <= 168:
        raise ForecastError(f"--horizon: {count}, must be from 1 to 168")
    return count
