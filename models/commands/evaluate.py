"""`python -m models evaluate`: every policy over many hours, and the report of what came of it."""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from freesh_plugin.core.errors import ConfigError
from models.commands.evaluated_hours import HourJob, Wanted, run_jobs
from models.commands.made_from import made_from
from models.commands.policy_names import complete_policy, policies_named
from models.commands.progress import progress
from models.commands.results_folder import Found, check_reported, made_folder, write_folder
from models.commands.runs_table import as_rows, runs_table
from models.evaluate.hours import Hour, Role, demo_hour, read_hours
from models.evaluate.layers import MIDDLE, POWER_MODELS, layer_rows, layer_runs
from models.evaluate.policies import POLICIES
from models.evaluate.report.results import read_results
from models.evaluate.report.write import write_report
from models.evaluate.run_files import RunFiles, file_digest
from models.evaluate.tuned import TUNED
from models.sources.scenario.spot import nearest

HOURS = Path(__file__).parents[2] / "bench" / "hours.csv"
"""The committed list."""

DEMO = "demo"


def evaluate(
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="DIR", help="Runs, tables, report.")] = None,
    hours: Annotated[Path | None, typer.Option(help="List of hours; bench/hours.csv.")] = None,
    hour: Annotated[list[str] | None, typer.Option(help="An hour of the list, or demo; may be repeated; all.")] = None,
    policy: Annotated[
        list[str] | None,
        typer.Option(help="A policy; may be repeated; all, with the layers.", autocompletion=complete_policy),
    ] = None,
    layers: Annotated[
        bool | None,
        typer.Option("--layers/--no-layers", help="Run the layers, with --policy too."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The public data sets; the folder that FREESH_DATA names.")
    ] = None,
    jobs: Annotated[int | None, typer.Option(help="Hours at once; as many as there are cores.")] = None,
    report_only: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Run nothing: draw the report of this folder again.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Rows as JSON on standard output.")] = False,
) -> None:
    """Run every policy over many hours; what is done is kept, and not done again. Then write the report.

    Simulated: times and watts are modelled, not measured.
    """
    if report_only is not None:
        if not report_only.is_dir():
            raise ConfigError(f"--report-only: cannot read {report_only}: no such folder")
        _report(report_only, as_json=as_json)
        return
    if output is None:
        raise ConfigError("-o DIR: needed, the folder that runs are kept in (or --report-only DIR)")
    names = [each.name for each in policies_named(policy or list(POLICIES))]
    check_reported(names)
    workers = _workers(jobs)
    chosen = _hours(hours, hour)
    wanted = wanted_of(names, layers=policy is None if layers is None else layers)
    asked = jobs_of(made_folder(output), chosen, wanted, data or _data_folder())
    with progress(quiet=as_json) as told:
        run_jobs(asked, workers, told)
    write_folder(output, _gathered(asked, _inputs(hours or HOURS, chosen)))
    _report(output, as_json=as_json)


def _report(folder: Path, *, as_json: bool) -> None:
    path = write_report(folder)
    runs = read_results(folder).runs
    if as_json:
        sys.stdout.write(json.dumps(as_rows(runs), indent=1) + "\n")
        return
    count = len({(each.hour, each.scenario) for each in runs})
    console = Console()
    console.print(runs_table(f"{count} hour{'' if count == 1 else 's'}, simulated", runs))
    console.print(f"report: {path}", highlight=False, markup=False, soft_wrap=True)


def _workers(jobs: int | None) -> int:
    if jobs is not None and jobs < 1:
        raise ConfigError(f"--jobs: {jobs} hours at once, must be at least 1")
    return jobs or os.cpu_count() or 1


def _hours(given: Path | None, names: Sequence[str] | None) -> list[Hour]:
    """The hours that are named, or all that are reported; a list that is given is read, whatever is named."""
    path, known = given or HOURS, {DEMO: demo_hour()}
    if given is not None or names != [DEMO]:
        known |= {each.name: each for each in read_hours(path)}
    if names is None:
        return _reported(path, [each for each in known.values() if each.name != DEMO])
    for name in names:
        if name not in known:
            raise ConfigError(f"--hour: {name!r} is not in {path}, of {len(known) - 1} hours{nearest(name, known, 3)}")
    return [known[name] for name in dict.fromkeys(names)]


def _reported(path: Path, hours: Sequence[Hour]) -> list[Hour]:
    found = [each for each in hours if each.role is Role.REPORT]
    if not found:
        raise ConfigError(
            f"--hours: none of the {len(hours)} hours of {path} has the role report; name some with --hour"
        )
    return found


def wanted_of(policies: Sequence[str], *, layers: bool) -> tuple[Wanted, ...]:
    """Runs of the policies under the middle power model, and those that tell the layers apart."""
    compared = [Wanted(name, MIDDLE) for name in policies]
    steps = [Wanted(*each) for each in layer_runs()] if layers else []
    return tuple(dict.fromkeys((*compared, *steps)))


def jobs_of(folder: Path, hours: Sequence[Hour], wanted: Sequence[Wanted], data: Path | None) -> list[HourJob]:
    """The runs that are wanted, and where they are kept."""
    return [HourJob(each, tuple(wanted), data, RunFiles(folder, made_from(each, data))) for each in hours]


def _gathered(jobs: Sequence[HourJob], inputs: dict[str, str]) -> Found:
    runs = [kept for job in jobs for wanted in job.wanted if (kept := job.kept(wanted)) is not None]
    hours = [row for job in jobs if (row := job.kept_hour) is not None]
    compared = [each for each in runs if each.power_model == MIDDLE and each.scores.policy in POLICIES]
    under = {model: [each.scores for each in runs if each.power_model == model] for model in POWER_MODELS}
    return Found(
        scores=[each.scores for each in compared],
        classes=[row for each in compared for row in each.classes],
        series=[row for each in compared for row in each.series],
        layers=layer_rows(under),
        hours=[each.row for each in hours],
        tradeoff=hours[0].tradeoff if hours else (),
        bounds=[each.bound for each in hours],
        inputs=inputs,
    )


def _inputs(path: Path, hours: Sequence[Hour]) -> dict[str, str]:
    """What the hours were chosen by, and the settings; the public data sets are named by each hour."""
    listed = [path] if any(each.name != DEMO for each in hours) else []
    return {each.name: file_digest(each) for each in (*listed, TUNED) if each.is_file()}


def _data_folder() -> Path | None:
    named = os.environ.get("FREESH_DATA")
    return Path(named) if named else None
