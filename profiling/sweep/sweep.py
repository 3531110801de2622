"""A whole sweep: every cell of the grid that is not in the raw table yet, each at its clock."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from freesh_plugin.ports import ClockSetter
from profiling.sweep.cell import Cell
from profiling.sweep.endpoint import Endpoint, EndpointInfo
from profiling.sweep.held_clock import HeldClock
from profiling.sweep.measure import Bench, Care, ClockOffError, measure
from profiling.sweep.measured_row import MeasuredRow, Taken
from profiling.sweep.meter import Meter
from profiling.sweep.prompts import PromptMaker
from profiling.sweep.raw_table import append_row, done_cells
from profiling.sweep.run_facts import RunFacts

_SWITCH_S = 1.0
"""Time given to a new clock before anything is measured."""

_TRIES = 3
"""Measurements of a cell whose clock turns out to be another, before its clock is given up."""


@dataclass(frozen=True)
class Plan:
    """What to measure, and where to write it; `seed` makes the prompts, and must be another in each run."""

    cells: Sequence[Cell]
    table: Path
    care: Care
    facts: RunFacts
    seed: int


@dataclass(frozen=True)
class Listener:
    """Whom to tell how far it is.

    Attributes:
        on_row: Of each finished cell, how many are done and how many there are.
        on_fault: Of what went wrong and was put right, or left out, in a sentence.
    """

    on_row: Callable[[MeasuredRow, int, int], None] = lambda row, done, total: None
    on_fault: Callable[[str], None] = lambda sentence: None


def sweep(
    plan: Plan,
    connect: Callable[[], Endpoint],
    meter: Meter,
    setter: ClockSetter | None,
    listener: Listener,
) -> tuple[MeasuredRow, ...]:
    """Measure what is missing and return it; clocks are released however this ends.

    A cell whose clock turns out to be another while it is measured is no row: the clock is set again and the cell
    measured anew. What stays so is left out, with all that is missing at that clock.

    Args:
        plan: Grid and table.
        connect: Makes the client, in the event loop that uses it.
        meter: Of the instance's GPUs.
        setter: Sets clocks; only needed where cells state one.
        listener: Whom to tell.

    Raises:
        ProfileError: the endpoint fails, or the table cannot be written.
        GpuError: a clock cannot be set or released.
    """
    done = done_cells(plan.table)
    missing = [cell for cell in plan.cells if cell not in done]
    if not missing:
        return ()
    return asyncio.run(_run(plan, missing, connect, meter, setter, listener))


async def _run(
    plan: Plan,
    missing: Sequence[Cell],
    connect: Callable[[], Endpoint],
    meter: Meter,
    setter: ClockSetter | None,
    listener: Listener,
) -> tuple[MeasuredRow, ...]:
    rows: list[MeasuredRow] = []
    with _held(setter, meter.uuids) as held:
        async with connect() as endpoint:
            bench = Bench(endpoint, meter, await PromptMaker.of(endpoint, plan.seed), plan.care)
            for clock, cells in groupby(missing, key=lambda cell: cell.sm_clock_mhz):
                await _hold(held, clock)
                for cell in cells:
                    taken = await _at_its_clock(cell, bench, held, listener)
                    if taken is None:
                        break
                    rows.append(MeasuredRow(cell, taken, plan.facts, _now()))
                    append_row(plan.table, rows[-1])
                    listener.on_row(rows[-1], len(plan.cells) - len(missing) + len(rows), len(plan.cells))
    return tuple(rows)


async def _at_its_clock(cell: Cell, bench: Bench, held: HeldClock | None, listener: Listener) -> Taken | None:
    """Measure a cell, again while its clock turns out to be another; None where it stays so."""
    for k in range(_TRIES):
        try:
            return await measure(cell, bench)
        except ClockOffError as error:
            last = k == _TRIES - 1
            listener.on_fault(f"{error}{' The rest at this clock is left out.' if last else ' Measured again.'}")
            if held is not None and not last:
                await asyncio.to_thread(held.hold_again)
                await asyncio.sleep(_SWITCH_S)
    return None


async def _hold(held: HeldClock | None, sm_clock_mhz: int | None) -> None:
    if held is not None and sm_clock_mhz is not None:
        await asyncio.to_thread(held.hold, sm_clock_mhz)
        await asyncio.sleep(_SWITCH_S)


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
