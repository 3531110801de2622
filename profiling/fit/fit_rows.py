"""A measured profile from the rows of a sweep; what cannot be told is said, never made up."""

from collections.abc import Sequence
from statistics import mean, median

from freesh_plugin.core.errors import ProfileError
from freesh_plugin.core.profile import Basis, Phase
from freesh_plugin.core.profile_document import (
    SCHEMA_VERSION,
    FitError,
    Limits,
    Parameter,
    Point,
    ProfileDocument,
    Provenance,
)
from freesh_plugin.core.step_model import StepModel
from profiling.fit.step_fit import fit_step_model
from profiling.sweep.cell import Work
from profiling.sweep.measured_row import MeasuredRow
from profiling.sweep.run_facts import RunFacts

_PHASES = {Work.PREFILL: Phase.PREFILL, Work.DECODE: Phase.DECODE}
_STEP_UNITS = {
    "fixed_ms": "ms", "kv_ms": "ms", "kv_scale_tokens": "tokens", "compute_ms": "ms", "ms_per_request": "ms/request",
    "prefill_tokens_per_ms": "tokens/ms", "top_clock_mhz": "MHz",
}  # fmt: skip


def fit_rows(
    rows: Sequence[MeasuredRow], mode: str, gpu: str, *, model: str | None = None, kv_tokens: int | None = None
) -> ProfileDocument:
    """The profile that a sweep makes.

    Rows that ran at another clock than theirs are left out, and so is a clock without prefill or decode times.

    Args:
        rows: All of one model on one kind of GPU.
        mode: Name of the mode, as the scenario has it.
        gpu: Type of the GPUs, as the scenario has it.
        model: Name of the model, if another than the endpoint's.
        kv_tokens: Tokens that the KV cache holds; without it, the most that was seen to fit.

    Raises:
        ProfileError: rows of several models or GPUs, or something without which there is no profile; names all of it.
    """
    facts = _one_run(rows)
    rows, left_out = _usable(rows)
    lacking = what_is_lacking(rows)
    if lacking:
        raise ProfileError("no profile can be fitted: " + "; ".join([*lacking, *left_out]))
    points = [_point(row) for row in rows if row.cell.work in _PHASES and row.taken.time_s]
    return ProfileDocument(
        schema_version=SCHEMA_VERSION,
        gpu=gpu,
        gpus=facts.gpus,
        model=model or facts.model,
        mode=mode,
        basis=Basis(facts.basis),
        limits=_limits(rows, kv_tokens),
        points=points,
        provenance=_provenance(rows, kv_tokens, left_out),
    )


def what_is_lacking(rows: Sequence[MeasuredRow]) -> list[str]:
    """What stands in the way of a profile, a phrase each; none where nothing does."""
    lacking = []
    for work in Work:
        own = [row for row in rows if row.cell.work is work]
        timed = own if work is Work.IDLE else [row for row in own if row.taken.time_s]
        if not timed:
            lacking.append(f"no {work} cell was measured" if not own else f"no {work} cell has a time")
            continue
        powerless = sum(row.taken.power_w is None for row in timed)
        if powerless:
            lacking.append(f"{powerless} of {len(timed)} {work} cells have no power (no energy counter was read)")
    return lacking


def step_parameters(model: StepModel) -> list[Parameter]:
    """The step model's constants, each with its unit."""
    return [Parameter(f"step.{name}", getattr(model, name), unit, model.source) for name, unit in _STEP_UNITS.items()]


def _one_run(rows: Sequence[MeasuredRow]) -> RunFacts:
    """What all rows ran on."""
    runs = {(each.facts.basis, each.facts.gpu, each.facts.gpus, each.facts.model) for each in rows}
    if len(runs) != 1:
        raise ProfileError(
            f"rows of {len(runs)} different runs (basis, GPU, number of GPUs, model): {sorted(runs)}; fit one at a time"
            if runs
            else "the table has no rows"
        )
    return rows[0].facts


