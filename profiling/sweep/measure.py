"""One cell of the grid measured: idle, prompts alone, or a batch that decodes."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import mean, median, stdev

from freesh_plugin.core.errors import ProfileError
from profiling.sweep.burst import Burst, burst
from profiling.sweep.cell import Cell, Work
from profiling.sweep.endpoint import Endpoint
from profiling.sweep.measured_row import CLOCK_OFF_MHZ, SLOWED, Taken
from profiling.sweep.meter import LEAST_WINDOW_S, Drawn, Meter, drawn, together
from profiling.sweep.prompts import PromptMaker

_WARM_UP_TOKENS = 8
_SETTLE_S = 0.2


class ClockOffError(ProfileError):
    """A GPU ran at another clock than the one that was held: something else set it, or nothing holds it any more."""


@dataclass(frozen=True)
class Care:
    """How carefully to measure.

    Attributes:
        repetitions: Prefills, or bursts, at least.
        least_s: Time that is measured in all, at least.
        most_repetitions: Where answers end early, so many bursts at most.
        warm_up: Bursts of a few tokens before each cell that do not count.
    """

    repetitions: int = 3
    least_s: float = 3.0
    most_repetitions: int = 20
    warm_up: int = 1


@dataclass(frozen=True)
class Bench:
    """What a cell is measured with."""

    endpoint: Endpoint
    meter: Meter
    prompts: PromptMaker
    care: Care


async def measure(cell: Cell, bench: Bench) -> Taken:
    """Measure one cell.

    Raises:
        ClockOffError: meanwhile the clock was another than the cell's.
        ProfileError: the endpoint fails.
    """
    if cell.work is Work.IDLE:
        return await _idle(cell, bench)
    for _ in range(bench.care.warm_up):
        asked = min(cell.answer_tokens, _WARM_UP_TOKENS)
        await burst(bench.endpoint, bench.meter, _made(bench, cell), asked)
        await asyncio.sleep(_SETTLE_S)
    return await (_prefill if cell.work is Work.PREFILL else _decode)(cell, bench)


async def _idle(cell: Cell, bench: Bench) -> Taken:
    await asyncio.sleep(_SETTLE_S)
    before = await bench.meter.look()
    await asyncio.sleep(bench.care.least_s)
    taken = Taken(repetitions=1, window_s=bench.care.least_s)
    return _with_power(cell, taken, drawn(before, await bench.meter.look()))


async def _prefill(cell: Cell, bench: Bench) -> Taken:
    """Prompts one after another, of each only the first token."""
    ttfts_s: list[float] = []
    counted: list[int] = []
    before, start_s = await bench.meter.look(), time.monotonic()
    while len(ttfts_s) < bench.care.repetitions or time.monotonic() - start_s < bench.care.least_s:
        arrivals = await bench.endpoint.stream(bench.prompts.prompt(cell.prompt_tokens), 1, lambda _: None)
        ttfts_s.append(arrivals.tokens_s[0] - arrivals.asked_s)
        counted += [] if arrivals.prompt_tokens is None else [arrivals.prompt_tokens]
    window_s = time.monotonic() - start_s
    taken = Taken(
        prompt_tokens_read=mean(counted) if counted else None,
        context_tokens=mean(counted) if counted else float(cell.prompt_tokens),
        repetitions=len(ttfts_s),
        window_s=window_s,
        tokens=len(ttfts_s),
        time_s=median(ttfts_s),
        spread=_spread(ttfts_s),
        tokens_per_s=(mean(counted) if counted else cell.prompt_tokens) * len(ttfts_s) / window_s,
    )
    return _with_power(cell, taken, drawn(before, await bench.meter.look()))


async def _decode(cell: Cell, bench: Bench) -> Taken:
    """Bursts until there are enough, or too many that ended early."""
    bursts: list[Burst] = []
    tried = 0
    while not _enough(bursts, bench.care) and tried < bench.care.most_repetitions:
        tried += 1
        one = await burst(bench.endpoint, bench.meter, _made(bench, cell), cell.answer_tokens)
        bursts += [] if one is None else [one]
        await asyncio.sleep(_SETTLE_S)
    if not bursts:
        return Taken(note=f"no answer of {tried} bursts lasted until all had begun")
    return _with_power(cell, _of_bursts(cell, bursts, tried), together([each.drawn for each in bursts]))


def _of_bursts(cell: Cell, bursts: Sequence[Burst], tried: int) -> Taken:
    window_s, tokens = sum(each.window_s for each in bursts), sum(each.tokens for each in bursts)
    counted = [each.prompt_tokens for each in bursts if each.prompt_tokens is not None]
    prompt = mean(counted) if counted else float(cell.prompt_tokens)
    answered = sum(each.context_tokens * each.tokens for each in bursts) / tokens
    return Taken(
        prompt_tokens_read=mean(counted) if counted else None,
        context_tokens=prompt + answered,
        repetitions=len(bursts),
        window_s=window_s,
        tokens=tokens,
        time_s=window_s * cell.batch / tokens,
        spread=_spread([each.step_s for each in bursts]),
        tokens_per_s=tokens / window_s,
        note="" if len(bursts) == tried else f"{tried - len(bursts)} of {tried} bursts ended too early",
    )


def _with_power(cell: Cell, taken: Taken, used: Drawn) -> Taken:
    """Add what the GPUs say; power is told only over a time that its counter can resolve."""
    _check_clock(cell, used)
    notes = [taken.note] if taken.note else []
    notes += [SLOWED] if used.slowed else []
    if used.energy_j is not None and used.window_s < LEAST_WINDOW_S:
        notes.append(f"energy left out: {used.window_s:.2f} s are too short for the counter")
    told = used.energy_j is not None and used.window_s >= LEAST_WINDOW_S
    return replace(
        taken,
        sm_clock_read_mhz=used.sm_clock_mhz,
        energy_j=used.energy_j if told else None,
        energy_window_s=used.window_s if told else None,
        power_w=used.energy_j / used.window_s if told and used.energy_j is not None else None,
        note="; ".join(notes),
    )


def _check_clock(cell: Cell, used: Drawn) -> None:
    """A GPU that rests or slows itself down may be below its clock, and none above it."""
    held_mhz, off_mhz = cell.sm_clock_mhz, None
    if held_mhz is None:
        return
    if used.most_mhz is not None and used.most_mhz > held_mhz + CLOCK_OFF_MHZ:
        off_mhz = used.most_mhz
    elif used.least_mhz is not None and used.least_mhz < held_mhz - CLOCK_OFF_MHZ:
        off_mhz = None if used.slowed or cell.work is Work.IDLE else used.least_mhz
    if off_mhz is not None:
        raise ClockOffError(f"clock read {off_mhz} MHz, not {held_mhz}: does something else set it?")


def _enough(bursts: Sequence[Burst], care: Care) -> bool:
    return len(bursts) >= care.repetitions and sum(each.window_s for each in bursts) >= care.least_s


def _made(bench: Bench, cell: Cell) -> list[str]:
    return [bench.prompts.prompt(cell.prompt_tokens) for _ in range(cell.batch)]


def _spread(values: Sequence[float]) -> float | None:
    return stdev(values) / mean(values) if len(values) > 1 else None
