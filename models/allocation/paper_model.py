"""The published program in Pyomo: one function a constraint."""

from collections.abc import Sequence

import pyomo.environ as pyo
from pyomo.core.expr.numeric_expr import LinearExpression

from models.allocation.paper import PaperProgram

_Term = tuple[float, object]
"""A coefficient and a variable."""


def build_paper(program: PaperProgram) -> pyo.ConcreteModel:
    """Minimise Σ_{n,r,m,t} e[n,t]·P̃[q,r,m]·Δt·x[n,r,m] for one partition; `x[i]` is `program.columns[i]`."""
    model = _with_demand(program)
    takers = _takers(model, program)
    model.stock = pyo.Constraint(sorted(takers), rule=lambda m, n, c: stock_rule(program, takers[n, c], n, c))
    costs = [(each.cost, model.x[i]) for i, each in enumerate(program.columns)]
    model.objective = pyo.Objective(expr=_sum(costs))
    return model


def build_shortage(program: PaperProgram) -> pyo.ConcreteModel:
    """Minimise Σ_{n,c} extra[n,c]: how many GPUs more would make the program feasible, at best."""
    model = _with_demand(program)
    takers = _takers(model, program)
    model.extra = pyo.Var(sorted(program.stock), domain=pyo.NonNegativeReals)
    model.stock = pyo.Constraint(
        sorted(takers), rule=lambda m, n, c: stock_rule(program, takers[n, c], n, c, extra=m.extra[n, c])
    )
    model.objective = pyo.Objective(expr=sum(model.extra.values()))
    return model


def _with_demand(program: PaperProgram) -> pyo.ConcreteModel:
    model = pyo.ConcreteModel()
    model.x = pyo.Var(range(len(program.columns)), domain=pyo.NonNegativeIntegers)
    servers: dict[str, list[_Term]] = {r: [] for r, rate in sorted(program.demand_rps.items()) if rate > 0}
    for i, each in enumerate(program.columns):
        if each.request_class in servers and each.capacity_rps:
            servers[each.request_class].append((each.capacity_rps, model.x[i]))
    model.demand = pyo.Constraint(list(servers), rule=lambda _, r: demand_rule(program, servers[r], r))
    return model


def demand_rule(program: PaperProgram, servers: Sequence[_Term], request_class: str) -> object:
    """Σ_{n,m} L̄[q,r,m]·x[n,r,m] >= α·max_t L̃[q,r,t], req/s, for every class r with demand."""
    return _sum(servers) >= program.demand_rps[request_class]


def stock_rule(
    program: PaperProgram, takers: Sequence[_Term], location: str, gpu_type: str, extra: "pyo.Expression | int" = 0
) -> object:
    """Σ_{r,m} G[m,c]·x[n,r,m] <= Ḡ[n,c] (+ extra), GPUs, for every location n and GPU type c that some mode takes."""
    return _sum(takers) <= program.stock[location, gpu_type] + extra


def _takers(model: pyo.ConcreteModel, program: PaperProgram) -> dict[tuple[str, str], list[_Term]]:
    """GPUs of each type that an instance takes, by location and type: one pass, however many rows there are."""
    found: dict[tuple[str, str], list[_Term]] = {}
    for i, each in enumerate(program.columns):
        for kind, gpus in each.gpus:
            found.setdefault((each.location, kind), []).append((float(gpus), model.x[i]))
    return found


def _sum(terms: Sequence[_Term]) -> LinearExpression:
    """Σ coefficient·variable."""
    coefficients, variables = zip(*terms, strict=True) if terms else ((), ())
    return LinearExpression(constant=0, linear_coefs=list(coefficients), linear_vars=list(variables))