def _usable(rows: Sequence[MeasuredRow]) -> tuple[list[MeasuredRow], list[str]]:
    """Rows of clocks at which prefill and decode were measured, and what was left out, a phrase each."""
    held = [row for row in rows if not row.clock_is_off]
    left_out = [f"{len(rows) - len(held)} rows that ran at another clock than theirs"] if len(held) < len(rows) else []
    timed = {(row.cell.sm_clock_mhz, row.cell.work) for row in held if row.taken.time_s}
    clocks = {row.cell.sm_clock_mhz for row in held}
    whole = {clock for clock in clocks if all((clock, work) in timed for work in _PHASES)}
    if whole and whole < clocks:
        left_out += sorted(f"{clock or 'no'} MHz, without prefill or decode times" for clock in clocks - whole)
        held = [row for row in held if row.cell.sm_clock_mhz in whole]
    return held, left_out


def _point(row: MeasuredRow) -> Point:
    return Point(
        phase=_PHASES[row.cell.work],
        batch=row.cell.batch,
        tokens=round(row.taken.context_tokens or row.cell.prompt_tokens, 1),
        sm_clock_mhz=row.cell.sm_clock_mhz,
        time_s=row.taken.time_s or 0.0,
        power_w=row.taken.power_w or 0.0,
    )


def _limits(rows: Sequence[MeasuredRow], kv_tokens: int | None) -> Limits:
    """The largest batch of every clock; idle watts at the highest clock, an upper bound for the others."""
    clocks = {row.cell.sm_clock_mhz for row in rows}
    decoded = [row for row in rows if row.cell.work is Work.DECODE and row.taken.time_s]
    largest = [max((r.cell.batch for r in decoded if r.cell.sm_clock_mhz == clock), default=0) for clock in clocks]
    idle_w = max(row.taken.power_w or 0.0 for row in rows if row.cell.work is Work.IDLE)
    return Limits(max_batch=min(largest), kv_tokens=kv_tokens or _seen_to_fit(decoded), idle_power_w=idle_w)


def _seen_to_fit(decoded: Sequence[MeasuredRow]) -> int:
    """Tokens that the KV cache had room for at once: prompt and answer of all that decoded together."""
    return max(row.cell.batch * (row.cell.prompt_tokens + row.cell.answer_tokens) for row in decoded)


def _provenance(rows: Sequence[MeasuredRow], kv_tokens: int | None, left_out: Sequence[str]) -> Provenance:
    timed = [row for row in rows if row.cell.work in _PHASES and row.taken.time_s]
    spreads = [row.taken.spread for row in timed if row.taken.spread is not None]
    facts, missing, parameters, errors = rows[0].facts, list(left_out), [], []
    try:
        top_mhz = max(row.cell.sm_clock_mhz or row.taken.sm_clock_read_mhz or 0.0 for row in timed)
        if not top_mhz:
            raise ProfileError("no clock was set or read: no step model can be fitted")
        fitted = fit_step_model(timed, top_mhz, f"{facts.basis} on {facts.machine}")
        parameters = step_parameters(fitted.model)
        missing += fitted.missing
        errors = [FitError("step model over the measured times", round(fitted.residual, 4), fitted.rows)]
    except ProfileError as error:
        missing.append(str(error))
    notes = [] if kv_tokens else ["kv_tokens is what was seen to fit, not what the memory holds: a lower bound"]
    if all(row.cell.sm_clock_mhz is None for row in rows):
        notes.append(f"clocks were not set: all is at the clock found, {_found_clock(timed)}")
    notes += sorted({row.taken.note for row in rows if row.taken.note})
    return Provenance(
        sources=[
            f"{facts.basis} from {min(r.measured_at for r in rows)} to {max(r.measured_at for r in rows)} on"
            f" {facts.machine or 'an unnamed machine'}: {facts.gpus} x {facts.gpu}, driver {facts.driver or 'unknown'},"
            f" {facts.engine}, {facts.model}"
        ],
        cells=len(timed),
        spread=round(median(spreads), 4) if spreads else None,
        errors=errors,
        parameters=parameters,
        missing=missing,
        notes=notes,
    )


def _found_clock(rows: Sequence[MeasuredRow]) -> str:
    read = [row.taken.sm_clock_read_mhz for row in rows if row.taken.sm_clock_read_mhz is not None]
    return f"{mean(read):.0f} MHz on average, {min(read):.0f} to {max(read):.0f}" if read else "which was not read"
