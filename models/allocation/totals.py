"""Energy, carbon and cost of a solution, all power counted: instances, parked GPUs, hosts, starts, PUE."""

from collections.abc import Mapping

from models.allocation.data import ProgramData
from models.allocation.objective import start_energy_j, start_step
from models.allocation.signals import carbon_per_joule, price_per_joule
from models.allocation.solution import Solution
from models.domain.allocation import Totals
from models.domain.scenario import Scenario


def totals(data: ProgramData, solution: Solution) -> Totals:
    """What the mean demand draws over the horizon, at the meter."""
    return totals_of(data.scenario, energy_j(data, solution))


def totals_of(scenario: Scenario, energy: Mapping[tuple[str, int], float]) -> Totals:
    """Totals of energies by (location, step), J; carbon and cost signed, as their signals are, None without them."""
    carbon = carbon_per_joule(scenario) if scenario.carbon else None
    prices = price_per_joule(scenario) if scenario.prices else None
    return Totals(
        energy_j=sum(energy.values()),
        carbon_g=None if carbon is None else sum(joules * carbon[slot] for slot, joules in energy.items()),
        cost_usd=None if prices is None else sum(joules * prices[slot] for slot, joules in energy.items()),
    )


def priced(data: ProgramData, solution: Solution) -> float:
    """The objective: Σ energy[n,t]·w⁺[n,t], in g, J or USD. The program's own, term by term; shedding is not in it."""
    return sum(joules * data.signals.floored[slot] for slot, joules in energy_j(data, solution).items())


def energy_j(data: ProgramData, solution: Solution) -> dict[tuple[str, int], float]:
    """Joules at the meter by (location, step); starts in step 0, or when their machine comes."""
    watts = dict(data.fleet.base_power_w)
    for i, count in enumerate(solution.counts):
        for t in data.steps_of(data.pools[i]):
            loaded = count + (solution.staying.get(i, 0) if t < data.warm_up_steps else 0)
            watts[data.pools[i].location, t] += loaded * data.power[i].idle_extra_w
    for (s, i, t), rate in solution.flows.items():
        mean_rps = rate * data.mean_share[data.streams[s], t]
        watts[data.pools[i].location, t] += mean_rps * data.power[i].joules_per_request
    energy = {slot: power_w * data.scenario.step_s for slot, power_w in watts.items()}
    for h, (place, pools) in enumerate(data.places.items()):
        if solution.started.get(h):
            energy[place[0], start_step(data, place)] += solution.started[h] * start_energy_j(data, pools)
    return {(n, t): joules * data.locations[n].pue for (n, t), joules in energy.items()}
