"""A whole sweep: every cell of the grid that is not in the raw table yet, each at its clock."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from freesh_plugin.ports import ClockSetter
from profiling.sweep.cell import Cell
from profiling.sweep.endpoint import Endpoint, EndpointInfo
from profiling.sweep.held_clock import HeldClock
from profiling.sweep.measure import Bench, Care, measure
from profiling.sweep.measured_row import MeasuredRow
from profiling.sweep.meter import Meter
from profiling.sweep.prompts import PromptMaker
from profiling.sweep.raw_table import append_row, done_cells
from profiling.sweep.run_facts import RunFacts

_SWITCH_S = 1.0
"""Time given to a new clock before anything is measured."""


@dataclass(frozen=True)
class Plan:
    """What to measure, and where to write it; `seed` makes the prompts, and must be another in each run."""

    cells: Sequence[Cell]
    table: Path
    care: Care
    facts: RunFacts
    seed: int


def sweep(
    plan: Plan,
    connect: Callable[[], Endpoint],
    meter: Meter,
    setter: ClockSetter | None,
    on_row: Callable[[MeasuredRow, int, int], None] = lambda row, done, total: None,
) -> tuple[MeasuredRow, ...]:
    """Measure what is missing and return it; clocks are released however this ends.

    Args:
        plan: Grid and table.
        connect: Makes the client, in the event loop that uses it.
        meter: Of the instance's GPUs.
        setter: Sets clocks; only needed where cells state one.
        on_row: Told of each finished cell, how many are done and how many there are.

    Raises:
        ProfileError: the endpoint fails, or the table cannot be written.
        GpuError: a clock cannot be set or released.
    """
    done = done_cells(plan.table)
    missing = [cell for cell in plan.cells if cell not in done]
    if not missing:
        return ()
    return asyncio.run(_run(plan, missing, connect, meter, setter, on_row))


async def _run(
    plan: Plan,
    missing: Sequence[Cell],
    connect: Callable[[], Endpoint],
    meter: Meter,
    setter: ClockSetter | None,
    on_row: Callable[[MeasuredRow, int, int], None],
) -> tuple[MeasuredRow, ...]:
    rows: list[MeasuredRow] = []
    with _held(setter, meter.uuids) as held:
        async with connect() as endpoint:
            bench = Bench(endpoint, meter, await PromptMaker.of(endpoint, plan.seed), plan.care)
            clock = None
            for cell in missing:
                if held is not None and cell.sm_clock_mhz not in (None, clock):
                    clock = cell.sm_clock_mhz
                    await asyncio.to_thread(held.hold, cell.sm_clock_mhz)
                    await asyncio.sleep(_SWITCH_S)
                row = MeasuredRow(cell, await measure(cell, bench), plan.facts, _now())
                append_row(plan.table, row)
                rows.append(row)
                on_row(row, len(plan.cells) - len(missing) + len(rows), len(plan.cells))
    return tuple(rows)


@contextmanager
def _held(setter: ClockSetter | None, uuids: Sequence[str]) -> Iterator[HeldClock | None]:
    if setter is None:
        yield None
        return
    with HeldClock(setter, uuids) as held:
        yield held


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def ask_info(connect: Callable[[], Endpoint]) -> EndpointInfo:
    """What the endpoint serves.

    Raises:
        ProfileError: it does not answer, or not as TGI does.
    """

    async def ask() -> EndpointInfo:
        async with connect() as endpoint:
            return await endpoint.info()

    return asyncio.run(ask())
