"""What a scenario may ask that no allocation, or this form, can give: refused, or said in a note; never silent."""

from collections.abc import Iterator

from freesh_plugin.core.errors import AllocationError, ScenarioError
from models.allocation.fleet import Fleet
from models.domain.scenario import Scenario, Survive


def check_program(scenario: Scenario, formulation: str) -> None:
    """Refuse what cannot be planned at all.

    Raises:
        AllocationError: several models in the published form; a start outlasts the horizon; a power cap is below
            what parked GPUs and hosts draw.
        ScenarioError: the full form needs watts of a parked GPU type that the scenario does not state.
    """
    if len(scenario.models) > 1 and formulation == "paper":
        names = ", ".join(scenario.models)
        raise AllocationError(
            f"{len(scenario.models)} models share the fleet ({names}); the published form knows 1, the full form any"
        )
    if formulation == "full":
        _check_parked(scenario)
        _check_starts(scenario)
        _check_caps(scenario)


def _check_parked(scenario: Scenario) -> None:
    for location in scenario.locations:
        for gpu_type, count in location.gpus.items():
            if count and gpu_type not in location.parked_power_w:
                raise ScenarioError(
                    f"scenario.yaml, location {location.name!r}: parked_power_w of {gpu_type!r} is not stated;"
                    " the full form counts parked GPUs"
                )


def _check_starts(scenario: Scenario) -> None:
    horizon_s = scenario.steps * scenario.step_s
    for mode in scenario.modes:
        if scenario.running and mode.startup_s > horizon_s - scenario.step_s:
            raise AllocationError(
                f"scenario.yaml, mode {mode.name!r}: startup_s {mode.startup_s:g} s leaves no step to serve in;"
                f" the limit is {horizon_s - scenario.step_s} s (horizon {horizon_s} s)"
            )


def _check_caps(scenario: Scenario) -> None:
    """What is drawn whatever runs must be within the cap in every step, machines that come or go included."""
    base_w = Fleet.of(scenario).base_power_w
    for location in scenario.locations:
        if location.power_cap_w is None:
            continue
        idle_w = location.pue * max(base_w[location.name, t] for t in range(scenario.steps))
        if idle_w > location.power_cap_w:
            raise AllocationError(
                f"scenario.yaml, location {location.name!r}: power_cap_w {location.power_cap_w:g} W is below the"
                f" {idle_w:g} W that its parked GPUs and hosts draw"
            )


def paper_notes(scenario: Scenario) -> tuple[str, ...]:
    """What the scenario asks for and the published form does not know, in sentences."""
    return tuple(f"The published form does not know {each}: not considered." for each in _beyond_paper(scenario))


def _beyond_paper(scenario: Scenario) -> Iterator[str]:
    if any(each.allowed_origins is not None for each in scenario.locations):
        yield "residency (allowed_origins)"
    if any(each.rtt_s for each in scenario.locations):
        yield "network latency (rtt_s)"
    if any(each.max_share < 1 for each in scenario.locations):
        yield "max_share"
    if any(each.power_cap_w is not None for each in scenario.locations):
        yield "power_cap_w"
    if scenario.max_changes_per_location is not None:
        yield "max_changes_per_location"
    if scenario.machines:
        yield "machines and when they are available (machines.csv)"
    if scenario.survive is not Survive.NONE:
        yield f"survive: {scenario.survive.value}"


def full_notes(scenario: Scenario) -> tuple[str, ...]:
    """What the scenario asks for and this release does not keep, and what is assumed, in sentences."""
    return tuple(_unkept(scenario))


def _unkept(scenario: Scenario) -> Iterator[str]:
    if scenario.max_changes_per_location is not None and not scenario.running:
        yield "max_changes_per_location is not applied: what runs now is not known (no running instances given)."
    assumed = sum(each.idle_assumed for each in scenario.profiles)
    if assumed:
        yield f"Idle power of {assumed} of {len(scenario.profiles)} profiles is assumed, not measured."
    modelled = sum(each.modelled for each in scenario.profiles)
    if modelled:
        yield f"{modelled} of {len(scenario.profiles)} profiles are modelled from token-level tables, not measured."
    if scenario.objective.name == "weights" and scenario.objective.carbon and scenario.carbon_signal.unit == "as given":
        yield "The carbon signal's unit is not stated: its weight is applied as if it were g/kWh."
