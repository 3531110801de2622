"""The published program in Pyomo: one function a constraint."""

from collections.abc import Mapping

import pyomo.environ as pyo
from pyomo.core.expr.numeric_expr import LinearExpression

from models.allocation.paper import PaperProgram


def build_paper(program: PaperProgram) -> pyo.ConcreteModel:
    """Minimise Σ_{n,r,m,t} e[n,t]·P̃[q,r,m]·Δt·x[n,r,m] for one partition; `x[i]` is `program.columns[i]`."""
    model = _with_demand(program)
    model.stock = pyo.Constraint(sorted(program.stock), rule=lambda m, n, c: stock_rule(m, program, n, c))
    model.objective = pyo.Objective(expr=_sum(model, {i: each.cost for i, each in enumerate(program.columns)}))
    return model


def build_shortage(program: PaperProgram) -> pyo.ConcreteModel:
    """Minimise Σ_{n,c} extra[n,c]: how many GPUs more would make the program feasible, at best."""
    model = _with_demand(program)
    model.extra = pyo.Var(sorted(program.stock), domain=pyo.NonNegativeReals)
    model.stock = pyo.Constraint(
        sorted(program.stock), rule=lambda m, n, c: stock_rule(m, program, n, c, extra=m.extra[n, c])
    )
    model.objective = pyo.Objective(expr=sum(model.extra.values()))
    return model


def _with_demand(program: PaperProgram) -> pyo.ConcreteModel:
    model = pyo.ConcreteModel()
    model.x = pyo.Var(range(len(program.columns)), domain=pyo.NonNegativeIntegers)
    wanted = sorted(r for r, rate in program.demand_rps.items() if rate > 0)
    model.demand = pyo.Constraint(wanted, rule=lambda m, r: demand_rule(m, program, r))
    return model


def demand_rule(model: pyo.ConcreteModel, program: PaperProgram, request_class: str) -> object:
    """Σ_{n,m} L̄[q,r,m]·x[n,r,m] >= α·max_t L̃[q,r,t], req/s, for every class r with demand."""
    terms = {
        i: each.capacity_rps
        for i, each in enumerate(program.columns)
        if each.request_class == request_class and each.capacity_rps
    }
    return _sum(model, terms) >= program.demand_rps[request_class]


def stock_rule(
    model: pyo.ConcreteModel, program: PaperProgram, location: str, gpu_type: str, extra: "pyo.Expression | int" = 0
) -> object:
    """Σ_{r,m} G[m,c]·x[n,r,m] <= Ḡ[n,c] (+ extra), GPUs, for every location n and GPU type c."""
    terms = {
        i: count
        for i, each in enumerate(program.columns)
        if each.location == location
        for kind, count in each.gpus
        if kind == gpu_type
    }
    return _sum(model, terms) <= program.stock[location, gpu_type] + extra if terms else pyo.Constraint.Skip


def _sum(model: pyo.ConcreteModel, terms: Mapping[int, float]) -> LinearExpression:
    return LinearExpression(constant=0, linear_coefs=list(terms.values()), linear_vars=[model.x[i] for i in terms])
