"""A scenario as a folder that a person can write: `scenario.yaml` and its CSV tables, read strictly."""

import dataclasses
import difflib
from pathlib import Path

from freesh_plugin.core.errors import ScenarioError
from models.domain.scenario import DEFAULT, Scenario
from models.sources.scenario.marked_yaml import read_yaml
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
from models.sources.scenario.writer import write_scenario

__all__ = ["TABLES", "load_fleet", "load_scenario", "write_scenario"]

TABLES = ("profiles", "slo", "demand", "carbon", "prices", "machines", "running")
"""Tables of a scenario folder; the last three are optional."""


def load_scenario(folder: Path) -> Scenario:
    """Read a whole scenario.

    Raises:
        ScenarioError: the first fault; names file, line or row, column, value and limit, and the nearest known
            name for one that is unknown.
    """
    scenario, names = _load(folder)
    scenario = dataclasses.replace(scenario, demand=read_demand(folder, names), carbon=read_carbon(folder, names))
    check_series(scenario)
    return scenario


def load_fleet(folder: Path) -> Scenario:
    """Read a scenario whose demand and carbon come from forecasts: both are empty, and their files are not read.

    Raises:
        ScenarioError: as `load_scenario`.
    """
    return _load(folder)[0]


def _load(folder: Path) -> tuple[Scenario, Names]:
    if not folder.is_dir():
        raise ScenarioError(f"{folder} is not a folder")
    _refuse_misspelt_tables(folder)
    fields = read_settings(read_yaml(folder / "scenario.yaml"))
    names = Names(
        locations=fields["locations"],
        modes=tuple(each.name for each in fields["modes"]),
        partitions=fields["partitions"],
        models=fields.get("models", (DEFAULT,)),
        tiers=tuple(each.name for each in fields["tiers"]) if "tiers" in fields else (DEFAULT,),
        steps=fields.get("steps", Scenario.steps),
    )
    machines = read_machines(folder, names)
    scenario = Scenario(
        **fields,
        profiles=read_profiles(folder, names),
        slos=read_slos(folder, names),
        demand=(),
        carbon=(),
        prices=read_prices(folder, names),
        machines=machines,
        running=read_running(folder, names, machines),
        folder=folder,
    )
    check_fleet(scenario)
    return scenario, names


def _refuse_misspelt_tables(folder: Path) -> None:
    """An optional table under a slightly wrong name would be passed over in silence."""
    known = [f"{table}.csv" for table in TABLES]
    for path in sorted(folder.glob("*.csv")):
        close = difflib.get_close_matches(path.name.lower(), known, n=1, cutoff=0.8)
        if path.name not in known and close:
            raise ScenarioError(f"{path.name}: unknown table; nearest known name is {close[0]!r}")
