"""How much an instance serves within its SLOs at a clock: what the governor's loads are shares of."""

from functools import cache

from models.simulator.governor_model import GovernedEngine, Instance
from models.simulator.governor_workload import DURATION_S, draw_rates

HELD_SHARE = 0.99
"""Of requests and of tokens within the SLO: then it holds."""

SEARCH_SEEDS = range(20)
"""Traces of the search: not those that are reported."""

_GRID_RPS = 0.1


@cache
def capacity_rps(instance: Instance, sm_clock_mhz: int) -> float:
    """The highest steady rate, on a grid of .1 a second, at which both SLOs hold in every one of 20 ten-minute runs.

    0 where even the lowest rate is too much. Power does not matter to it.
    """
    low, high = 0, _MOST_STEPS
    while high - low > 1:
        middle = (low + high) // 2
        if _holds(instance, sm_clock_mhz, middle * _GRID_RPS):
            low = middle
        else:
            high = middle
    return low * _GRID_RPS


def _holds(instance: Instance, sm_clock_mhz: int, rate_rps: float) -> bool:
    return all(_holds_once(instance, sm_clock_mhz, rate_rps, seed) for seed in SEARCH_SEEDS)


def _holds_once(instance: Instance, sm_clock_mhz: int, rate_rps: float, seed: int) -> bool:
    engine = GovernedEngine(instance, draw_rates([(0.0, rate_rps)], DURATION_S, seed))
    engine.advance(DURATION_S, sm_clock_mhz)
    late, requests = engine.ttft_counts()
    most = 1 - HELD_SHARE
    return late <= most * requests and engine.tbt_misses <= most * engine.tokens


_MOST_STEPS = 256
