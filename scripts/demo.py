"""The demo: a whole synthetic fleet on this machine, planned by the real scheduler, pushed to running runtimes."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import FrameType

from models.commands.show_plan import plan_table
from rich.console import Console

from freesh_plugin.core.plan_json import decode_plan
from models.refresh.slot import Slot, coming_slot, current_slot
from scripts.launcher.airflow_site import ROOT
from scripts.launcher.programs import LaunchError
from scripts.launcher.site import Site

_LEAST_LEFT_S = 120.0
"""With less of the current slot left than this, its plan could come too late: the coming slot is waited for instead."""

console = Console(highlight=False)


class _Ended(BaseException):
    """SIGINT or SIGTERM: wind up, whatever is going on."""


def main() -> int:
    """Run the demo; returns the exit status: 0 when every runtime acknowledged both plans and one is in force."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    began, home = time.monotonic(), ROOT / ".airflow"
    console.print("[bold]FREESH demo[/]: traffic and carbon are synthetic, energy and carbon of plans are modelled.")
    status = 1
    site = Site(home)
    try:
        _run(site, began)
        status = 0
        if os.environ.get("DEMO_EXIT", "") not in ("", "0"):
            return status
        console.print(f"\nAirflow: [bold]{site.airflow.url}[/]   (Ctrl-C ends everything)")
        while True:
            site.programs.check()
            time.sleep(1)
    except LaunchError as error:
        console.print(f"[red]failed:[/] {error}", markup=True)
        return 1
    except _Ended:
        console.print("\nending …")
        return status
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        site.end()
        console.print("ended: no process and no socket is left")


def _run(site: Site, began: float) -> None:
    with _step("start the runtimes: one gateway, one node agent at each location"):
        site.start_runtimes()
    with _step("start Airflow: database, api-server, scheduler, dag-processor"):
        site.start_airflow()
    slots = _slots(datetime.now(UTC))
    for slot in slots:
        with _step(f"forecast, plan and push {slot}"):
            site.plan(slot)
    with _step(f"wait until the plan of {slots[0]} is in force"):
        site.await_in_force(slots[0])
    for slot in slots:
        _show(site, slot)
    site.show_status(console)
    console.print(f"\n[green]done[/] in {time.monotonic() - began:.0f} s")


def _slots(now: datetime) -> tuple[Slot, Slot]:
    """The current slot and the coming one, or the next two when the current one is nearly over."""
    first = current_slot(now)
    if (first.ends_at - now).total_seconds() < _LEAST_LEFT_S:
        first = coming_slot(now)
    return first, Slot(first.epoch + 1)


def _show(site: Site, slot: Slot) -> None:
    plan = decode_plan(site.stored_plan(slot).text)
    console.print()
    console.print(plan_table(plan))


@contextmanager
def _step(what: str) -> Iterator[None]:
    began = time.monotonic()
    with console.status(what) if console.is_terminal else _quiet():
        yield
    console.print(f"[green]✓[/] {what} [dim]({time.monotonic() - began:.0f} s)[/]")


@contextmanager
def _quiet() -> Iterator[None]:
    yield


def _end(number: int, frame: FrameType | None) -> None:
    raise _Ended


if __name__ == "__main__":
    sys.exit(main())
