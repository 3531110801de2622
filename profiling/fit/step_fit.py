"""The step model's constants from measured times: what depends on the clock told from what does not."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from freesh_plugin.core.errors import ProfileError
from freesh_plugin.core.step_model import ASSUMED, StepModel, step_s
from profiling.sweep.cell import Work
from profiling.sweep.measured_row import MeasuredRow

_LEAST_ROWS = 5


@dataclass(frozen=True)
class StepFit:
    """A calibrated step model.

    Attributes:
        model: Its constants.
        residual: Median of |model / measured - 1|.
        rows: Measured times that it rests on.
        missing: What could not be told.
    """

    model: StepModel
    residual: float
    rows: int
    missing: tuple[str, ...]


def fit_step_model(rows: Sequence[MeasuredRow], top_clock_mhz: float, source: str) -> StepFit:
    """Constants of `core/step_model.py`, none below 0, by least squares of relative errors.

    Args:
        rows: Of a sweep; idle ones and those without a time are of no account.
        top_clock_mhz: At which the constants are told; also the clock of rows that do not state one. A row that was
            slowed by power or heat counts at the clock that was read.
        source: Where the rows come from, in a phrase.

    Raises:
        ProfileError: too few rows.
    """
    timed = [row for row in rows if row.cell.work is not Work.IDLE and row.taken.time_s]
    if len(timed) < _LEAST_ROWS:
        raise ProfileError(f"{len(timed)} measured times, at least {_LEAST_ROWS} are needed for a step model")
    terms = np.array([_terms(row, top_clock_mhz) for row in timed])
    times_ms = np.array([1000 * (row.taken.time_s or 0.0) for row in timed])
    missing = _indistinct(timed)
    if len({_clock(row, top_clock_mhz) for row in timed}) == 1:
        terms[:, 2] = 0.0
    solution, _ = nnls(terms / times_ms[:, None], np.ones(len(timed)))
    fixed_ms, kv_ms, compute_ms, ms_per_request, prefill_ms = (float(each) for each in solution)
    if prefill_ms == 0:
        raise ProfileError("the time of a prefill does not grow with its tokens: no step model can be fitted")
    model = StepModel(
        fixed_ms, kv_ms, ASSUMED.kv_scale_tokens, compute_ms, ms_per_request, 1 / prefill_ms, top_clock_mhz, source
    )
    off = [abs(_predicted_s(model, row, top_clock_mhz) / (row.taken.time_s or 1.0) - 1) for row in timed]
    return StepFit(model, float(np.median(off)), len(timed), tuple(missing))


def _terms(row: MeasuredRow, top_clock_mhz: float) -> list[float]:
    """What multiplies fixed_ms, kv_ms, compute_ms, ms_per_request and 1/prefill_tokens_per_ms."""
    slower = top_clock_mhz / _clock(row, top_clock_mhz)
    batch, kv_tokens, prefill_tokens = _work(row)
    return [1.0, kv_tokens / ASSUMED.kv_scale_tokens, slower, batch * slower, prefill_tokens * slower]


def _work(row: MeasuredRow) -> tuple[int, int, int]:
    """Batch, KV tokens read and prompt tokens of a pass of this cell."""
    context = row.taken.context_tokens or row.cell.prompt_tokens
    if row.cell.work is Work.PREFILL:
        return 1, 0, round(context)
    return row.cell.batch, round(row.cell.batch * context), 0


def _predicted_s(model: StepModel, row: MeasuredRow, top_clock_mhz: float) -> float:
    return step_s(model, _clock(row, top_clock_mhz), *_work(row))


def _clock(row: MeasuredRow, top_clock_mhz: float) -> float:
    read_mhz = row.taken.sm_clock_read_mhz if row.slowed and row.cell.sm_clock_mhz else None
    return float(read_mhz or row.cell.sm_clock_mhz or top_clock_mhz)


def _indistinct(rows: Sequence[MeasuredRow]) -> list[str]:
    """What these rows cannot tell apart."""
    missing = []
    if len({row.cell.sm_clock_mhz for row in rows}) == 1:
        missing.append("one clock only: what a step computes cannot be told from what it reads; all put in fixed_ms")
    if len({row.cell.batch for row in rows if row.cell.work is Work.DECODE}) < 2:
        missing.append("one batch only: the time that each request adds cannot be told")
    return missing
