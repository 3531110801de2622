"""The variables of the full program, in Pyomo."""

import pyomo.environ as pyo
from pyomo.core.expr.numeric_expr import LinearExpression

from models.allocation.data import ProgramData

Terms = list[tuple[float, object]]
"""Coefficients and their variables."""


def linear(terms: Terms, constant: float = 0.0) -> LinearExpression:
    """Σ coefficient·variable + constant."""
    return LinearExpression(
        constant=constant, linear_coefs=[each for each, _ in terms], linear_vars=[each for _, each in terms]
    )


def add_variables(model: pyo.ConcreteModel, data: ProgramData) -> None:
    """Declare them.

    x[i]: instances of pool i, whole. y[a,q]: whether model a takes partition q, where it has a choice.
    f[s,i,t]: planned req/s of stream s that pool i serves in step t. shed[s,t]: planned req/s of stream s that nobody
    serves. worst: largest weighted shed fraction. total: Σ shed. exposed: what losses would leave unserved.
    Where what runs is known: up[h], down[h]: instances of place h (location, machine, hardware) started and stopped;
    starting[i]: instances of pool i that start and do not serve until they are ready; staying[i]: instances that are
    to stop, and still serve their old class i until the starts are done.
    """
    model.x = pyo.Var(range(len(data.pools)), domain=pyo.NonNegativeIntegers)
    for i, pool in enumerate(data.pools):
        model.x[i].setub(data.most(pool))
    model.y = pyo.Var(sorted(data.open_choices), domain=pyo.Binary)
    flows = [
        (s, i, t)
        for s, stream in enumerate(data.streams)
        for i in data.arcs[stream]
        for t in data.steps_of(data.pools[i])
        if (stream, t) in data.demand_rps
    ]
    model.f = pyo.Var(flows, domain=pyo.NonNegativeReals)
    slots = [(s, t) for s in range(len(data.streams)) for t in _steps(data, s)]
    model.shed = pyo.Var(slots, domain=pyo.NonNegativeReals)
    for s, t in slots:
        model.shed[s, t].setub(data.demand_rps[data.streams[s], t])
    model.worst = pyo.Var(domain=pyo.NonNegativeReals)
    model.total = pyo.Var(domain=pyo.NonNegativeReals)
    model.exposed = pyo.Var(domain=pyo.NonNegativeReals)
    if data.fleet.running_known:
        _add_changes(model, data)


def demand_terms(model: pyo.ConcreteModel, model_name: str, partition: str, rate: float) -> tuple[Terms, float]:
    """A rate of a partition's demand as terms and a constant: it counts only if the partition is chosen."""
    if (model_name, partition) in model.y:
        return [(rate, model.y[model_name, partition])], 0.0
    return [], rate


def _steps(data: ProgramData, s: int) -> list[int]:
    return [t for t in range(data.scenario.steps) if (data.streams[s], t) in data.demand_rps]


def _add_changes(model: pyo.ConcreteModel, data: ProgramData) -> None:
    model.up = pyo.Var(range(len(data.places)), domain=pyo.NonNegativeReals)
    model.down = pyo.Var(range(len(data.places)), domain=pyo.NonNegativeReals)
    # Beside a mode that starts slowly, one of the same GPUs may start at once: the start is then its own.
    late = [
        i for pools in data.places.values() if any(data.late_steps(data.pools[j].mode) for j in pools) for i in pools
    ]
    model.starting = pyo.Var(late, domain=pyo.NonNegativeIntegers)
    staying = sorted(data.standing_labels) if data.warm_up_steps else []
    model.staying = pyo.Var(staying, domain=pyo.NonNegativeIntegers)
    for i in staying:
        model.staying[i].setub(data.standing_labels[i])
