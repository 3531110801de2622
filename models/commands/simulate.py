"""`python -m models simulate`: requests served by a simulated fleet under chosen policies, side by side."""

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from freesh_plugin.core.errors import ConfigError
from models.allocation import SolveWorker
from models.commands.moments import moment
from models.commands.planning import planning
from models.commands.policy_names import complete_policy, policies_named
from models.commands.progress import progress
from models.commands.results_folder import Found, check_reported, made_folder, write_folder
from models.commands.runs_table import as_rows, runs_table
from models.commands.simulated_hours import Asked, cells, hours_asked, run_hours
from models.commands.traffic_asked import check_traffic
from models.evaluate.cell import Policy
from models.evaluate.hours import EARLIEST, LATEST
from models.evaluate.own_hour import OwnTraffic
from models.evaluate.own_site import own_fleet
from models.evaluate.run_files import file_digest
from models.sources.workload.scaling import Method

SENSIBLE = ("reference", "cleanest_autoscaler", "freesh")
"""What is compared unless policies are named: the paper-like reference, the simple policy, and FREESH."""

GAP, LIMIT_S = 0.02, 60.0
"""Of each plan: relative gap at which a solve stops, and seconds at most."""


class Workload(StrEnum):
    """Where requests come from."""

    SYNTHETIC = "synthetic"
    AZURE = "azure"
    MOONCAKE = "mooncake"
    SERVEGEN = "servegen"
    CSV = "csv"


class PowerVariant(StrEnum):
    """Power models, by where energy a token is least."""

    LOW = "low"
    MID = "mid"
    HIGH = "high"


Names = Annotated[
    list[str] | None, typer.Option(help="A policy; may be repeated. Three without.", autocompletion=complete_policy)
]


def simulate(
    policy: Names = None,
    workload: Annotated[Workload, typer.Option(help="Where requests come from.")] = Workload.SYNTHETIC,
    data: Annotated[Path | None, typer.Option(help="The trace: a file, for azure also the folder of several.")] = None,
    lengths: Annotated[Path | None, typer.Option(help="servegen: traces whose lengths are drawn (Azure's).")] = None,
    series: Annotated[str, typer.Option(help="servegen: the model whose rates are taken.")] = OwnTraffic.series,
    skip: Annotated[float, typer.Option(help="Seconds of the trace before the first hour; they are history.")] = 0.0,
    scale: Annotated[float, typer.Option(help="Times the recorded rate; synthetic: times the demo's.")] = 1.0,
    rate: Annotated[float | None, typer.Option(help="Mean rate each hour is brought to instead, req/s.")] = None,
    scale_method: Annotated[
        Method | None, typer.Option(help="How a trace is scaled; thinned below 1, copies above.")
    ] = None,
    hours: Annotated[float, typer.Option(help="Hours, one after another, each from the same start state.")] = 1.0,
    start: Annotated[str | None, typer.Option(help="When the first hour starts, UTC; needed with --carbon.")] = None,
    seed: Annotated[int, typer.Option(help="Of what is random in requests.")] = 0,
    length_error: Annotated[float, typer.Option(help="Error (σ) of predicted answer lengths.")] = 0.5,
    scenario: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Your fleet: a scenario folder with token profiles.")
    ] = None,
    carbon: Annotated[Path | None, typer.Option(help="CSV or parquet: time, zone, carbon_gco2e_per_kwh.")] = None,
    zone: Annotated[list[str] | None, typer.Option(help="Grid zone of each location, in order; repeat.")] = None,
    demand: Annotated[Path | None, typer.Option(help="Rates before the first hour: time, demand_rps.")] = None,
    power_model: Annotated[PowerVariant, typer.Option(help="Where energy a token is least.")] = PowerVariant.MID,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="DIR", help="Write tables and a report into this folder.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Rows as JSON on standard output.")] = False,
) -> None:
    """Serve the same requests under each policy. Simulated: times and watts are modelled, not measured."""
    policies = policies_named(policy or SENSIBLE)
    traffic = OwnTraffic(
        workload.value, data, skip, scale=scale, rate_rps=rate, method=scale_method, seed=seed,
        length_error=length_error, lengths=lengths, series=series,
    )  # fmt: skip
    check_traffic(traffic)
    asked = Asked(traffic, hours, _start(start, carbon), zone or (), scenario, carbon, demand)
    _run(asked, policies, power_model.value, output, as_json=as_json)


def _run(asked: Asked, policies: Sequence[Policy], power_model: str, output: Path | None, *, as_json: bool) -> None:
    if output is not None:
        check_reported([each.name for each in policies])
        made_folder(output)
    own = None if asked.scenario is None else own_fleet(asked.scenario)
    with SolveWorker() as worker, progress(quiet=as_json) as told:
        make_cell = cells(planning(worker, GAP, LIMIT_S), power_model, own)
        found = run_hours(hours_asked(asked, own), policies, make_cell, told, with_bound=output is not None)
    report = None if output is None else write_folder(output, replace(found, inputs=_inputs(asked)))
    if as_json:
        sys.stdout.write(json.dumps(as_rows(found.scores), indent=1) + "\n")
        return
    _show(found, _title(asked), report, Console())


def _show(found: Found, title: str, report: Path | None, console: Console) -> None:
    console.print(runs_table(title, found.scores))
    for note in dict.fromkeys(note for hour in found.hours for note in hour.notes):
        console.print(f"note: {note}", highlight=False, markup=False)
    if report is not None:
        console.print(f"report: {report}", highlight=False, markup=False, soft_wrap=True)


def _inputs(asked: Asked) -> dict[str, str]:
    """Files that were read, with their digests."""
    given = (asked.traffic.path, asked.traffic.lengths, asked.carbon, asked.demand, asked.scenario)
    files = [
        file for path in given if path is not None for file in ([path] if path.is_file() else sorted(path.glob("*.*")))
    ]
    return {file.name: file_digest(file) for file in files if file.is_file()}


def _start(text: str | None, carbon: Path | None) -> datetime | None:
    if text is None:
        if carbon is not None:
            raise ConfigError(f"--start: needed with --carbon, to know which rows of {carbon} are of the first hour")
        return None
    start = moment("--start", text).to_pydatetime(warn=False)
    if not EARLIEST <= start <= LATEST:
        raise ConfigError(f"--start: {text}, must be from {EARLIEST:%Y-%m-%d} to {LATEST:%Y-%m-%d}")
    return start


def _title(asked: Asked) -> str:
    fleet = "the built-in fleet" if asked.scenario is None else str(asked.scenario)
    return f"{asked.hours:g} h of {asked.traffic.kind} requests on {fleet}, simulated"
