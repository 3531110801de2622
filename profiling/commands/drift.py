"""`python -m profiling drift`: a short sweep, or a live fleet, against its profile; says when to calibrate anew."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from freesh_plugin.adapters.profile_file import read_profile
from freesh_plugin.core.errors import ConfigError, PlanError, ProfileError
from freesh_plugin.core.plan import Plan
from freesh_plugin.core.plan_json import decode_plan
from freesh_plugin.core.profile_document import ProfileDocument
from profiling.commands.live_drift_report import LiveReport, show_commands
from profiling.drift.drift import Bounds, Compared, Verdict, compare, judge
from profiling.drift.live_drift import LiveBounds, PoolCapacity, against_plan, places, pool_capacities
from profiling.drift.recalibration import recalibration
from profiling.live.counted_row import CountedRow
from profiling.live.live_table import is_live_table, read_live
from profiling.sweep.raw_table import read_rows


def drift(
    profile: Annotated[Path, typer.Argument(metavar="PROFILE", help="What was planned with: a file that `fit` wrote.")],
    table: Annotated[Path, typer.Argument(metavar="TABLE.csv", help="What is so now: the table of `sweep` or `live`.")],
    plan: Annotated[Path | None, typer.Option(help="With a live table: the plan, for its pools and energy.")] = None,
    location: Annotated[list[str] | None, typer.Option(help="With a live table: only these, repeated.")] = None,
    pue: Annotated[float, typer.Option(min=1, help="With --plan: power at the meter over that of the GPUs.")] = 1.0,
    energy_bound: Annotated[float, typer.Option(min=0, help="How far energy for the same work may be off.")] = 0.15,
    capacity_bound: Annotated[float, typer.Option(min=0, help="How far tokens per second may be off.")] = 0.10,
    demand_bound: Annotated[
        float, typer.Option(min=0, help="With --plan: demand further off keeps its energy from being judged.")
    ] = 0.20,
    as_json: Annotated[bool, typer.Option("--json", help="The report on standard output.")] = False,
) -> None:
    """Compare a new sweep cell by cell, or what live routers did with what the profile says of that work.

    Exit status: 0 the profile holds; 1 it is beyond a bound and should be calibrated anew; 2 bad input.
    """
    document = read_profile(profile)
    if is_live_table(table):
        bounds = LiveBounds(energy_bound, capacity_bound, demand_bound)
        report = _live(document, profile, _chosen(read_live(table), location), bounds, plan, pue)
        if as_json:
            sys.stdout.write(json.dumps(report.as_object(), indent=1) + "\n")
        else:
            report.show(Console())
        raise typer.Exit(1 if report.drifted else 0)
    if plan is not None or location:
        raise ConfigError(f"{table}: --plan and --location go with a table of `profiling live`")
    _swept(document, profile, table, Bounds(energy_bound, capacity_bound), as_json=as_json)


def _chosen(rows: Sequence[CountedRow], locations: Sequence[str] | None) -> list[CountedRow]:
    chosen = [row for row in rows if not locations or row.location in locations]
    if not chosen:
        known = ", ".join(sorted({row.location for row in rows})) or "none"
        raise ConfigError(f"--location: none of {', '.join(locations or [])} is in the table; it has {known}")
    return chosen


def _live(
    document: ProfileDocument,
    path: Path,
    rows: Sequence[CountedRow],
    bounds: LiveBounds,
    plan_path: Path | None,
    pue: float,
) -> LiveReport:
    seen = places(document.table(), rows)
    verdicts = [verdict for place in seen for verdict in place.verdicts(bounds)]
    pools: list[PoolCapacity] = []
    if plan_path is not None:
        plan = _plan(plan_path)
        verdicts.append(against_plan(plan, seen, bounds, pue))
        pools = pool_capacities(plan, document.mode, seen, bounds)
    return LiveReport(document.label, seen, pools, verdicts, recalibration(document, str(path)))


def _plan(path: Path) -> Plan:
    try:
        return decode_plan(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"--plan: {path}: cannot be read: {error.strerror}") from error
    except PlanError as error:
        raise ConfigError(f"--plan: {path}: {error}") from error


def _swept(document: ProfileDocument, path: Path, raw: Path, bounds: Bounds, *, as_json: bool) -> None:
    rows = read_rows(raw)
    compared = compare(document.table(), rows)
    if not compared:
        raise ProfileError(f"{raw}: none of its {len(rows)} cells is covered by {document.label}")
    verdicts = judge(compared, bounds)
    drifted = any(each.drifted for each in verdicts)
    commands = recalibration(document, str(path)) if drifted else ()
    if as_json:
        sys.stdout.write(json.dumps(_as_object(document, compared, verdicts, commands), indent=1) + "\n")
    else:
        _print(document, compared, verdicts, commands, len(rows))
    raise typer.Exit(1 if drifted else 0)


def _as_object(
    document: ProfileDocument, compared: Sequence[Compared], verdicts: Sequence[Verdict], commands: Sequence[str]
) -> dict[str, object]:
    return {
        "profile": document.label,
        "recalibrate": bool(commands),
        "commands": list(commands),
        "verdicts": [
            {"work": v.work, "quantity": v.quantity, "off": v.off, "cells": v.cells, "bound": v.bound,
             "drifted": v.drifted}
            for v in verdicts
        ],
        "cells": [
            {"sm_clock_mhz": c.row.cell.sm_clock_mhz, "work": c.row.cell.work, "batch": c.row.cell.batch,
             "context_tokens": c.row.taken.context_tokens, "energy": c.energy, "capacity": c.capacity}
            for c in compared
        ],
    }  # fmt: skip


def _print(
    document: ProfileDocument,
    compared: Sequence[Compared],
    verdicts: Sequence[Verdict],
    commands: Sequence[str],
    rows: int,
) -> None:
    console = Console()
    table = Table(title=f"{document.label}: measured against planned", title_justify="left", title_style="bold",
                  box=SIMPLE_HEAD, show_edge=False, pad_edge=False)  # fmt: skip
    table.add_column("work")
    for header in ("MHz", "batch", "context", "energy", "capacity"):
        table.add_column(header, justify="right", no_wrap=True)
    for each in compared:
        cell = each.row.cell
        table.add_row(
            str(cell.work), "found" if cell.sm_clock_mhz is None else str(cell.sm_clock_mhz), str(cell.batch),
            f"{each.row.taken.context_tokens or cell.prompt_tokens:.0f}",
            "-" if each.energy is None else f"{each.energy:+.1%}", f"{each.capacity:+.1%}",
        )  # fmt: skip
    console.print(table)
    for verdict in verdicts:
        console.print(verdict.sentence, style="yellow" if verdict.drifted else "", highlight=False)
    console.print(f"{len(compared)} of {rows} cells could be compared", style="dim", highlight=False)
    show_commands(console, commands)
