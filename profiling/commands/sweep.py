"""`python -m profiling sweep`: measure a live endpoint over clock, batch, prompt and answer lengths."""

import json
import os
import platform
import secrets
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from freesh_plugin.core.errors import ConfigError, ProfileError
from profiling.commands.numbers import whole_numbers
from profiling.sweep.cell import Cell, grid, within
from profiling.sweep.endpoint import Endpoint, EndpointInfo
from profiling.sweep.held_clock import may_hold
from profiling.sweep.measure import Care
from profiling.sweep.measured_row import MeasuredRow
from profiling.sweep.meter import Meter
from profiling.sweep.open_gpus import OpenGpus, open_gpus
from profiling.sweep.raw_table import done_cells, rows_so_far
from profiling.sweep.run_facts import RunFacts
from profiling.sweep.sweep import Listener, Plan, ask_info
from profiling.sweep.sweep import sweep as run_sweep

Numbers = Annotated[str, typer.Option(metavar="N,N,…")]


def sweep(
    url: Annotated[str, typer.Argument(metavar="URL", help="An endpoint that speaks TGI's HTTP API.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Raw table (CSV); what it holds is not done again.")],
    batch: Numbers = "1,8,32",
    prompts: Numbers = "128,512,2048",
    answers: Numbers = "128",
    clocks: Annotated[
        str, typer.Option(help="SM clocks in MHz with commas, `all:N` for N even steps, `found` to set none.")
    ] = "found",
    gpu: Annotated[
        list[str] | None, typer.Option(help="UUID of a GPU of the instance, repeated; `none`; default all visible.")
    ] = None,
    simulated_gpus: Annotated[Path | None, typer.Option(help="Boards of simulated GPUs, as the shards got it.")] = None,
    repetitions: Annotated[int, typer.Option(min=1, help="Measurements of a cell, at least.")] = 3,
    least_s: Annotated[float, typer.Option(min=0.1, help="Seconds measured in a cell, at least.")] = 3.0,
    warm_up: Annotated[int, typer.Option(min=0, help="Short bursts before each cell that do not count.")] = 1,
    machine: Annotated[str, typer.Option(help="Name of the machine in the table.")] = platform.node(),
    token_env: Annotated[str | None, typer.Option(help="Variable that holds a bearer token.")] = None,
    run_dir: Annotated[Path, typer.Option(help="Folder of the clock helper's leases.")] = Path("/run/freesh"),
    sole_tenant: Annotated[
        bool, typer.Option("--sole-tenant", help="Set clocks of partitioned GPUs (MIG) too: nobody else uses them.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The new rows on standard output.")] = False,
) -> None:
    """Measure every cell that the table does not hold yet; clocks are given back however this ends.

    Energy is read from the GPUs' counters. Where clocks may not be set, everything is measured at the clock found, and
    said so. The endpoint should serve nobody else meanwhile.
    """
    _end_well_on_sigterm()
    token = _token(token_env)

    def connect() -> Endpoint:
        return Endpoint(url, token)

    wanted = clocks != "found"
    with open_gpus(gpu or (), simulated_gpus, run_dir, set_clocks=wanted, sole_tenant=sole_tenant) as gpus:
        info = ask_info(connect)
        meter = Meter(gpus.devices)
        clocks_mhz = _clocks(clocks, gpus, meter) if wanted else None
        wanted_cells = grid(clocks_mhz, whole_numbers(batch), whole_numbers(prompts), whole_numbers(answers))
        cells = within(info.takes, wanted_cells)
        if len(cells) < len(wanted_cells):
            _warn(f"{len(wanted_cells) - len(cells)} cells left out: the endpoint takes at most {info.takes}")
        care = Care(repetitions, least_s, max(20, 4 * repetitions), warm_up)
        # Prompts of an earlier run would be found in a prefix cache, and cost nothing.
        plan = Plan(cells, output, care, _facts(info, gpus, machine), seed=secrets.randbits(64))
        _check_same_run(plan)
        with _bar(len(cells), quiet=as_json) as listener:
            rows = run_sweep(plan, connect, meter, gpus.setter if clocks_mhz else None, listener)
    if as_json:
        sys.stdout.write(json.dumps([each.cells() for each in rows], indent=1) + "\n")
    else:
        _console().print(_summary(plan, rows), highlight=False, markup=False, soft_wrap=True)


def _clocks(text: str, gpus: OpenGpus, meter: Meter) -> tuple[int, ...] | None:
    """The clocks asked for, each a supported one; None, with the reason, where none may be set."""
    if not gpus.devices:
        raise ConfigError(
            "--clocks: no GPU can be read here, so none can be set; leave it out to measure at the clock found"
        )
    supported = sorted(set.intersection(*(set(each.supported_clocks_mhz()) for each in gpus.devices)))
    if not supported:
        raise ConfigError("--clocks: no clock is supported by all GPUs; leave it out to measure at the clock found")
    chosen = _chosen(text, supported)
    if gpus.setter is None:
        return chosen
    refused = may_hold(gpus.setter, meter.uuids, chosen[0])
    if refused is not None:
        _warn(f"clocks cannot be set ({refused}): all is measured at the clock found")
        return None
    return chosen


