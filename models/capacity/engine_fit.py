"""An engine for the simulator from a token-level profile: step, power and share model fitted to its points.

`profiling/fit/step_fit.py` fits the same step model to the rows of a sweep. It is not shared: neither side may import
the other (`profiling` and `models` are siblings), the plugin below both has no numpy, and what is common is one `nnls`.
"""

from dataclasses import replace

import numpy as np
from scipy.optimize import lsq_linear, nnls

from freesh_plugin.core.errors import ProfileError
from freesh_plugin.core.power_model import (
    A100_VARIANTS,
    ASSUMED_SHARES,
    VARIANTS,
    PowerModel,
    ShareModel,
    power_w,
    relative_voltage,
    shares,
)
from freesh_plugin.core.profile import TokenTable
from freesh_plugin.core.step_model import ASSUMED, StepModel, step_s
from models.capacity.engine_points import EnginePoints, Floats
from models.domain.engine import EngineModel

CHUNK_TOKENS = 4096
"""Most prompt tokens of a pass: TGI's default of `max_batch_prefill_tokens`."""

_KNOWN = ("A100", "H100")
"""Types of GPU that have a power model of their own."""

_STEP_MHZ = 15
_LEAST_W = 1e-9
_LEAST_PREFILL_MS = 1e-9


def engine_of(
    profile: TokenTable,
    *,
    mode: str,
    model: str,
    gpu_type: str,
    gpus: int,
    power_variant: str = "mid",
    chunk_tokens: int = CHUNK_TOKENS,
    startup_s: float = 0.0,
    startup_energy_j: float = 0.0,
) -> EngineModel:
    """The engine that a profile describes.

    Args:
        profile: Of the model in the mode.
        mode: Name of the mode.
        model: Name of the LLM.
        gpu_type: Type of the GPUs; one that is neither A100 nor H100 gets the shape of an H100's power.
        gpus: How many the mode takes.
        power_variant: low, mid or high: where the voltage begins to rise.
        chunk_tokens: Most prompt tokens that a pass computes.
        startup_s: Seconds to load the model.
        startup_energy_j: Joules of that.

    Raises:
        ProfileError: no such variant, or times that do not grow with the prompt.
    """
    base = _variant(profile, gpu_type, power_variant)
    points = EnginePoints.of(profile, gpus, base.top_clock_mhz)
    if not gpu_type.startswith(_KNOWN):
        base = replace(base, cap_w=float(points.powers_w.max()))
    step = _fit_step(points, base.top_clock_mhz)
    power, share = _fit_power(points, step, replace(base, idle_w=profile.limits.idle_power_w / gpus, clock_w=0.0))

    def watts(sm_clock_mhz: float, batch: int, kv_tokens: int, prefill_tokens: int) -> float:
        took_s = step_s(step, sm_clock_mhz, batch, kv_tokens, prefill_tokens)
        return power_w(power, sm_clock_mhz, shares(step, sm_clock_mhz, batch, prefill_tokens, took_s, share))

    return EngineModel(
        mode=mode,
        model=model,
        gpu_type=gpu_type,
        gpus=gpus,
        step=step,
        power=power,
        shares=share,
        max_batch=profile.limits.max_batch,
        kv_tokens=profile.limits.kv_tokens,
        chunk_tokens=chunk_tokens,
        clocks_mhz=_clocks_mhz(profile, base.top_clock_mhz),
        startup_s=startup_s,
        startup_energy_j=startup_energy_j,
        basis=profile.limits.basis,
        step_error=points.deviation(points.times_s, lambda *work: step_s(step, *work)),
        power_error=points.deviation(points.powers_w, watts),
    )


def _variant(profile: TokenTable, gpu_type: str, name: str) -> PowerModel:
    """The power model by its name, told at the profile's highest clock.

    A GPU that has none takes an H100's: the clock at which the voltage begins to rise by the ratio of the highest
    clocks, and as power limit the most watts of the profile.
    """
    family = A100_VARIANTS if gpu_type.startswith("A100") else VARIANTS
    if name not in family:
        raise ProfileError(f"power model {name!r} is none of {', '.join(family)}")
    model = family[name]
    if not profile.sm_clocks_mhz:
        return model
    top_mhz = profile.sm_clocks_mhz[-1]
    known = gpu_type.startswith(_KNOWN) and model.knee_mhz < top_mhz
    knee_mhz = model.knee_mhz if known else model.knee_mhz * top_mhz / model.top_clock_mhz
    return replace(model, top_clock_mhz=top_mhz, knee_mhz=knee_mhz)


