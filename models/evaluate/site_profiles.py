"""What an instance serves of each class and what it draws: at one clock, or under a governor of its clock. Modelled."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from freesh_plugin.core.profile import TokenProfile
from models.capacity import Derived, Tokens, derive_missing
from models.domain.lengths import RequestLength
from models.domain.scenario import DEFAULT, Mode, Profile, Scenario

MISFITS = 1e-3
"""Largest share of a class's requests that a mode of its pool may be too small for: those are refused there."""

LEAST_USE = 0.05
"""A mode that serves less than this share of the best one's requests, GPU for GPU, is not offered for a class."""

GOVERNED_LOAD = 1.75
"""Times the load that the governor keeps a clock for, about: room for its pressure, and raises in bursts.

From single instances of both GPU types, simulated by hand at loads from .15 to .9 on an hour for tuning (ADR 0137).
"""

Tables = Mapping[str, TokenProfile]
"""Token-level profile by mode."""

Key = tuple[str, str, str]
"""Partition, class and mode."""


def profiles_at(
    bare: Scenario, tables: Tables, lengths: Sequence[RequestLength], clocks_mhz: Mapping[str, int] | None = None
) -> tuple[Profile, ...]:
    """Profiles at one clock of each mode.

    Args:
        bare: Modes, partitions and service levels.
        tables: Token-level profile by mode.
        lengths: Requests of the past.
        clocks_mhz: Clock by mode; the mode's own where none is named.

    Raises:
        ScenarioError: lengths beyond what the profiles were made for.
    """
    asked = clocks_mhz or {}
    modes = tuple(
        replace(each, sm_clock_ceiling_mhz=asked.get(each.name, each.sm_clock_ceiling_mhz)) for each in bare.modes
    )
    tokens = Tokens({(DEFAULT, name): table for name, table in tables.items()}, {DEFAULT: tuple(lengths)})
    derived = derive_missing(replace(bare, modes=modes, profiles=()), tokens)
    return tuple(_worthwhile([each.profile for each in derived if _holds(each)], modes))


def governed(
    bare: Scenario, tables: Tables, lengths: Sequence[RequestLength], floors_mhz: Mapping[str, int]
) -> tuple[Profile, ...]:
    """Profiles of instances whose clock is governed: capacity at the highest clock, power at the lowest that will do.

    The governor holds the clock that would serve `GOVERNED_LOAD` times the load. Up to where that is the floor an
    instance draws what it draws there; from there on power rises in a straight line to that at the highest clock.
    `bare` has the profiles at that clock.
    """
    least = {_key(each): each for each in profiles_at(bare, tables, lengths, floors_mhz)}
    return tuple(_governed(each, least.get(_key(each))) for each in bare.profiles)


def _governed(highest: Profile, least: Profile | None) -> Profile:
    """A mode that does not serve the class at its lowest clock is always at the highest."""
    if least is None or least.capacity_rps >= highest.capacity_rps:
        return highest
    share = least.capacity_rps / highest.capacity_rps / GOVERNED_LOAD
    below = least.power_levels or ((1.0, least.full_power_w),)
    levels = tuple((share * load, min(watts, highest.full_power_w)) for load, watts in below)
    return replace(highest, power_levels=(*levels, (1.0, highest.full_power_w)))


def _key(profile: Profile) -> Key:
    return profile.partition, profile.request_class, profile.mode


def _holds(derived: Derived) -> bool:
    """Whether (nearly) all of the class fits into the mode at all, and some of it is served in time."""
    return derived.profile.capacity_rps > 0 and derived.served.work.misfits <= MISFITS


def _worthwhile(profiles: Sequence[Profile], modes: Sequence[Mode]) -> Iterator[Profile]:
    """Without modes that serve hardly anything of a class: no plan takes them, and every program would carry them."""
    gpus = {each.name: sum(each.gpus.values()) for each in modes}
    best: dict[tuple[str, str], float] = {}
    for each in profiles:
        key = (each.partition, each.request_class)
        best[key] = max(best.get(key, 0.0), each.capacity_rps / gpus[each.mode])
    for each in profiles:
        if each.capacity_rps / gpus[each.mode] >= LEAST_USE * best[each.partition, each.request_class]:
            yield each
