"""Cover: that the instances of a class come to its demand, whoever serves whom; the program without flows."""

from collections.abc import Callable, Iterator, Sequence

import pyomo.environ as pyo

from models.allocation.data import ProgramData
from models.allocation.objective import joule_cost
from models.allocation.variables import Terms, demand_terms

Kind = tuple[str, str, str]
"""(model, partition, class)."""


def cover_rows(
    model: pyo.ConcreteModel, data: ProgramData, column_of: Callable[[object], int | None]
) -> Iterator[tuple[dict[int, float], float]]:
    """Σ_i L·(x - starting + staying) + Σ_s shed >= Σ_s α·λ·y, req/s, for every class and step.

    Every allocation keeps it: it is the sum of the rows of capacity and demand.

    Returns:
        Coefficients by column, and the least that they must come to.
    """
    classes: dict[Kind, list[int]] = {}
    for s, stream in enumerate(data.streams):
        classes.setdefault((stream.model, stream.partition, stream.request_class), []).append(s)
    for kind, streams in classes.items():
        for t in range(data.scenario.steps):
            asked = sum(data.demand_rps.get((data.streams[s], t), 0.0) for s in streams)
            if asked > 0:
                chosen, constant = demand_terms(model, kind[0], kind[1], asked)
                terms = [*_serving(model, data, streams, t), *((-rate, y) for rate, y in chosen)]
                by_column = ((column_of(variable), each) for each, variable in terms)
                yield {column: each for column, each in by_column if column is not None}, constant


def _serving(model: pyo.ConcreteModel, data: ProgramData, streams: Sequence[int], t: int) -> Terms:
    able = sorted({i for s in streams for i in data.arcs[data.streams[s]] if t in data.steps_of(data.pools[i])})
    terms: Terms = [(data.capacity_rps[i], model.x[i]) for i in able]
    terms += [(1.0, model.shed[s, t]) for s in streams if (s, t) in model.shed]
    if data.fleet.running_known:
        late = [i for i in able if i in model.starting and t < data.late_until(data.pools[i])]
        terms += [(-data.capacity_rps[i], model.starting[i]) for i in late]
        if t < data.warm_up_steps:
            terms += [(data.capacity_rps[i], model.staying[i]) for i in able if i in model.staying]
    return terms


def load_cost(data: ProgramData, i: int) -> float:
    """Objective units of an instance's load, over the horizon, if all of its class's instances are loaded alike.

    That is as full in each step as the class's demand is, compared with its peak.
    """
    pool = data.pools[i]
    asked, mean = [0.0] * data.scenario.steps, [0.0] * data.scenario.steps
    for stream in data.streams:
        if (stream.model, stream.partition, stream.request_class) == (pool.model, pool.partition, pool.request_class):
            for t in range(data.scenario.steps):
                rate = data.demand_rps.get((stream, t), 0.0)
                asked[t] += rate
                mean[t] += rate * data.mean_share.get((stream, t), 0.0)
    peak = max(asked)
    watts = data.power[i].joules_per_request * data.capacity_rps[i]
    return sum(
        joule_cost(data, pool.location, t) * data.scenario.step_s * watts * mean[t] / peak
        for t in data.steps_of(pool)
        if peak > 0
    )
