"""The promises that a scenario makes and that may cost something, each with the scenario without it."""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

from models.domain.allocation import AllocationResult
from models.domain.scenario import Scenario, Survive


@dataclass(frozen=True)
class Promise:
    """One promise.

    Attributes:
        name: As `PromiseCost.promise`.
        subject: Location, tier or model that it is of; empty = all.
        words: What is promised.
        without: The scenario without it.
        same_demand: Whether the scenario without it plans for the same demand.
        keeps_exposure: Whether it has no say in what a loss may leave unserved.
    """

    name: str
    subject: str
    words: str
    without: Scenario
    same_demand: bool = True
    keeps_exposure: bool = True


def promises(scenario: Scenario) -> list[Promise]:
    """All that the scenario states and that some demand, location or tier is bound by."""
    return [
        *_survival(scenario),
        *_residency(scenario),
        *_limits(scenario),
        *_network(scenario),
        *_service_levels(scenario),
        *_demand(scenario),
    ]


def runners_up(scenario: Scenario, result: AllocationResult) -> list[Promise]:
    """The scenario without the partition that was chosen, for each model that has another."""
    found = []
    for model, chosen in sorted(result.partition.items()):
        others = {each.partition for each in scenario.profiles if each.model == model} - {chosen}
        if others:
            kept = tuple(each for each in scenario.profiles if (each.model, each.partition) != (model, chosen))
            without = dataclasses.replace(scenario, profiles=kept)
            found.append(Promise("partition", model, f"partition {chosen}", without, same_demand=False))
    return found


def _survival(scenario: Scenario) -> Iterator[Promise]:
    if scenario.survive is Survive.NONE:
        return
    loss = scenario.survive.value
    without = dataclasses.replace(scenario, survive=Survive.NONE)
    yield Promise("survive", "", f"outliving the loss of any one {loss}", without, keeps_exposure=False)
    protected = [each.name for each in scenario.tiers if each.protected]
    for name in protected if len(scenario.tiers) > 1 else ():
        tiers = (dataclasses.replace(each, protected=each.protected and each.name != name) for each in scenario.tiers)
        words = f"protecting tier {name} from the loss of a {loss}"
        yield Promise(
            "protection", name, words, dataclasses.replace(scenario, tiers=tuple(tiers)), keeps_exposure=False
        )


def _residency(scenario: Scenario) -> Iterator[Promise]:
    origins = {each.origin for each in scenario.demand if each.demand_rps > 0}
    bound = [each.name for each in scenario.locations if any(not each.allows(origin) for origin in origins)]
    for name in bound:
        served = ", ".join(scenario.location(name).allowed_origins or ()) or "nobody"
        words = f"residency at {name} (it serves {served})"
        yield Promise("residency", name, words, _with(scenario, name, allowed_origins=None))
    if len(bound) > 1:
        words = "residency at all locations together"
        yield Promise("residency", "", words, _with(scenario, None, allowed_origins=None))


def _limits(scenario: Scenario) -> Iterator[Promise]:
    for here in scenario.locations:
        if here.power_cap_w is not None:
            words = f"the power cap of {here.power_cap_w:g} W at {here.name}"
            yield Promise("power_cap", here.name, words, _with(scenario, here.name, power_cap_w=None))
        if here.max_share < 1:
            words = f"keeping {here.name} to {here.max_share:.0%} of all demand"
            yield Promise("max_share", here.name, words, _with(scenario, here.name, max_share=1.0))
    if scenario.max_changes_per_location is not None and scenario.running:
        words = f"keeping to {scenario.max_changes_per_location} changes a location"
        yield Promise("change_limit", "", words, dataclasses.replace(scenario, max_changes_per_location=None))


def _network(scenario: Scenario) -> Iterator[Promise]:
    if any(each.rtt_s.get(row.origin) for each in scenario.locations for row in scenario.demand):
        words = "counting the way over the network in latencies"
        yield Promise("network", "", words, _with(scenario, None, rtt_s={}))


def _service_levels(scenario: Scenario) -> Iterator[Promise]:
    free = tuple(
        dataclasses.replace(each, latency_s=float("inf"), ttft_s=float("inf"), tbt_s=float("inf"))
        for each in scenario.slos
    )
    yield Promise(
        "slo", "", "keeping the service levels (latency, TTFT, TBT)", dataclasses.replace(scenario, slos=free)
    )


def _demand(scenario: Scenario) -> Iterator[Promise]:
    if scenario.demand_margin > 1:
        words = f"the margin of {scenario.demand_margin:g} on demand"
        yield Promise("margin", "", words, dataclasses.replace(scenario, demand_margin=1.0), same_demand=False)
    if any(each.mean_rps is not None and each.mean_rps < each.demand_rps for each in scenario.demand):
        mean = tuple(
            each
            if each.mean_rps is None
            else dataclasses.replace(each, demand_rps=min(each.mean_rps, each.demand_rps), mean_rps=each.mean_rps)
            for each in scenario.demand
        )
        words = "planning for a high quantile of demand, not its mean"
        yield Promise("quantile", "", words, dataclasses.replace(scenario, demand=mean), same_demand=False)


def _with(scenario: Scenario, name: str | None, **changes: object) -> Scenario:
    """The scenario with one location changed, or with all."""
    locations = (
        dataclasses.replace(each, **changes) if name in (None, each.name) else each  # type: ignore[arg-type]  # fields
        for each in scenario.locations
    )
    return dataclasses.replace(scenario, locations=tuple(locations))
