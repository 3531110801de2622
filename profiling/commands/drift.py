"""`python -m profiling drift`: a new, short sweep against a profile; asks for calibration where it no longer holds."""

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
from freesh_plugin.core.errors import ProfileError
from freesh_plugin.core.profile_document import ProfileDocument
from profiling.drift.drift import Bounds, Compared, Verdict, compare, judge
from profiling.sweep.raw_table import read_rows


def drift(
    profile: Annotated[Path, typer.Argument(metavar="PROFILE", help="What was planned with: a file that `fit` wrote.")],
    raw: Annotated[Path, typer.Argument(metavar="RAW.csv", help="What is measured now: the raw table of a sweep.")],
    energy_bound: Annotated[float, typer.Option(min=0, help="How far energy per token may be off.")] = 0.15,
    capacity_bound: Annotated[float, typer.Option(min=0, help="How far tokens per second may be off.")] = 0.10,
    as_json: Annotated[bool, typer.Option("--json", help="The report on standard output.")] = False,
) -> None:
    """Compare cell by cell at the same clock, batch and context.

    Exit status: 0 the profile holds; 1 it is beyond a bound and should be calibrated anew; 2 bad input.
    """
    document = read_profile(profile)
    rows = read_rows(raw)
    compared = compare(document.table(), rows)
    if not compared:
        raise ProfileError(f"{raw}: none of its {len(rows)} cells is covered by {document.label}")
    verdicts = judge(compared, Bounds(energy_bound, capacity_bound))
    drifted = any(each.drifted for each in verdicts)
    if as_json:
        sys.stdout.write(json.dumps(_as_object(document, compared, verdicts, drifted), indent=1) + "\n")
    else:
        _print(document, compared, verdicts, drifted, len(rows))
    raise typer.Exit(1 if drifted else 0)


def _as_object(
    document: ProfileDocument, compared: Sequence[Compared], verdicts: Sequence[Verdict], drifted: bool
) -> dict[str, object]:
    return {
        "profile": document.label,
        "recalibrate": drifted,
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
    document: ProfileDocument, compared: Sequence[Compared], verdicts: Sequence[Verdict], drifted: bool, rows: int
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
    if drifted:
        console.print(
            "calibrate anew: `python -m profiling sweep`, then `fit`, then plan with the new profile", style="bold"
        )
