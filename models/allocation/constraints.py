"""The constraints of the full program: one function each, its formula in the docstring.

n location, r class, m mode, h = (model, GPUs), c GPU type, t step, o origin, k tier; a pool is (n, r, m), a stream
(r, o, k). One model and one partition at a time.
"""

from collections.abc import Iterator

import pyomo.environ as pyo

from models.allocation.data import ProgramData
from models.allocation.variables import linear


def add_constraints(model: pyo.ConcreteModel, data: ProgramData) -> None:
    """All that the scenario asks for."""
    model.rows = pyo.ConstraintList()
    families = [capacity, demand, stock, fit, fairness, total_shed, shares, power_caps]
    if data.fleet.running_known:
        families += [changes, starts, stays, room_for_stays, change_limit]
    for family in families:
        for row in family(model, data):
            model.rows.add(row)


def capacity(model: pyo.ConcreteModel, data: ProgramData) -> Iterator[object]:
    """Σ_{o,k} f[n,r,m,o,k,t] <= L[r,m]·(x - starting + staying)[n,r,m], req/s, for every pool and step t.

    starting counts while t·Δt < K[m], staying while anything may still be starting.
    """
    flows: dict[tuple[int, int], list[tuple[float, object]]] = {}
    for s, i, t in model.f:
        flows.setdefault((i, t), []).append((1.0, model.f[s, i, t]))
    for (i, t), terms in flows.items():
        capacity_rps = data.profiles[data.pools[i]].capacity_rps
        row = [*terms, (-capacity_rps, model.x[i])]
        if t < data.late_steps(data.pools[i].mode):
            row.append((capacity_rps, model.starting[i]))
        if t < data.warm_up_steps and i in model.staying:
            row.append((-capacity_rps, model.staying[i]))
        yield linear(row) <= 0


def demand(model: pyo.ConcreteModel, data: ProgramData) -> Iterator[object]:
    """Σ_{n,m} f[n,r,m,o,k,t] + shed[r,o,k,t] = α·λ[r,o,k,t], req/s, for every stream and step."""
    for s, t in model.shed:
        stream = data.streams[s]
        terms = [(1.0, model.f[s, i, t]) for i in data.arcs[stream]]
        yield linear([*terms, (1.0, model.shed[s, t])]) == data.demand_rps[stream, t]


def stock(model: pyo.ConcreteModel, data: ProgramData) -> Iterator[object]:
    """Σ_{r,m} G[m,c]·x[n,r,m] <= Ḡ[n,c], GPUs there all horizon long, for every location n and GPU type c."""
    for (location, kind), total in sorted(data.fleet.stock.items()):
        terms = _gpus(model, data, location, kind)
        if terms:
            yield linear(terms) <= total


