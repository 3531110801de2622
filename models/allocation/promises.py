"""What a scenario may ask that no allocation, or this form, can give: refused, or said in a note; never silent."""

from collections.abc import Iterator
from difflib import get_close_matches

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
    beyond = (f"The published form does not know {each}: not considered." for each in _beyond_paper(scenario))
    return (*beyond, *_likely_typos(scenario))


def _beyond_paper(scenario: Scenario) -> Iterator[str]:
    places = scenario.locations
    stated = {
        "residency (allowed_origins)": any(each.allowed_origins is not None for each in places),
        "network latency (rtt_s)": any(each.rtt_s for each in places),
        "max_share": any(each.max_share < 1 for each in places),
        "power_cap_w": any(each.power_cap_w is not None for each in places),
        "pue": any(each.pue != 1 for each in places),
        "host_power_w": any(each.host_power_w for each in places),
        "max_changes_per_location": scenario.max_changes_per_location is not None,
        "machines and when they are available (machines.csv)": bool(scenario.machines),
        "what runs (running.csv), nor what starting takes": bool(scenario.running),
        "power by load (power.csv)": any(each.power_levels for each in scenario.profiles),
        "tiers (their demand is added up)": len(scenario.tiers) > 1,
        f"survive: {scenario.survive.value}": scenario.survive is not Survive.NONE,
    }
    yield from (name for name, is_stated in stated.items() if is_stated)


def full_notes(scenario: Scenario) -> tuple[str, ...]:
    """What the scenario asks for and this release does not keep, and what is assumed, in sentences."""
    return (*_unkept(scenario), *_likely_typos(scenario))


def _likely_typos(scenario: Scenario) -> Iterator[str]:
    """Names that nothing answers to: no error, for stock and demand come and go, but hardly meant."""
    types = sorted({kind for each in scenario.locations for kind in each.gpus})
    for mode in scenario.modes:
        for kind in sorted(set(mode.gpus) - set(types)):
            yield f"Mode {mode.name} takes {kind} GPUs, which no location has: it is never used{_close(kind, types)}."
    origins = sorted({each.origin for each in scenario.demand})
    for location in scenario.locations:
        for origin in sorted({*location.rtt_s, *(location.allowed_origins or ())} - set(origins)):
            if close := _close(origin, origins):
                yield f"Location {location.name} names origin {origin!r}, from which there is no demand{close}."


def _close(name: str, known: list[str]) -> str:
    nearest = get_close_matches(name, known, n=1, cutoff=0.6)
    return f" (is {nearest[0]!r} meant?)" if nearest else ""


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
