"""Allocation that counts on pools: instances of one pool serve more than as many by themselves, by an allowance κ.

Capacity of k instances is κ(k)·k·L, which no linear constraint says. So the program is solved with κ of the pools that
it had before, until every pool is at least as large as its κ needs: each solve is the linear one, and the last plan
holds what it counts on. κ is 1 unless an allowance is given; the published form has none.
"""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from models.domain.allocation import AllocationResult
from models.domain.scenario import Profile, Scenario, Survive

Kind = tuple[str, str, str, str]
"""Model, partition, class and mode."""

_MOST_SOLVES = 6


@dataclass(frozen=True)
class Allowance:
    """κ by (class, mode) and size of the pool; what is not named has 1.

    Between two sizes the smaller one's counts, above the largest that one's: simulated for pools of these sizes
    (`bench/pool_allowance.py`), and more instances serve no less each.
    """

    sizes: Mapping[tuple[str, str], Mapping[int, float]]

    def kappa(self, request_class: str, mode: str, instances: int) -> float:
        """How many times the capacity of one, each of so many instances serves; at least 1."""
        by_size = self.sizes.get((request_class, mode), {})
        known = [size for size in by_size if size <= instances]
        return max(1.0, by_size[max(known)]) if known else 1.0


def allocate_pooled(
    scenario: Scenario, allowance: Allowance, allocate: Callable[[Scenario], AllocationResult]
) -> tuple[AllocationResult, Scenario]:
    """Solve, counting on pools as large as they turn out.

    Args:
        scenario: The problem.
        allowance: κ.
        allocate: Solves a scenario.

    Returns:
        The plan, and the scenario with the capacities that it counts on: what a plan is to be reported with. Where
        κ helps nothing, or the loss of a machine must be survived, which leaves pools smaller, those without κ.
    """
    plain = allocate(scenario)
    if scenario.survive is Survive.MACHINE or plain.objective is None:
        return plain, scenario
    counted = _kappas(plain, allowance)
    for _ in range(_MOST_SOLVES):
        pooled = _with(scenario, counted)
        result = allocate(pooled)
        held = _kappas(result, allowance)
        short = {kind: held[kind] for kind, kappa in counted.items() if held.get(kind, kappa) < kappa}
        if not short:
            return (result, pooled) if _better(result, plain) else (plain, scenario)
        counted |= short
    return plain, scenario


def _kappas(result: AllocationResult, allowance: Allowance) -> dict[Kind, float]:
    """κ of each class and mode: that of its smallest pool."""
    least: dict[Kind, int] = {}
    pools: dict[tuple[str, str, str, str], int] = {}
    for each in result.instances:
        pools[each.pool] = pools.get(each.pool, 0) + each.count
    for (_, model, request_class, mode), count in pools.items():
        kind = model, result.partition[model], request_class, mode
        least[kind] = min(least.get(kind, count), count)
    return {kind: allowance.kappa(kind[2], kind[3], count) for kind, count in least.items()}


def _better(result: AllocationResult, plain: AllocationResult) -> bool:
    """No more is shed, and the objective is lower."""
    if result.objective is None or plain.objective is None:
        return False
    return result.shed_rps <= plain.shed_rps + _CLOSE and result.objective < plain.objective


def _with(scenario: Scenario, counted: Mapping[Kind, float]) -> Scenario:
    """The scenario with capacities times κ; a request takes the same energy as before."""
    profiles = tuple(
        _scaled(each, counted.get((each.model, each.partition, each.request_class, each.mode), 1.0))
        for each in scenario.profiles
    )
    return dataclasses.replace(scenario, profiles=profiles)


def _scaled(profile: Profile, kappa: float) -> Profile:
    """Capacity times κ; power goes on along its last line."""
    if kappa == 1:
        return profile
    levels = profile.power_levels or ((1.0, profile.full_power_w),)
    before = (0.0, profile.idle_power_w) if len(levels) < 2 else levels[-2]
    slope_w = (levels[-1][1] - before[1]) / (levels[-1][0] - before[0])
    full_w = levels[-1][1] + slope_w * (kappa - 1)
    scaled = (*((load / kappa, watts) for load, watts in profile.power_levels[:-1]), (1.0, full_w))
    return dataclasses.replace(
        profile,
        capacity_rps=kappa * profile.capacity_rps,
        full_power_w=full_w,
        power_levels=scaled if profile.power_levels else (),
    )


_CLOSE = 1e-6
