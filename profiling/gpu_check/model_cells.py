"""A model measured at the clock that the GPU chooses: rows of a sweep's raw table, which `profiling fit` reads."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import fmean, median, stdev
from typing import TYPE_CHECKING

from profiling.gpu_check.llm import Llm, timed_s
from profiling.gpu_check.watched import Stretch, watched
from profiling.sweep.cell import Cell, Work
from profiling.sweep.measured_row import Taken

if TYPE_CHECKING:  # it needs msgspec, which is not on every machine
    from freesh_plugin.ports import GpuDevice


@dataclass(frozen=True)
class Care:
    """What is measured, and how long.

    Attributes:
        least_s: Seconds of a cell.
        idle_s: Seconds at rest.
        readings_s: Seconds for which energy is held against nvidia-smi's power.
        prompts: Prompt tokens of prefills.
        batches: Requests that decode together.
        contexts: Tokens of context at which they begin.
        steps: Decode steps in a row.
    """

    least_s: float = 3.0
    idle_s: float = 15.0
    readings_s: float = 5.0
    prompts: tuple[int, ...] = (128, 512, 2048, 8192)
    batches: tuple[int, ...] = (1, 8, 16, 32, 64)
    contexts: tuple[int, ...] = (512, 2048)
    steps: int = 128


def cells(care: Care) -> list[Cell]:
    """Idle first, then prefills and decodes; the dearest last, should time run out."""
    prefills = [Cell(None, Work.PREFILL, 1, prompt, 1) for prompt in care.prompts]
    decodes = [
        Cell(None, Work.DECODE, batch, context, care.steps) for context in care.contexts for batch in care.batches
    ]
    return [Cell(None, Work.IDLE), *prefills, *sorted(decodes, key=lambda cell: cell.batch * cell.prompt_tokens)]


def measured(cell: Cell, llm: Llm, gpu: "GpuDevice", care: Care, rest: Callable[[float], None]) -> Taken:
    """One cell; `rest` lets time pass."""
    if cell.work is Work.IDLE:
        _, stretch = watched(gpu, lambda: rest(care.idle_s))
        return _taken(stretch, repetitions=1, window_s=stretch.seconds)
    if cell.work is Work.PREFILL:
        return _prefill(cell, llm, gpu, care)
    return _decode(cell, llm, gpu, care)


def _prefill(cell: Cell, llm: Llm, gpu: "GpuDevice", care: Care) -> Taken:
    times_s: list[float] = []

    def work() -> None:
        while len(times_s) < 3 or sum(times_s) < care.least_s:
            times_s.append(timed_s(lambda: llm.prefill(cell.prompt_tokens)))

    llm.prefill(cell.prompt_tokens)  # the first of a length chooses kernels
    _, stretch = watched(gpu, work)
    took_s = median(times_s)
    return _taken(
        stretch,
        prompt_tokens_read=cell.prompt_tokens,
        context_tokens=cell.prompt_tokens,
        repetitions=len(times_s),
        window_s=sum(times_s),
        tokens=len(times_s),
        time_s=took_s,
        spread=stdev(times_s) / fmean(times_s),
        tokens_per_s=cell.prompt_tokens / took_s,
    )


def _decode(cell: Cell, llm: Llm, gpu: "GpuDevice", care: Care) -> Taken:
    parts = list(_runs(cell, llm, gpu, care))
    times_s = [seconds / care.steps for seconds, _ in parts]
    joules = [stretch.energy_j for _, stretch in parts]
    known = [each for each in joules if each is not None]
    window_s = sum(stretch.seconds for _, stretch in parts)
    energy_j = sum(known) if len(known) == len(joules) else None
    clocks = [stretch.sm_clock_mhz for _, stretch in parts if stretch.sm_clock_mhz is not None]
    took_s = fmean(times_s)
    return Taken(
        sm_clock_read_mhz=fmean(clocks) if clocks else None,
        prompt_tokens_read=cell.prompt_tokens,
        context_tokens=cell.prompt_tokens + care.steps / 2,
        repetitions=len(parts),
        window_s=sum(times_s) * care.steps,
        tokens=len(parts) * care.steps * cell.batch,
        time_s=took_s,
        spread=stdev(times_s) / took_s if len(times_s) > 1 else None,
        tokens_per_s=cell.batch / took_s,
        energy_j=energy_j,
        energy_window_s=None if energy_j is None else window_s,
        power_w=None if energy_j is None else energy_j / window_s,
    )


def _runs(cell: Cell, llm: Llm, gpu: "GpuDevice", care: Care) -> Iterator[tuple[float, Stretch]]:
    """Seconds and draw of so many steps, again and again; the prefills between are not watched."""
    llm.decode(cell.batch, cell.prompt_tokens, 8)()
    watched_s = 0.0
    while watched_s < care.least_s:
        run = llm.decode(cell.batch, cell.prompt_tokens, care.steps)
        seconds, stretch = watched(gpu, lambda run=run: timed_s(run))  # type: ignore[misc]
        watched_s += seconds
        yield seconds, stretch


def _taken(stretch: Stretch, **known: float | int | None) -> Taken:
    told = stretch.energy_j is not None
    return Taken(
        sm_clock_read_mhz=stretch.sm_clock_mhz,
        energy_j=stretch.energy_j,
        energy_window_s=stretch.seconds if told else None,
        power_w=stretch.power_w if told else None,
        **known,  # type: ignore[arg-type]
    )
