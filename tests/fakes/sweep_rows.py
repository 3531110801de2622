"""Rows of a sweep made by the step model and the power model: what a perfect measurement would bring."""

from collections.abc import Iterable

from freesh_plugin.core.power_model import HIGH, IDLE, power_w, shares
from freesh_plugin.core.step_model import StepModel, step_s
from profiling.sweep.cell import Cell, Work, grid
from profiling.sweep.measured_row import MeasuredRow, Taken
from profiling.sweep.run_facts import RunFacts

FACTS = RunFacts("simulated", "bench-1", "simulated GPU", 1, "none", "router 1", "toy")

Rows = tuple[MeasuredRow, ...]


def perfect_row(cell: Cell, step: StepModel, *, powered: bool = True) -> MeasuredRow:
    """What the models say of a cell."""
    clock = float(cell.sm_clock_mhz or step.top_clock_mhz)
    if cell.work is Work.IDLE:
        watts = power_w(HIGH, clock, IDLE)
        taken = Taken(clock, repetitions=1, window_s=3.0, power_w=watts if powered else None)
        return MeasuredRow(cell, taken, FACTS, "2026-01-01T00:00:00+00:00")
    context = cell.prompt_tokens if cell.work is Work.PREFILL else cell.prompt_tokens + cell.answer_tokens / 2
    work = (1, 0, cell.prompt_tokens) if cell.work is Work.PREFILL else (cell.batch, round(cell.batch * context), 0)
    time_s = step_s(step, clock, *work)
    watts = power_w(HIGH, clock, shares(step, clock, work[0], work[2], time_s))
    taken = Taken(
        sm_clock_read_mhz=clock,
        prompt_tokens_read=float(cell.prompt_tokens),
        context_tokens=context,
        repetitions=3,
        window_s=3.0,
        tokens=round(3.0 * cell.batch / time_s),
        time_s=time_s,
        spread=0.01,
        tokens_per_s=cell.batch / time_s,
        energy_j=watts * 3.0 if powered else None,
        energy_window_s=3.0 if powered else None,
        power_w=watts if powered else None,
    )
    return MeasuredRow(cell, taken, FACTS, "2026-01-01T00:00:00+00:00")


def make_rows(
    step: StepModel | None = None, clocks_mhz: Iterable[int] | None = (1110, 1980), *, powered: bool = True
) -> Rows:
    """Rows over a small grid; 15 cells a clock: one idle, two prefills, twelve decode."""
    clocks = None if clocks_mhz is None else tuple(clocks_mhz)
    cells = grid(clocks, (1, 8, 32), (128, 1024), (64, 256))
    return tuple(perfect_row(each, step or StepModel(), powered=powered) for each in cells)
