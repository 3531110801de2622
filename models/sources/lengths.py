"""Lengths of requests of a fleet, from the table in its folder: what totals of traffic are divided by."""

from collections.abc import Mapping

from models.domain.lengths import RequestLength
from models.domain.scenario import Scenario
from models.sources.scenario.tables import Names
from models.sources.scenario.token_tables import read_lengths


def length_sample(fleet: Scenario) -> Mapping[str, tuple[RequestLength, ...]]:
    """Rows of the fleet's `lengths.csv` by model; empty without the file.

    Raises:
        ScenarioError: a row that is wrong.
    """
    if fleet.folder is None:
        return {}
    names = Names(
        locations=fleet.locations,
        modes=tuple(each.name for each in fleet.modes),
        partitions=fleet.partitions,
        models=fleet.models,
        tiers=tuple(each.name for each in fleet.tiers),
        steps=fleet.steps,
    )
    return read_lengths(fleet.folder, names)
