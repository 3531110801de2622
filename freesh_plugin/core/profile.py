"""Token-level profile of one model in one mode: time and power of prefill and decode, what fits, power at rest."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from math import inf
from typing import Protocol

from freesh_plugin.core.errors import ProfileError
from freesh_plugin.core.surface import ClockedSurface, Line, Surface

NOISE = 0.1
"""Largest share by which a measured time may fall where it can only rise; less is noise, and evened out."""


class Phase(StrEnum):
    """What a pass through the model does."""

    PREFILL = "prefill"
    DECODE = "decode"


class Basis(StrEnum):
    """Where the points of a profile come from."""

    MEASURED = "measured"
    MODELLED = "modelled"
    SIMULATED = "simulated"


@dataclass(frozen=True)
class TokenPoint:
    """One measured pass.

    Attributes:
        phase: Prefill or decode.
        tokens: Prompt tokens in the pass (prefill), or tokens of context of each request (decode).
        time_s: Of the whole pass.
        power_w: Mean power of all GPUs of the instance during such passes.
        batch: Requests that decode together; 1 for prefill, which is measured by its tokens.
        sm_clock_mhz: SM clock, None where it was not stated; then no point of the profile states one.
    """

    phase: Phase
    tokens: float
    time_s: float
    power_w: float
    batch: int = 1
    sm_clock_mhz: float | None = None


@dataclass(frozen=True)
class TokenLimits:
    """What an instance holds, and what it draws without work.

    Attributes:
        max_batch: Most requests that decode together.
        kv_tokens: Tokens that the KV cache holds.
        idle_power_w: The model is loaded and nothing runs.
        parked_power_w: No model is loaded; None where not known.
        basis: Where the points come from.
        chunked: Whether prompts are computed in passes in which others decode, as TGI does where it can; else alone.
    """

    max_batch: int
    kv_tokens: int
    idle_power_w: float
    parked_power_w: float | None = None
    basis: Basis = Basis.MEASURED
    chunked: bool = True


class TokenProfile(Protocol):
    """Time and power of one model in one mode; a clock of None is the highest that was measured."""

    @property
    def limits(self) -> TokenLimits:
        """What fits, and power at rest."""
        ...

    @property
    def sm_clocks_mhz(self) -> tuple[float, ...]:
        """Clocks that were measured, ascending; empty where none was stated."""
        ...

    def prefill_s(self, prompt_tokens: float, sm_clock_mhz: float | None = None) -> float:
        """Seconds of a prefill pass over that many prompt tokens."""
        ...

    def prefill_power_w(self, prompt_tokens: float, sm_clock_mhz: float | None = None) -> float:
        """Watts of the instance during such passes."""
        ...

    def decode_step_s(self, batch: float, context_tokens: float, sm_clock_mhz: float | None = None) -> float:
        """Seconds of one decode step of a batch whose requests have that many tokens of context each."""
        ...

    def decode_power_w(self, batch: float, context_tokens: float, sm_clock_mhz: float | None = None) -> float:
        """Watts of the instance during such steps."""
        ...


@dataclass(frozen=True)
class TokenTable:
    """A `TokenProfile` read from measured points; made by `TokenTable.of`."""

    limits: TokenLimits
    sm_clocks_mhz: tuple[float, ...]
    times_s: dict[Phase, ClockedSurface]
    powers_w: dict[Phase, ClockedSurface]

    @classmethod
    def of(cls, points: Iterable[TokenPoint], limits: TokenLimits) -> "TokenTable":
        """The profile that these points make.

        A time that falls where it can only rise (more tokens, a larger batch, a lower clock) by no more than `NOISE`
        is raised to the larger one.

        Raises:
            ProfileError: a phase without points, a point twice, values out of range, times that fall by more than
                `NOISE`, or decode not measured up to `max_batch`.
        """
        given = tuple(points)
        clocks = _check(given, limits)
        times: dict[Phase, ClockedSurface] = {}
        powers: dict[Phase, ClockedSurface] = {}
        for phase in Phase:
            own = [each for each in given if each.phase is phase]
            powers[phase] = _clocked(own, f"{phase} power", [each.power_w for each in own])
            times[phase] = _clocked(own, phase.value, _rising(own))
        return cls(limits, clocks, times, powers)

    def prefill_s(self, prompt_tokens: float, sm_clock_mhz: float | None = None) -> float:
        """Seconds of a prefill pass over that many prompt tokens."""
        return self.times_s[Phase.PREFILL].at(1, prompt_tokens, sm_clock_mhz)

    def prefill_power_w(self, prompt_tokens: float, sm_clock_mhz: float | None = None) -> float:
        """Watts of the instance during such passes."""
        return self.powers_w[Phase.PREFILL].at(1, prompt_tokens, sm_clock_mhz)

    def decode_step_s(self, batch: float, context_tokens: float, sm_clock_mhz: float | None = None) -> float:
        """Seconds of one decode step of a batch whose requests have that many tokens of context each."""
        return self.times_s[Phase.DECODE].at(batch, context_tokens, sm_clock_mhz)

    def decode_power_w(self, batch: float, context_tokens: float, sm_clock_mhz: float | None = None) -> float:
        """Watts of the instance during such steps."""
        return self.powers_w[Phase.DECODE].at(batch, context_tokens, sm_clock_mhz)


def _check(points: Sequence[TokenPoint], limits: TokenLimits) -> tuple[float, ...]:
    """Clocks of the points, ascending, once everything about them holds."""
    _check_limits(limits)
    for phase in Phase:
        if not any(each.phase is phase for each in points):
            raise ProfileError(f"no {phase} point")
    for point in points:
        _check_point(point)
    clocks = {phase: {each.sm_clock_mhz for each in points if each.phase is phase} for phase in Phase}
    if clocks[Phase.PREFILL] != clocks[Phase.DECODE]:
        raise ProfileError("prefill and decode are not measured at the same SM clocks")
    stated = clocks[Phase.DECODE]
    if None in stated and len(stated) > 1:
        raise ProfileError("some points state an SM clock and some do not")
    for clock in stated:
        most = max(each.batch for each in points if each.phase is Phase.DECODE and each.sm_clock_mhz == clock)
        if most < limits.max_batch:
            at = "" if clock is None else f" at {clock:g} MHz"
            raise ProfileError(f"decode is measured up to batch {most}{at}, max_batch is {limits.max_batch}")
    return tuple(sorted(each for each in stated if each is not None))


def _check_limits(limits: TokenLimits) -> None:
    if limits.max_batch < 1 or limits.kv_tokens < 1:
        raise ProfileError(f"max_batch {limits.max_batch} and kv_tokens {limits.kv_tokens} must be at least 1")
    parked_w = 0.0 if limits.parked_power_w is None else limits.parked_power_w
    if not 0 <= parked_w <= limits.idle_power_w < inf:
        raise ProfileError(
            f"idle power {limits.idle_power_w:g} W must be finite and no less than parked power {parked_w:g} W,"
            " which must be at least 0"
        )


def _check_point(point: TokenPoint) -> None:
    if not (1 <= point.tokens < inf and point.batch >= 1):
        raise ProfileError(f"{_shown(point)}: batch and tokens must be at least 1")
    if not (0 < point.time_s < inf and 0 < point.power_w < inf):
        raise ProfileError(f"{_shown(point)}: {point.time_s:g} s and {point.power_w:g} W must be greater than 0")
    if point.phase is Phase.PREFILL and point.batch != 1:
        raise ProfileError(f"{_shown(point)}: prefill is measured by its tokens, batch must be 1")
    if point.sm_clock_mhz is not None and not 0 < point.sm_clock_mhz < inf:
        raise ProfileError(f"{_shown(point)}: the SM clock must be greater than 0 MHz")


def _rising(points: Sequence[TokenPoint]) -> list[float]:
    """Times, none below that of a point with no more tokens, no larger batch and no lower clock."""
    times = []
    for point in points:
        easier = max(points, key=lambda each: each.time_s if _no_harder(each, point) else 0.0)
        if easier.time_s > point.time_s * (1 + NOISE):
            raise ProfileError(
                f"{_shown(point)} takes {point.time_s:g} s, more than {NOISE:.0%} less than"
                f" {easier.time_s:g} s of {_shown(easier)}, which is no more work"
            )
        times.append(max(easier.time_s, point.time_s))
    return times


def _no_harder(easy: TokenPoint, hard: TokenPoint) -> bool:
    faster = (easy.sm_clock_mhz or 0.0) >= (hard.sm_clock_mhz or 0.0)
    return faster and easy.batch <= hard.batch and easy.tokens <= hard.tokens


def _clocked(points: Sequence[TokenPoint], what: str, values: Sequence[float]) -> ClockedSurface:
    by_clock = groupby(sorted(_coordinates(points, values)), key=lambda each: each[0])
    surfaces = {clock: _surface(what, [each[1:] for each in rows]) for clock, rows in by_clock}
    return ClockedSurface(what, tuple(each for each in surfaces if each), tuple(surfaces.values()))


def _coordinates(points: Sequence[TokenPoint], values: Sequence[float]) -> list[tuple[float, float, float, float]]:
    """Rows (clock, or 0 where none was stated, batch, tokens, value)."""
    return [(p.sm_clock_mhz or 0.0, p.batch, p.tokens, value) for p, value in zip(points, values, strict=True)]


def _surface(what: str, rows: Sequence[tuple[float, float, float]]) -> Surface:
    lines: dict[float, Line] = {}
    for batch, group in groupby(rows, key=lambda each: each[0]):
        tokens, values = zip(*((each[1], each[2]) for each in group), strict=True)
        if len(set(tokens)) < len(tokens):
            raise ProfileError(f"{what} at batch {batch:g}: a point stands twice among {list(tokens)} tokens")
        lines[batch] = Line(f"{what} at batch {batch:g}", tokens, values)
    return Surface(what, tuple(lines), tuple(lines.values()))


def _shown(point: TokenPoint) -> str:
    clock = "" if point.sm_clock_mhz is None else f" at {point.sm_clock_mhz:g} MHz"
    return f"{point.phase} of batch {point.batch}, {point.tokens:g} tokens{clock}"
