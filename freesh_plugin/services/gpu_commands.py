"""`freesh gpu …` and `freesh gpu-helper`: look at this machine's GPUs, free their clocks, and guard them."""

import grp
import logging
import os
import pwd
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from freesh_plugin.adapters.gpu.helper_client import SOLE_TENANT
from freesh_plugin.adapters.gpu.helper_socket import Admission
from freesh_plugin.adapters.gpu.leases import LeaseFolder
from freesh_plugin.adapters.unblocked_log import log_unblocked
from freesh_plugin.core.errors import ConfigError, FreeshError
from freesh_plugin.core.printable import one_line
from freesh_plugin.services.gpu_free import free_left, free_named
from freesh_plugin.services.gpu_helper import HelperSettings, run_helper
from freesh_plugin.services.gpu_status import GpuOverview, GpuStatus

RUN_DIR = Path("/run/freesh")
"""Where leases are, and the service's socket; forgotten at boot, as locks are."""

gpu_app = typer.Typer(no_args_is_help=True, help="GPUs of this machine: their state, and who holds their clocks.")

RunDir = Annotated[Path, typer.Option(help="Folder of the leases.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@gpu_app.command()
def status(run_dir: RunDir = RUN_DIR, json: AsJson = False) -> None:
    """Show each GPU: clock, why it is that, power, energy since the driver was loaded, and who holds the clock.

    Exit status: 0 all answer; 1 one does not; 2 there is no driver.
    """
    with _one_sentence():
        gpus = GpuOverview(LeaseFolder(run_dir)).look()
    if json:
        _print_json(gpus)
    else:
        Console().print(_table(gpus))
    raise typer.Exit(1 if any(gpu.failure for gpu in gpus) else 0)


@gpu_app.command()
def watch(
    period_s: Annotated[float, typer.Option(min=0.1, help="Seconds from one look to the next.")] = 1.0,
    looks: Annotated[int, typer.Option(min=0, help="End after so many; 0 = until Ctrl-C.")] = 0,
    run_dir: RunDir = RUN_DIR,
    json: Annotated[bool, typer.Option("--json", help="Print one line of JSON a look.")] = False,
) -> None:
    """Show the same again and again, until Ctrl-C. Exit status: 0; 2 there is no driver."""
    with _one_sentence():
        overview = GpuOverview(LeaseFolder(run_dir))
    try:
        if json:
            for gpus in _looks(overview, period_s, looks):
                sys.stdout.write(msgspec.json.encode(gpus).decode() + "\n")
                sys.stdout.flush()
        else:
            with Live(console=Console(), auto_refresh=False) as live:
                for gpus in _looks(overview, period_s, looks):
                    live.update(_table(gpus), refresh=True)
    except KeyboardInterrupt:
        raise typer.Exit from None


@gpu_app.command()
def reset(
    uuids: Annotated[
        list[str] | None, typer.Argument(metavar="[UUID]...", help="GPUs to free, whoever locked their clocks.")
    ] = None,
    run_dir: RunDir = RUN_DIR,
    json: AsJson = False,
) -> None:
    """Give clocks back to the driver: those that a dead helper left locked, or those of the GPUs named.

    What a living helper holds is left alone: end its owner. Exit status: 0 done, or nothing to do; 1 some are not
    free; 2 bad input, or no driver.
    """
    with _one_sentence():
        leases = LeaseFolder(run_dir)
        outcomes = free_named(leases, uuids) if uuids else free_left(leases)
    if json:
        sys.stdout.write(msgspec.json.encode(outcomes).decode() + "\n")
    else:
        for uuid, failure in outcomes.items():
            sys.stdout.write(f"{uuid} {one_line(failure) if failure else 'free'}\n")
        if not outcomes:
            sys.stdout.write("no clock was left locked\n")
    raise typer.Exit(1 if any(outcomes.values()) else 0)


def gpu_helper(
    socket: Annotated[
        Path | None, typer.Option(help="Where to listen; without it, the socket `gpu.sock` in the run folder.")
    ] = None,
    run_dir: RunDir = RUN_DIR,
    allow_user: Annotated[
        list[str] | None, typer.Option(help="User (name or number) that may set clocks, besides root and our own.")
    ] = None,
    allow_group: Annotated[list[str] | None, typer.Option(help="Group (name or number) that may set clocks.")] = None,
    sole_tenant: Annotated[
        bool, typer.Option(SOLE_TENANT, help="Control partitioned GPUs (MIG) too: all instances are the owner's.")
    ] = False,
) -> None:
    """Guard the GPUs' clocks until SIGTERM: set them for whoever may, free them when its connection ends.

    The only process that sets clocks, so it needs root or CAP_SYS_ADMIN. Exit status: 0 all clocks are free; 1 some
    are not, and the next helper or `freesh gpu reset` tries again; 2 it could not start; 3 the driver hangs.
    """
    log_unblocked("gpu-helper")
    with _one_sentence():
        users = {0, os.geteuid()} | {_number(user, _user) for user in allow_user or ()}
        groups = {_number(group, _group) for group in allow_group or ()}
        admission = Admission(frozenset(users), frozenset(groups))
        ended = run_helper(HelperSettings(run_dir, None, socket or run_dir / "gpu.sock", admission, sole_tenant))
    logging.shutdown()
    os._exit(ended)  # a thread that hangs in the driver must not keep the process


def _looks(overview: GpuOverview, period_s: float, looks: int) -> Iterator[list[GpuStatus]]:
    seen = 0
    while True:
        yield overview.look()
        seen += 1
        if seen == looks:
            return
        time.sleep(period_s)


def _table(gpus: list[GpuStatus]) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1))
    table.add_column("GPU", no_wrap=True)
    table.add_column("SM clock", justify="right", no_wrap=True)
    table.add_column("power", justify="right", no_wrap=True)
    table.add_column("why")
    for gpu in gpus:
        table.add_row(*(Text("\n").join(Text(one_line(line)) for line in cell if line) for cell in _row(gpu)))
    return table


