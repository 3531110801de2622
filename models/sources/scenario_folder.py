"""A scenario as a folder that a person can write: `scenario.yaml` and its CSV tables, read strictly."""

import dataclasses
import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from freesh_plugin.core.errors import ScenarioError
from models.domain.scenario import DEFAULT, Profile, Scenario
from models.sources.scenario.marked_yaml import read_yaml
from models.sources.scenario.power_table import with_power_levels
from models.sources.scenario.rules import check_fleet, check_series
from models.sources.scenario.settings import read_settings
from models.sources.scenario.tables import (
    Names,
    read_carbon,
    read_demand,
    read_machines,
    read_prices,
    read_profiles,
    read_running,
    read_slos,
)
from models.sources.scenario.token_tables import read_lengths, read_token_profiles
from models.sources.scenario.writer import write_scenario

if TYPE_CHECKING:
    from models.capacity import Derived

__all__ = ["TABLES", "load_capacity", "load_fleet", "load_scenario", "write_scenario"]

TABLES = (
    "profiles", "slo", "demand", "carbon", "prices", "machines", "running", "power", "token_profiles", "token_limits",
    "lengths",
)  # fmt: skip
"""Tables of a scenario folder; all from prices on are optional, and profiles too where token_profiles is there."""


def load_scenario(folder: Path) -> Scenario:
    """Read a whole scenario.

    Raises:
        ScenarioError: the first fault; names file, line or row, column, value and limit, and the nearest known
            name for one that is unknown.
    """
    scenario, names, _ = _load(folder)
    scenario = dataclasses.replace(scenario, demand=read_demand(folder, names), carbon=read_carbon(folder, names))
    check_series(scenario)
    return scenario


def load_fleet(folder: Path) -> Scenario:
    """Read a scenario whose demand and carbon come from forecasts: both are empty, and their files are not read.

    Raises:
        ScenarioError: as `load_scenario`.
    """
    return _load(folder)[0]


def load_capacity(folder: Path) -> "tuple[Scenario, tuple[Derived, ...]]":
    """Read a fleet, and how each of its derived profiles came about.

    Raises:
        ScenarioError: as `load_scenario`.
    """
    scenario, _, derived = _load(folder)
    return scenario, derived


def _load(folder: Path) -> "tuple[Scenario, Names, tuple[Derived, ...]]":
    if not folder.is_dir():
        raise ScenarioError(f"{folder} is not a folder")
    _refuse_misspelt_tables(folder)
    fields = read_settings(read_yaml(folder / "scenario.yaml"))
    names = _names(fields)
    machines = read_machines(folder, names)
    scenario = Scenario(
        **fields,
        profiles=_stated_profiles(folder, names),
        slos=read_slos(folder, names),
        demand=(),
        carbon=(),
        prices=read_prices(folder, names),
        machines=machines,
        running=read_running(folder, names, machines),
        folder=folder,
    )
    derived = _derived(folder, names, scenario)
    scenario = dataclasses.replace(scenario, profiles=(*scenario.profiles, *(each.profile for each in derived)))
    check_fleet(scenario)
    return scenario, names, derived


def _derived(folder: Path, names: Names, scenario: Scenario) -> "tuple[Derived, ...]":
    profiles, lengths = read_token_profiles(folder, names), read_lengths(folder, names)
    if not profiles:
        return ()
    # Imported here: SciPy takes most of a second, and most scenarios state their profiles.
    from models.capacity import Tokens, derive_missing

    return derive_missing(scenario, Tokens(profiles, lengths))


def _names(fields: dict[str, Any]) -> Names:
    return Names(
        locations=fields["locations"],
        modes=tuple(each.name for each in fields["modes"]),
        partitions=fields["partitions"],
        models=fields.get("models", (DEFAULT,)),
        tiers=tuple(each.name for each in fields["tiers"]) if "tiers" in fields else (DEFAULT,),
        steps=fields.get("steps", Scenario.steps),
    )


def _stated_profiles(folder: Path, names: Names) -> tuple[Profile, ...]:
    """Rows of `profiles.csv`, which may be missing where profiles are derived, with the power levels of `power.csv`."""
    derivable = (folder / "token_profiles.csv").exists()
    stated = () if derivable and not (folder / "profiles.csv").exists() else read_profiles(folder, names)
    return with_power_levels(folder, names, stated)


def _refuse_misspelt_tables(folder: Path) -> None:
    """An optional table under a slightly wrong name would be passed over in silence."""
    known = [f"{table}.csv" for table in TABLES]
    for path in sorted(folder.glob("*.csv")):
        close = difflib.get_close_matches(path.name.lower(), known, n=1, cutoff=0.8)
        if path.name not in known and close:
            raise ScenarioError(f"{path.name}: unknown table; nearest known name is {close[0]!r}")
