"""Energy, carbon and cost of instances under a load, all power counted: idle, load, parked, hosts, PUE. Modelled."""

from collections import Counter
from collections.abc import Iterable

from freesh_plugin.core.errors import ScenarioError
from freesh_plugin.core.plan import Footprint
from models.allocation.load import Load, PoolKey
from models.allocation.machines import machine_gpus
from models.allocation.pairs import Pairs
from models.allocation.signals import Series, carbon_per_joule, price_per_joule
from models.domain.allocation import InstanceCount, Totals
from models.domain.scenario import Scenario


def footprint(scenario: Scenario, pairs: Pairs, instances: Iterable[InstanceCount], load: Load) -> Footprint:
    """Footprint of one epoch: sum over n, t of Δt·PUE·(P0·x + (P1 - P0)/L·f + parked + hosts), no starts.

    GPUs that no instance holds are parked; every machine's host is on. Carbon and cost are signed sums, and null
    where the signal is missing or (carbon) its unit is not grams.
    """
    fixed_w = location_power_w(scenario, pairs, instances, at_full_load=False)
    energy_j = {
        (location.name, step): scenario.step_s * location.pue * fixed_w[location.name]
        for location in scenario.locations
        for step in range(scenario.steps)
    }
    for (pool, step), rps in load.items():
        energy_j[pool.location, step] += (
            scenario.step_s * pairs.location(pool.location).pue * _joules_per_request(pairs, pool) * rps
        )
    return Footprint(
        energy_j=sum(energy_j.values()),
        carbon_g=_weighted(energy_j, carbon_signal(scenario)),
        cost_usd=_weighted(energy_j, price_signal(scenario)),
    )


def of_totals(scenario: Scenario, totals: Totals) -> Footprint:
    """The allocation's own totals as a footprint; a number whose signal is missing is null."""
    return Footprint(
        energy_j=totals.energy_j,
        carbon_g=totals.carbon_g if carbon_signal(scenario) is not None else None,
        cost_usd=totals.cost_usd if price_signal(scenario) is not None else None,
    )


def location_power_w(
    scenario: Scenario, pairs: Pairs, instances: Iterable[InstanceCount], *, at_full_load: bool
) -> dict[str, float]:
    """Watts by location, before PUE: instances (all idle or all at full load), parked GPUs and hosts."""
    machines = machine_gpus(scenario)
    parked = {name: sum((Counter(gpus) for gpus in here.values()), Counter()) for name, here in machines.items()}
    power_w = {each.name: each.host_power_w * len(machines[each.name]) for each in scenario.locations}
    for each in instances:
        profile = pairs.profile(each.model, each.request_class, each.mode)
        power_w[each.location] += each.count * (profile.full_power_w if at_full_load else profile.idle_power_w)
        gpus = pairs.gpus[each.mode]
        parked[each.location].subtract({kind: each.count * number for kind, number in gpus.items()})
    for location in scenario.locations:
        power_w[location.name] += sum(
            number * location.parked_power_w.get(kind, 0.0) for kind, number in parked[location.name].items()
        )
    return power_w


def carbon_signal(scenario: Scenario) -> Series | None:
    """Carbon intensity in g/J; None when it is missing anywhere or its unit is not stated."""
    if scenario.carbon_signal.unit == "as given":
        return None
    try:
        return carbon_per_joule(scenario)
    except ScenarioError:
        return None


def price_signal(scenario: Scenario) -> Series | None:
    """Price in USD/J; None when it is missing anywhere."""
    try:
        return price_per_joule(scenario)
    except ScenarioError:
        return None


def _joules_per_request(pairs: Pairs, pool: PoolKey) -> float:
    profile = pairs.profile(pool.model, pool.request_class, pool.mode)
    return (profile.full_power_w - profile.idle_power_w) / profile.capacity_rps


def _weighted(energy_j: dict[tuple[str, int], float], signal: Series | None) -> float | None:
    if signal is None:
        return None
    return sum(joules * signal[slot] for slot, joules in energy_j.items())
