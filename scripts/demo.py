"""The demo: a whole synthetic fleet on this machine, planned by the real scheduler, pushed to running runtimes.

DEMO_EXIT=1 ends it by itself; DEMO_HOME names the folder that it works in and empties at the start (.airflow).
"""

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from rich.console import Console

from freesh_plugin.core.plan_json import decode_plan
from models.commands.show_plan import plan_table
from models.refresh.plan import changes_of
from models.refresh.slot import Slot, coming_slot, current_slot
from models.refresh.story import saved
from scripts.launcher.airflow_site import ROOT
from scripts.launcher.programs import LaunchError
from scripts.launcher.requests import answers_table, send_requests
from scripts.launcher.site import Site

_LEAST_LEFT_S = 120.0
"""With less of the current slot left than this, its plan could come too late: the coming slot is waited for instead."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

console = Console(highlight=False)


class _Ended(BaseException):
    """SIGINT or SIGTERM: wind up, whatever is going on."""


def main() -> int:
    """Run the demo; returns the exit status: 0 when every runtime acknowledged both plans and one is in force."""
    for number in _SIGNALS:
        signal.signal(number, _end)
    began, status, site = time.monotonic(), 1, None
    console.print("[bold]FREESH demo[/]: traffic and carbon are synthetic, energy and carbon of plans are modelled.")
    try:
        site = Site(Path(os.environ.get("DEMO_HOME") or ROOT / ".airflow").resolve())
        _run(site, began)
        status = 0
        if os.environ.get("DEMO_EXIT", "") in ("", "0"):
            _stay(site)
    except LaunchError as error:
        status = 1
        console.print("failed:", style="red")
        console.print(str(error), markup=False)
    except _Ended:
        console.print("\nending ...")
    finally:
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        if site is not None:
            site.end()
            console.print("ended: no process and no socket is left")
    return status


def _stay(site: Site) -> None:
    """Leave everything running; the schedule goes on, ten minutes before every half hour."""
    url = site.airflow.url
    console.print(f"\nAirflow   [bold]{url}[/]")
    console.print(f"the plan  [bold]{url}/dags/freesh_plan[/]  (log of the task 'compare': what changed and why)")
    console.print(f"the router  [bold]{site.router.serves}/docs[/]  serves TGI's and OpenAI's routes, for example:")
    ask = '{"inputs": "Hello", "parameters": {"max_new_tokens": 20}}'
    console.print(f"  curl {site.router.serves}/generate -H 'content-type: application/json' -d '{ask}'", markup=False)
    console.print("The schedule goes on at minutes 20 and 50. Ctrl-C ends everything.")
    while True:
        site.programs.check()
        time.sleep(1)


def _run(site: Site, began: float) -> None:
    with _step("start the runtimes: one gateway, one node agent at each location"):
        site.start_runtimes()
    with _step("start Airflow: database, api-server, scheduler, dag-processor"):
        site.start_airflow()
    slots = slots_at(datetime.now(UTC))
    for slot in slots:
        with _step(f"forecast, plan and push {slot}"):
            site.plan(slot)
    with _step(f"wait until the plan of {slots[0]} is in force"):
        site.await_in_force(slots[0])
    _show(site, slots[0])
    _tell(site, slots[1])
    site.show_status(console)
    with _step("send requests to the router, whose shards are simulated"):
        answers = send_requests(site.router.serves)
    console.print()
    console.print(answers_table(answers, decode_plan(site.stored_plan(slots[0]).text), site.router.location))
    console.print(f"\n[green]done[/] in {time.monotonic() - began:.0f} s")


def slots_at(now: datetime) -> tuple[Slot, Slot]:
    """The current slot and the coming one, or the next two when the current one is nearly over."""
    first = current_slot(now)
    if (first.ends_at - now).total_seconds() < _LEAST_LEFT_S:
        first = coming_slot(now)
    return first, Slot(first.epoch + 1)


def _show(site: Site, slot: Slot) -> None:
    """The plan in force, as a table, and where its inputs come from."""
    plan = decode_plan(site.stored_plan(slot).text)
    console.print()
    console.print(plan_table(plan))
    for each in plan.inputs:
        if each.note:
            console.print(f"input {each.name}: {each.state.value}, {each.note}", style="dim", markup=False)


def _tell(site: Site, slot: Slot) -> None:
    """The coming plan in a few lines: it seldom differs much from the one in force."""
    plan = decode_plan(site.stored_plan(slot).text)
    against = plan.baselines.all_on
    console.print(f"\n[bold]Plan of the slot after, {slot}[/]")
    if against is not None:
        console.print(f"saves {saved(against, plan.predicted)} against every GPU on (modelled)")
    for change in changes_of(plan, site.store) or ("Nothing changes against the plan before.",):
        console.print(f"- {change}", markup=False)


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
