"""Constants of step time and power fitted to the points of a profile: what a router reckons with of it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from statistics import median

from freesh_plugin.core.errors import ProfileError
from freesh_plugin.core.least_squares import least_squares
from freesh_plugin.core.power_model import (
    ASSUMED_SHARES,
    MID,
    PowerModel,
    ShareModel,
    power_w,
    relative_voltage,
    shares,
)
from freesh_plugin.core.profile import Phase, TokenPoint
from freesh_plugin.core.step_model import ASSUMED, StepModel, step_s

_KNEES = (0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7)
_VOLTAGES = (0.55, 0.6, 0.67, 0.75, 0.85)
_LEAST_CLOCKS = 3
"""With fewer, nothing is told of where the voltage begins to rise."""
_LEAST_W = 1e-9


@dataclass(frozen=True)
class PassFit:
    """Fitted models, and how far off they are: median of |model / point - 1|.

    Attributes:
        step: Of times.
        power: Of one GPU's watts.
        shares: What a pass uses.
        time_error: Of the times.
        power_error: Of the watts.
    """

    step: StepModel
    power: PowerModel
    shares: ShareModel
    time_error: float
    power_error: float


@dataclass(frozen=True)
class _Pass:
    """A point as the models see it; `weight` makes both phases count alike."""

    sm_clock_mhz: float
    batch: int
    kv_tokens: int
    prefill_tokens: int
    time_s: float
    power_w: float
    weight: float


def fit_passes(
    points: Sequence[TokenPoint],
    gpus: int,
    idle_power_w: float,
    source: str,
    base: PowerModel | None = None,
    top_weight: float = 1.0,
) -> PassFit:
    """The models nearest to the points, by least squares of relative errors.

    Args:
        points: Of one profile.
        gpus: Of the instance; the power model is that of one.
        idle_power_w: Of the instance; taken to be the same at any clock, since one that idles sinks.
        source: Where the points are from, in a phrase.
        base: Its voltage and power limit are taken, and its highest clock where no point states one; None = the
            voltage that fits best.
        top_weight: How much more a point at the highest clock counts.

    Raises:
        ProfileError: there is no GPU, or the time of a prefill does not grow with its tokens.
    """
    if gpus < 1:
        raise ProfileError(f"{gpus} GPUs, expected at least 1")
    unstated_mhz = (base or ASSUMED).top_clock_mhz
    top_mhz = max((each.sm_clock_mhz for each in points if each.sm_clock_mhz), default=unstated_mhz)
    passes = _top_heavy([_pass(each, points, top_mhz, gpus) for each in points], top_mhz, top_weight)
    step, idle_w = _fit_step(passes, top_mhz, source), idle_power_w / gpus
    if base is None:
        fits = _power_fits(passes, step, idle_w, source)
    else:
        fits = iter([_fit_power(passes, step, replace(base, idle_w=idle_w, clock_w=0.0, source=source))])
    power, used = min(fits, key=lambda fit: _power_error(passes, step, *fit))
    return PassFit(step, power, used, _time_error(passes, step), _power_error(passes, step, power, used))


def _top_heavy(passes: Sequence[_Pass], top_mhz: float, weight: float) -> list[_Pass]:
    return [replace(each, weight=weight * each.weight) if each.sm_clock_mhz == top_mhz else each for each in passes]


def _pass(point: TokenPoint, points: Sequence[TokenPoint], top_mhz: float, gpus: int) -> _Pass:
    weight = 1 / sum(each.phase is point.phase for each in points) ** 0.5
    clock, watts = point.sm_clock_mhz or top_mhz, point.power_w / gpus
    if point.phase is Phase.PREFILL:
        return _Pass(clock, 1, 0, round(point.tokens), point.time_s, watts, weight)
    return _Pass(clock, point.batch, round(point.batch * point.tokens), 0, point.time_s, watts, weight)


def _fit_step(passes: Sequence[_Pass], top_mhz: float, source: str) -> StepModel:
    one_clock = len({each.sm_clock_mhz for each in passes}) == 1
    rows, targets = [], []
    for each in passes:
        slower, scale = top_mhz / each.sm_clock_mhz, each.weight / (1000 * each.time_s)
        kv = each.kv_tokens / ASSUMED.kv_scale_tokens
        # At one clock what a pass computes cannot be told from what it reads, nor what of a request depends on it.
        told = 0.0 if one_clock else 1.0
        clocked = (told * slower, each.batch * slower, each.prefill_tokens * slower)
        terms = (1.0, kv, *clocked, told * each.batch)
        rows.append([term * scale for term in terms])
        targets.append(each.weight)
    fixed_ms, kv_ms, compute_ms, ms_per_request, prefill_ms, fixed_ms_per_request = least_squares(rows, targets)
    if prefill_ms == 0:
        raise ProfileError("the time of a prefill does not grow with its tokens: no step model can be fitted")
    return StepModel(
        fixed_ms,
        kv_ms,
        ASSUMED.kv_scale_tokens,
        compute_ms,
        ms_per_request,
        1 / prefill_ms,
        top_mhz,
        source,
        fixed_ms_per_request,
    )


def _power_fits(
    passes: Sequence[_Pass], step: StepModel, idle_w: float, source: str
) -> Iterator[tuple[PowerModel, ShareModel]]:
    """A fit for each way in which the voltage may rise."""
    top_mhz, most_w = step.top_clock_mhz, max(max(each.power_w for each in passes), idle_w)
    known = len({each.sm_clock_mhz for each in passes}) >= _LEAST_CLOCKS
    usual = [(MID.knee_mhz / MID.top_clock_mhz, MID.knee_voltage)]
    for knee, voltage in product(_KNEES, _VOLTAGES) if known else usual:
        base = PowerModel(idle_w, 0.0, 0.0, 0.0, knee * top_mhz, voltage, top_mhz, most_w, source)
        yield _fit_power(passes, step, base)


def _fit_power(passes: Sequence[_Pass], step: StepModel, base: PowerModel) -> tuple[PowerModel, ShareModel]:
    """The fit of watts for the voltage of `base`.

    With u_p the share of prefilling, b / B the batch over the largest, v = f / f_top · V² what the clock does,

        P - idle = a·u_p + m·(1 - u_p) + v·(d·u_p + (1 - u_p)·(e·(1 - b / B) + g·b / B))

    Memory traffic while decoding is taken as assumed; memory_w = m over it follows.
    """
    largest = max(each.batch for each in passes)
    rows, targets = [], []
    for each in passes:
        clock, scale = each.sm_clock_mhz, each.weight / each.power_w
        volts = clock / base.top_clock_mhz * relative_voltage(base, clock) ** 2
        prefilling = shares(step, clock, 0, each.prefill_tokens, _modelled_s(step, each), _PREFILLING).compute
        decoding, full = 1 - prefilling, each.batch / largest
        terms = (prefilling, decoding, volts * prefilling, volts * decoding * (1 - full), volts * decoding * full)
        rows.append([term * scale for term in terms])
        targets.append((each.power_w - base.idle_w) * scale)
    return _models(least_squares(rows, targets), largest, base)


def _models(found: Sequence[float], largest: int, base: PowerModel) -> tuple[PowerModel, ShareModel]:
    prefill_w, decode_w, computing_w, alone_w, full_w = found
    memory_w = max(decode_w / ASSUMED_SHARES.decode_memory, prefill_w, _LEAST_W)
    dynamic_w = max(computing_w, alone_w, full_w, _LEAST_W)
    used = ShareModel(
        decode_compute=alone_w / dynamic_w,
        compute_per_request=(full_w - alone_w) / dynamic_w / largest,
        prefill_memory=prefill_w / memory_w,
        decode_memory=decode_w / memory_w,
    )
    return replace(base, memory_w=memory_w, dynamic_w=dynamic_w), used


_PREFILLING = ShareModel(0.0, 0.0, 0.0, 0.0)
"""Shares of a pass of which only prefilling counts."""


def _modelled_s(step: StepModel, each: _Pass) -> float:
    return step_s(step, each.sm_clock_mhz, each.batch, each.kv_tokens, each.prefill_tokens)


def _time_error(passes: Sequence[_Pass], step: StepModel) -> float:
    return _off(passes, lambda each: _modelled_s(step, each) / each.time_s)


def _power_error(passes: Sequence[_Pass], step: StepModel, power: PowerModel, used: ShareModel) -> float:
    def modelled_w(each: _Pass) -> float:
        took_s = _modelled_s(step, each)
        return power_w(
            power, each.sm_clock_mhz, shares(step, each.sm_clock_mhz, each.batch, each.prefill_tokens, took_s, used)
        )

    return _off(passes, lambda each: modelled_w(each) / each.power_w)


def _off(passes: Sequence[_Pass], ratio: Callable[[_Pass], float]) -> float:
    return median(abs(ratio(each) - 1) for each in passes)
