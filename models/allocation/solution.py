"""A solution of the full program: instances, flows, shedding, and what they come to."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from models.allocation.data import ProgramData

ROUNDING = 1e-9
"""Flows below this, in req/s, are rounding."""
TOLERANCE = 1e-5
"""To which solvers hold whole numbers whole: shedding below this share of its demand is rounding."""


class Levels(NamedTuple):
    """What is allowed: the largest weighted shed fraction, all shedding, and what losses may leave unserved.

    `total` and `exposed` are in req/s, summed over steps (and losses).
    """

    worst: float
    total: float
    exposed: float = 0.0


NONE_SHED = Levels(0.0, 0.0)


@dataclass(frozen=True)
class Solution:
    """Values of the variables of one partition's program.

    Attributes:
        counts: x, one per pool of the data.
        flows: f by (stream, pool, step), req/s.
        shed: By (stream, step), req/s.
        starting: Instances per pool that do not serve yet while t·Δt < K.
        staying: Instances per pool that are to stop, and serve on while others start.
        started: up by place.
        objective: In the objective's unit.
        levels: Shedding and exposure reached.
        partition: Chosen, by model.
        short: Protected demand that a loss would leave unserved, req/s, by group of `survive.groups`.
    """

    counts: tuple[int, ...]
    flows: Mapping[tuple[int, int, int], float]
    shed: Mapping[tuple[int, int], float]
    starting: Mapping[int, int]
    staying: Mapping[int, int]
    started: Mapping[int, int]
    objective: float
    levels: Levels
    partition: Mapping[str, str]
    short: Mapping[int, float] = field(default_factory=dict)

    def serving(self, data: ProgramData, i: int, t: int) -> int:
        """Instances of pool i that serve in step t."""
        pool = data.pools[i]
        if t not in data.steps_of(pool):
            return 0
        late = self.starting.get(i, 0) if t < data.late_until(pool) else 0
        return self.counts[i] - late + (self.staying.get(i, 0) if t < data.warm_up_steps else 0)


def reached(data: ProgramData, shed: Mapping[tuple[int, int], float], exposed: float = 0.0) -> Levels:
    """The levels that some shedding, by (stream, step), amounts to, beside what losses would leave unserved."""
    prices = {each.name: each.shed_price for each in data.scenario.tiers}
    fractions = (
        prices[data.streams[s].tier] * rate / data.demand_rps[data.streams[s], t] for (s, t), rate in shed.items()
    )
    return Levels(max(fractions, default=0.0), sum(shed.values()), exposed)


def served_in_full(data: ProgramData, solution: Solution) -> Solution:
    """The solution with what it shed beside free capacity served: levels have a little slack, which costs exploit.

    Nothing changes where a share or a power cap may be what sheds.
    """
    if not solution.shed or any(each.max_share < 1 or each.power_cap_w is not None for each in data.scenario.locations):
        return solution
    flows, shed = dict(solution.flows), dict(solution.shed)
    used: dict[tuple[int, int], float] = {}
    for (_, i, t), rate in flows.items():
        used[i, t] = used.get((i, t), 0.0) + rate
    for (s, t), rate in sorted(solution.shed.items()):
        left = rate
        for i in data.arcs[data.streams[s]]:
            capacity_rps = solution.serving(data, i, t) * data.capacity_rps[i]
            taken = min(left, capacity_rps - used.get((i, t), 0.0))
            if taken > 0:
                flows[s, i, t] = flows.get((s, i, t), 0.0) + taken
                used[i, t] = used.get((i, t), 0.0) + taken
                left -= taken
        shed[s, t] = left
    shed = {key: rate for key, rate in shed.items() if rate > TOLERANCE * data.demand_rps[data.streams[key[0]], key[1]]}
    return dataclasses.replace(solution, flows=flows, shed=shed, levels=reached(data, shed, solution.levels.exposed))
