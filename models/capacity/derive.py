"""Rows of `profiles.csv` derived from token-level profiles and lengths of requests, labelled as modelled."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from freesh_plugin.core.profile import Basis, TokenProfile
from models.capacity.service import QUANTILE, Bounds, Served, serve
from models.capacity.work import ClassWork
from models.domain.lengths import RequestLength
from models.domain.scenario import Mode, Profile

AFFINE = 0.05
"""Largest distance of power from a straight line, as a share of full power, that is not worth a load level."""

MOST_LEVELS = 4
"""Most load levels of a derived profile, the full load included."""

_LOADS = tuple(step / 20 for step in range(1, 21))


@dataclass(frozen=True)
class Derived:
    """A derived row and how it came about; `basis` says where the token-level profile comes from."""

    profile: Profile
    served: Served
    basis: Basis


def derive(
    profile: TokenProfile,
    lengths: Sequence[RequestLength],
    partition: str,
    request_class: str,
    mode: Mode,
    bounds: Bounds,
    *,
    model: str,
    quantile: float = QUANTILE,
) -> Derived:
    """One instance of a mode serving one class.

    Args:
        profile: Of the model in the mode.
        lengths: Of the class's requests (`by_class`).
        partition: Name of the partition.
        request_class: Name of the class.
        mode: Its clock ceiling is the clock reckoned with, where it is below the highest measured one.
        bounds: Tightest service level of the class over all tiers, the way to the location taken off.
        model: Name of the model.
        quantile: Share of the requests that keep each bound.

    Raises:
        ProfileError: no lengths, or a length or clock beyond what was measured.
    """
    served = serve(ClassWork.of(profile, lengths, quantile, clock_mhz(profile, mode)), bounds, quantile)
    row = _row(served, (model, partition, request_class, mode.name))
    return Derived(row, served, profile.limits.basis)


def _row(served: Served, key: tuple[str, str, str, str]) -> Profile:
    """The profile of what is served, by model, partition, class and mode."""
    model, partition, request_class, mode = key
    return Profile(
        partition=partition,
        request_class=request_class,
        mode=mode,
        capacity_rps=served.capacity_rps,
        full_power_w=served.full_power_w,
        latency_s=_finite(served.latency_s),
        ttft_s=_finite(served.ttft_s),
        tbt_s=_finite(served.tbt_s),
        idle_power_w=served.idle_power_w,
        model=model,
        power_levels=power_levels(served),
        modelled=True,
    )


def clock_mhz(profile: TokenProfile, mode: Mode) -> float | None:
    """The clock that a mode is reckoned with: its ceiling, or the highest measured one (None) where that is less."""
    ceiling, clocks = mode.sm_clock_ceiling_mhz, profile.sm_clocks_mhz
    return None if ceiling is None or (clocks and ceiling >= clocks[-1]) else float(ceiling)


def power_levels(served: Served) -> tuple[tuple[float, float], ...]:
    """Power at the fewest loads between which it is close to straight; none where idle to full is a straight line."""
    if served.capacity_rps == 0:
        return ()
    watts = {0.0: served.idle_power_w} | {load: served.power_w(load) for load in _LOADS}
    watts[1.0] = served.full_power_w
    chosen = [0.0, 1.0]
    while len(chosen) <= MOST_LEVELS:
        off_w, worst = max((abs(watts[load] - _straight(watts, chosen, load)), load) for load in _LOADS)
        if off_w <= AFFINE * served.full_power_w:
            break
        chosen = sorted([*chosen, worst])
    return tuple((load, watts[load]) for load in chosen[1:]) if len(chosen) > 2 else ()


def _straight(watts: dict[float, float], chosen: Sequence[float], load: float) -> float:
    """Power at a load if it were straight between the chosen loads."""
    right = next(each for each in chosen if each >= load and each > 0)
    left = max(each for each in chosen if each < right)
    return watts[left] + (watts[right] - watts[left]) * (load - left) / (right - left)


def _finite(seconds: float) -> float:
    """A latency that no rate keeps is written as 0, as for a mode that cannot serve."""
    return seconds if isfinite(seconds) else 0.0
