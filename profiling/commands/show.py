"""`python -m profiling show`: what profiles say, as tables and figures."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from freesh_plugin.adapters.profile_file import read_profile
from freesh_plugin.core.errors import ConfigError
from freesh_plugin.core.profile_document import ProfileDocument
from freesh_plugin.core.request_energy import Length, short_and_long
from profiling.commands.rows import beyond, class_rows, cost_table, provenance_lines
from profiling.figure import check_target, save
from profiling.profile.classes import mean_requests, partition_of, read_lengths


def show(
    profiles: Annotated[list[Path], typer.Argument(metavar="PROFILE...", help="Files that `fit` wrote.")],
    boundary: Annotated[
        str | None, typer.Option(metavar="PROMPT,ANSWER", help="Classes by these tokens; needs --lengths.")
    ] = None,
    lengths: Annotated[Path | None, typer.Option(help="Joint sample of request lengths (lengths.csv).")] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Requests at once (default: as many as fit).")] = None,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="PNG", help="Power, throughput and energy per token over clock, of one profile."),
    ] = None,
    trade_off: Annotated[
        Path | None, typer.Option(metavar="PNG", help="Power against latency of all profiles, the best point marked.")
    ] = None,
    every_clock: Annotated[bool, typer.Option("--every-clock", help="Not only the best and the highest.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Every class at every clock, on standard output.")] = False,
) -> None:
    """Show costs by class and clock, where a profile comes from and how good it is; draw it, if asked."""
    check_target(plot, "--plot")
    check_target(trade_off, "--trade-off")
    documents = [read_profile(each) for each in profiles]
    if plot is not None and len(documents) > 1:
        raise ConfigError("--plot draws one profile; give one")
    told = []
    console = Console()
    for document in documents:
        rows = class_rows(document, _lengths(document, boundary, lengths), batch)
        told.append({"label": document.label, "basis": str(document.basis), "classes": rows})
        if not as_json:
            console.print(cost_table(document, rows, every_clock=every_clock))
            console.print(
                "\n".join([*beyond(rows), *provenance_lines(document)]), style="dim", highlight=False, markup=False,
                soft_wrap=True,
            )  # fmt: skip
    if as_json:
        sys.stdout.write(json.dumps(told, indent=1) + "\n")
    _draw(documents, plot, trade_off)


def _draw(documents: list[ProfileDocument], plot: Path | None, trade_off: Path | None) -> None:
    from profiling.commands.over_clock_figure import over_clock_figure
    from profiling.commands.trade_off_figure import trade_off_figure

    if plot is not None:
        save(over_clock_figure(documents[0]), plot)
    if trade_off is not None:
        save(trade_off_figure(documents), trade_off)


def _lengths(document: ProfileDocument, boundary: str | None, lengths: Path | None) -> list[Length]:
    if boundary is None and lengths is None:
        return short_and_long(document.token_points())
    if boundary is None or lengths is None:
        raise ConfigError("--boundary and --lengths go together: a class is the mean of the requests that fall into it")
    return mean_requests(partition_of(boundary), read_lengths(lengths))