def _row(gpu: GpuStatus) -> tuple[tuple[str, ...], ...]:
    of = "" if gpu.highest_clock_mhz is None else f"of {gpu.lowest_clock_mhz}-{gpu.highest_clock_mhz}"
    clock = "-" if gpu.sm_clock_mhz is None else f"{gpu.sm_clock_mhz} MHz"
    power = "-" if gpu.power_w is None else f"{gpu.power_w:.0f} W"
    energy = "-" if gpu.energy_j is None else f"{gpu.energy_j / 3.6e6:.3f} kWh"
    why = gpu.failure or ", ".join((*gpu.reasons, *(("partitioned (MIG)",) if gpu.mig else ()))) or "-"
    return (gpu.name or "-", gpu.uuid, _holder(gpu)), (clock, of), (power, energy), (why,)


def _holder(gpu: GpuStatus) -> str:
    lease = gpu.lease
    if lease is None:
        return ""
    if lease.left:
        return f"left by {lease.helper_pid or 'a helper'}: freesh gpu reset frees it"
    if lease.owner_pid is None or lease.since_utc_s is None:
        return "held; its lease cannot be read"
    since = datetime.fromtimestamp(lease.since_utc_s, UTC).strftime("%H:%M:%SZ")
    return f"held by process {lease.owner_pid} since {since}"


def _number(value: str, named: Callable[[str], int]) -> int:
    return int(value) if value.isascii() and value.isdigit() else named(value)


def _user(name: str) -> int:
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError as error:
        raise ConfigError(f"--allow-user: there is no user {name!r}") from error


def _group(name: str) -> int:
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError as error:
        raise ConfigError(f"--allow-group: there is no group {name!r}") from error


def _print_json(gpus: list[GpuStatus]) -> None:
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(gpus), indent=1).decode() + "\n")


@contextmanager
def _one_sentence() -> Iterator[None]:
    """Turn our errors into one sentence and exit status 2."""
    try:
        yield
    except FreeshError as error:
        sys.stderr.write(f"freesh: {error}\n")
        raise typer.Exit(2) from error
