"""Energy, carbon and cost of instances under a load, all power counted: idle, load, parked, hosts, PUE. Modelled."""

from collections.abc import Iterable
from typing import NamedTuple

from freesh_plugin.core.errors import ScenarioError
from freesh_plugin.core.plan import Footprint
from models.allocation.fleet import Fleet
from models.allocation.load import Load, PoolKey, pool_of
from models.allocation.pairs import Pairs
from models.allocation.signals import Series, carbon_per_joule, price_per_joule
from models.domain.allocation import InstanceCount, Totals
from models.domain.scenario import Scenario


def footprint(scenario: Scenario, pairs: Pairs, instances: Iterable[InstanceCount], load: Load) -> Footprint:
    """Footprint of one epoch: Σ_n,t Δt·PUE·(parked + hosts + Σ (P0 - parked)·x + Σ (P1 - P0)/L·f), without starts.

    Every GPU is counted, held or parked, and every host is on. Carbon and cost are signed sums, and null where the
    signal is missing or (carbon) its unit is not grams.
    """
    fleet = Fleet.of(scenario)
    power_w = dict(fleet.base_power_w)
    for each in instances:
        idle_w = power_above_parked(pairs, pool_of(each)).idle_w
        for step in fleet.window(each.location, each.machine or ""):
            power_w[each.location, step] += each.count * idle_w
    for (pool, step), rps in load.items():
        capacity_rps = pairs.profile(pool.model, pool.request_class, pool.mode).capacity_rps
        drawn = power_above_parked(pairs, pool)
        power_w[pool.location, step] += (drawn.full_w - drawn.idle_w) * rps / capacity_rps
    energy_j = {
        (name, step): watts * pairs.location(name).pue * scenario.step_s for (name, step), watts in power_w.items()
    }
    return Footprint(
        energy_j=sum(energy_j.values()),
        carbon_g=_weighted(energy_j, carbon_signal(scenario)),
        cost_usd=_weighted(energy_j, price_signal(scenario)),
    )


class Drawn(NamedTuple):
    """Watts of one instance above what its GPUs draw parked, without load and at full load, before PUE."""

    idle_w: float
    full_w: float


def power_above_parked(pairs: Pairs, pool: PoolKey) -> Drawn:
    """Power of one instance of a pool; a loaded GPU draws no less than a parked one."""
    profile = pairs.profile(pool.model, pool.request_class, pool.mode)
    parked = pairs.location(pool.location).parked_power_w
    parked_w = sum(number * parked[kind] for kind, number in pairs.gpus[pool.mode].items())
    idle_w = max(profile.idle_power_w - parked_w, 0.0)
    return Drawn(idle_w, max(profile.full_power_w - parked_w, idle_w))


def parked_power_known(scenario: Scenario) -> bool:
    """Whether the scenario says what every GPU draws parked: without it, not all power can be counted."""
    return all(
        kind in location.parked_power_w
        for location in scenario.locations
        for kind, gpus in location.gpus.items()
        if gpus
    )


def of_totals(scenario: Scenario, totals: Totals) -> Footprint:
    """The allocation's own totals as a footprint; a number whose signal is missing is null."""
    return Footprint(
        energy_j=totals.energy_j,
        carbon_g=totals.carbon_g if carbon_signal(scenario) is not None else None,
        cost_usd=totals.cost_usd if price_signal(scenario) is not None else None,
    )


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


def _weighted(energy_j: dict[tuple[str, int], float], signal: Series | None) -> float | None:
    if signal is None:
        return None
    return sum(joules * signal[slot] for slot, joules in energy_j.items())
