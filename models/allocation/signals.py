"""What a joule costs, by location and step: the signal that is minimised, signed and floored."""

from collections.abc import Mapping
from dataclasses import dataclass

from freesh_plugin.core.errors import ScenarioError
from freesh_plugin.core.units import JOULES_PER_KWH
from models.domain.scenario import Objective, Scenario

GRAMS_PER_KILOGRAM = 1_000.0
KWH_PER_MWH = 1_000.0
FLOOR = 1e-6
"""ε as a share of the largest |w|: power is never free, so where w <= 0 the least power still wins."""

Series = Mapping[tuple[str, int], float]
"""A value by (location, step)."""


@dataclass(frozen=True)
class Signals:
    """Values per joule by (location, step).

    Attributes:
        signed: w[n,t] in objective units (g, J or USD) per J, as given.
        floored: w⁺[n,t] = max(w, ε) > 0: a negative signal never rewards waste. Exactly w wherever w > ε, so the
            objective is in its own unit to the last digit there.
    """

    signed: Series
    floored: Series

    @classmethod
    def of(cls, scenario: Scenario, objective: Objective) -> "Signals":
        """The signals of an objective.

        Raises:
            ScenarioError: carbon or prices that it needs are missing.
        """
        signed = weights_per_joule(scenario, objective)
        largest = max((abs(each) for each in signed.values()), default=0.0)
        floor = FLOOR * largest if largest > 0 else FLOOR
        return cls(signed, {key: max(each, floor) for key, each in signed.items()})


def weights_per_joule(scenario: Scenario, objective: Objective) -> Series:
    """w[n,t], signed: e/3.6e6 g/J for carbon, 1 for energy, π/3.6e9 USD/J for cost, or their weighted sum in USD/J.

    Raises:
        ScenarioError: carbon or prices that it needs are missing.
    """
    carbon = carbon_per_joule(scenario) if objective.carbon else {}
    prices = price_per_joule(scenario) if objective.cost else {}
    slots = [(each.name, step) for each in scenario.locations for step in range(scenario.steps)]
    if objective.name != "weights":
        alone = carbon or prices
        return {slot: alone[slot] if alone else 1.0 for slot in slots}
    return {
        slot: objective.carbon * carbon.get(slot, 0.0) / GRAMS_PER_KILOGRAM
        + objective.energy / JOULES_PER_KWH
        + objective.cost * prices.get(slot, 0.0)
        for slot in slots
    }


def carbon_per_joule(scenario: Scenario) -> Series:
    """Carbon intensity in g/J (or the signal's unit times kWh, per J), signed.

    Raises:
        ScenarioError: a location or step has none.
    """
    rows = {(each.location, each.step): each.carbon_gco2e_per_kwh / JOULES_PER_KWH for each in scenario.carbon}
    return _whole(scenario, rows, "carbon.csv")


def price_per_joule(scenario: Scenario) -> Series:
    """Price in USD/J, signed.

    Raises:
        ScenarioError: a location or step has none.
    """
    rows = {
        (each.location, each.step): each.price_usd_per_mwh / KWH_PER_MWH / JOULES_PER_KWH for each in scenario.prices
    }
    return _whole(scenario, rows, "prices.csv")


def _whole(scenario: Scenario, rows: Series, file: str) -> Series:
    if not rows:
        raise ScenarioError(f"{file} is needed for the objective, and there is none")
    for location in scenario.locations:
        for step in range(scenario.steps):
            if (location.name, step) not in rows:
                raise ScenarioError(f"{file}: no row for location {location.name!r}, step {step}")
    return rows