def fit(model: pyo.ConcreteModel, data: ProgramData) -> Iterator[object]:
    """Σ_{r,m} ⌊G[m,c]/g⌋·x[n,r,m] <= Σ_machines ⌊k/g⌋ for every size g: an instance does not span machines.

    Holds on each machine of k GPUs, hence in sum. Where sizes divide one another it is all that packing asks.
    """
    sizes = {(kind, count) for mode in data.scenario.modes for kind, count in mode.gpus.items() if count > 1}
    for location, machines in sorted(data.fleet.machines.items()):
        for kind, size in sorted(sizes):
            terms = [(float(gpus // size), model.x[i]) for i, gpus in _takers(data, location, kind) if gpus >= size]
            if terms:
                yield linear(terms) <= sum(gpus.get(kind, 0) // size for gpus in machines.values())


def fairness(model: pyo.ConcreteModel, data: ProgramData) -> Iterator[object]:
    """shed_price[k]·shed[r,o,k,t] <= worst·α·λ[r,o,k,t] for every stream and step: worst is the largest fraction."""
    prices = {each.name: each.shed_price for each in data.scenario.tiers}
    for s, t in model.shed:
        stream = data.streams[s]
        if prices[stream.tier] > 0:
            terms = [(prices[stream.tier], model.shed[s, t]), (-data.demand_rps[stream, t], model.worst)]
            yield linear(terms) <= 0


def total_shed(model: pyo.ConcreteModel, data: ProgramData) -> Iterator[object]:
    """Σ_{r,o,k,t} shed[r,o,k,t] = total, req/s summed over steps."""
    if data.streams:
        yield linear([*((1.0, each) for each in model.shed.values()), (-1.0, model.total)]) == 0


def shares(model: pyo.ConcreteModel, data: ProgramData) -> Iterator[object]:
    """Σ_{r,m,o,k} f[n,r,m,o,k,t] <= max_share[n]·Σ_{r,o,k} α·λ[r,o,k,t], req/s, where a share is limited."""
    for location in data.scenario.locations:
        if location.max_share >= 1:
            continue
        for t in range(data.scenario.steps):
            terms = [
                (1.0, each)
                for (_, i, step), each in model.f.items()
                if step == t and data.pools[i].location == location.name
            ]
            asked_rps = sum(rate for (_, step), rate in data.demand_rps.items() if step == t)
            if terms:
                yield linear(terms) <= location.max_share * asked_rps


def power_caps(model: pyo.ConcreteModel, data: ProgramData) -> Iterator[object]:
    """PUE·(base + Σ (P0 - parked)·(x + staying) + Σ (P1 - P0)/L·f)[n,t] <= cap[n], watts, where there is a cap.

    f is the planned flow, a high quantile and not the mean; base is every GPU parked and every host on.
    """
    for location in data.scenario.locations:
        if location.power_cap_w is None:
            continue
        for t in range(data.scenario.steps):
            terms = [
                (data.power[i].joules_per_request, each)
                for (_, i, step), each in model.f.items()
                if step == t and data.pools[i].location == location.name
            ]
            for i, pool in enumerate(data.pools):
                if pool.location == location.name:
                    terms += [(data.power[i].idle_extra_w, each) for each in _loaded(model, data, i, t)]
            cap_w = location.power_cap_w / location.pue - data.fleet.base_power_w[location.name, t]
            if terms:
                yield linear(terms) <= cap_w


def changes(model: pyo.ConcreteModel, data: ProgramData) -> Iterator[object]:
    """X[n,h] - X̂[n,h] = up - down, instances, with X the sum over classes and modes of h: re-labelling is free."""
    for h, (place, pools) in enumerate(data.places.items()):
        terms = [(1.0, model.x[i]) for i in pools]
        yield linear([*terms, (-1.0, model.up[h]), (1.0, model.down[h])]) == data.fleet.standing.get(place, 0)


def starts(model: pyo.ConcreteModel, data: ProgramData) -> Iterator[object]:
    """Σ_{pools of h} starting = up[n,h], and starting <= x: which instances are the ones that do not serve yet."""
    for h, pools in enumerate(data.places.values()):
        late = [i for i in pools if i in model.starting]
        if late:
            yield linear([*((1.0, model.starting[i]) for i in late), (-1.0, model.up[h])]) == 0
            yield from (linear([(1.0, model.starting[i]), (-1.0, model.x[i])]) <= 0 for i in late)


def stays(model: pyo.ConcreteModel, data: ProgramData) -> Iterator[object]:
    """Σ_{pools of h} staying <= down[n,h]: only instances that are to stop stay for a while."""
    for h, pools in enumerate(data.places.values()):
        terms = [(1.0, model.staying[i]) for i in pools if i in model.staying]
        if terms:
            yield linear([*terms, (-1.0, model.down[h])]) <= 0


def room_for_stays(model: pyo.ConcreteModel, data: ProgramData) -> Iterator[object]:
    """Σ_{r,m} G[m,c]·(x + staying) <= Ḡ[n,c], GPUs: start before stop where they allow it, else stop first."""
    for (location, kind), total in sorted(data.fleet.stock.items()):
        takers = _takers(data, location, kind)
        staying = [(float(gpus), model.staying[i]) for i, gpus in takers if i in model.staying]
        if staying:
            yield linear([*_gpus(model, data, location, kind), *staying]) <= total


def change_limit(model: pyo.ConcreteModel, data: ProgramData) -> Iterator[object]:
    """Σ_h (up + down)[n,h] <= max_changes_per_location, starts and stops, for every location n."""
    limit = data.scenario.max_changes_per_location
    if limit is None:
        return
    for location in data.scenario.locations:
        here = [h for h, (name, _) in enumerate(data.places) if name == location.name]
        if here:
            yield linear([(1.0, each) for h in here for each in (model.up[h], model.down[h])]) <= limit


def _takers(data: ProgramData, location: str, kind: str) -> list[tuple[int, int]]:
    """Pools of a location that take GPUs of a type, and how many an instance takes."""
    gpus = (
        (i, data.modes[pool.mode].gpus.get(kind, 0)) for i, pool in enumerate(data.pools) if pool.location == location
    )
    return [(i, count) for i, count in gpus if count]


def _gpus(model: pyo.ConcreteModel, data: ProgramData, location: str, kind: str) -> list[tuple[float, object]]:
    return [(float(count), model.x[i]) for i, count in _takers(data, location, kind)]


def _loaded(model: pyo.ConcreteModel, data: ProgramData, i: int, t: int) -> list[object]:
    """Variables that count instances of pool i holding their GPUs in step t."""
    if data.fleet.running_known and t < data.warm_up_steps and i in model.staying:
        return [model.x[i], model.staying[i]]
    return [model.x[i]]