def _chosen(text: str, supported: Sequence[int]) -> tuple[int, ...]:
    if text.startswith("all:"):
        count, *more = whole_numbers(text.removeprefix("all:"))
        if more:
            raise ConfigError(f"--clocks: {text!r}, expected one number of steps after all:")
        last = len(supported) - 1
        picked = {round(last * k / max(count - 1, 1)) for k in range(count)} if count > 1 else {last}
        return tuple(supported[each] for each in sorted(picked))
    asked = whole_numbers(text)
    unknown = [each for each in asked if each not in supported]
    if unknown:
        nearest = [_nearest(supported, each) for each in unknown]
        raise ConfigError(f"--clocks: {unknown} MHz are not supported here; nearest are {nearest}")
    return asked


def _nearest(supported: Sequence[int], wanted_mhz: int) -> int:
    return min(supported, key=lambda clock: abs(clock - wanted_mhz))


def _facts(info: EndpointInfo, gpus: OpenGpus, machine: str) -> RunFacts:
    simulated = gpus.simulated or info.model == "simulated"
    names = sorted({each.name for each in gpus.devices})
    return RunFacts(
        basis="simulated" if simulated else "measured",
        machine=machine,
        gpu=" + ".join(names),
        gpus=len(gpus.devices),
        driver=gpus.driver,
        engine=info.engine,
        model=info.model,
    )


def _check_same_run(plan: Plan) -> None:
    """Refuse to mix two machines, models or engines in one table, or clocks that were held with such that were found.

    Raises:
        ProfileError: the table is of another run.
    """
    held = plan.cells[0].sm_clock_mhz is not None
    for row in rows_so_far(plan.table):
        if row.facts != plan.facts:
            raise ProfileError(f"{plan.table}: holds rows of another run: {row.facts}, now {plan.facts}")
        if (row.cell.sm_clock_mhz is not None) != held:
            kinds = ("at the clock found", "at clocks that were held")
            raise ProfileError(
                f"{plan.table}: holds rows {kinds[not held]}, now all would be {kinds[held]}; name another"
            )


def _summary(plan: Plan, rows: Sequence[MeasuredRow]) -> str:
    lacking = sum(row.taken.power_w is None for row in rows)
    timeless = sum(row.taken.time_s is None for row in rows if row.cell != Cell(row.cell.sm_clock_mhz, row.cell.work))
    lines = [f"{len(rows)} cells {plan.facts.basis} on {plan.facts.machine}, {len(plan.cells)} in all, in {plan.table}"]
    left_out = len(plan.cells) - len(done_cells(plan.table) & set(plan.cells))
    lines += [f"{left_out} are missing: the same command tries them again"] if left_out else []
    lines += [f"{timeless} of them have no time: see their notes"] if timeless else []
    lines += [f"{lacking} of them have no power: no energy counter was read, or not for long enough"] if lacking else []
    return "\n".join(lines)


@contextmanager
def _bar(total: int, *, quiet: bool) -> Iterator[Listener]:
    """A bar on standard error where people look; else a line a cell. What went wrong is told in any case."""
    if quiet:
        yield Listener(on_fault=_warn)
        return
    console = _console()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
               TimeRemainingColumn())  # fmt: skip
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("sweep", total=total)

        def on_row(row: MeasuredRow, done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)
            bar.console.print(f"{done}/{total} {_told(row)}", highlight=False, markup=False, soft_wrap=True)

        yield Listener(on_row, _warn)


def _told(row: MeasuredRow) -> str:
    cell, taken = row.cell, row.taken
    clock = "clock found" if cell.sm_clock_mhz is None else f"{cell.sm_clock_mhz} MHz"
    what = [clock, str(cell.work)]
    what += [f"batch {cell.batch}, {cell.prompt_tokens} + {cell.answer_tokens} tokens"] if cell.batch else []
    what += [f"{taken.time_s * 1000:.1f} ms"] if taken.time_s else []
    what += [f"{taken.power_w:.0f} W"] if taken.power_w is not None else []
    return ", ".join([*what, *([taken.note] if taken.note else [])])


def _token(variable: str | None) -> str | None:
    if variable and not os.environ.get(variable):
        raise ConfigError(f"--token-env: the variable {variable} is not set")
    return os.environ[variable] if variable else None


def _warn(sentence: str) -> None:
    _console().print(sentence, style="yellow", highlight=False, markup=False, soft_wrap=True)


def _console() -> Console:
    return Console(stderr=True)


def _end_well_on_sigterm() -> None:
    """Let SIGTERM unwind as Ctrl-C does, so that clocks are given back."""

    def end(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, end)
