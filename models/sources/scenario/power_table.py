"""Power by load of the profiles that `profiles.csv` states, read from `power.csv`."""

import dataclasses
from collections.abc import Hashable
from math import isclose
from pathlib import Path

from models.domain.scenario import Profile
from models.sources.scenario.csv_table import Row, read_table
from models.sources.scenario.tables import Names, unique

AGREES = 0.01
"""Largest relative difference between power at load 1 and `full_power_w` that counts as the same."""

Key = tuple[str, str, str, str]
"""Partition, class, mode and model of a profile."""


def with_power_levels(folder: Path, names: Names, profiles: tuple[Profile, ...]) -> tuple[Profile, ...]:
    """The profiles, those that `power.csv` names with their power levels; as they are without the file.

    Raises:
        ScenarioError: a row without its profile, loads that do not ascend, or a last level that is not full power.
    """
    path = folder / "power.csv"
    if not path.exists():
        return profiles
    known = {_key(each): each for each in profiles}
    levels: dict[Key, list[tuple[Row, float, float]]] = {}
    for row, key, load, power_w in _rows(path, names):
        if key not in known or known[key].capacity_rps == 0:
            raise row.fault(
                f"profiles.csv has no row of this partition, class, mode and model {key[3]!r} with a capacity"
            )
        own = levels.setdefault(key, [])
        if own and load <= own[-1][1]:
            raise row.fault(f"load {load:g} does not ascend from {own[-1][1]:g} of row {own[-1][0].number}")
        own.append((row, load, power_w))
    for key, own in levels.items():
        _check_last(own[-1], known[key].full_power_w)
    return tuple(
        dataclasses.replace(each, power_levels=tuple((load, power_w) for _, load, power_w in levels[_key(each)]))
        if _key(each) in levels
        else each
        for each in profiles
    )


def _rows(path: Path, names: Names) -> tuple[tuple[Row, Key, float, float], ...]:
    def read(row: Row) -> tuple[Hashable, tuple[Row, Key, float, float]]:
        partition = names.partition(row["partition"])
        mode = row["mode"].one_of(names.modes, "mode")
        key = (partition, names.request_class(row, partition), mode, names.model(row))
        load = row["load"].number("of the capacity", above=0, high=1)
        return (*key, load), (row, key, load, row["power_w"].number("W", above=0))

    return unique(read_table(path, ("partition", "request_class", "mode", "load", "power_w"), ("model",)), read)


def _check_last(last: tuple[Row, float, float], full_power_w: float) -> None:
    row, load, power_w = last
    if load != 1:
        raise row.fault(f"the last load is {load:g}, it must be 1, the capacity")
    if not isclose(power_w, full_power_w, rel_tol=AGREES):
        raise row.fault(
            f"{power_w:g} W at load 1 and full_power_w {full_power_w:g} W in profiles.csv differ by more"
            f" than {AGREES:.0%}"
        )


def _key(profile: Profile) -> Key:
    return (profile.partition, profile.request_class, profile.mode, profile.model)
