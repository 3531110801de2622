"""The constraints of the full program, put together: one function each, its formula in the docstring.

Those on stock, on changes and on losses have files of their own, `stock`, `changes` and `survive`.

n location, a model, q partition, r class, m mode, h = (model, GPUs), c GPU type, t step, o origin, k tier; a pool is
(n, a, q, r, m), a stream (a, q, r, o, k). Every row has a key: its family, and what it is the row of.
"""

from collections.abc import Iterator

import pyomo.environ as pyo

from models.allocation.changes import change_limit, changes, room_for_stays, starts, stays
from models.allocation.data import ProgramData
from models.allocation.stock import fit, stock
from models.allocation.survive import survive
from models.allocation.variables import Terms, demand_terms, linear

Row = tuple[tuple[object, ...], object]
"""Key and relation."""


def add_constraints(model: pyo.ConcreteModel, data: ProgramData) -> None:
    """All that the scenario asks for; `model.rows` by key."""
    model.rows = pyo.Constraint(pyo.Any)
    families = [capacity, demand, one_partition, links, stock, fit, fairness, total_shed, shares, power_caps, survive]
    if data.fleet.running_known:
        families += [changes, starts, stays, room_for_stays, change_limit]
    for family in families:
        for key, row in family(model, data):
            model.rows[key] = row


def capacity(model: pyo.ConcreteModel, data: ProgramData) -> Iterator[Row]:
    """Σ_{o,k} f[n,a,q,r,m,o,k,t] <= L·(x - starting + staying)[n,a,q,r,m], req/s, for every pool and step t.

    starting counts while t·Δt < K[m], staying while anything may still be starting.
    """
    flows: dict[tuple[int, int], Terms] = {}
    for s, i, t in model.f:
        flows.setdefault((i, t), []).append((1.0, model.f[s, i, t]))
    for (i, t), terms in flows.items():
        capacity_rps = data.capacity_rps[i]
        row = [*terms, (-capacity_rps, model.x[i])]
        if data.fleet.running_known and i in model.starting and t < data.late_until(data.pools[i]):
            row.append((capacity_rps, model.starting[i]))
        if data.fleet.running_known and i in model.staying and t < data.warm_up_steps:
            row.append((-capacity_rps, model.staying[i]))
        yield ("capacity", i, t), linear(row) <= 0


def demand(model: pyo.ConcreteModel, data: ProgramData) -> Iterator[Row]:
    """Σ_{n,m} f[n,a,q,r,m,o,k,t] + shed[a,q,r,o,k,t] = α·λ[a,q,r,o,k,t]·y[a,q], req/s, for every stream and step."""
    for s, t in model.shed:
        stream = data.streams[s]
        terms = [(1.0, model.f[s, i, t]) for i in data.arcs[stream] if (s, i, t) in model.f]
        chosen, constant = demand_terms(model, stream.model, stream.partition, data.demand_rps[stream, t])
        row = [*terms, (1.0, model.shed[s, t]), *((-rate, y) for rate, y in chosen)]
        yield ("demand", s, t), linear(row) == constant


def one_partition(model: pyo.ConcreteModel, data: ProgramData) -> Iterator[Row]:
    """Σ_q y[a,q] = 1 for every model a that has a choice."""
    for name, partitions in data.candidates.items():
        if len(partitions) > 1:
            yield ("one_partition", name), linear([(1.0, model.y[name, q]) for q in partitions]) == 1


def links(model: pyo.ConcreteModel, data: ProgramData) -> Iterator[Row]:
    """x[n,a,q,r,m] <= (Ḡ/G)·y[a,q]: no instance of a partition that is not chosen."""
    for i, pool in enumerate(data.pools):
        if (pool.model, pool.partition) in model.y:
            most = float(data.most(pool))
            yield ("links", i), linear([(1.0, model.x[i]), (-most, model.y[pool.model, pool.partition])]) <= 0


def fairness(model: pyo.ConcreteModel, data: ProgramData) -> Iterator[Row]:
    """shed_price[k]·shed[a,q,r,o,k,t] <= worst·α·λ for every stream and step: worst is the largest fraction."""
    prices = {each.name: each.shed_price for each in data.scenario.tiers}
    for s, t in model.shed:
        stream = data.streams[s]
        if prices[stream.tier] > 0:
            terms = [(prices[stream.tier], model.shed[s, t]), (-data.demand_rps[stream, t], model.worst)]
            yield ("fairness", s, t), linear(terms) <= 0


def total_shed(model: pyo.ConcreteModel, data: ProgramData) -> Iterator[Row]:
    """Σ shed[a,q,r,o,k,t] = total, req/s summed over steps."""
    if data.streams:
        yield ("total_shed",), linear([*((1.0, each) for each in model.shed.values()), (-1.0, model.total)]) == 0


def shares(model: pyo.ConcreteModel, data: ProgramData) -> Iterator[Row]:
    """Σ f[n,·,t] <= max_share[n]·Σ α·λ[·,t]·y, req/s, over all models, where a share is limited."""
    for location in data.scenario.locations:
        if location.max_share >= 1:
            continue
        for t in range(data.scenario.steps):
            terms = _flows_at(model, data, location.name, t)
            limit = 0.0
            for (stream, step), rate in data.demand_rps.items():
                if step == t:
                    chosen, constant = demand_terms(model, stream.model, stream.partition, location.max_share * rate)
                    terms += [(-share, y) for share, y in chosen]
                    limit += constant
            if terms:
                yield ("shares", location.name, t), linear(terms) <= limit


def power_caps(model: pyo.ConcreteModel, data: ProgramData) -> Iterator[Row]:
    """PUE·(base + Σ (P0 - parked)·(x + staying) + Σ (P1 - P0)/L·f)[n,t] <= cap[n], watts, where there is a cap.

    f is the planned flow, a high quantile and not the mean; base is every GPU parked and every host on.
    """
    for location in data.scenario.locations:
        if location.power_cap_w is None:
            continue
        for t in range(data.scenario.steps):
            terms: Terms = [
                (data.power[i].joules_per_request, each)
                for (_, i, step), each in model.f.items()
                if step == t and data.pools[i].location == location.name
            ]
            for i, pool in enumerate(data.pools):
                if pool.location == location.name and t in data.steps_of(pool):
                    terms += [(data.power[i].idle_extra_w, each) for each in _loaded(model, data, i, t)]
            cap_w = location.power_cap_w / location.pue - data.fleet.base_power_w[location.name, t]
            if terms:
                yield ("power_caps", location.name, t), linear(terms) <= cap_w


def _flows_at(model: pyo.ConcreteModel, data: ProgramData, location: str, t: int) -> Terms:
    return [(1.0, each) for (_, i, step), each in model.f.items() if step == t and data.pools[i].location == location]


def _loaded(model: pyo.ConcreteModel, data: ProgramData, i: int, t: int) -> list[object]:
    """Variables that count instances of pool i holding their GPUs in step t."""
    if data.fleet.running_known and t < data.warm_up_steps and i in model.staying:
        return [model.x[i], model.staying[i]]
    return [model.x[i]]
