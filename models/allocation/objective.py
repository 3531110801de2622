"""The objective of the full program: all power that is drawn, weighted by the signal, and the starts."""

import pyomo.environ as pyo

from models.allocation.data import ProgramData
from models.allocation.fleet import Place
from models.allocation.variables import linear


def add_objective(model: pyo.ConcreteModel, data: ProgramData) -> None:
    """Minimise the sum of idle, load, base and start terms, in g, J or USD per epoch; shedding is not in it.

    Σ_t Δt·w⁺[n,t]·PUE[n]·(Σ P0·x + Σ (P1 - P0)/L·f̄ + Σ_c Ppark·(Ḡ - ΣG·x) + Phost·hosts)
    + Σ up·E_start·w⁺[n,0]·PUE[n]
    """
    terms = idle_terms(model, data) + load_terms(model, data)
    if data.fleet.running_known:
        terms += start_terms(model, data)
    model.objective = pyo.Objective(expr=linear(terms, constant=base_cost(data)), sense=pyo.minimize)


def joule_cost(data: ProgramData, location: str, step: int) -> float:
    """w⁺[n,t]·PUE[n]: objective units for one joule at the GPUs."""
    return data.signals.floored[location, step] * data.locations[location].pue


def idle_terms(model: pyo.ConcreteModel, data: ProgramData) -> list[tuple[float, object]]:
    """Σ_t Δt·w⁺·PUE·(P0 - parked)·x for each pool, and for the instances that stay while others start."""
    terms = []
    for i, pool in enumerate(data.pools):
        costs = {t: joule_cost(data, pool.location, t) for t in data.steps_of(pool)}
        extra_j = data.power[i].idle_extra_w * data.scenario.step_s
        terms.append((sum(costs.values()) * extra_j, model.x[i]))
        if data.fleet.running_known and i in model.staying:
            warm_up = (each for t, each in costs.items() if t < data.warm_up_steps)
            terms.append((sum(warm_up) * extra_j, model.staying[i]))
    return terms


def load_terms(model: pyo.ConcreteModel, data: ProgramData) -> list[tuple[float, object]]:
    """Δt·w⁺·PUE·(P1 - P0)/L·f̄ for each flow, f̄ = f·λ̄/(α·λ): energy follows the mean, capacity the quantile."""
    return [
        (
            joule_cost(data, data.pools[i].location, t)
            * data.scenario.step_s
            * data.power[i].joules_per_request
            * data.mean_share[data.streams[s], t],
            each,
        )
        for (s, i, t), each in model.f.items()
    ]


def start_terms(model: pyo.ConcreteModel, data: ProgramData) -> list[tuple[float, object]]:
    """up[n,h]·E_start[h]·w⁺[n,0]·PUE[n]; the dearest mode of h counts. What comes later starts when it comes."""
    return [
        (start_energy_j(data, pools) * joule_cost(data, place[0], start_step(data, place)), model.up[h])
        for h, (place, pools) in enumerate(data.places.items())
    ]


def start_energy_j(data: ProgramData, pools: list[int]) -> float:
    """E_start of a place, joules at the GPUs."""
    return max((data.modes[data.pools[i].mode].startup_energy_j for i in pools), default=0.0)


def start_step(data: ProgramData, place: Place) -> int:
    """Step in which an instance of a place starts."""
    return data.fleet.window(place[0], place[1]).start


def base_cost(data: ProgramData) -> float:
    """Σ_{n,t} Δt·w⁺·PUE·(every GPU parked, every host on): what no allocation avoids."""
    return sum(
        joule_cost(data, location, t) * watts * data.scenario.step_s
        for (location, t), watts in data.fleet.base_power_w.items()
    )