def _clocks_mhz(profile: TokenTable, top_clock_mhz: float) -> tuple[int, ...]:
    """From the lowest to the highest of the profile, in steps of 15 MHz as is usual; one where it states none."""
    if not profile.sm_clocks_mhz:
        return (round(top_clock_mhz),)
    low, high = (round(profile.sm_clocks_mhz[end]) for end in (0, -1))
    return (*range(high, low, -_STEP_MHZ), low)[::-1]


def _fit_step(points: EnginePoints, top_clock_mhz: float) -> StepModel:
    """Constants of `core/step_model.py`, none below 0, by weighted least squares of relative errors."""
    slower = top_clock_mhz / points.clocks_mhz
    terms = np.stack(
        [
            np.ones_like(slower),
            points.kv_tokens / ASSUMED.kv_scale_tokens,
            np.zeros_like(slower) if points.one_clock else slower,
            points.batch * slower,
            points.prefill_tokens * slower,
        ],
        axis=1,
    )
    relative = points.weights / (1000 * points.times_s)
    found, _ = nnls(terms * relative[:, None], points.weights)
    fixed_ms, kv_ms, compute_ms, ms_per_request, prefill_ms = (float(each) for each in found)
    if prefill_ms < _LEAST_PREFILL_MS:
        raise ProfileError("the time of a prefill does not grow with its tokens: no step model can be fitted")
    return StepModel(
        fixed_ms,
        kv_ms,
        ASSUMED.kv_scale_tokens,
        compute_ms,
        ms_per_request,
        1 / prefill_ms,
        top_clock_mhz,
        "fitted to the profile",
    )


def _fit_power(points: EnginePoints, step: StepModel, base: PowerModel) -> tuple[PowerModel, ShareModel]:
    """Power and share model whose watts are nearest to the points', by weighted least squares of relative errors.

    `base` gives idle watts, voltage and cap. Its watts at rest are the profile's at any clock (`clock_w` 0): a limit
    lets the clock of an idle GPU fall. With u_p the share of prefilling, b/B the batch as a share of the largest and
    c·V² the clock's effect, the rest is linear:

        P - idle = a·u_p + m·(1 - u_p) + d·c·V²·u_p + (e·(1 - b/B) + g·b/B)·c·V²·(1 - u_p)

    The memory's traffic while decoding is what the share model assumes of it; memory_w = m / decode_memory follows.
    """
    columns = _columns(points, step, base)
    left_w = points.powers_w - base.idle_w
    if points.one_clock:  # memory and computing cannot be told apart: memory as the base has it
        traffic_w = base.memory_w * np.array([ASSUMED_SHARES.prefill_memory, ASSUMED_SHARES.decode_memory])
        left_w, columns[:, :2] = left_w - columns[:, :2] @ traffic_w, 0.0
    relative = points.weights / points.powers_w
    found = lsq_linear(columns * relative[:, None], left_w * relative, (0.0, np.inf)).x
    if points.one_clock:
        found[:2] = traffic_w
    return _models(found, float(points.batch.max()), base)


def _columns(points: EnginePoints, step: StepModel, base: PowerModel) -> Floats:
    """What a, m, d, e and g are multiplied with; shape (point, 5)."""
    slower = step.top_clock_mhz / points.clocks_mhz
    prefill_s = points.prefill_tokens / step.prefill_tokens_per_ms / 1000 * slower
    passes = zip(points.clocks_mhz, points.batch, points.kv_tokens, points.prefill_tokens, strict=True)
    took_s = np.array([step_s(step, f, round(b), round(kv), round(new)) for f, b, kv, new in passes])
    prefilling = np.minimum(prefill_s / took_s, 1.0)
    volts = np.array([relative_voltage(base, float(each)) for each in points.clocks_mhz])
    clock, full = volts**2 / slower, points.batch / points.batch.max()
    decoding = 1 - prefilling
    return np.stack(
        [prefilling, decoding, clock * prefilling, clock * decoding * (1 - full), clock * decoding * full], axis=1
    )


def _models(found: Floats, largest: float, base: PowerModel) -> tuple[PowerModel, ShareModel]:
    """The fitted numbers as constants; shares are at most 1."""
    prefill_w, decode_w, computing_w, alone_w, full_w = (float(each) for each in found)
    memory_w = max(decode_w / ASSUMED_SHARES.decode_memory, prefill_w, _LEAST_W)
    dynamic_w = max(computing_w, alone_w, full_w, _LEAST_W)
    source = f"{base.source}; watts fitted to the profile"
    power = replace(base, memory_w=memory_w, dynamic_w=dynamic_w, source=source)
    share = ShareModel(
        decode_compute=alone_w / dynamic_w,
        compute_per_request=(full_w - alone_w) / dynamic_w / largest,
        prefill_memory=prefill_w / memory_w,
        decode_memory=decode_w / memory_w,
    )
    return power, share
