"""Amounts of the objective for people: its unit, and numbers of three digits with it."""

from models.domain.scenario import Objective, Scenario

_LARGE = {"J": ((1e9, "GJ"), (1e6, "MJ"), (1e3, "kJ")), "gCO2e": ((1e6, "tCO2e"), (1e3, "kgCO2e"))}
"""Units to write large amounts in, largest first."""

_WORDS = {
    "carbon": "carbon",
    "energy": "energy",
    "cost": "cost",
    "weights": "a weighted sum of carbon, energy and cost",
}


def objective_unit(scenario: Scenario) -> str:
    """Unit of the objective, per epoch."""
    name = scenario.objective.name
    if name == "carbon":
        return "gCO2e" if scenario.carbon_signal.unit == "gco2e_per_kwh" else "carbon units"
    return "J" if name == "energy" else "USD"


def objective_words(objective: Objective) -> str:
    """What is minimised."""
    return _WORDS.get(objective.name, objective.name)


def amount(value: float, unit: str) -> str:
    """A number of three digits with its unit: `12.3 gCO2e`, `1.85 MJ`, `0.0042 USD`."""
    for size, name in _LARGE.get(unit, ()):
        if abs(value) >= size:
            return f"{plain(value / size)} {name}"
    return f"{plain(value)} {unit}"


def plain(value: float) -> str:
    """Three digits, without an exponent for what people meet."""
    if value and not 1e-4 <= abs(value) < 1e6:
        return f"{value:.2e}"
    rounded = float(f"{value:.3g}")
    return f"{rounded:.0f}" if abs(rounded) >= 100 else f"{rounded:g}"
